//! What a query is planned from: the time, the columns and the functions that there are when it is asked.

use std::sync::Arc;

use crate::support::{Service, ready, waiting, window};
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow_flight::sql::client::FlightSqlServiceClient;
use arterial_datasets::lake::TableSpec;
use arterial_serving::flight::client::{Rows, ask};
use futures::TryStreamExt;

async fn answer(service: &Service, sql: &str) -> RecordBatch {
    let Rows { schema, batches } = ask(service.channel().await, sql)
        .await
        .unwrap_or_else(|status| panic!("{sql}: {status}"));
    let batches: Vec<RecordBatch> = batches
        .try_collect()
        .await
        .unwrap_or_else(|status| panic!("{sql}: {status}"));
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

async fn count(service: &Service, sql: &str) -> i64 {
    let found = answer(service, sql).await;
    found.column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_query_has_the_time_at_which_it_was_asked() {
    let service = ready(24).await;
    let last_hour = |now: &str| format!("FROM traffic_sensors_windows WHERE window_start > {now} - INTERVAL '1 hour'");
    let mut client = FlightSqlServiceClient::new(service.channel().await);
    for (number, windows) in [(24, 11), (26, 9), (30, 5)] {
        service.clock.set(window(number));
        for now in ["now()", "NOW()", "CURRENT_TIMESTAMP"] {
            let condition = last_hour(now);
            let rows = answer(&service, &format!("SELECT key {condition}")).await;
            assert_eq!(rows.num_rows(), 2 * windows, "{now} at window {number}");
            let counted = count(&service, &format!("SELECT count(*) {condition}")).await;
            assert_eq!(counted, 2 * windows as i64, "{now} at window {number}");
        }
        let today = "SELECT key FROM traffic_sensors_windows WHERE day = current_date";
        assert_eq!(answer(&service, today).await.num_rows(), 48);
    }
    // A plan that waits for its ticket keeps the time that it was made at.
    let sql = format!("SELECT key {}", last_hour("now()"));
    let info = client.execute(sql, None).await.unwrap();
    service.clock.set(window(33));
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let batches: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_that_a_table_gains_is_there_in_the_next_query() {
    let service = waiting(None).await;
    for columns in [vec!["key"], vec!["key", "model"]] {
        let fields = columns.iter().map(|name| Field::new(*name, DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let text = |name: &&str| Arc::new(StringArray::from(vec![*name])) as ArrayRef;
        let row = RecordBatch::try_new(Arc::clone(&schema), columns.iter().map(text).collect()).unwrap();
        let mut table = service.lake.table(&TableSpec::new("growing", schema)).await.unwrap();
        table.append(&[row]).await.unwrap();
        let all = answer(&service, "SELECT * FROM growing").await;
        let schema = all.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, columns);
        assert_eq!(all.num_rows(), columns.len());
    }
    let with_model = "SELECT key FROM growing WHERE model = 'model'";
    assert_eq!(answer(&service, with_model).await.num_rows(), 1);
    let without = "SELECT count(*) FROM growing WHERE model IS NULL";
    assert_eq!(count(&service, without).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simple_queries_are_answered_as_others_are() {
    let service = ready(24).await;
    let rows = "FROM traffic_sensors_windows w WHERE key = 'a' AND window_start >= '2026-01-05T01:00:00Z' AND 1 < 2";
    let simple = format!("SELECT window_start, speed_kmh_mean + 1 AS speed {rows} ORDER BY window_start DESC");
    let found = answer(&service, &format!("{simple} LIMIT 3 OFFSET 1")).await;
    // A condition around it, so that it is planned by all rules.
    let around = format!("SELECT * FROM ({simple} LIMIT 3 OFFSET 1) WHERE window_start IS NOT NULL ORDER BY 1 DESC");
    assert_eq!(found.columns(), answer(&service, &around).await.columns());
    assert_eq!(found.num_rows(), 3);
    let none = format!("SELECT key {rows} AND 1 = 2");
    assert_eq!(answer(&service, &none).await.num_rows(), 0);
    let explained = answer(&service, &format!("EXPLAIN {simple}")).await;
    assert!(explained.num_rows() > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_functions_are_whole() {
    let service = waiting(None).await;
    for name in ["window_bucket", "count", "row_number", "now"] {
        let sql = format!("SELECT routine_name FROM information_schema.routines WHERE routine_name = '{name}'");
        assert!(answer(&service, &sql).await.num_rows() > 0, "{name}");
    }
}
