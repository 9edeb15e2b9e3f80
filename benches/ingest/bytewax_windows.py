"""The peer: JSON lines to 5-minute windows by sensor to JSON lines, in Bytewax.

    python bytewax_windows.py EVENTS.jsonl WINDOWS.jsonl
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.run import cli_main

VALUES = ("speed_kmh", "vehicle_flow", "occupancy_percent")


def keyed(line):
    event = json.loads(line)
    return event["sensor_id"], event


def instant(event):
    return datetime.fromisoformat(event["timestamp"])


def empty():
    # Per value: count, sum, sum of squares, least, largest, last; then the identities that were seen.
    return [[0, 0.0, 0.0, float("inf"), float("-inf"), None] for _ in VALUES], set()


def add(state, event):
    aggregates, seen = state
    if event["timestamp"] in seen:
        return state
    seen.add(event["timestamp"])
    for aggregate, name in zip(aggregates, VALUES):
        value = event[name]
        aggregate[0] += 1
        aggregate[1] += value
        aggregate[2] += value * value
        aggregate[3] = min(aggregate[3], value)
        aggregate[4] = max(aggregate[4], value)
        aggregate[5] = value
    return state


def merge(left, right):
    raise AssertionError("tumbling windows are never merged")


def row(keyed_window):
    key, (window, (aggregates, seen)) = keyed_window
    return key, json.dumps({"key": key, "window": window, "events": len(seen), "values": aggregates})


def flow(source, sink):
    dataflow = Dataflow("windows")
    lines = op.input("events", dataflow, FileSource(source, batch_size=1000))
    events = op.map("decode", lines, keyed)
    clock = EventClock(instant, wait_for_system_duration=timedelta(seconds=30))
    windower = TumblingWindower(length=timedelta(minutes=5), align_to=datetime(2026, 1, 1, tzinfo=timezone.utc))
    windows = win.fold_window("windows", events, clock, windower, empty, add, merge)
    op.output("rows", op.map("row", windows.down, row), FileSink(sink))
    return dataflow


if __name__ == "__main__":
    cli_main(flow(Path(sys.argv[1]), Path(sys.argv[2])))
