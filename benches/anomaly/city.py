"""The simulated city as an exam of the live detectors: delay, precision and recall for every event, false alerts a week.

    cargo build -p arterial && cargo build -p arterial-training --example city_signals
    python benches/anomaly/city.py --arterial target/debug/arterial --signals target/debug/examples/city_signals

Four cities of other seeds run for four weeks each: two weeks to fit the model, one to warm the detectors up, one that counts.
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd

TOPICS = ["traffic-sensors", "parking", "air-quality"]
NONE = ["--incidents-per-day", "0", "--planned-per-week", "0", "--faults-per-day", "0"]
WEEKS = {
    "usual": ["--seed", "41", "--start", "2026-01-05T00:00:00Z"],
    "stormy": ["--seed", "42", "--start", "2026-02-02T00:00:00Z", "--storms-from", "2026-02-23T00:00:00Z"],
    "holiday": ["--seed", "43", "--start", "2026-04-06T00:00:00Z"],
    "without events": ["--seed", "44", "--start", "2026-01-05T00:00:00Z", *NONE],
}
WARM_UP = pd.Timedelta(days=21)
# Alerts of one sensor that are closer than this are one.
APART = pd.Timedelta(minutes=30)
# An alert is explained by an event on its own sensor, or by one that is so near, from shortly before it is felt to a while after.
NEAR_KM = 2.5
BEFORE, AFTER = pd.Timedelta(minutes=10), pd.Timedelta(minutes=60)
# Not a fault of the detectors and no event of the labels either: the place is full, the traffic stands, as it does every day.
CONDITIONS = {"over capacity", "severe congestion", "overcrowded"}


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)


def signals_of(options, arguments, folder):
    """Simulates, replays into a lake, and gives the labels, the place of each reporter, and the signals above the line."""
    city, lake = folder / "city", folder / "lake"
    run(options.arterial, "simulate", "--days", "28", "--interval", "60s", "--size", "medium", "--out", city, *arguments)
    places = {}
    for topic in TOPICS:
        with open(city / f"{topic}.jsonl") as lines:
            for _, line in zip(range(2000), lines):
                event = json.loads(line)
                key = event.get("sensor_id") or event.get("parking_id") or event.get("station_id")
                places[topic, key] = (event["location"]["lat"], event["location"]["lon"])
        run(options.arterial, "replay", "--data", city / f"{topic}.jsonl", "--stream", topic, "--lake", lake)
    labels = [json.loads(line) for line in open(city / "labels.jsonl")]
    found = run(options.signals, lake, options.model, 14, 7, options.ahead)
    print(found.stderr, file=sys.stderr)
    return labels, places, [json.loads(line) for line in found.stdout.splitlines()]


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
            place, kind = places[label["topic"], label["key"]], label["type"]
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


def km(one, other):
    north = (one[0] - other[0]) * 111.2
    east = (one[1] - other[1]) * 111.2 * np.cos(np.radians(one[0]))
    return float(np.hypot(north, east))


def alerts_of(signals):
    """Signals of one reporter that follow each other, as one alert."""
    alerts = []
    for signal in sorted(signals, key=lambda one: (one["topic"], one["key"], one["window"])):
        at = pd.Timestamp(signal["window"])
        last = alerts[-1] if alerts else None
        if last and (last["topic"], last["key"]) == (signal["topic"], signal["key"]) and at - last["end"] <= APART:
            last["end"] = at
            last["reasons"].add(signal["reason"])
        else:
            key = {"topic": signal["topic"], "key": signal["key"]}
            alerts.append({**key, "start": at, "end": at, "reasons": {signal["reason"]}})
    return alerts


def explained(alert, place, events, incidents):
    for event in events:
        times = event["felt"].get((alert["topic"], alert["key"]))
        if times and alert["start"] <= times[1] + AFTER and alert["end"] >= times[0] - BEFORE:
            return True
    for where, begin, end in incidents:
        if km(where, place) <= NEAR_KM and alert["start"] <= end + AFTER and alert["end"] >= begin - BEFORE:
            return True
    return False


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
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        labels, places, signals = signals_of(options, arguments, pathlib.Path(folder))
    start = pd.Timestamp(arguments[arguments.index("--start") + 1]) + WARM_UP
    events, incidents = events_of(labels, places, start), incidents_of(labels)
    faults = [event for event in events if not event["incident"]]
    rows = []
    kinds = collections.defaultdict(list)
    for event in events:
        kinds["incident" if event["incident"] else "fault", event["kind"]].append(delay_of(event, signals))
    for (group, kind), delays in sorted(kinds.items(), reverse=True):
        found = [delay for delay in delays if delay is not None]
        median = f"{statistics.median(found):.0f}" if found else "-"
        rows.append(f"| {name} | {group}: {kind} | {len(found)} of {len(delays)} | {median} |")
    strange = [signal for signal in signals if signal["reason"] not in CONDITIONS]
    alerts = alerts_of(strange)
    false = [one for one in alerts if not explained(one, places[one["topic"], one["key"]], faults + events, incidents)]
    conditions = alerts_of([signal for signal in signals if signal["reason"] in CONDITIONS])
    precision = f"{1 - len(false) / len(alerts):.2f}" if alerts and incidents else "-"
    summary = f"| {name} | {len(alerts)} | {precision} | {len(false)} | {len(false) / len(places):.3f} | {len(conditions)} |"
    if options.verbose:
        for one in false:
            print("false", one["topic"], one["key"], one["start"], one["end"], sorted(one["reasons"]), file=sys.stderr)
    return rows, summary


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--arterial", required=True)
    options.add_argument("--signals", required=True)
    options.add_argument("--model", default="linear")
    options.add_argument("--ahead", type=int, default=6)
    options.add_argument("--weeks", nargs="*", default=list(WEEKS), choices=list(WEEKS))
    options.add_argument("--scratch", help="a folder with 4 GB to spare")
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
    print("| week | event | found | minutes to detection, median |\n|---|---|---|---|", *rows, sep="\n")
    print("\n| week | alerts | explained | not explained | of these a reporter | full or standing |\n|---|---|---|---|---|---|")
    print(*summaries, sep="\n")


if __name__ == "__main__":
    main()
