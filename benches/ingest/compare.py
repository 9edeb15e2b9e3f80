"""JSON to durable windows, events per CPU-second, side by side with Bytewax in one interleaved run.

    cargo build --release -p arterial-features --example ingest
    pip install -r benches/ingest/requirements.txt
    python benches/ingest/compare.py target/release/examples/ingest [--events N] [--rounds N] [--kafka]

Both make 5-minute windows by sensor of the same traffic events (about 290 bytes of JSON each). Arterial reads them from memory and, with --kafka,
from a real broker as well (Java and Maven are needed); it commits to a local Delta table with fsync. Bytewax reads them from a file and writes a
file without. CPU time is that of the whole process, for Bytewax less what it takes for no events.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).parent


def event(number, keys):
    key, turn = number % keys, number // keys
    time = datetime(2026, 1, 5, tzinfo=timezone.utc) + timedelta(seconds=5 * turn)
    return json.dumps(
        {
            "sensor_id": f"SENSOR_{key:05}",
            "timestamp": time.isoformat().replace("+00:00", "Z"),
            "road_id": f"R{key // 8:04}",
            "road_name": f"Ring road {key // 8}",
            "zone_id": f"Z{key % 40:02}",
            "location": {"lat": 56 + key / 1e5, "lon": 10 + key / 1e5},
            "speed_kmh": 20 + number * 7919 % 600 / 10,
            "vehicle_flow": number * 31 % 180,
            "occupancy_percent": number * 17 % 900 / 10,
            "congestion_level": ("low", "medium", "high")[number % 3],
            "data_quality": "good",
        },
        separators=(",", ":"),
    )


def cpu_seconds(command):
    """Runs a command; gives what it printed and its CPU time, threads and children included."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    printed = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed")
    return printed, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe", help="the example `ingest`, built")
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--peer-events", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kafka", action="store_true", help="also read from a real broker")
    options = parser.parse_args()

    ours = {"arterial, from memory": [], "the same with archive": ["archive"]}
    if options.kafka:
        ours |= {"arterial, from Kafka": ["kafka"]}
    rates = {name: [] for name in [*ours, "bytewax"]}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "none.jsonl").write_text("")
        with open(folder / "events.jsonl", "w") as file:
            file.writelines(event(number, options.keys) + "\n" for number in range(options.peer_events))
        peer = [sys.executable, str(HERE / "bytewax_windows.py")]
        for round_number in range(options.rounds):
            for name, words in ours.items():
                printed, _ = cpu_seconds([options.probe, "throughput", str(options.events), str(options.keys), *words])
                rates[name].append(json.loads(printed)["events_per_cpu_second"])
            _, idle = cpu_seconds([*peer, str(folder / "none.jsonl"), str(folder / f"none-{round_number}")])
            _, busy = cpu_seconds([*peer, str(folder / "events.jsonl"), str(folder / f"rows-{round_number}")])
            rates["bytewax"].append(options.peer_events / (busy - idle))
    for name, values in rates.items():
        ratio = statistics.median(one / other for one, other in zip(values, rates["bytewax"]))
        print(
            f"{name:22} median {statistics.median(values):>9,.0f}  least {min(values):>9,.0f}  most {max(values):>9,.0f} events/CPU-s"
            f"  {ratio:5.1f} x bytewax"
        )


if __name__ == "__main__":
    main()
