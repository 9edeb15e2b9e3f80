"""The simulated city as an exam of the live detectors: delay, precision and recall for every event, false alerts a week.

    cargo build --release -p arterial-models --example city_alerts
    python benches/anomaly/city.py --city-alerts target/release/examples/city_alerts

Four cities of other seeds run for four weeks each: two weeks to fit the model, one to warm the detectors up, one that counts.
"""

import argparse
import collections
import json
import statistics
import subprocess
import sys

import numpy as np
import pandas as pd

NONE = ["--incidents-per-day", "0", "--planned-per-week", "0", "--faults-per-day", "0"]
WEEKS = {
    "usual": ["--seed", "41", "--start", "2026-01-05T00:00:00Z"],
    "stormy": ["--seed", "42", "--start", "2026-02-02T00:00:00Z", "--storms-from", "2026-02-23T00:00:00Z"],
    "holiday": ["--seed", "43", "--start", "2026-04-06T00:00:00Z"],
    "without events": ["--seed", "44", "--start", "2026-01-05T00:00:00Z", *NONE],
}
WARM_UP = pd.Timedelta(days=21)
# An alert is explained by an event on one of its reporters, or by an incident so near, from shortly before it to a while after.
NEAR_KM = 2.5
BEFORE, AFTER = pd.Timedelta(minutes=10), pd.Timedelta(minutes=60)
# Not a fault of the detectors and no event of the labels either: the place is full, the traffic stands, as it does every day.
CONDITIONS = {"over capacity", "severe congestion", "overcrowded"}


