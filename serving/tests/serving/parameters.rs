//! Parameters of queries over Flight SQL, and the functions that programs write their answers with.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, NullArray, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arterial_serving::flight::client::ask;
use futures::TryStreamExt;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::{Service, ready, window};

/// Windows of one sensor from an instant on, a page of them.
const PAGE: &str = "SELECT window_start FROM traffic_sensors_windows WHERE key = 'a' AND window_start >= ? ORDER BY 1 LIMIT ? OFFSET ?";

async fn client(service: &Service) -> FlightSqlServiceClient<Channel> {
    FlightSqlServiceClient::new(service.channel().await)
}

/// What a statement answers with these parameters, a column each.
async fn answered(
    client: &mut FlightSqlServiceClient<Channel>,
    sql: &str,
    values: &[&ArrayRef],
) -> Result<Vec<RecordBatch>, String> {
    let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
    let named = values.iter().enumerate();
    let named = named.map(|(place, &value)| (place.to_string(), Arc::clone(value)));
    let parameters = RecordBatch::try_from_iter(named).unwrap();
    statement.set_parameters(parameters).unwrap();
    let info = statement.execute().await.map_err(|error| error.to_string())?;
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let batches = client.do_get(ticket).await.map_err(|error| error.to_string())?;
    batches.try_collect().await.map_err(|error| error.to_string())
}

/// The numbers of the windows that a page shows, and which is the first.
fn page(batches: &[RecordBatch]) -> (usize, i64) {
    let first = batches[0].column(0).as_primitive::<TimestampMicrosecondType>().value(0);
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    (rows, (first - window(0).0) / (window(1).0 - window(0).0))
}

fn whole(number: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![number]))
}

/// The start of a window as JDBC sends it.
fn start(number: i64) -> ArrayRef {
    let milliseconds = TimestampMillisecondArray::from(vec![window(number).0 / 1_000]);
    Arc::new(milliseconds.with_timezone("UTC"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_counts_rows_and_what_functions_take_have_types_of_their_own() {
    let service = ready(3).await;
    let mut client = client(&service).await;
    let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    for (sql, kinds) in [
        (PAGE, vec![instant.clone(), DataType::Int64, DataType::Int64]),
        (
            "SELECT congestion(?, 60), haversine_km(48, ?, 51, 0)",
            vec![DataType::Float64, DataType::Float64],
        ),
        (
            "SELECT local_time(?, ?), window_bucket('1h', ?)",
            vec![instant.clone(), DataType::Utf8, instant],
        ),
        (
            "SELECT key FROM traffic_sensors_windows WHERE key IN (SELECT key FROM traffic_sensors_windows LIMIT $2) AND key <> $1",
            vec![DataType::Utf8, DataType::Int64],
        ),
    ] {
        let statement = client.prepare(sql.to_owned(), None).await.unwrap();
        let fields = statement.parameter_schema().unwrap().fields().iter();
        let found: Vec<_> = fields.map(|field| field.data_type().clone()).collect();
        assert_eq!(found, kinds, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_chosen_by_parameters() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let short: ArrayRef = Arc::new(Int32Array::from(vec![2]));
    let said: ArrayRef = Arc::new(StringArray::from(vec!["2026-01-05T01:00:00Z"]));
    let nothing: ArrayRef = Arc::new(NullArray::new(1));
    for (values, found) in [
        ([&start(12), &short, &whole(1)], (2, 13)),
        ([&said, &short, &whole(1)], (2, 13)),
        ([&start(12), &nothing, &whole(1)], (11, 13)),
        ([&start(12), &whole(3), &nothing], (3, 12)),
    ] {
        let batches = answered(&mut client, PAGE, &values).await.unwrap();
        assert_eq!(page(&batches), found, "{values:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_that_does_not_fit_is_refused_in_words() {
    let service = ready(3).await;
    let mut client = client(&service).await;
    let many: ArrayRef = Arc::new(StringArray::from(vec!["many"]));
    let half: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
    for (values, said) in [
        (
            [&start(0), &many, &whole(0)],
            "`$2` is `many`, accepted: a value of type Int64",
        ),
        (
            [&many, &whole(1), &whole(0)],
            "`$1` is `many`, accepted: a value of type Timestamp",
        ),
        ([&start(0), &half, &whole(0)], "Expected LIMIT to be an integer or null"),
        ([&start(0), &whole(-1), &whole(0)], "LIMIT must be >= 0"),
    ] {
        let refused = answered(&mut client, PAGE, &values).await.unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
    let two: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let refused = answered(&mut client, "SELECT 1 LIMIT ?", &[&two]).await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("`parameters` is `2 rows`, accepted: one row of values"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instants_are_formatted_and_texts_replaced_padded_and_matched() {
    let service = ready(3).await;
    let sql = "SELECT to_char(window_start, '%Y-%m-%d %H:%M:%S') AS t, replace(zone_id, 'nor', 'sou') AS z, lpad(key, 3, '-') AS l, \
               rpad(key, 3, '-') AS r, regexp_like(key, '^[ac]$') AND key ~ '^[ac]$' AS m FROM traffic_sensors_windows WHERE key = 'a' ORDER BY 1 LIMIT 1";
    let answer = ask(service.channel().await, sql).await.unwrap();
    let batches: Vec<RecordBatch> = answer.batches.try_collect().await.unwrap();
    assert_eq!(
        pretty_format_batches(&batches).unwrap().to_string(),
        "+---------------------+-------+-----+-----+------+\n\
         | t                   | z     | l   | r   | m    |\n\
         +---------------------+-------+-----+-----+------+\n\
         | 2026-01-05 00:00:00 | south | --a | a-- | true |\n\
         +---------------------+-------+-----+-----+------+"
    );
    let refusal = async |sql: &str| -> Status {
        match ask(service.channel().await, sql).await {
            Err(status) => status,
            Ok(rows) => rows.batches.try_collect::<Vec<_>>().await.unwrap_err(),
        }
    };
    let table = "FROM traffic_sensors_windows";
    for (call, code, said) in [
        (
            "to_char(window_start, key)",
            Code::InvalidArgument,
            "`format` of to_char is a column",
        ),
        (
            "regexp_like(key, key)",
            Code::InvalidArgument,
            "`pattern` of regexp_like is a column",
        ),
        (
            "key ~ zone_id",
            Code::InvalidArgument,
            "`pattern` of ~ differs from row to row",
        ),
        ("lpad(key, 100000000)", Code::ResourceExhausted, "at most 16777216"),
    ] {
        let status = refusal(&format!("SELECT {call} {table}")).await;
        assert_eq!(status.code(), code, "{call}: {status}");
        assert!(status.message().contains(said), "{call}: {status}");
    }
}
