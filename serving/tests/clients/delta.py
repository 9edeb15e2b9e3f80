"""What a data scientist does with the Delta tables of a running service, past the service: deltalake, DuckDB and Polars. What each
counts is held against what SQL says of the same version. Prints a line for each table."""

import sys

import adbc_driver_flightsql.dbapi as flightsql
import duckdb
import polars
from deltalake import DeltaTable

address, lake = sys.argv[1:3]
with flightsql.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
    for name, value in [("traffic_sensors_windows", "speed_kmh_mean"), ("forecasts", "p50")]:
        table = DeltaTable(f"{lake}/{name}")
        question = f"SELECT key, count(*), max({value}) FROM {{}} GROUP BY key ORDER BY key"
        cursor.execute(question.format(f"as_of('{name}', {table.version()})"))
        told = cursor.fetchall()
        rows = table.to_pyarrow_dataset()
        duck = duckdb.sql(question.format("rows")).fetchall()
        scan = polars.scan_delta(f"{lake}/{name}", version=table.version())
        frame = scan.group_by("key").agg(polars.len(), polars.col(value).max()).sort("key").collect()
        whole = rows.count_rows() == sum(row[1] for row in told) > 0
        print(name, [row[0] for row in told], told == duck, told == frame.rows(), whole)
