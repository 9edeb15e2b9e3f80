"""What a data scientist does with the service through ADBC: bulk fetch, parameters, metadata. Prints a line for each.

Arguments: the address, the lake, and where the client logs in a name and a password."""

import sys

import adbc_driver_flightsql.dbapi as flightsql

login = dict(zip(["username", "password"], sys.argv[3:]))
with flightsql.connect(sys.argv[1], db_kwargs=login, autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT key, window_start, speed_kmh_mean FROM traffic_sensors_latest ORDER BY window_start, key")
    table = cursor.fetch_arrow_table()
    print(table.num_rows, table.schema.field("key").type, table.schema.field("window_start").type, table["speed_kmh_mean"][0])

    cursor.execute("SELECT count(*) FROM traffic_sensors_windows WHERE key = ? AND speed_kmh_mean > ?", ("b", 1.5))
    print(cursor.fetchone())
    cursor.execute("SELECT count(*) FROM traffic_sensors_windows WHERE key = $1", ("nobody",))
    print(cursor.fetchone())

    found = connection.adbc_get_objects(table_name_filter="traffic%").read_all().to_pylist()
    schema = found[0]["catalog_db_schemas"][0]
    tables = [(table["table_name"], table["table_type"], len(table["table_columns"]) > 10) for table in schema["db_schema_tables"]]
    print(found[0]["catalog_name"], schema["db_schema_name"], tables)
    print(connection.adbc_get_info()["vendor_name"], connection.adbc_get_table_types())
    print(connection.adbc_get_table_schema("forecasts").names[:3])

    for wrong in ["SELECT * FROM forecast", "DROP TABLE forecasts"]:
        try:
            cursor.execute(wrong)
        except Exception as error:
            print(type(error).__name__, "did you mean `forecasts`?" in str(error), "accepted: one query" in str(error))
