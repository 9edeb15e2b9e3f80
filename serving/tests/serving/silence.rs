//! Sensors and feeds that fall silent.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::lake::TableSpec;
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_models::alerts::AlertSettings;
use arterial_models::registry::Target;
use arterial_proto::v1;
use arterial_proto::v1::alert_service_client::AlertServiceClient;
use arterial_serving::alerts::AlertsConfig;

use crate::support::watched::{PAST, noise, until_looked_at};
use crate::support::{Order, Service, TOPIC, WindowRow, batch, batch_of, eventually, target, window};

/// Windows that are closed at a time.
const CHUNK: i64 = 26;
/// Sensors in zones of their own.
const SENSORS: [(&str, &str); 3] = [("a", "north"), ("b", "south"), ("c", "west")];
const OTHER: &str = "parking";
/// A stream that no rule of silence speaks of.
const LINES: &str = "public-transport";
/// What silence of all, and of one, is told as.
const OUTAGE: &str = "data_quality";
const FAULT: &str = "sensor_fault";

/// Usual windows of the last sensors but so many.
fn traffic(windows: Range<i64>, silent: usize) -> RecordBatch {
    let row = |number: i64, at: usize| -> WindowRow<'static> {
        let (key, zone) = SENSORS[at];
        (key, zone, number, 0, Some(50.0 + noise(number + at as i64 * 37)))
    };
    let rows: Vec<WindowRow<'_>> = windows
        .flat_map(|number| (silent..SENSORS.len()).map(move |at| (number, at)))
        .map(|(number, at)| row(number, at))
        .collect();
    batch(&rows)
}

/// A service that watches these numbers, its clock at the end of window `last`.
async fn watching(order: Order, watch: Vec<Target>, last: i64) -> Service {
    let settings = AlertSettings {
        citywide_keys: SENSORS.len(),
        ..AlertSettings::default()
    };
    let order = Order {
        alerts: AlertsConfig {
            watch,
            settings,
            ..AlertsConfig::default()
        },
        ..order
    };
    order.start(Arc::default(), last + 1).await
}

fn with_past() -> Order {
    Order {
        history: Some(traffic(0..PAST, 0)),
        ..Order::default()
    }
}

/// Closes windows of traffic, without the first so many sensors.
async fn close_traffic(service: &Service, windows: Range<i64>, silent: usize) {
    let end = windows.end;
    service.commit(traffic(windows, silent), end).await;
}

/// Closes a window of the car park.
fn close_parking(service: &Service, number: i64) {
    service.clock.set(window(number + 1));
    let closed = batch_of(
        OTHER,
        "occupied_spaces_mean",
        &[("P-1", "north", number, 0, Some(10.0))],
    );
    service.state.take(OTHER, &closed, window(number + 1));
}

/// Closes windows of three lines in lake and live state.
async fn close_lines(service: &Service, windows: Range<i64>) {
    let end = windows.end;
    service.clock.set(window(end));
    let row = |line: &'static str, number: i64| -> WindowRow<'static> {
        (line, "north", number, 0, Some(2.0 + noise(number)))
    };
    let rows: Vec<WindowRow<'_>> = windows
        .flat_map(|number| ["L-1", "L-2", "L-3"].map(|line| row(line, number)))
        .collect();
    let closed = batch_of(LINES, "delay_minutes_mean", &rows);
    let catalog = StreamCatalog::built_in().unwrap();
    let stream = catalog.get(LINES).unwrap();
    let spec = TableSpec::new(stream.windows_table(), schema::windows(stream));
    let mut table = service.lake.table(&spec).await.unwrap();
    table.append(std::slice::from_ref(&closed)).await.unwrap();
    service.state.take(LINES, &closed, window(end));
}

async fn of_kind(service: &Service, kind: &str) -> Vec<v1::Alert> {
    let mut client = AlertServiceClient::new(service.channel().await);
    let request = v1::ListAlertsRequest::default();
    let mut alerts = client.list_alerts(request).await.unwrap().into_inner().alerts;
    alerts.retain(|alert| alert.kind == kind);
    alerts
}

