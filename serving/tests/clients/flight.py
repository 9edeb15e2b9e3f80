"""What a data scientist does with the service through pyarrow: lists, reads, chooses, and has windows of their own forecast. Prints a line for
each."""

import sys
from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.flight as flight

client = flight.connect(sys.argv[1])
print([found.descriptor.path[0].decode() for found in client.list_flights(b"traffic")])

info = client.get_flight_info(flight.FlightDescriptor.for_path("traffic_sensors_latest"))
speed = info.schema.field("speed_kmh_mean")
print(speed.type, speed.metadata[b"unit"].decode(), speed.metadata[b"description"].decode())
print(client.do_get(info.endpoints[0].ticket).read_all().num_rows)

ticket = b"""{"dataset": "traffic_sensors_windows", "columns": ["key", "speed_kmh_mean"], "keys": ["b"],
              "from": "2026-01-05T00:10:00Z", "to": "2026-01-05T00:20:00Z", "dictionary": true}"""
table = client.do_get(flight.Ticket(ticket)).read_all()
print(table.schema.field("key").type, table["speed_kmh_mean"].to_pylist())

at = datetime(2026, 2, 2, 8, 0, tzinfo=timezone.utc)
descriptor = flight.FlightDescriptor.for_path("traffic-sensors", "speed_kmh")
writer, reader = client.do_exchange(descriptor)
with writer:
    for step, speed in enumerate([40.0, 45.0]):
        batch = pa.record_batch({"key": ["a", "nobody"], "window_start": [at + timedelta(minutes=5 * step)] * 2, "value": [speed, 1.0]})
        if step == 0:
            writer.begin(batch.schema)
        writer.write_batch(batch)
        rows = reader.read_chunk().data.to_pylist()
        print(rows[0]["origin"], rows[0]["horizon_minutes"], rows[0]["p50"], {row["key"]: row["status"] for row in rows})
    writer.done_writing()

for wrong in [b"traffic_sensor_windows", b'{"dataset": "forecasts", "columns": ["p05"]}']:
    try:
        client.do_get(flight.Ticket(wrong)).read_all()
    except (pa.ArrowInvalid, pa.ArrowKeyError, flight.FlightError) as error:
        print(type(error).__name__, "known:" in str(error), "accepted:" in str(error))
