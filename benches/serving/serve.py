"""The service under load: from its start to the first answer, and unary forecasts per CPU-second and their latency, beside a Python gRPC server.

    cargo build --release
    go install github.com/bojand/ghz/cmd/ghz@v0.93.0
    pip install -r benches/serving/requirements.txt
    python benches/serving/serve.py target/release/arterial [--days N] [--rounds N]

A simulated city of the last days stands in a lake; `weekly-profile` is its champion. The service starts without a broker and rebuilds its state
from the lake. Then ghz asks for 10 keys x 4 horizons x 3 quantiles: at 1,667 requests a second for the latency, and as fast as it gets for the
CPU time of the server. The peer is a grpcio server that sends the same answer, ready made, without looking at the question.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc

HERE = Path(__file__).parent
PROTO = HERE.parents[1] / "proto"
CALL = "arterial.v1.ForecastService/Forecast"
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


def ghz(stub_folder, address, request, *options):
    command = ["ghz", "--insecure", "--protoset", stub_folder / "protoset", "--call", CALL]
    printed = run(*command, "-d", json.dumps(request), "-O", "json", *options, address)
    return json.loads(printed)


def measure(stub_folder, service, request):
    """Latency at a steady rate, then calls per CPU-second of the server at saturation."""
    ghz(stub_folder, service.address, request, "-n", 2000, "-c", 20)
    steady = ghz(stub_folder, service.address, request, "--rps", 1667, "-z", "10s", "-c", 20, "--connections", 4)
    p99 = next(entry["latency"] for entry in steady["latencyDistribution"] if entry["percentage"] == 99) / 1e6
    cpu = service.cpu_seconds()
    full = ghz(stub_folder, service.address, request, "-n", 60_000, "-c", 50, "--connections", 4)
    if full["statusCodeDistribution"] != {"OK": full["count"]}:
        sys.exit(f"calls failed: {full['statusCodeDistribution']}")
    return p99, full["count"] / (service.cpu_seconds() - cpu)


def question(address, stub_folder):
    """The request for ten keys that exist, and the bytes of its answer."""
    sys.path.insert(0, str(stub_folder))
    from arterial.v1 import catalog_pb2, catalog_pb2_grpc, forecast_pb2, forecast_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        listed = catalog_pb2_grpc.CatalogServiceStub(channel).ListKeys(catalog_pb2.ListKeysRequest(topic=TARGET[0], page_size=10))
        keys = [key.key for key in listed.keys]
        request = {"topic": TARGET[0], "target": TARGET[1], "keys": keys, "horizons_minutes": [15, 30, 45, 60], "quantiles": [0.1, 0.5, 0.9]}
        answer = forecast_pb2_grpc.ForecastServiceStub(channel).Forecast(forecast_pb2.ForecastRequest(**request))
    if len(answer.forecasts) != 40:
        sys.exit(f"{len(answer.forecasts)} forecasts instead of 40: {answer.refusals}")
    return request, answer.SerializeToString()


def stubs(folder):
    folder.mkdir()
    protos = [str(path.relative_to(PROTO)) for path in (PROTO / "arterial/v1").glob("*.proto")]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}", "--include_imports", f"--descriptor_set_out={folder}/protoset"]
    run(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", *outputs, *protos)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arterial", type=Path, help="the binary")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if shutil.which("ghz") is None:
        sys.exit("ghz is missing; type: go install github.com/bojand/ghz/cmd/ghz@v0.93.0")

    starts, rows = [], {"arterial": [], "grpcio": []}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        stub_folder = stubs(folder / "stubs")
        config = fill(options.arterial, folder, options.days)
        ready = folder / "ready.json"
        command = [options.arterial, "run", "--config", config, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", ready]
        for _ in range(options.rounds):
            with Service(command, ready) as service:
                until_serving(service.address)
                starts.append(time.perf_counter() - service.began)
                request, answer = question(service.address, stub_folder)
                rows["arterial"].append(measure(stub_folder, service, request))
                resident = service.resident_bytes()
            (folder / "answer").write_bytes(answer)
            with Service([sys.executable, HERE / "grpcio_server.py", folder / "answer", ready], ready) as peer:
                rows["grpcio"].append(measure(stub_folder, peer, request))
    print(f"start to SERVING, {options.days} days of 160 sensors: median {statistics.median(starts):.2f} s, most {max(starts):.2f} s; {resident / 1e6:.0f} MB resident")
    for name, values in rows.items():
        latencies, rates = zip(*values)
        print(f"{name:9} p99 at 1,667/s: {statistics.median(latencies):6.2f} ms   {statistics.median(rates):>8,.0f} calls per CPU-second")
    print(f"ratio {statistics.median(ours[1] / theirs[1] for ours, theirs in zip(*rows.values())):.1f}")


if __name__ == "__main__":
    main()
