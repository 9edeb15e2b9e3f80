"""Memory of watchers: how much a running service grows by 1,000 who watch and are told nothing.

    arterial demo --dir /tmp/demo --ready-file /tmp/ready.json &
    python benches/serving/watchers.py /tmp/ready.json --watchers 1000 --connections 4

Prints resident memory before and after, in KB a watcher. `--alerts` watches alerts instead of forecasts.
"""

import argparse
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit(f"no memory of {pid}")


def stubs():
    out = tempfile.mkdtemp()
    files = [str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/arterial/v1").glob("*.proto")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ROOT / "proto", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    subprocess.run(command, check=True)
    sys.path.insert(0, out)


async def watch(options, ready):
    import grpc
    from arterial.v1 import alert_pb2, alert_pb2_grpc, forecast_pb2, forecast_pb2_grpc

    # Channels share connections unless they differ.
    channels = [grpc.aio.insecure_channel(ready["grpc"], options=[("grpc.use_local_subchannel_pool", 1), ("grpc.arterial", n)])
                for n in range(options.connections)]
    if options.alerts:
        open_one = lambda channel: alert_pb2_grpc.AlertServiceStub(channel).WatchAlerts(alert_pb2.WatchAlertsRequest())
    else:
        request = forecast_pb2.ForecastRequest(topic="traffic-sensors", target="speed_kmh", page_size=10)
        open_one = lambda channel: forecast_pb2_grpc.ForecastServiceStub(channel).WatchForecasts(request)
    before = resident(ready["pid"])
    calls = []
    for number in range(options.watchers):
        call = open_one(channels[number % len(channels)])
        await call.read()
        calls.append(call)
    await asyncio.sleep(2)
    after = resident(ready["pid"])
    print(json.dumps({
        "watchers": options.watchers,
        "connections": options.connections,
        "before_kb": before,
        "after_kb": after,
        "kb_a_watcher": round((after - before) / options.watchers, 1),
        "mb": round((after - before) / 1024, 1),
    }))
    for call in calls:
        call.cancel()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ready", type=pathlib.Path, help="what --ready-file wrote")
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--alerts", action="store_true")
    options = parser.parse_args()
    stubs()
    asyncio.run(watch(options, json.loads(options.ready.read_text())))


if __name__ == "__main__":
    main()
