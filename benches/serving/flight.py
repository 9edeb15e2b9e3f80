"""Flight and Flight SQL beside pyarrow's C++ Flight server: bytes per CPU-second of the server for a million rows, the latency of point
queries, and of the first query of a service that was just started: a day of ten thousand sensors by zone.

    pip install -r benches/serving/requirements.txt
    python benches/serving/flight.py target/release/arterial [--rows N] [--rounds N] [--queries N]

A table `traffic_sensors_windows` of N rows over a thousand sensors is written by the Delta package of Python into a lake. The C++ server holds
the same rows in memory, as one batch; the service keeps in memory what is read for the second time, so that both are read twice before
it counts (the first two readings have figures of their own). Both are read by the same C++ client, in turn. Point queries go through ADBC: one sensor and hour. The day of ten thousand sensors is a table of its own, 2.88 million rows.
"""

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

from serve import Service, until_serving

HOUR = 3_600_000_000
STEP = 300_000_000
START = 1_767_225_600_000_000
SENSORS = 1_000
MANY_SENSORS = 10_000
COLUMNS = ["key", "zone_id", "window_start", "revision", "events", "quality", "speed_kmh_mean", "vehicle_flow_mean", "occupancy_percent_mean"]


def windows(rows, first, sensors=SENSORS):
    """Windows of every sensor, `rows` of them from window `first` on."""
    chance = np.random.default_rng(first)
    at = np.arange(rows) + first * sensors
    times = START + at // sensors * STEP
    numbers = {
        name: pa.array(chance.normal(50, 10, rows)) for name in ["speed_kmh_mean", "vehicle_flow_mean", "occupancy_percent_mean"]
    }
    return pa.table({
        "key": pa.array([f"TS-{key:04}" for key in at % sensors]),
        "zone_id": pa.array([f"zone-{key % 20:02}" for key in at % SENSORS]),
        "window_start": pa.array(times, pa.timestamp("us", "UTC")),
        "revision": pa.array(np.zeros(rows, np.int32)),
        "events": pa.array(np.full(rows, 60)),
        "duplicates": pa.array(np.zeros(rows, np.int64)),
        "quality": pa.array(np.ones(rows)),
        **numbers,
        "is_final": pa.array(np.ones(rows, bool)),
        "committed_at": pa.array(times + STEP, pa.timestamp("us", "UTC")),
        "day": pa.array((times // (24 * HOUR)).astype(np.int32), pa.date32()),
    })


def fill(folder, rows, sensors=SENSORS):
    from deltalake import write_deltalake

    place, whole = str(folder / "lake" / "traffic_sensors_windows"), []
    for day in range(-(-rows // (288 * sensors))):
        wanted = min(288 * sensors, rows - day * 288 * sensors)
        whole.append(windows(wanted, day * 288, sensors))
        write_deltalake(place, whole[-1], mode="append", partition_by=["day"])
    config = folder / "arterial.toml"
    config.write_text(
        f'[kafka]\nbrokers = "127.0.0.1:9"\npublish_results = false\n[lake]\nurl = "{folder / "lake"}"\n'
        '[serving]\ntargets = []\n[telemetry]\nlog = "error"\n'
    )
    return config, pa.concat_tables(whole)


class Peer(flight.FlightServerBase):
    """pyarrow's server with the batches in memory."""

    def __init__(self, batches):
        super().__init__("grpc://127.0.0.1:0")
        self.batches = batches

    def do_get(self, _, __):
        return flight.RecordBatchStream(self.batches)


def peer(batches, told):
    server = Peer(batches)
    told.send(server.port)
    server.serve()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fetched(client, ticket, pid, times):
    """Bytes of arrays per CPU-second of the server, bytes per second, over several DoGets."""
    cpu, began, size = cpu_seconds(pid), time.perf_counter(), 0
    for _ in range(times):
        for chunk in client.do_get(flight.Ticket(ticket)):
            size += chunk.data.nbytes
    return size / (cpu_seconds(pid) - cpu), size / (time.perf_counter() - began)


def point_queries(address, queries):
    """Milliseconds of each query, sorted."""
    import adbc_driver_flightsql.dbapi as flightsql

    sql = "SELECT window_start, speed_kmh_mean FROM traffic_sensors_windows WHERE key = '{}' AND window_start >= '{}' AND window_start < '{}'"
    chance, took = np.random.default_rng(1), []
    with flightsql.connect(f"grpc://{address}", autocommit=True) as connection, connection.cursor() as cursor:
        for _ in range(queries):
            key, hour = f"TS-{chance.integers(SENSORS):04}", START + int(chance.integers(24)) * HOUR
            began = time.perf_counter()
            cursor.execute(sql.format(key, moment(hour), moment(hour + HOUR)))
            rows = cursor.fetch_arrow_table().num_rows
            took.append((time.perf_counter() - began) * 1e3)
            if rows != 12:
                sys.exit(f"{rows} rows instead of 12")
    return sorted(took)


def first_aggregate(address):
    """Milliseconds of a day of many sensors by zone."""
    import adbc_driver_flightsql.dbapi as flightsql

    sql = (
        "SELECT zone_id, avg(speed_kmh_mean) AS speed, sum(vehicle_flow_mean) AS flow FROM traffic_sensors_latest "
        f"WHERE window_start >= '{moment(START)}' AND window_start < '{moment(START + 24 * HOUR)}' GROUP BY zone_id"
    )
    with flightsql.connect(f"grpc://{address}", autocommit=True) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        cursor.execute(sql)
        rows = cursor.fetch_arrow_table().num_rows
        took = (time.perf_counter() - began) * 1e3
    return took if rows == 20 else sys.exit(f"{rows} zones instead of 20")


def moment(microseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(microseconds // 1_000_000))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arterial", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=1_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, whole = fill(folder, asked.rows)
        ready = folder / "ready"
        ours, theirs = multiprocessing.Pipe()
        other = multiprocessing.Process(target=peer, args=(whole.select(COLUMNS).combine_chunks(), theirs), daemon=True)
        other.start()
        port = ours.recv()
        command = [asked.arterial, "run", "--config", config, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", ready]
        with Service(command, ready) as service:
            until_serving(service.address)
            clients = {
                "arterial": (flight.connect(f"grpc://{service.address}"), service.process.pid),
                "pyarrow": (flight.connect(f"grpc://127.0.0.1:{port}"), other.pid),
            }
            columns = ", ".join(f'"{column}"' for column in COLUMNS)
            ticket = f'{{"dataset": "traffic_sensors_windows", "columns": [{columns}]}}'.encode()
            found = {name: [] for name in clients}
            for time_of in ["first", "second"]:
                for name, (client, pid) in clients.items():
                    per_cpu, per_second = (value / 1e9 for value in fetched(client, ticket, pid, 1))
                    print(f"{name}, {time_of} reading: {per_cpu:.2f} GB per CPU-second of the server, {per_second:.2f} GB/s")
            for _ in range(asked.rounds):
                for name, (client, pid) in clients.items():
                    found[name].append(fetched(client, ticket, pid, 10))
            for name, rounds in found.items():
                per_cpu, per_second = (statistics.median(values) / 1e9 for values in zip(*rounds))
                print(f"{name}: {per_cpu:.2f} GB per CPU-second of the server, {per_second:.2f} GB/s")
            times = point_queries(service.address, asked.queries)
            print(f"point query: median {statistics.median(times):.2f} ms, p99 {times[int(len(times) * 0.99)]:.2f} ms")
            print(f"resident memory {service.resident_bytes() / 1e6:.0f} MB")
        other.terminate()
        many = folder / "many"
        many.mkdir()
        config, _ = fill(many, 288 * MANY_SENSORS, MANY_SENSORS)
        command[command.index("--config") + 1] = config
        times = []
        for _ in range(asked.rounds):
            with Service(command, ready) as service:
                until_serving(service.address)
                times.append(first_aggregate(service.address))
        print(f"a day of {MANY_SENSORS:,} sensors by zone, first query: median {statistics.median(times):.0f} ms, most {max(times):.0f} ms")


if __name__ == "__main__":
    main()
