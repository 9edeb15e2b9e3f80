"""The service under load: from its start to the first answer, and unary forecasts per CPU-second and their latency, beside two servers that
have the answer ready: a bare one of tonic, which says what gRPC costs by itself, and one in Python.

    cargo build --release && cargo build --release -p arterial -p arterial-serving --example load --example bare
    pip install -r benches/serving/requirements.txt
    python benches/serving/serve.py target/release/arterial target/release/examples [--days N] [--rounds N]

A simulated city of the last days stands in a lake; `weekly-profile` is its champion. The service starts without a broker and rebuilds its state
from the lake. Then the example `load` asks for 10 keys x 4 horizons x 3 quantiles: at 1,667 requests a second for the latency, counted from the instant
when each call was due, and as fast as it gets for the CPU time of the server. The peers send the bytes of the same answer without looking at the
question; all are measured in turn in every round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc

HERE = Path(__file__).parent
TARGET = ("traffic-sensors", "speed_kmh")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command} failed: {done.stderr}")
    return done.stdout


def fill(arterial, folder, days):
    """A lake with the windows of a simulated city up to now, and a champion."""
    start = (datetime.now(timezone.utc) - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    city, lake, registry = folder / "city", folder / "lake", folder / "registry"
    run(arterial, "simulate", "--days", days, "--seed", 1, "--out", city, "--start", start.isoformat(), "--size", "large", "--interval", "60s")
    run(arterial, "replay", "--data", city / "traffic-sensors.jsonl", "--stream", TARGET[0], "--lake", lake)
    train = [arterial, "train", "--lake", lake, "--topic", TARGET[0], "--target", TARGET[1], "--model", "weekly-profile", "--registry", registry]
    published = json.loads(run(*train, "--stride", 48, "--json"))["published"][0]["model"]
    run(arterial, "promote", published, "--registry", registry, "--force", "--reason", "a benchmark")
    config = folder / "arterial.toml"
    config.write_text(
        f'[kafka]\nbrokers = "127.0.0.1:9"\npublish_results = false\n[lake]\nurl = "{lake}"\n[registry]\nurl = "{registry}"\n'
        '[serving]\nstale_after = "365d"\n[telemetry]\nlog = "error"\n'
    )
    return config


class Service:
    """A server process and its address."""

    def __init__(self, command, ready):
        ready.unlink(missing_ok=True)
        self.began = time.perf_counter()
        self.process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
        while not ready.exists() or not ready.read_text().strip():
            if self.process.poll() is not None:
                sys.exit(f"{command} ended")
            time.sleep(0.002)
        self.address = json.loads(ready.read_text())["grpc"]

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def until_serving(address):
    """Waits until gRPC health says SERVING: field 1 of the answer is 1."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", lambda text: text, lambda text: text)
        while True:
            try:
                if check(b"", wait_for_ready=True) == b"\x08\x01":
                    return
            except grpc.RpcError:
                pass
            time.sleep(0.002)


def load(options, service, folder, *more):
    """One run of the load generator. It asks the first server for its keys, and keeps question and answer for the peer."""
    command = [options.examples / "load", service.address, "--question", folder / "question", "--pid", service.process.pid, *more]
    ran = json.loads(run(*command))
    if ran["errors"] or ran["forecasts_in_an_answer"] != 40:
        sys.exit(f"calls failed: {ran}")
    return ran


def measure(options, service, folder):
    """Latency at a steady rate, then calls per CPU-second of the server at saturation."""
    load(options, service, folder, "--seconds", 2, "--answer", folder / "answer")
    steady = load(options, service, folder, "--rate", 1667, "--seconds", 10)
    full = load(options, service, folder, "--seconds", 8)
    return steady["p50_us"] / 1000, steady["p99_us"] / 1000, full["calls_per_cpu_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arterial", type=Path, help="the binary")
    parser.add_argument("examples", type=Path, help="the folder with the examples `load` and `bare`")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    starts, rows = [], {"arterial": [], "bare tonic": [], "grpcio": []}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        config = fill(options.arterial, folder, options.days)
        ready = folder / "ready.json"
        command = [options.arterial, "run", "--config", config, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", ready]
        for _ in range(options.rounds):
            with Service(command, ready) as service:
                until_serving(service.address)
                starts.append(time.perf_counter() - service.began)
                rows["arterial"].append(measure(options, service, folder))
                resident = service.resident_bytes()
            with Service([options.examples / "bare", folder / "answer", ready], ready) as peer:
                rows["bare tonic"].append(measure(options, peer, folder))
            with Service([sys.executable, HERE / "grpcio_server.py", folder / "answer", ready], ready) as peer:
                rows["grpcio"].append(measure(options, peer, folder))
    print(f"start to SERVING, {options.days} days of 160 sensors: median {statistics.median(starts):.2f} s, most {max(starts):.2f} s; {resident / 1e6:.0f} MB resident")
    for name, values in rows.items():
        usual, worst, rates = (statistics.median(column) for column in zip(*values))
        print(f"{name:10} at 1,667/s: p50 {usual:6.2f} ms, p99 {worst:6.2f} ms   {rates:>8,.0f} calls per CPU-second")
    for peer in list(rows)[1:]:
        print(f"ratio to {peer}: {statistics.median(ours[2] / theirs[2] for ours, theirs in zip(rows['arterial'], rows[peer])):.2f}")


if __name__ == "__main__":
    main()
