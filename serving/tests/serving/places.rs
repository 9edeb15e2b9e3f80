//! Where keys are and which incidents are going on, live and after a restart.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::concat_batches;
use arterial_datasets::lake::{PartitionProgress, Progress, TableSpec, TopicPartition};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, HOUR, MINUTE, Timestamp};
use arterial_proto::v1;
use arterial_proto::v1::catalog_service_client::CatalogServiceClient;
use arterial_serving::live::{Incident, Place};

use crate::support::{START, Service, TOPIC, batch, waiting, window};

/// A window of the key `a`, by number and revision, with a road and a latitude.
fn placed(number: i64, revision: i32, road: Option<&str>, lat: Option<f64>) -> RecordBatch {
    placed_of("a", number, revision, road, lat)
}

/// The same of any key.
fn placed_of(key: &str, number: i64, revision: i32, road: Option<&str>, lat: Option<f64>) -> RecordBatch {
    let plain = batch(&[(key, "north", number, revision, Some(50.0))]);
    let schema = plain.schema();
    let columns = schema.fields().iter().zip(plain.columns()).map(|(field, column)| {
        let column: ArrayRef = match field.name().as_str() {
            "road_id_last" => Arc::new(StringArray::from(vec![road])),
            "road_name_last" => Arc::new(StringArray::from(vec![road.map(|road| format!("{road} street"))])),
            "lat_last" => Arc::new(Float64Array::from(vec![lat])),
            "lon_last" => Arc::new(Float64Array::from(vec![lat.map(|lat| lat - 46.0)])),
            _ => Arc::clone(column),
        };
        column
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

fn place_of(service: &Service, key: &str) -> Option<Place> {
    service.state.live.stream(TOPIC).unwrap().place(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_where_its_newest_window_says_also_after_a_restart() {
    let schema = placed(0, 0, None, None).schema();
    let history = [
        placed(1, 0, Some("R2"), Some(57.0)),
        placed(2, 0, None, None),
        placed(0, 0, Some("R1"), Some(56.0)),
    ];
    let service = waiting(Some(concat_batches(&schema, &history).unwrap())).await;
    service.state.start().await.unwrap();
    let place = place_of(&service, "a").unwrap();
    assert_eq!(
        (place.road_id.as_deref(), place.lat, place.lon),
        (Some("R2"), Some(57.0), Some(11.0))
    );
    assert_eq!(place_of(&service, "nobody"), None);

    service
        .state
        .take(TOPIC, &placed(3, 1, Some("R3"), Some(58.0)), window(4));
    service
        .state
        .take(TOPIC, &placed(3, 0, Some("R4"), Some(59.0)), window(4));
    let mut client = CatalogServiceClient::new(service.channel().await);
    let request = v1::ListKeysRequest {
        topic: TOPIC.into(),
        ..v1::ListKeysRequest::default()
    };
    let key = client.list_keys(request).await.unwrap().into_inner().keys.remove(0);
    assert_eq!(
        (
            key.road_id.as_str(),
            key.road_name.as_str(),
            key.lat,
            key.lon,
            key.zone_id.as_str()
        ),
        ("R3", "R3 street", Some(58.0), Some(12.0), "north")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_fell_silent_days_ago_is_still_where_it_was_after_a_restart() {
    const DAY_OF_WINDOWS: i64 = 288;
    let service = waiting(None).await;
    let catalog = StreamCatalog::built_in().unwrap();
    let stream = catalog.get(TOPIC).unwrap();
    let spec = TableSpec::new(stream.windows_table(), schema::windows(stream));
    let mut table = service.lake.table(&spec).await.unwrap();
    let windows = [
        placed_of("silent", 0, 0, Some("R1"), Some(56.0)),
        placed_of("silent", 1, 0, Some("R2"), Some(57.0)),
        placed_of("moved", 1, 0, Some("R3"), Some(58.0)),
        placed_of("moved", 3 * DAY_OF_WINDOWS, 0, Some("R4"), Some(59.0)),
    ];
    let known = PartitionProgress {
        next: 4,
        resume_from: 4,
        watermark: Some(window(3 * DAY_OF_WINDOWS + 1)),
        ..PartitionProgress::default()
    };
    let progress = Progress {
        partitions: [(TopicPartition::new(TOPIC, 0), known)].into(),
        ..Progress::default()
    };
    table.commit(&windows, &progress).await.unwrap();
    service.state.start().await.unwrap();
    let road = |key: &str| place_of(&service, key).unwrap().road_id.unwrap().to_string();
    assert_eq!((road("silent"), road("moved")), ("R2".into(), "R4".into()));
    let live = service.state.live.stream(TOPIC).unwrap();
    let speed = live.with(|state| {
        state
            .ring("speed_kmh")
            .unwrap()
            .at(window(1), state.position("moved").unwrap())
    });
    assert_eq!(speed, 50.0, "the older windows of a known key are read as well");
}

/// One archived event: identity, minute from [`START`], offset, status, estimated minutes.
type Event<'a> = (&'a str, i64, i64, &'a str, Option<f64>);

fn events(rows: &[Event<'_>]) -> RecordBatch {
    let catalog = StreamCatalog::built_in().unwrap();
    let schema = schema::events(catalog.get("incidents").unwrap());
    let times: Vec<i64> = rows.iter().map(|row| at(row.1).0).collect();
    let days = times.iter().map(|time| Some(time.div_euclid(DAY) as i32));
    let texts = |text: &str| Arc::new(StringArray::from(vec![text; rows.len()])) as ArrayRef;
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "incident_id" => Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()),
            "event_time" => Arc::new(TimestampMicrosecondArray::from(times.clone()).with_timezone("UTC")),
            "partition" => Arc::new(Int32Array::from(vec![0; rows.len()])),
            "offset" => Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int64Array>()),
            "status" => Arc::new(rows.iter().map(|row| Some(row.3)).collect::<StringArray>()),
            "estimated_duration_min" => Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
            "affected_lanes" => Arc::new(Int64Array::from(vec![2; rows.len()])),
            "lat" => Arc::new(Float64Array::from(vec![56.1; rows.len()])),
            "type" => texts("accident"),
            "key" | "zone_id" => texts("north"),
            "day" => Arc::new(days.clone().collect::<arrow::array::Date32Array>()),
            _ => new_null_array(field.data_type(), rows.len()),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp(START.0 + minute * MINUTE)
}

async fn archive(service: &Service, rows: &[Event<'_>]) {
    let catalog = StreamCatalog::built_in().unwrap();
    let stream = catalog.get("incidents").unwrap();
    let spec = TableSpec::new(stream.events_table(), schema::events(stream));
    let mut table = service.lake.table(&spec).await.unwrap();
    table.append(&[events(rows)]).await.unwrap();
}

fn active(service: &Service, minute: i64) -> Vec<String> {
    let active = service.state.live.incidents().active(at(minute));
    active.into_iter().map(|incident| incident.incident_id).collect()
}

const STORY: [Event<'static>; 6] = [
    ("crash", 10, 0, "active", Some(30.0)),
    ("works", 0, 1, "active", Some(600.0)),
    ("crash", 15, 2, "active", Some(45.0)),
    ("crash", 15, 3, "active", Some(99.0)),
    ("crash", 20, 4, "resolved", Some(45.0)),
    ("fog", 20, 5, "active", None),
];

fn tells_the_story(service: &Service) {
    assert_eq!(active(service, 5), ["works"]);
    assert_eq!(active(service, 15), ["crash", "works"]);
    assert_eq!(
        active(service, 20),
        ["fog", "works"],
        "the crash is over, and was told to be"
    );
    assert_eq!(active(service, 20 + 61), ["works"], "nobody tells of the fog any more");
    assert_eq!(active(service, 601), [""; 0], "nor of the works, which should be over");
    let crash = service.state.live.incidents().get("crash").unwrap();
    assert_eq!(
        (crash.reported_at, crash.updated_at, crash.active_until),
        (at(10), at(20), at(15))
    );
    assert_eq!(
        (crash.kind.as_str(), crash.zone_id.as_deref(), crash.lat),
        ("accident", Some("north"), Some(56.1))
    );
    assert_eq!(
        (crash.affected_lanes, crash.severity.as_str(), crash.lon),
        (Some(2), "", None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_those_of_the_archive_whatever_the_order_and_however_often() {
    let service = waiting(None).await;
    archive(&service, &STORY).await;
    service.state.start().await.unwrap();
    tells_the_story(&service);

    let live = waiting(None).await;
    live.state.start().await.unwrap();
    let mut backwards = STORY;
    backwards.reverse();
    live.state
        .take_events("incidents", &[events(&backwards), events(&STORY)]);
    tells_the_story(&live);
    live.state
        .take_events("traffic-sensors", &[events(&[("other", 0, 9, "active", None)])]);
    assert_eq!(
        live.state.live.incidents().get("other"),
        None,
        "another stream tells of no incident"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_that_another_instance_archives_are_known_at_the_next_look() {
    let service = waiting(None).await;
    archive(&service, &STORY[..2]).await;
    service.state.start().await.unwrap();
    archive(&service, &STORY[2..]).await;
    service.state.look_at_others().await.unwrap();
    tells_the_story(&service);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_events_at_one_time_the_first_in_the_log_counts() {
    let service = waiting(None).await;
    let first = ("crash", 15, 2, "active", Some(45.0));
    let repeat = ("crash", 15, 3, "active", Some(99.0));
    service
        .state
        .take_events("incidents", &[events(&[repeat]), events(&[first])]);
    let incident: Incident = service.state.live.incidents().get("crash").unwrap();
    assert_eq!(incident.estimated_duration_min, Some(45.0));
    assert_eq!(incident.lapses_at(), Timestamp(at(15).0 + HOUR));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_archive_lets_go_of_is_forgotten() {
    let service = waiting(None).await;
    let week = 7 * 24 * 60;
    service.state.take_events(
        "incidents",
        &[events(&[
            ("old", 0, 0, "active", None),
            ("new", week + 1, 1, "active", None),
        ])],
    );
    assert_eq!(service.state.live.incidents().len(), 1);
}
