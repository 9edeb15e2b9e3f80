"""What a data scientist does with the service through ADBC: bulk fetch, parameters, metadata. Prints a line for each.

Arguments: the address, the lake, and where the client logs in a name and a password."""

import sys
from datetime import datetime, timezone

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa

login = dict(zip(["username", "password"], sys.argv[3:]))
with flightsql.connect(sys.argv[1], db_kwargs=login, autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT key, window_start, speed_kmh_mean FROM traffic_sensors_latest ORDER BY window_start, key")
    table = cursor.fetch_arrow_table()
    print(table.num_rows, table.schema.field("key").type, table.schema.field("window_start").type, table["speed_kmh_mean"][0])

    cursor.execute("SELECT count(*) FROM traffic_sensors_windows WHERE key = ? AND speed_kmh_mean > ?", ("b", 1.5))
    print(cursor.fetchone())
    cursor.execute("SELECT count(*) FROM traffic_sensors_windows WHERE key = $1", ("nobody",))
    print(cursor.fetchone())

    page = "SELECT window_start FROM traffic_sensors_latest WHERE key = ? AND window_start >= ? ORDER BY 1 LIMIT ? OFFSET ?"
    at = datetime(2026, 1, 5, 1, 0, tzinfo=timezone.utc)
    for most in [2, None]:
        cursor.execute(page, ("a", at, most, 1))
        starts = [row[0].isoformat() for row in cursor.fetchall()]
        print(len(starts), starts[0])
    one = "SELECT count(*) FROM traffic_sensors_latest WHERE key = ?"
    for execute, query, values, said in [
        (cursor.execute, page, ("a", at, "many", 0), "`$3` is `many`, accepted: a value of type Int64"),
        (cursor.execute, one, pa.record_batch({"0": ["a", "b"]}), "one row of values"),
        (cursor.executemany, one, [("a",), ("b",)], "nothing is changed over SQL"),
    ]:
        try:
            execute(query, values)
        except Exception as error:
            print(said in str(error))

    found = connection.adbc_get_objects(table_name_filter="traffic%").read_all().to_pylist()
    schema = found[0]["catalog_db_schemas"][0]
    tables = [(table["table_name"], table["table_type"], len(table["table_columns"]) > 10) for table in schema["db_schema_tables"]]
    print(found[0]["catalog_name"], schema["db_schema_name"], tables)
    columns = {column["column_name"]: column["xdbc_type_name"] for column in schema["db_schema_tables"][0]["table_columns"]}
    print(columns["key"], columns["speed_kmh_mean"])
    print(connection.adbc_get_info()["vendor_name"], connection.adbc_get_table_types())
    forecasts = connection.adbc_get_table_schema("forecasts")
    print(forecasts.names[:3], forecasts.field("horizon_minutes").metadata[b"ARROW:FLIGHT:SQL:REMARKS"].decode())

    for wrong in ["SELECT * FROM forecast", "DROP TABLE forecasts"]:
        try:
            cursor.execute(wrong)
        except Exception as error:
            print(type(error).__name__, "did you mean `forecasts`?" in str(error), "accepted: one query" in str(error))
