//! SQL over Flight, as a client in Rust sees it.

use std::fmt::Write;
use std::sync::Arc;

use crate::support::{Service, batch, eventually, history, ready, waiting, window};
use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandGetPrimaryKeys, CommandGetTables, CommandStatementQuery, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, FlightClient, FlightData, FlightDescriptor, FlightInfo, Ticket};
use arterial_serving::flight::client::{Rows, ask};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

async fn rows(service: &Service, sql: &str) -> Vec<RecordBatch> {
    let Rows { batches, .. } = ask(service.channel().await, sql)
        .await
        .unwrap_or_else(|status| panic!("{sql}: {status}"));
    batches
        .try_collect()
        .await
        .unwrap_or_else(|status| panic!("{sql}: {status}"))
}

/// The answer as a table, its lines trimmed.
async fn text(service: &Service, sql: &str) -> String {
    pretty_format_batches(&rows(service, sql).await).unwrap().to_string()
}

async fn number(service: &Service, sql: &str) -> f64 {
    let batches = rows(service, sql).await;
    batches[0].column(0).as_primitive::<Float64Type>().value(0)
}

async fn count(service: &Service, sql: &str) -> i64 {
    let batches = rows(service, sql).await;
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

async fn refusal(service: &Service, sql: &str) -> Status {
    match ask(service.channel().await, sql).await {
        Err(status) => status,
        Ok(rows) => rows.batches.try_collect::<Vec<_>>().await.unwrap_err(),
    }
}

async fn sql_client(service: &Service) -> FlightSqlServiceClient<Channel> {
    FlightSqlServiceClient::new(service.channel().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_and_forecasts_are_tables() {
    let service = ready(24).await;
    let sql = "SELECT key, count(*) AS windows, avg(speed_kmh_mean) AS speed FROM traffic_sensors_windows GROUP BY key ORDER BY key";
    assert_eq!(
        text(&service, sql).await,
        "+-----+---------+-------+\n\
         | key | windows | speed |\n\
         +-----+---------+-------+\n\
         | a   | 24      | 50.0  |\n\
         | b   | 24      | 80.0  |\n\
         +-----+---------+-------+"
    );
    crate::support::eventually("forecasts are in the lake", async || {
        count(&service, "SELECT count(*) FROM forecasts").await == 24
    })
    .await;
    let sql = "SELECT p50 FROM forecasts WHERE key = 'b' AND horizon_minutes = 15";
    assert_eq!(number(&service, sql).await, 84.0);
    assert_eq!(count(&service, "SELECT count(*) FROM forecasts_latest").await, 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_of_newest_revisions_says_how_to_ask_for_the_newest_window_of_each_key() {
    let service = ready(24).await;
    let said =
        "SELECT description FROM catalog WHERE table_name = 'traffic_sensors_latest' AND column_name = 'window_start'";
    let said = rows(&service, said).await;
    let said = said[0].column(0).as_string::<i32>().value(0);
    let (_, sql) = said.split_once("of each key: ").unwrap();
    let newest = format!(
        "SELECT count(*) FROM ({sql}) WHERE window_start = (SELECT max(window_start) FROM traffic_sensors_windows)"
    );
    assert_eq!(count(&service, &newest).await, 2);
    assert_eq!(count(&service, &format!("SELECT count(*) FROM ({sql})")).await, 2);
    assert_eq!(count(&service, "SELECT count(*) FROM traffic_sensors_latest").await, 48);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_reach_the_lake() {
    let service = ready(24).await;
    for (condition, pushed) in [
        ("key = 'a'", "keys: Some([\"a\"])"),
        ("key IN ('a', 'c')", "keys: Some([\"a\", \"c\"])"),
        ("key = 'a' OR key = 'b'", "keys: Some([\"a\", \"b\"])"),
        (
            "window_start >= '2026-01-05T01:00:00Z'",
            "from: Some(Instant(Timestamp(1767574800000000)))",
        ),
        (
            "window_start >= TIMESTAMP '2026-01-05T01:00:00Z'",
            "from: Some(Instant(Timestamp(1767574800000000)))",
        ),
        (
            "window_start < now() - INTERVAL '1 hour'",
            "to: Some(Instant(Timestamp(",
        ),
        (
            "committed_at BETWEEN '2026-01-05T00:00:00Z' AND '2026-01-05T01:00:00Z'",
            "time: Some(\"committed_at\")",
        ),
        (
            "day = DATE '2026-01-05'",
            "to: Some(Instant(Timestamp(1767657600000000)))",
        ),
    ] {
        let sql = format!("SELECT speed_kmh_mean FROM traffic_sensors_windows WHERE {condition}");
        let found = service.pushed(&sql).await;
        assert!(found.contains(pushed), "{condition}: {found}");
        assert!(
            found.contains("columns: Some([") && !found.contains("vehicle_flow_mean"),
            "{found}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_queries_are_answered() {
    let service = ready(3).await;
    for sql in [
        "DROP TABLE forecasts",
        "DELETE FROM forecasts",
        "INSERT INTO forecasts SELECT * FROM forecasts",
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT 1 AS a INTO x",
        "SELECT 1; DROP TABLE forecasts",
        "WITH x AS (SELECT 1) INSERT INTO forecasts SELECT * FROM x",
    ] {
        let status = refusal(&service, sql).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{sql}: {status}");
    }
    for (sql, name) in [
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
        ("SELECT * FROM 'http://127.0.0.1/x.parquet'", "x.parquet"),
        ("SELECT repeat('x', 1000000000)", "repeat"),
        ("SELECT input_file_name()", "input_file_name"),
        ("SELECT version()", "version"),
    ] {
        let status = refusal(&service, sql).await;
        assert!(
            matches!(status.code(), Code::InvalidArgument | Code::NotFound),
            "{sql}: {status}"
        );
        assert!(status.message().contains(name), "{sql}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typo_is_placed_and_what_was_meant_is_suggested() {
    let service = ready(3).await;
    for (sql, code, parts) in [
        (
            "SELEC key FROM forecasts",
            Code::InvalidArgument,
            ["line 1, column 1", "`SELECT`"],
        ),
        (
            "SELECT key FROM forecast",
            Code::NotFound,
            ["line 1, column 17", "did you mean `forecasts`?"],
        ),
        (
            "SELECT key,\n  horizon_minute\nFROM forecasts",
            Code::InvalidArgument,
            ["line 2, column 3", "`horizon_minutes`"],
        ),
        (
            "SELECT congestio(1, 2)",
            Code::InvalidArgument,
            ["line 1, column 8", "congestion"],
        ),
        (
            "SELECT key FROM forecasts WHERE",
            Code::InvalidArgument,
            ["an expression", "EOF"],
        ),
    ] {
        let status = refusal(&service, sql).await;
        assert_eq!(status.code(), code, "{sql}: {status}");
        for part in parts {
            assert!(status.message().contains(part), "{sql}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_are_told_what_is_wrong_with_a_query_and_where() {
    let service = ready(3).await;
    for (sql, place) in [
        ("SELEC key FROM forecasts", Some(("1", "1"))),
        ("SELECT key,\n  horizon_minute\nFROM forecasts", Some(("2", "3"))),
        ("SELECT congestio(1, 2)", Some(("1", "8"))),
        ("SELECT key FROM forecasts WHERE", None),
    ] {
        let status = refusal(&service, sql).await;
        let fields = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, "query", "{sql}: {status}");
        let said = status.get_details_error_info().unwrap().metadata;
        let found = said.get("line").zip(said.get("column"));
        let found = found.map(|(line, column)| (line.as_str(), column.as_str()));
        assert_eq!(found, place, "{sql}: {status}");
    }
    let unknown = refusal(&service, "SELECT key FROM forecast").await;
    let resource = unknown.get_details_resource_info().unwrap();
    assert_eq!(
        (resource.resource_type.as_str(), resource.resource_name.as_str()),
        ("table", "forecast")
    );
    assert_eq!(unknown.get_details_error_info().unwrap().metadata["column"], "17");
    let versions = refusal(&service, "SELECT * FROM as_of('forecasts_latest', 1)").await;
    let fields = versions.get_details_bad_request().unwrap().field_violations;
    assert_eq!(fields[0].field, "as_of", "{versions}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_offered_says_so_to_programs_too() {
    let service = ready(3).await;
    let mut client = FlightServiceClient::new(service.channel().await);
    let put = client.do_put(futures::stream::iter([FlightData::default()])).await;
    let action = client.do_action(Action::new("Fly", "")).await;
    for status in [put.err().unwrap(), action.err().unwrap()] {
        assert_eq!(status.code(), Code::Unimplemented, "{status}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_OFFERED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_narrow_the_newest_forecasts() {
    let service = ready(24).await;
    service.until_scored(23).await;
    let sql = "SELECT p50 FROM forecasts_latest WHERE key = 'b' AND target_time < '2026-01-05T02:10:00Z'";
    let found = service.pushed(sql).await;
    assert!(found.contains("keys: Some([\"b\"])"), "{found}");
    assert!(found.contains("time: Some(\"target_time\")"), "{found}");
    assert_eq!(
        text(&service, &format!("{sql} ORDER BY p50")).await,
        "+------+\n\
         | p50  |\n\
         +------+\n\
         | 82.0 |\n\
         | 83.0 |\n\
         +------+"
    );
    let day = "SELECT count(*) FROM forecasts_latest WHERE day = DATE '2026-01-05'";
    assert_eq!(count(&service, day).await, 24);
    assert_eq!(count(&service, &day.replace("05'", "06'")).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_of_this_field_are_there() {
    let service = ready(3).await;
    assert_eq!(number(&service, "SELECT congestion(30, 60)").await, 0.5);
    assert_eq!(number(&service, "SELECT congestion(90, 60)").await, 0.0);
    assert_eq!(
        count(&service, "SELECT count(congestion(30, 0)) FROM traffic_sensors_windows").await,
        0
    );
    let paris_to_london = number(&service, "SELECT haversine_km(48.8566, 2.3522, 51.5074, -0.1278)").await;
    assert!((paris_to_london - 343.56).abs() < 0.1, "{paris_to_london}");
    let sql = "SELECT window_bucket('1h', window_start) AS hour, count(*) AS windows FROM traffic_sensors_windows GROUP BY 1 ORDER BY 1";
    let service = ready(24).await;
    assert!(
        text(&service, sql).await.contains("| 2026-01-05T01:00:00Z | 24      |"),
        "{}",
        text(&service, sql).await
    );
    let sql = "SELECT local_time(TIMESTAMP '2026-07-01T12:00:00Z', 'Europe/Copenhagen') AS t, local_time(min(window_start)) AS u FROM traffic_sensors_windows";
    let found = text(&service, sql).await;
    assert!(
        found.contains("2026-07-01T14:00:00") && found.contains("2026-01-05T00:00:00"),
        "{found}"
    );
    for (sql, said) in [
        (
            "SELECT window_bucket('soon', window_start) FROM traffic_sensors_windows",
            "'15m'",
        ),
        (
            "SELECT local_time(window_start, 'Mars/Olympus') FROM traffic_sensors_windows",
            "Europe/Copenhagen",
        ),
    ] {
        let status = refusal(&service, sql).await;
        assert!(
            status.code() == Code::InvalidArgument && status.message().contains(said),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_read_as_it_stood() {
    let service = waiting(Some(history(3))).await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    let version = table.version();
    table
        .append(&[batch(&[("a", "north", 3, 0, Some(51.0))])])
        .await
        .unwrap();
    assert_eq!(count(&service, "SELECT count(*) FROM traffic_sensors_windows").await, 7);
    let sql = format!("SELECT count(*) FROM as_of('traffic_sensors_windows', {version})");
    assert_eq!(count(&service, &sql).await, 6);
    let sql = format!("SELECT count(*) FROM as_of('traffic_sensors_latest', {version}) w WHERE w.key = 'a'");
    assert_eq!(count(&service, &sql).await, 3);
    assert_eq!(
        count(
            &service,
            "SELECT count(*) FROM as_of('traffic_sensors_windows', '2100-01-01T00:00:00Z')"
        )
        .await,
        7
    );
    for sql in [
        "SELECT * FROM as_of('traffic_sensors_windows', 99)",
        "SELECT * FROM as_of('traffic_sensors_windows', '1999-01-01T00:00:00Z')",
        "SELECT * FROM as_of('traffic_sensors_windows', 'yesterday')",
        "SELECT * FROM as_of('forecasts_latest', 1)",
    ] {
        assert_eq!(refusal(&service, sql).await.code(), Code::InvalidArgument, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_stand_beside_what_happened() {
    let service = ready(24).await;
    crate::support::eventually("forecasts are in the lake", async || {
        count(&service, "SELECT count(*) FROM forecasts").await == 24
    })
    .await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    // The origin is window 23; window 24 is 5 minutes ahead: the model says 52 for `a`, within 48 to 56.
    table
        .append(&[batch(&[
            ("a", "north", 24, 0, Some(50.0)),
            ("a", "north", 25, 0, Some(70.0)),
        ])])
        .await
        .unwrap();
    let week = 7 * 288;
    table
        .append(&[batch(&[("a", "north", 24 - week, 0, Some(45.0))])])
        .await
        .unwrap();
    let sql = "SELECT horizon_minutes, p50, actual, error, baseline, baseline_error, in_interval FROM forecast_errors ORDER BY 1";
    assert_eq!(
        text(&service, sql).await,
        "+-----------------+------+--------+-------+----------+----------------+-------------+\n\
         | horizon_minutes | p50  | actual | error | baseline | baseline_error | in_interval |\n\
         +-----------------+------+--------+-------+----------+----------------+-------------+\n\
         | 5               | 52.0 | 50.0   | 2.0   | 45.0     | -5.0           | true        |\n\
         | 10              | 53.0 | 70.0   | -17.0 |          |                | false       |\n\
         +-----------------+------+--------+-------+----------+----------------+-------------+"
    );
    let sql = "SELECT sum(forecasts) AS n, avg(coverage) AS c FROM coverage";
    assert!(
        text(&service, sql).await.contains("| 2 | 0.5 |"),
        "{}",
        text(&service, sql).await
    );
    // The same view over plain Flight.
    let mut client = FlightClient::new(service.channel().await);
    let ticket = r#"{"dataset":"forecast_errors","columns":["error"],"keys":["a"]}"#;
    let batches: Vec<RecordBatch> = client
        .do_get(Ticket::new(ticket))
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_says_what_every_column_means() {
    let service = ready(3).await;
    let sql = "SELECT table_type, data_type, unit, description FROM catalog WHERE table_name = 'traffic_sensors_latest' AND column_name = 'speed_kmh_mean'";
    assert!(
        text(&service, sql)
            .await
            .contains("| VIEW       | Float64   | km/h | Mean of `speed_kmh` in the window |"),
        "{}",
        text(&service, sql).await
    );
    assert_eq!(
        count(&service, "SELECT count(*) FROM catalog WHERE description = ''").await,
        0
    );
    assert!(text(&service, "SHOW TABLES").await.contains("traffic_sensors_windows"));
    assert!(text(&service, "DESCRIBE forecasts").await.contains("horizon_minutes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_statements_take_parameters() {
    let service = ready(24).await;
    let mut client = sql_client(&service).await;
    for sql in [
        "SELECT key, speed_kmh_mean FROM traffic_sensors_windows WHERE key = ? AND speed_kmh_mean > ? LIMIT 1",
        "SELECT key, speed_kmh_mean FROM traffic_sensors_windows WHERE speed_kmh_mean > $2 AND key = $1 LIMIT 1",
    ] {
        let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
        let types: Vec<DataType> = statement
            .parameter_schema()
            .unwrap()
            .fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        assert_eq!(types, [DataType::Utf8, DataType::Float64]);
        assert_eq!(statement.dataset_schema().unwrap().fields().len(), 2);
        for (key, speed) in [("a", 50.0), ("b", 80.0)] {
            let keys: ArrayRef = Arc::new(StringArray::from(vec![key]));
            let least: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
            let parameters = RecordBatch::try_from_iter([("1", keys), ("2", least)]).unwrap();
            statement.set_parameters(parameters).unwrap();
            let info = statement.execute().await.unwrap();
            let ticket = info.endpoint[0].ticket.clone().unwrap();
            let batches: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
            assert_eq!(batches[0].column(0).as_string::<i32>().value(0), key);
            assert_eq!(batches[0].column(1).as_primitive::<Float64Type>().value(0), speed);
        }
        statement.close().await.unwrap();
    }
    let mut unbound = client.prepare("SELECT ? + 1".to_owned(), None).await.unwrap();
    assert!(unbound.execute().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_that_are_too_large_are_refused() {
    let service = ready(3).await;
    let mut client = sql_client(&service).await;
    let sql = "SELECT count(*) FROM traffic_sensors_windows WHERE key = ?";
    let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
    let mut bind = async |length: usize| {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(length)]));
        let parameters = RecordBatch::try_from_iter([("1", text)]).unwrap();
        statement.set_parameters(parameters).unwrap();
        statement.execute().await
    };
    bind(1 << 10).await.unwrap();
    let refused = bind(1 << 20).await.unwrap_err().to_string();
    assert!(
        refused.contains("`parameters` is `") && refused.contains("at most 1048576 bytes"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_planned_once_and_its_ticket_reads_what_was_there() {
    let service = waiting(Some(history(3))).await;
    let mut client = sql_client(&service).await;
    let sql = "SELECT count(*) FROM traffic_sensors_windows".to_owned();
    let ticket = async |client: &mut FlightSqlServiceClient<Channel>| {
        let info = client.execute(sql.clone(), None).await.unwrap();
        info.endpoint[0].ticket.clone().unwrap()
    };
    let counted = async |client: &mut FlightSqlServiceClient<Channel>, ticket: &Ticket| {
        let batches: Vec<RecordBatch> = client
            .do_get(ticket.clone())
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        batches[0].column(0).as_primitive::<Int64Type>().value(0)
    };
    let before = ticket(&mut client).await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    table
        .append(&[batch(&[("a", "north", 3, 0, Some(51.0))])])
        .await
        .unwrap();
    assert_eq!(counted(&mut client, &before).await, 6);
    // The plan is gone with its rows: whoever comes again with the ticket has the query planned anew.
    assert_eq!(counted(&mut client, &before).await, 7);
    let after = ticket(&mut client).await;
    assert_eq!(counted(&mut client, &after).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_foreign_tickets_are_refused() {
    let (service, other) = (ready(3).await, ready(3).await);
    let ticket = async |service: &Service| {
        let info = sql_client(service)
            .await
            .execute("SELECT 1".to_owned(), None)
            .await
            .unwrap();
        assert!(info.endpoint.len() == 1 && info.endpoint[0].location.is_empty());
        info.endpoint[0].ticket.clone().unwrap()
    };
    let get = async |ticket: Ticket| {
        let mut client = FlightServiceClient::new(service.channel().await);
        client.do_get(ticket).await.map(|_| ())
    };
    let ours = ticket(&service).await;
    get(ours.clone()).await.unwrap();
    let foreign = get(ticket(&other).await).await.unwrap_err();
    assert_eq!(foreign.code(), Code::PermissionDenied, "{foreign}");
    let mut forged = ours.ticket.to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(
        get(Ticket::new(forged)).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let handle = TicketStatementQuery {
        statement_handle: b"SELECT 1".to_vec().into(),
    };
    for unsigned in [
        handle.as_any(),
        CommandStatementQuery {
            query: "SELECT 1".into(),
            transaction_id: None,
        }
        .as_any(),
    ] {
        let status = get(Ticket::new(unsigned.encode_to_vec())).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_lists_what_there_is() {
    let service = ready(3).await;
    let mut client = sql_client(&service).await;
    macro_rules! fetch {
        ($info:expr) => {{
            let info = $info.unwrap();
            let ticket = info.endpoint[0].ticket.clone().unwrap();
            let batches: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
            let found = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
            assert_eq!(found.schema().fields(), info.try_decode_schema().unwrap().fields());
            found
        }};
    }
    let tables = CommandGetTables {
        table_name_filter_pattern: Some("traffic%".into()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let found = fetch!(client.get_tables(tables).await);
    let names: Vec<_> = found["table_name"].as_string::<i32>().iter().flatten().collect();
    let kinds: Vec<_> = found["table_type"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(names, ["traffic_sensors_latest", "traffic_sensors_windows"]);
    assert_eq!(kinds, ["VIEW", "TABLE"]);
    assert_eq!(
        fetch!(client.get_catalogs().await)["catalog_name"]
            .as_string::<i32>()
            .value(0),
        "arterial"
    );
    assert_eq!(fetch!(client.get_table_types().await).num_rows(), 2);
    assert!(fetch!(client.get_sql_info(vec![]).await).num_rows() > 30);
    let types = fetch!(
        client
            .get_xdbc_type_info(arrow_flight::sql::CommandGetXdbcTypeInfo { data_type: None })
            .await
    );
    assert_eq!(types.num_rows(), 10);
    let keys = CommandGetPrimaryKeys {
        table: "traffic_sensors_windows".into(),
        ..CommandGetPrimaryKeys::default()
    };
    let found = fetch!(client.get_primary_keys(keys).await);
    let columns: Vec<_> = found["column_name"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(columns, ["key", "window_start", "revision"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_listed_without_being_opened() {
    let service = ready(3).await;
    let listed = "SELECT table_name, CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE table_type END AS table_type \
                  FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'catalog' ORDER BY 1";
    let opened = "SELECT DISTINCT table_name, table_type FROM catalog ORDER BY 1";
    eventually("both say the same", async || {
        text(&service, listed).await == text(&service, opened).await
    })
    .await;

    // A table that nobody can open.
    let log = service.folder.path().join("broken/_delta_log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("00000000000000000000.json"), "nonsense").unwrap();
    refusal(&service, "SELECT * FROM broken").await;
    assert!(text(&service, "SHOW TABLES").await.contains("broken"));
    let mut client = sql_client(&service).await;
    let names = names_of(&mut client, CommandGetTables::default()).await;
    assert!(names.contains(&"broken".to_owned()), "{names:?}");
    // With their columns only those are opened that are meant.
    let columns = CommandGetTables {
        include_schema: true,
        ..CommandGetTables::default()
    };
    let meant = CommandGetTables {
        table_name_filter_pattern: Some("traffic%".into()),
        ..columns.clone()
    };
    assert_eq!(names_of(&mut client, meant).await.len(), 2);
    // Nor does it hide the others where all are opened.
    let mut flights = FlightClient::new(service.channel().await);
    let found = flights.list_flights("").await.unwrap();
    let found: Vec<FlightInfo> = found.try_collect().await.unwrap();
    let flights = found.into_iter().filter_map(|info| info.flight_descriptor);
    let flights = flights.flat_map(|descriptor| descriptor.path).collect();
    let said = first_texts(&service, "SELECT DISTINCT table_name FROM catalog").await;
    let standard = "SELECT DISTINCT table_name FROM information_schema.columns";
    let standard = first_texts(&service, standard).await;
    for names in [names_of(&mut client, columns).await, flights, said, standard] {
        let is_there = |name: &str| names.iter().any(|known| known == name);
        assert!(is_there("traffic_sensors_windows") && !is_there("broken"), "{names:?}");
    }
    let described = text(&service, "SHOW COLUMNS FROM traffic_sensors_windows").await;
    assert!(described.contains("window_start"), "{described}");
}

/// The first column of an answer.
async fn first_texts(service: &Service, sql: &str) -> Vec<String> {
    let found = rows(service, sql).await;
    let texts = found.iter().flat_map(|batch| batch.column(0).as_string::<i32>());
    texts.flatten().map(str::to_owned).collect()
}

/// The names of the tables that a command lists.
async fn names_of(client: &mut FlightSqlServiceClient<Channel>, command: CommandGetTables) -> Vec<String> {
    let info = client.get_tables(command).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let batches: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
    let names = batches[0]["table_name"].as_string::<i32>().iter().flatten();
    names.map(str::to_owned).collect()
}

/// What Grafana's Flight SQL data source (`influxdata-flightsql-datasource` 1.1.1) does: it logs in where that is configured, fills its editor
/// from the tables and their schemas, expands its macros into plain SQL, reads the one endpoint, and takes every instant for nanoseconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_of_grafana_are_answered_with_plain_texts() {
    let service = ready(24).await;
    let mut client = sql_client(&service).await;
    client.handshake("user", "password").await.unwrap();
    let fetch = async |client: &mut FlightSqlServiceClient<Channel>, info: FlightInfo| {
        assert_eq!(info.endpoint.len(), 1);
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let batches: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
        arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
    };
    let info = client.execute("select 1".to_owned(), None).await.unwrap();
    assert_eq!(fetch(&mut client, info).await.num_rows(), 1);
    let info = client.get_sql_info(vec![]).await.unwrap();
    assert!(fetch(&mut client, info).await.num_rows() > 30);
    let tables = CommandGetTables {
        table_types: vec!["BASE TABLE".into(), "table".into()],
        ..CommandGetTables::default()
    };
    let info = client.get_tables(tables).await.unwrap();
    let found = fetch(&mut client, info).await;
    let names: Vec<_> = found["table_name"].as_string::<i32>().iter().flatten().collect();
    assert!(
        names.contains(&"traffic_sensors_latest") && names.contains(&"forecasts"),
        "{names:?}"
    );
    let columns = CommandGetTables {
        table_name_filter_pattern: Some("traffic_sensors_latest".into()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(columns).await.unwrap();
    assert_eq!(fetch(&mut client, info).await.num_rows(), 1);
    // `$__dateBin(window_start)` and `$__timeRange(window_start)`, expanded.
    let sql = "SELECT date_bin(interval '900 second', window_start, timestamp '1970-01-01T00:00:00Z') AS time, key, \
               avg(speed_kmh_mean) AS speed FROM traffic_sensors_latest \
               WHERE window_start >= '2026-01-05T00:00:00Z' AND window_start <= '2026-01-05T02:00:00Z' \
               GROUP BY 1, 2 ORDER BY 1";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let found = fetch(&mut client, info).await;
    assert_eq!(found.num_rows(), 16);
    assert_eq!(*found["key"].data_type(), DataType::Utf8);
    let time = found["time"].data_type();
    assert!(
        matches!(time, DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, _)),
        "{time}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_answer_at_once_and_running_queries_are_cancelled() {
    let service = ready(3).await;
    let mut client = FlightServiceClient::new(service.channel().await);
    let command = CommandStatementQuery {
        query: "SELECT a.value FROM generate_series(1, 100000) a, generate_series(1, 100000) b".into(),
        transaction_id: None,
    };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let poll = client.poll_flight_info(descriptor).await.unwrap().into_inner();
    assert!(poll.flight_descriptor.is_none() && poll.progress == Some(1.0));
    let info = poll.info.unwrap();
    let mut stream = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap()
        .into_inner();
    stream.message().await.unwrap().unwrap();
    let request = arrow_flight::CancelFlightInfoRequest { info: Some(info) };
    let cancel = async |client: &mut FlightServiceClient<Channel>| {
        let action = Action::new("CancelFlightInfo", request.encode_to_vec());
        let mut results = client.do_action(action).await.unwrap().into_inner();
        let body = results.message().await.unwrap().unwrap().body;
        arrow_flight::CancelFlightInfoResult::decode(body).unwrap().status()
    };
    assert_eq!(cancel(&mut client).await, arrow_flight::CancelStatus::Cancelled);
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(ended.unwrap_err().code(), Code::Cancelled);
    assert_eq!(cancel(&mut client).await, arrow_flight::CancelStatus::NotCancellable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_sets_the_clock_of_local_time() {
    let service = ready(3).await;
    let mut client = FlightServiceClient::new(service.channel().await);
    // SetSessionOptionsRequest {"timezone": "Asia/Tokyo"} as the protocol has it.
    let value = [&[0x0a, 10][..], b"Asia/Tokyo"].concat();
    let entry = [&[0x0a, 8][..], b"timezone", &[0x12, value.len() as u8], &value].concat();
    let request = [&[0x0a, entry.len() as u8][..], &entry].concat();
    let response = client
        .do_action(Action::new("SetSessionOptions", request))
        .await
        .unwrap();
    let cookie = response.metadata().get("set-cookie").unwrap().clone();
    let query = async |client: &mut FlightServiceClient<Channel>, cookie: Option<&str>| -> Result<i64, Status> {
        let command = CommandStatementQuery {
            query: "SELECT local_time(TIMESTAMP '2026-01-01T00:00:00Z') AS t".into(),
            transaction_id: None,
        };
        let mut request = Request::new(FlightDescriptor::new_cmd(command.as_any().encode_to_vec()));
        if let Some(cookie) = cookie {
            request.metadata_mut().insert("cookie", cookie.parse().unwrap());
        }
        let info = client.get_flight_info(request).await?.into_inner();
        let data = client
            .do_get(info.endpoint[0].ticket.clone().unwrap())
            .await?
            .into_inner();
        let decoded = arrow_flight::decode::FlightRecordBatchStream::new_from_flight_data(
            data.map_err(|status| arrow_flight::error::FlightError::Tonic(Box::new(status))),
        );
        let batches: Vec<RecordBatch> = decoded.try_collect().await.unwrap();
        Ok(batches[0].column(0).as_primitive::<TimestampMicrosecondType>().value(0) / 3_600_000_000)
    };
    let midnight = 1_767_225_600 / 3600;
    assert_eq!(query(&mut client, None).await.unwrap(), midnight);
    let cookie = cookie.to_str().unwrap();
    assert_eq!(query(&mut client, Some(cookie)).await.unwrap(), midnight + 9);
    let forged = cookie.replace('0', "1");
    assert_eq!(
        query(&mut client, Some(&forged)).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_would_fill_memory_fails_alone() {
    let service = crate::support::limited(24, |limits| {
        limits.query_memory_bytes = 16 << 20;
        limits.spill_bytes = 0;
    })
    .await;
    let greedy = "SELECT a.value, array_agg(a.value) FROM generate_series(1, 3000000) a GROUP BY a.value ORDER BY 2";
    let channel = service.channel().await;
    let greedy = tokio::spawn(async move {
        match ask(channel, greedy).await {
            Err(status) => status,
            Ok(rows) => rows.batches.try_collect::<Vec<_>>().await.unwrap_err(),
        }
    });
    while !greedy.is_finished() {
        assert_eq!(
            count(&service, "SELECT count(*) FROM traffic_sensors_windows").await,
            48
        );
    }
    let status = greedy.await.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_grows_beyond_measure_is_stopped() {
    let service = crate::support::limited(24, |limits| limits.query_memory_bytes = 16 << 20).await;
    let mut doubled = "WITH t0 AS (SELECT key AS s FROM traffic_sensors_windows)".to_owned();
    for step in 1..40 {
        let _ = write!(doubled, ", t{step} AS (SELECT s || s AS s FROM t{})", step - 1);
    }
    let doubled = format!("{doubled} SELECT s FROM t39");
    let concatenated = doubled.replace("s || s", "concat(s, s)");
    let listed = doubled.replace("s || s", "make_array(s, s)");
    for (sql, said) in [
        (doubled.as_str(), "at most 16777216"),
        (&concatenated, "at most 16777216"),
        (&listed, "at most 16777216"),
        (
            "SELECT l.s FROM (SELECT string_agg(concat('a key ', value), ',') AS s FROM generate_series(1, 100000)) l, generate_series(1, 100000)",
            "cannot be joined or unnested",
        ),
        (
            "SELECT value, sum(value) OVER () AS s FROM generate_series(1, 100000000)",
            "more than it may have",
        ),
        (
            "SELECT count(*) FROM generate_series(1, 100000000) a JOIN generate_series(1, 100000000) b ON a.value = b.value",
            "more than it may have",
        ),
    ] {
        let status = refusal(&service, sql).await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{sql}: {status}");
        assert!(status.message().contains(said), "{sql}: {status}");
    }
    let hurried = crate::support::limited(3, |limits| {
        limits.deadline = arterial_datasets::time::Duration(1_000_000);
    })
    .await;
    for endless in [
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 100000) c",
    ] {
        let status = refusal(&hurried, endless).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{endless}: {status}");
    }
    for wrong in [
        "SELECT lists FROM (SELECT {'a': key} AS lists FROM traffic_sensors_windows)",
        "SELECT array_append(make_array(key), key) FROM traffic_sensors_windows",
        "SELECT levenshtein(key, key) FROM traffic_sensors_windows",
        "SELECT arrow_cast(NULL, 'FixedSizeList(2147483647, Int64)')",
        "SELECT 1 FROM forecasts WHERE key = $999999999",
        "SELECT 1 FROM forecasts WHERE key = $18446744073709551615",
    ] {
        assert_eq!(refusal(&service, wrong).await.code(), Code::InvalidArgument, "{wrong}");
    }
    assert_eq!(
        count(&service, "SELECT count(*) FROM traffic_sensors_windows").await,
        48
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_are_joined_as_sql_has_it() {
    let service = ready(3).await;
    let sql = "SELECT key || '-' || revision AS a, key || NULL AS b, [1, 2][2] AS c, concat_ws('/', key, zone_id) AS d \
               FROM traffic_sensors_windows WHERE key = 'a' LIMIT 1";
    assert_eq!(
        text(&service, sql).await,
        "+-----+---+---+---------+\n\
         | a   | b | c | d       |\n\
         +-----+---+---+---------+\n\
         | a-0 |   | 2 | a/north |\n\
         +-----+---+---+---------+"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_on_forecast_errors_narrows_all_that_it_is_made_of() {
    let service = ready(24).await;
    crate::support::eventually("forecasts are in the lake", async || {
        count(&service, "SELECT count(*) FROM forecasts").await == 24
    })
    .await;
    let sql = "SELECT error FROM forecast_errors WHERE key = 'a' AND target_time >= '2026-01-05T01:00:00Z'";
    let found = service.pushed(sql).await;
    let (now, before) = (
        1_767_574_800_000_000_i64,
        1_767_574_800_000_000_i64 - 7 * 86_400_000_000,
    );
    for read in [
        "dataset: \"forecasts\"".to_owned(),
        format!("from: Some(Instant(Timestamp({now})))"),
        format!("from: Some(Instant(Timestamp({before})))"),
    ] {
        assert!(found.contains(&read), "{read}: {found}");
    }
    assert_eq!(found.matches("keys: Some([\"a\"])").count(), 4, "{found}");
}

/// It needs some 80 MB.
const LARGE_SORT: &str = "SELECT value, concat('some text to make the rows longer ', value) AS t FROM generate_series(1, 1500000) ORDER BY value % 1000, value";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sort_that_does_not_fit_into_memory_spills() {
    let service = crate::support::limited(3, |limits| limits.query_memory_bytes = 32 << 20).await;
    let batches = rows(&service, LARGE_SORT).await;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1_500_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_spills_to_its_own_part_of_the_disk_and_no_further() {
    let folder = tempfile::tempdir().unwrap();
    // All of it would do for many such sorts.
    let service = crate::support::limited(3, |limits| {
        limits.query_memory_bytes = 32 << 20;
        limits.spill_bytes = 1 << 30;
        limits.concurrent_queries = 64;
        limits.spill_folder = folder.path().to_str().unwrap().to_owned();
    })
    .await;
    let status = refusal(&service, LARGE_SORT).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("its part of `sql.spill_bytes`"), "{status}");
    assert_eq!(count(&service, "SELECT count(*) FROM traffic_sensors_windows").await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_beyond_the_row_limit_or_the_deadline_says_so() {
    let service = crate::support::limited(3, |limits| {
        limits.max_rows = 10_000;
        limits.deadline = arterial_datasets::time::Duration(500_000);
    })
    .await;
    assert_eq!(
        rows(&service, "SELECT value FROM generate_series(1, 10000)")
            .await
            .len(),
        2
    );
    let status = refusal(&service, "SELECT value FROM generate_series(1, 10001)").await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let endless = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b WHERE a.value * b.value = 7";
    let status = refusal(&service, endless).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_reading_costs_a_few_batches_and_ends_at_the_deadline() {
    let service = crate::support::limited(3, |limits| {
        limits.concurrent_queries = 1;
        limits.deadline = arterial_datasets::time::Duration(1_000_000);
    })
    .await;
    let endless = "SELECT a.value, b.value AS other FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let mut stalled = ask(service.channel().await, endless).await.unwrap();
    stalled.batches.next().await.unwrap().unwrap();
    // The one place is taken until the deadline of the stalled query; then the next one is answered.
    assert_eq!(count(&service, "SELECT count(*) FROM traffic_sensors_windows").await, 6);
    let ended = loop {
        match stalled.batches.next().await {
            Some(Ok(_)) => {}
            Some(Err(status)) => break status,
            None => panic!("the answer seems complete"),
        }
    };
    assert_eq!(ended.code(), Code::DeadlineExceeded, "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dictionaries_come_for_those_who_ask() {
    let service = ready(3).await;
    let mut client = FlightClient::new(service.channel().await);
    let ticket = r#"{"dataset":"traffic_sensors_windows","columns":["key","window_start"],"dictionary":true}"#;
    let info = client.get_flight_info(FlightDescriptor::new_cmd(ticket)).await.unwrap();
    let schema = info.try_decode_schema().unwrap();
    let batches: Vec<RecordBatch> = client
        .do_get(Ticket::new(ticket))
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(matches!(schema.field(0).data_type(), DataType::Dictionary(_, _)));
    assert_eq!(batches[0].schema().field(0).data_type(), schema.field(0).data_type());
    let start = batches[0].column(1).as_primitive::<TimestampMicrosecondType>().value(0);
    assert!(start >= window(0).0);
}
