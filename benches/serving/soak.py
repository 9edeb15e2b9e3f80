"""Ten minutes of 100,000 forecast requests a minute against a service that takes in a city meanwhile.

    cargo build --release && cargo build --release -p arterial-serving --example load
    pip install -r benches/serving/requirements.txt
    python benches/serving/soak.py target/release/arterial target/release/examples/load [--minutes 10] [--rate 1667] [--out FOLDER]

`arterial demo` plays its city at 60 times its speed: a five-minute window of every stream closes every five seconds, is committed, scored and
watched for alerts. The load generator (open loop: the time of an answer counts from the instant when its call was due) asks for 10 keys x 4
horizons x 3 quantiles in slices of 15 seconds. Between them and each second are noted: latency, errors, the server's memory and processor time,
unread records, and how far the closed windows are behind the city's clock. `soak.csv` and `soak.svg` are written, and one JSON line printed.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

SLICE = 15
SPEED = 60
WATERMARK = re.compile(r'^arterial_live_watermark_seconds\{topic="traffic-sensors"\} (\S+)$', re.MULTILINE)
LAG = re.compile(r"^arterial_ingest_lag_count\{[^}]*\} (\S+)$", re.MULTILINE)
SCORED = re.compile(r"^arterial_score_runs_total\{[^}]*\} (\S+)$", re.MULTILINE)
SKIPPED = re.compile(r"^arterial_score_skipped_total\{[^}]*\} (\S+)$", re.MULTILINE)


def metrics(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    total = lambda pattern: sum(float(value) for value in pattern.findall(text))
    found = WATERMARK.search(text)
    return {"watermark": float(found[1]) if found else None, "unread": total(LAG), "scored": total(SCORED), "skipped": total(SKIPPED)}


def process(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
    return resident, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(ready, rows, over):
    """Notes the state of the server each second until it is over."""
    began = time.monotonic()
    while not over.is_set():
        at = time.monotonic() - began
        resident, cpu = process(ready["pid"])
        rows.append({"second": at, "resident_mb": resident, "cpu_seconds": cpu, **metrics(ready["http"])})
        over.wait(1)


def behind(rows):
    """Seconds of the city's clock that closed windows are behind the pace of before; a whole window is usual between two closings."""
    known = [row for row in rows if row["watermark"] is not None]
    lead = max(row["watermark"] - row["second"] * SPEED for row in known)
    for row in known:
        row["behind_seconds"] = lead - (row["watermark"] - row["second"] * SPEED)
    return known


def draw(path, rows, slices):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (latency, lag, memory) = pyplot.subplots(3, 1, figsize=(9, 8), sharex=True)
    at = [entry["at"] for entry in slices]
    for name in ("p50_us", "p95_us", "p99_us"):
        latency.plot(at, [entry[name] / 1000 for entry in slices], label=name.removesuffix("_us"))
    latency.set(ylabel="latency, ms", yscale="log")
    latency.legend()
    seconds = [row["second"] for row in rows]
    lag.plot(seconds, [row["behind_seconds"] / 60 for row in rows])
    lag.set(ylabel="windows behind, min of the city")
    memory.plot(seconds, [row["resident_mb"] for row in rows])
    memory.set(ylabel="resident, MB", xlabel="seconds", ylim=(0, None))
    figure.tight_layout()
    figure.savefig(path)


def soak(options, ready, folder):
    rows, slices, over = [], [], threading.Event()
    watching = threading.Thread(target=watch, args=(ready, rows, over))
    watching.start()
    began, until = time.monotonic(), time.monotonic() + 60 * options.minutes
    command = [options.load, ready["grpc"], "--rate", options.rate, "--seconds", SLICE, "--question", folder / "question"]
    try:
        while time.monotonic() < until:
            at = time.monotonic() - began
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
            slices.append({"at": at, **json.loads(done.stdout)})
            print(f"{at:5.0f} s: p95 {slices[-1]['p95_us'] / 1000:.2f} ms, {slices[-1]['errors']} errors", file=sys.stderr)
    finally:
        over.set()
        watching.join()
    return behind(rows), slices


def report(rows, slices):
    calls = sum(entry["calls"] for entry in slices)
    middle = rows[len(rows) // 10]
    return {
        "minutes": rows[-1]["second"] / 60,
        "calls": calls,
        "errors": sum(entry["errors"] for entry in slices),
        "calls_per_minute": calls / sum(entry["seconds"] for entry in slices) * 60,
        "p95_ms_median_of_slices": sorted(entry["p95_us"] for entry in slices)[len(slices) // 2] / 1000,
        "p95_ms_worst_slice": max(entry["p95_us"] for entry in slices) / 1000,
        "most_ms": max(entry["most_us"] for entry in slices) / 1000,
        "resident_mb_after_a_tenth": middle["resident_mb"],
        "resident_mb_at_the_end": rows[-1]["resident_mb"],
        "server_cpu_share": (rows[-1]["cpu_seconds"] - rows[0]["cpu_seconds"]) / (rows[-1]["second"] - rows[0]["second"]),
        "windows_behind_city_minutes_most": max(row["behind_seconds"] for row in rows) / 60,
        "windows_scored": rows[-1]["scored"] - rows[0]["scored"],
        "windows_skipped": rows[-1]["skipped"] - rows[0]["skipped"],
        "unread_most": max(row["unread"] for row in rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arterial", type=Path, help="the binary")
    parser.add_argument("load", type=Path, help="the example `load`")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1667, help="requests a second")
    parser.add_argument("--out", type=Path, default=Path("."), help="where the figures go")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = folder / "ready.json"
        command = [options.arterial, "demo", "--dir", folder / "demo", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", path, "--speed", f"{SPEED}x"]
        demo = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=(options.out / "soak.log").open("w"))
        try:
            while not path.exists():
                if demo.poll() is not None:
                    sys.exit(f"the demo ended: {options.out / 'soak.log'}")
                time.sleep(0.2)
            rows, slices = soak(options, json.loads(path.read_text()), folder)
        finally:
            demo.terminate()
            demo.wait()
    with (options.out / "soak.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    draw(options.out / "soak.svg", rows, slices)
    print(json.dumps(report(rows, slices)))


if __name__ == "__main__":
    main()