def played(options, arguments):
    """The labels, the place of each reporter, the signals above the line and the alerts of one city."""
    command = [options.city_alerts, *arguments, "--interval", "30s", "--model", options.model, "--ahead", str(options.ahead)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    places = {line["place"]["key"]: (line["place"]["lat"], line["place"]["lon"]) for line in lines if "place" in line}
    signals, alerts = ([line[name] for line in lines if name in line] for name in ("signal", "alert"))
    return [line for line in lines if isinstance(line.get("label"), str)], places, signals, alerts


def events_of(labels, places, start):
    """What happened in the week that counts: where, when it began, and which reporters felt it from when to when."""
    events = []
    for label in labels:
        if label["label"] == "incident" and label["affected"]:
            felt = {("traffic-sensors", one["sensor_id"]): (one["from"], one["to"]) for one in label["affected"]}
            place = (label["lat"], label["lon"])
            kind = label["type"]
        elif label["label"] == "fault":
            felt = {(label["topic"], label["key"]): (label["start"], label["end"])}
            place, kind = places[label["key"]], label["type"]
        else:
            continue
        felt = {key: tuple(map(pd.Timestamp, times)) for key, times in felt.items()}
        longest = max(end - begin for begin, end in felt.values())
        if pd.Timestamp(label["start"]) < start or longest < pd.Timedelta(minutes=10):
            continue
        begin = pd.Timestamp(label["start"])
        events.append({"kind": kind, "incident": label["label"] == "incident", "start": begin, "place": place, "felt": felt})
    return events


def incidents_of(labels):
    """All incidents, felt by a sensor or not, with the time in which they may explain an alert."""
    found = []
    for label in labels:
        if label["label"] == "incident":
            ends = [label["end"], *(one["to"] for one in label["affected"])]
            found.append(((label["lat"], label["lon"]), pd.Timestamp(label["start"]), max(map(pd.Timestamp, ends))))
    return found


def instant(value):
    """A time of an alert: microseconds since 1970, or RFC 3339."""
    return pd.Timestamp(value, unit="us", tz="UTC") if isinstance(value, int) else pd.Timestamp(value)


def km(one, other):
    north = (one[0] - other[0]) * 111.2
    east = (one[1] - other[1]) * 111.2 * np.cos(np.radians(one[0]))
    return float(np.hypot(north, east))


def explained(alert, places, events, incidents):
    first, last = instant(alert["since"]), instant(alert["last_strange"])
    during = lambda begin, end: first <= end + AFTER and last >= begin - BEFORE
    keys = [(alert["topic"], key) for key in alert["keys"]]
    if any(during(*event["felt"][key]) for event in events for key in keys if key in event["felt"]):
        return True
    near = lambda where: any(km(where, places[key]) <= NEAR_KM for _, key in keys)
    return any(during(begin, end) and near(where) for where, begin, end in incidents)


def touches(alert, event):
    """Whether an alert is about an event: one of its reporters felt it, while it did."""
    first, last = instant(alert["since"]), instant(alert["last_strange"])
    times = [event["felt"].get((alert["topic"], key)) for key in alert["keys"]]
    return any(time and first <= time[1] + BEFORE and last >= time[0] - BEFORE for time in times)


def delay_of(event, signals):
    """Minutes from the beginning to the end of the first window that says so; none where no window does."""
    window = pd.Timedelta(minutes=5)
    ends = [
        pd.Timestamp(signal["window"]) + window
        for signal in signals
        for times in [event["felt"].get((signal["topic"], signal["key"]))]
        if times and times[0] < pd.Timestamp(signal["window"]) + window and pd.Timestamp(signal["window"]) <= times[1] + BEFORE
    ]
    return (min(ends) - event["start"]).total_seconds() / 60 if ends else None


def examine(options, name, arguments):
    labels, places, signals, alerts = played(options, arguments)
    start = pd.Timestamp(arguments[arguments.index("--start") + 1]) + WARM_UP
    events, incidents = events_of(labels, places, start), incidents_of(labels)
    faults = [event for event in events if not event["incident"]]
    alerts = [one for one in alerts if not one["merged_into"]]
    kinds = collections.defaultdict(list)
    for event in events:
        count = sum(touches(alert, event) for alert in alerts)
        kinds["incident" if event["incident"] else "fault", event["kind"]].append((delay_of(event, signals), count))
    rows = []
    for (group, kind), found in sorted(kinds.items(), reverse=True):
        delays = [delay for delay, _ in found if delay is not None]
        median = f"{statistics.median(delays):.0f}" if delays else "-"
        alerted = [count for _, count in found if count]
        each = f"{statistics.mean(alerted):.1f}" if alerted else "-"
        rows.append(f"| {name} | {group}: {kind} | {len(found)} | {len(delays)} | {median} | {len(alerted)} | {each} |")
    strange = [one for one in alerts if one["symptom"].replace("_", " ") not in CONDITIONS]
    false = [one for one in strange if not explained(one, places, faults + events, incidents)]
    precision = f"{1 - len(false) / len(strange):.2f}" if strange and incidents else "-"
    full = len(alerts) - len(strange)
    summary = f"| {name} | {len(strange)} | {precision} | {len(false)} | {len(false) / len(places):.3f} | {full} |"
    if options.verbose:
        for one in false:
            print("false", one["kind"], one["symptom"], one["topic"], one["keys"], str(instant(one["since"])), str(instant(one["last_strange"])), file=sys.stderr)
    return rows, summary


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--city-alerts", required=True, help="the example of that name, built")
    options.add_argument("--model", default="weekly-profile", help="a kind that needs no features")
    options.add_argument("--ahead", type=int, default=6)
    options.add_argument("--weeks", nargs="*", default=list(WEEKS), choices=list(WEEKS))
    options.add_argument("--seeds", type=int, default=0, help="added to each seed; 0 are the cities that are reported")
    options.add_argument("--verbose", action="store_true")
    options = options.parse_args()
    rows, summaries = [], []
    for name in options.weeks:
        arguments = list(WEEKS[name])
        arguments[1] = str(int(arguments[1]) + options.seeds)
        found, summary = examine(options, name, arguments)
        rows += found
        summaries.append(summary)
    print("| week | event | there were | found | minutes to detection, median | with an alert | alerts each |")
    print("|---|---|---|---|---|---|---|", *rows, sep="\n")
    print("\n| week | alerts | explained | not explained | of these a reporter | full or standing |\n|---|---|---|---|---|---|")
    print(*summaries, sep="\n")


if __name__ == "__main__":
    main()
