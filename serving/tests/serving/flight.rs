//! Tables over Arrow Flight.

use std::collections::BTreeSet;

use crate::support::{Service, batch, history, ready, waiting, window};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightClient, FlightDescriptor, Ticket};
use arterial_datasets::lake::{PartitionProgress, Progress, Table, TopicPartition};
use arterial_datasets::time::{HOUR, Timestamp};
use futures::{StreamExt, TryStreamExt};
use tonic::Code;

async fn client(service: &Service) -> FlightClient {
    FlightClient::new(service.channel().await)
}

async fn get(service: &Service, ticket: &str) -> Vec<RecordBatch> {
    let mut client = client(service).await;
    let batches: Vec<RecordBatch> = client
        .do_get(Ticket::new(ticket.to_owned()))
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    batches.into_iter().filter(|batch| batch.num_rows() > 0).collect()
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

async fn refusal(service: &Service, ticket: &str) -> String {
    let mut client = client(service).await;
    match client.do_get(Ticket::new(ticket.to_owned())).await {
        Err(error) => error.to_string(),
        Ok(stream) => stream.try_collect::<Vec<_>>().await.unwrap_err().to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dataset_is_listed_with_an_endpoint_without_location() {
    let service = ready(3).await;
    let infos: Vec<_> = client(&service)
        .await
        .list_flights("")
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let names: BTreeSet<String> = infos
        .iter()
        .map(|info| info.flight_descriptor.as_ref().unwrap().path[0].clone())
        .collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [
            "catalog",
            "coverage",
            "forecast_errors",
            "forecasts",
            "forecasts_latest",
            "traffic_sensors_latest",
            "traffic_sensors_windows"
        ]
    );
    for info in infos {
        assert_eq!(info.endpoint.len(), 1);
        assert!(info.endpoint[0].location.is_empty() && info.endpoint[0].ticket.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_leads_to_the_rows_and_hidden_columns_stay_hidden() {
    let service = ready(3).await;
    let mut client = client(&service).await;
    let descriptor = FlightDescriptor::new_path(vec!["traffic_sensors_windows".into()]);
    let info = client.get_flight_info(descriptor.clone()).await.unwrap();
    let schema = info.clone().try_decode_schema().unwrap();
    assert!(schema.fields().iter().all(|field| !field.name().starts_with('_')));
    assert_eq!(client.get_schema(descriptor).await.unwrap(), schema);
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let batches: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows(&batches), 6);
    assert_eq!(batches[0].schema().fields(), schema.fields());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_chooses_columns_keys_and_times() {
    let service = ready(24).await;
    let ticket = format!(
        r#"{{"dataset":"traffic_sensors_windows","columns":["speed_kmh_mean","key"],"keys":["b"],"from":"{}","to":"{}"}}"#,
        window(3),
        window(5)
    );
    let batches = get(&service, &ticket).await;
    assert_eq!(rows(&batches), 2);
    let names: Vec<String> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names, ["speed_kmh_mean", "key"]);
    assert_eq!(batches[0].column(0).as_primitive::<Float64Type>().value(0), 80.0);
    assert_eq!(batches[0].column(1).as_string::<i32>().value(0), "b");
    // What was asked stands in the endpoint's ticket.
    let info = client(&service)
        .await
        .get_flight_info(FlightDescriptor::new_cmd(ticket.clone()))
        .await
        .unwrap();
    assert_eq!(info.endpoint[0].ticket.as_ref().unwrap().ticket, ticket.as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_view_shows_the_newest_revision_of_each_window() {
    let service = waiting(Some(history(3))).await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    table
        .append(&[batch(&[("a", "north", 1, 1, Some(51.0))])])
        .await
        .unwrap();
    table
        .append(&[batch(&[("a", "north", 1, 2, Some(52.0))])])
        .await
        .unwrap();
    assert_eq!(rows(&get(&service, "traffic_sensors_windows").await), 8);
    let latest = get(
        &service,
        r#"{"dataset":"traffic_sensors_latest","columns":["speed_kmh_mean"],"keys":["a"]}"#,
    )
    .await;
    let mut speeds: Vec<f64> = latest
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec())
        .collect();
    speeds.sort_by(f64::total_cmp);
    assert_eq!(speeds, [50.0, 50.0, 52.0]);
}

/// Commits that everything before `watermark` was read.
async fn read_until(table: &mut Table, watermark: Timestamp) {
    let partition = TopicPartition::new("traffic-sensors", 0);
    table.acquire(std::slice::from_ref(&partition)).await.unwrap();
    let place = PartitionProgress {
        next: 100,
        resume_from: 100,
        watermark: Some(watermark),
        ..table.progress().partitions[&partition]
    };
    let progress = Progress {
        partitions: [(partition, place)].into(),
        ..Progress::default()
    };
    table.commit(&[], &progress).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_view_says_which_windows_no_revision_can_change_any_more() {
    let service = waiting(Some(history(3))).await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    table
        .append(&[batch(&[("a", "north", 0, 1, Some(51.0))])])
        .await
        .unwrap();
    let ticket = r#"{"dataset":"traffic_sensors_latest","columns":["is_final","window_start","key"]}"#;
    // The horizon of a window ends 24 hours after its end.
    for (watermark, finals) in [
        (window(1).0 + 24 * HOUR - 1, vec![]),
        (window(1).0 + 24 * HOUR, vec![("a", window(0)), ("b", window(0))]),
    ] {
        read_until(&mut table, Timestamp(watermark)).await;
        let mut found = Vec::new();
        for batch in get(&service, ticket).await {
            let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>().clone();
            let keys = batch["key"].as_string::<i32>().clone();
            let rows = (0..batch.num_rows()).filter(|row| batch["is_final"].as_boolean().value(*row));
            found.extend(rows.map(|row| (keys.value(row).to_owned(), Timestamp(starts.value(row)))));
        }
        found.sort();
        let finals: Vec<(String, Timestamp)> = finals.into_iter().map(|(key, start)| (key.into(), start)).collect();
        assert_eq!(found, finals);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_ticket_is_refused_with_what_is_accepted() {
    let service = ready(3).await;
    let unknown = refusal(&service, "colours").await;
    assert!(
        unknown.contains("no dataset named `colours`") && unknown.contains("traffic_sensors_windows"),
        "{unknown}"
    );
    let hidden = refusal(
        &service,
        r#"{"dataset":"traffic_sensors_windows","columns":["_state"]}"#,
    )
    .await;
    assert!(
        hidden.contains("`columns` is `_state`") && hidden.contains("speed_kmh_mean"),
        "{hidden}"
    );
    for outside in ["../secrets", "a/b", "traffic_sensors_windows/_delta_log"] {
        assert!(
            refusal(&service, outside).await.contains("no dataset named"),
            "{outside}"
        );
    }
    let field = refusal(&service, r#"{"dataset":"forecasts","form":"2026-01-01T00:00:00Z"}"#).await;
    assert!(field.contains("`ticket`") && field.contains("form"), "{field}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_chooses_keys_and_times_of_the_newest_forecasts() {
    let service = ready(24).await;
    service.until_scored(23).await;
    let ticket = |time: &str, from: i64, to: i64| {
        let (from, to) = (window(from), window(to));
        format!(
            r#"{{"dataset":"forecasts_latest","columns":["p50"],"keys":["a"],"time":"{time}","from":"{from}","to":"{to}"}}"#
        )
    };
    for (time, from, to, found) in [
        ("target_time", 24, 26, vec![52.0, 53.0]),
        ("target_time", 35, 40, vec![63.0]),
        ("origin", 23, 24, (52..64).map(f64::from).collect()),
        ("origin", 24, 40, vec![]),
    ] {
        let batches = get(&service, &ticket(time, from, to)).await;
        let medians = batches
            .iter()
            .flat_map(|batch| batch["p50"].as_primitive::<Float64Type>().values().to_vec());
        assert_eq!(medians.collect::<Vec<_>>(), found, "{time} from {from} to {to}");
    }
    let refused = refusal(&service, &ticket("newest_window", 0, 24)).await;
    assert!(refused.contains("origin, target_time, issued_at"), "{refused}");
    let nobody = r#"{"dataset":"forecasts_latest","keys":["nobody"]}"#;
    assert!(get(&service, nobody).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_take_nothing_are_cut_off_and_make_room() {
    let keys: Vec<String> = (0..150_000).map(|key| format!("key-{key}")).collect();
    let windows: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), "north", 0, 0, Some(50.0)))
        .collect();
    let service = waiting(Some(batch(&windows))).await;
    let ticket = || Ticket::new("traffic_sensors_windows");
    // Each has a connection of its own, so that none stands in the way of another.
    let mut readers = Vec::new();
    for _ in 0..16 {
        let mut client = client(&service).await;
        let mut batches = client.do_get(ticket()).await.unwrap();
        batches.next().await.unwrap().unwrap();
        readers.push((client, batches));
    }
    // The next one waits for the first of them to be cut off.
    let narrow = r#"{"dataset":"traffic_sensors_windows","columns":["key"]}"#;
    assert_eq!(rows(&get(&service, narrow).await), 150_000);
    // At least the one that made room is told so, once it has read what was on its way.
    for (_, batches) in readers {
        if let Err(error) = batches.try_for_each(|_| std::future::ready(Ok(()))).await {
            assert!(error.to_string().contains("took nothing for 10s"), "{error}");
            return;
        }
    }
    panic!("all of them were answered to the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_beyond_the_places_are_all_served() {
    let service = ready(24).await;
    let readers = (0..48).map(|_| get(&service, "traffic_sensors_windows"));
    for batches in futures::future::join_all(readers).await {
        assert_eq!(rows(&batches), 48);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_read_while_live_state_is_made_and_the_newest_forecasts_are_not() {
    let service = waiting(Some(history(3))).await;
    assert_eq!(rows(&get(&service, "traffic_sensors_windows").await), 6);
    let mut client = client(&service).await;
    let refused = client.do_get(Ticket::new("forecasts_latest")).await.err().unwrap();
    assert!(
        matches!(&refused, FlightError::Tonic(status) if status.code() == Code::Unavailable),
        "{refused}"
    );
    // Its columns are told all the same.
    let path = FlightDescriptor::new_path(vec!["forecasts_latest".into()]);
    assert!(client.get_schema(path).await.is_ok());
    service.state.start().await.unwrap();
    assert!(client.do_get(Ticket::new("forecasts_latest")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_without_any_column_is_refused() {
    let service = ready(3).await;
    for dataset in ["traffic_sensors_windows", "forecast_errors"] {
        let ticket = format!(r#"{{"dataset":"{dataset}","columns":[],"dictionary":true}}"#);
        let refused = refusal(&service, &ticket).await;
        assert!(refused.contains("`columns` is `[]`, accepted: one column"), "{refused}");
    }
}