/// The only alert of that kind.
async fn only(service: &Service, kind: &str) -> v1::Alert {
    let mut alerts = of_kind(service, kind).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    alerts.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_stops_while_another_goes_on_is_one_outage_until_it_is_back() {
    let parking = Target {
        topic: OTHER.into(),
        field: "occupied_spaces".into(),
    };
    let service = watching(with_past(), vec![target(), parking], PAST - 1).await;
    close_parking(&service, PAST - 1);
    until_looked_at(&service, PAST - 1).await;
    let mut next = PAST;
    while next < PAST + 2 {
        close_traffic(&service, next..next + 1, 0).await;
        close_parking(&service, next);
        until_looked_at(&service, next).await;
        next += 1;
    }
    // Half an hour later the feed may still be late.
    while next < PAST + 8 {
        close_parking(&service, next);
        next += 1;
    }
    eventually("the car park's windows were looked at", async || {
        let watched = service.state.alerts.watched();
        watched.iter().any(|one| one.next == Some(window(next)))
    })
    .await;
    assert_eq!(of_kind(&service, OUTAGE).await, []);
    while next < PAST + 20 {
        close_parking(&service, next);
        next += 1;
    }
    eventually("the outage is told of", async || {
        !of_kind(&service, OUTAGE).await.is_empty()
    })
    .await;
    let outage = only(&service, OUTAGE).await;
    assert_eq!((outage.topic.as_str(), outage.keys.len()), (TOPIC, SENSORS.len()));
    assert_eq!(of_kind(&service, FAULT).await, []);
    close_traffic(&service, next..next + CHUNK, 0).await;
    for number in next..next + CHUNK {
        close_parking(&service, number);
    }
    until_looked_at(&service, next + CHUNK - 1).await;
    let over = only(&service, OUTAGE).await;
    assert_eq!((over.state.as_str(), over.alert_id), ("resolved", outage.alert_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensor_that_is_silent_for_more_than_a_day_is_still_silent_after_a_restart() {
    let service = watching(with_past(), vec![target()], PAST - 1).await;
    until_looked_at(&service, PAST - 1).await;
    let mut next = PAST;
    while next < PAST + 12 * CHUNK {
        close_traffic(&service, next..next + CHUNK, 1).await;
        next += CHUNK;
        until_looked_at(&service, next - 1).await;
    }
    let silent = only(&service, FAULT).await;
    assert_eq!((silent.key.as_str(), silent.state.as_str()), ("a", "open"));
    service.state.stop().await;
    let order = Order {
        folder: Some(Arc::clone(&service.folder)),
        ..Order::default()
    };
    let again = watching(order, vec![target()], next - 1).await;
    until_looked_at(&again, next - 1).await;
    // More than two hours, after which an alert of which nothing is heard is over.
    close_traffic(&again, next..next + CHUNK, 1).await;
    until_looked_at(&again, next + CHUNK - 1).await;
    let still = only(&again, FAULT).await;
    assert_eq!((still.alert_id, still.state.as_str()), (silent.alert_id, "open"));
    close_traffic(&again, next + CHUNK..next + 2 * CHUNK, 0).await;
    until_looked_at(&again, next + 2 * CHUNK - 1).await;
    assert_eq!(only(&again, FAULT).await.state, "resolved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_without_a_rule_of_silence_that_stops_where_it_ran_a_day_ago_is_one_outage() {
    let delays = Target {
        topic: LINES.into(),
        field: "delay_minutes".into(),
    };
    let service = watching(with_past(), vec![target(), delays], PAST - 1).await;
    close_lines(&service, 0..PAST).await;
    until_looked_at(&service, PAST - 1).await;
    let mut next = PAST;
    while next < PAST + 20 {
        close_traffic(&service, next..next + 1, 0).await;
        next += 1;
    }
    eventually("the outage is told of", async || {
        !of_kind(&service, OUTAGE).await.is_empty()
    })
    .await;
    let outage = only(&service, OUTAGE).await;
    assert_eq!((outage.topic.as_str(), outage.keys.len()), (LINES, 3));
    assert_eq!(of_kind(&service, FAULT).await, []);
    close_lines(&service, next..next + CHUNK).await;
    close_traffic(&service, next..next + CHUNK, 0).await;
    until_looked_at(&service, next + CHUNK - 1).await;
    let over = only(&service, OUTAGE).await;
    assert_eq!((over.state.as_str(), over.alert_id), ("resolved", outage.alert_id));
}
