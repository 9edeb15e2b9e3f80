//! Alerts as clients see them: from closed windows over restarts to whoever should know.

mod choking;
mod clients;
mod faults;
mod pages;
mod receivers;
mod sharing;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arterial_datasets::time::{HOUR, MINUTE};
use arterial_proto::v1;
use arterial_proto::v1::alert_service_client::AlertServiceClient;
use arterial_serving::alerts::{AlertRevision, AlertSink, AlertsConfig, Undelivered};
use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::transport::Channel;

use crate::support::watched::{PAST, noise, until_looked_at};
use crate::support::{Order, Service, TOPIC, WindowRow, batch, eventually, target, window, write};
use crate::town;

/// After so many usual windows every event is over.
const CALM: i64 = 48;
/// The speeds of a usual window, apart from chance.
const USUAL: [f64; 2] = [50.0, 80.0];

fn rows(number: i64, speeds: [f64; 2]) -> Vec<WindowRow<'static>> {
    let speed = |at: usize| Some(speeds[at] + noise(number + at as i64 * 37));
    vec![("a", "north", number, 0, speed(0)), ("b", "south", number, 0, speed(1))]
}

fn past() -> RecordBatch {
    let rows: Vec<WindowRow<'_>> = (0..PAST).flat_map(|number| rows(number, USUAL)).collect();
    batch(&rows)
}

/// A service that watches the speed of two sensors.
fn watching(order: Order) -> impl Future<Output = Service> {
    let order = Order {
        alerts: AlertsConfig {
            watch: vec![target()],
            ..order.alerts
        },
        ..order
    };
    order.start(Arc::default(), PAST)
}

/// The same over the past, which it has looked at.
async fn over_past(order: Order) -> Service {
    let history = Some(past());
    let service = watching(Order { history, ..order }).await;
    until_looked_at(&service, PAST - 1).await;
    service
}

fn started() -> impl Future<Output = Service> {
    over_past(Order::default())
}

/// An order of a service that tells `sink`.
fn telling(sink: &Arc<Memory>) -> Order {
    Order {
        alert_sinks: vec![Arc::clone(sink) as Arc<dyn AlertSink>],
        ..Order::default()
    }
}

/// A service over the past that tells `sink`, of whose place the lake knows.
async fn started_telling(sink: &Arc<Memory>) -> Service {
    let service = over_past(telling(sink)).await;
    until_placed(&service, "memory").await;
    service
}

/// One more service on the lake of `service`: beside it, or after its end.
fn another(service: &Service, order: Order) -> impl Future<Output = Service> {
    let folder = Some(Arc::clone(&service.folder));
    watching(Order { folder, ..order })
}

/// Closes one more window in lake and live state, and waits until it was looked at.
async fn close(service: &Service, number: i64, speeds: [f64; 2]) {
    commit(service, number, speeds).await;
    until_looked_at(service, number).await;
}

/// Closes one more window.
async fn commit(service: &Service, number: i64, speeds: [f64; 2]) {
    service.commit(batch(&rows(number, speeds)), number + 1).await;
}

/// Waits until the lake knows where the sink called `name` stands.
async fn until_placed(service: &Service, name: &str) {
    eventually("the sink's place is noted", async || {
        place_of(service, name).await.is_some()
    })
    .await;
}

/// The sequence of the next revision for the sink called `name`, as the lake knows it.
async fn place_of(service: &Service, name: &str) -> Option<i64> {
    let table = service.lake.existing("alert_deliveries").await.unwrap()?;
    let mut places = table.progress().partitions.iter();
    let (_, known) = places.find(|(place, known)| place.topic == name && known.has_read())?;
    Some(known.next)
}

/// Four windows in which sensor `a` stands still.
async fn jam(service: &Service, from: i64) -> i64 {
    for number in from..from + 4 {
        close(service, number, [3.0, USUAL[1]]).await;
    }
    from + 4
}

async fn calm(service: &Service, from: i64, windows: i64) -> i64 {
    for number in from..from + windows {
        close(service, number, USUAL).await;
    }
    from + windows
}

async fn client(service: &Service) -> AlertServiceClient<Channel> {
    AlertServiceClient::new(service.channel().await)
}

async fn list(service: &Service) -> Vec<v1::Alert> {
    let request = v1::ListAlertsRequest::default();
    client(service)
        .await
        .list_alerts(request)
        .await
        .unwrap()
        .into_inner()
        .alerts
}

/// Every revision that the table holds: sequence, id, revision, state.
async fn stored(service: &Service) -> Vec<(i64, String, i32, String)> {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int32Type, Int64Type};
    let Some(table) = service.lake.existing("alerts").await.unwrap() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for batch in table.scan(&arterial_datasets::lake::Scan::default()).await.unwrap() {
        let column = |name: &str| Arc::clone(batch.column_by_name(name).unwrap());
        let (sequence, id) = (column("sequence"), column("alert_id"));
        let (revision, state) = (column("revision"), column("state"));
        for row in 0..batch.num_rows() {
            found.push((
                sequence.as_primitive::<Int64Type>().value(row),
                id.as_string::<i32>().value(row).to_owned(),
                revision.as_primitive::<Int32Type>().value(row),
                state.as_string::<i32>().value(row).to_owned(),
            ));
        }
    }
    found.sort();
    found
}

/// Makes every file of rows in a table's folder one that cannot be read.
fn spoil(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            spoil(&path);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            std::fs::write(&path, "spoilt").unwrap();
        }
    }
}

/// The sequence of every revision that the table holds.
async fn sequences(service: &Service) -> Vec<u64> {
    let revisions = stored(service).await;
    revisions.iter().map(|revision| revision.0 as u64).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jam_is_one_alert_from_its_first_window_to_its_end() {
    let service = started().await;
    assert_eq!(list(&service).await, [], "nothing of the past is news");
    let next = jam(&service, PAST).await;
    let alerts = list(&service).await;
    let [alert] = alerts.as_slice() else {
        panic!("{alerts:?}")
    };
    assert_eq!(
        (alert.topic.as_str(), alert.key.as_str(), alert.zone_id.as_str()),
        (TOPIC, "a", "north")
    );
    assert!(
        alert.since >= window(PAST).0 && alert.since < window(next).0,
        "{alert:?}"
    );
    assert!(alert.peak_score >= 1.0 && alert.seen < alert.expected_low, "{alert:?}");
    assert_eq!(alert.unit, "km/h");
    assert!(!alert.text.is_empty());
    let last = alert.history.last().unwrap();
    assert_eq!(last.window_start, window(next - 1).0);
    assert!(last.value < Some(5.0) && last.expected_low > Some(45.0), "{last:?}");

    calm(&service, next, CALM).await;
    let alerts = list(&service).await;
    let [over] = alerts.as_slice() else {
        panic!("{alerts:?}")
    };
    assert_eq!((over.state.as_str(), &over.alert_id), ("resolved", &alert.alert_id));
    assert!(over.closed_at.is_some() && over.revision > alert.revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_repeats_nothing_and_loses_nothing() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let before = list(&service).await;
    // The process ends; the pipeline of another one goes on.
    service.state.stop().await;
    for number in next..next + 3 {
        write(&service.lake, batch(&rows(number, [3.0, 4.0]))).await;
    }
    let next = next + 3;
    let again = another(&service, Order::default()).await;
    until_looked_at(&again, next - 1).await;
    let alerts = list(&again).await;
    let of = |key: &str| alerts.iter().filter(|alert| alert.key == key).collect::<Vec<_>>();
    assert_eq!(of("a").len(), 1, "one event, one alert: {alerts:?}");
    assert_eq!(
        (&of("a")[0].alert_id, of("a")[0].since),
        (&before[0].alert_id, before[0].since)
    );
    assert_eq!(of("b").len(), 1, "what happened meanwhile is found: {alerts:?}");
    calm(&again, next, CALM).await;
    assert!(list(&again).await.iter().all(|alert| alert.state == "resolved"));
    let mut seen = std::collections::BTreeSet::new();
    for (at, (sequence, id, revision, _)) in stored(&again).await.into_iter().enumerate() {
        assert_eq!(sequence, at as i64 + 1, "no number is missing or twice");
        assert!(seen.insert((id, revision)), "no revision is there twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_was_looked_at_is_not_looked_at_again_after_a_restart() {
    let service = started().await;
    let next = calm(&service, PAST, 2).await;
    service.state.stop().await;
    let version = service.lake.existing("alerts").await.unwrap().unwrap();
    let again = another(&service, Order::default()).await;
    until_looked_at(&again, next - 1).await;
    close(&again, next, USUAL).await;
    let mut table = version.clone();
    table.refresh().await.unwrap();
    // The watch taken over, its place, and the one window.
    assert!(
        table.version() - version.version() <= 3,
        "{} {}",
        table.version(),
        version.version()
    );
    assert_eq!(list(&again).await, []);
}

/// A sink that remembers what it was given.
#[derive(Default)]
struct Memory {
    given: Mutex<Vec<(u64, String, u32)>>,
    /// How often it was given something, taken or not.
    tries: AtomicUsize,
    down: AtomicBool,
    refuses: AtomicBool,
    /// Whether it is told how things stand, rather than all that happened.
    of_states: bool,
}

impl AlertSink for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn wants(&self, _: &AlertRevision) -> bool {
        true
    }

    fn deliver<'a>(&'a self, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            self.tries.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Err(Undelivered::later("down"));
            }
            if self.refuses.load(Ordering::SeqCst) {
                return Err(Undelivered::never("not with me"));
            }
            let alert = &revision.alert;
            let told = (revision.sequence, alert.alert_id.clone(), alert.revision);
            self.given.lock().unwrap().push(told);
            Ok(())
        }
        .boxed()
    }

    fn keeps_history(&self) -> bool {
        !self.of_states
    }
}

impl Memory {
    fn sequences(&self) -> Vec<u64> {
        self.given
            .lock()
            .unwrap()
            .iter()
            .map(|(sequence, ..)| *sequence)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_says_where_it_is_and_what_was_reported_of_its_cause() {
    let service = town::town().await;
    town::jam(&service, PAST).await;
    let alerts = list(&service).await;
    let is_crash = |alert: &&v1::Alert| alert.cause.as_ref().is_some_and(|cause| cause.kind == "accident");
    let alert = alerts.iter().find(is_crash).unwrap();
    assert_eq!(alert.road, "High street");
    assert_eq!(alert.lat, Some(50.0), "{alert:?}");
    assert!(alert.lon.is_some_and(|lon| (10.0..=10.03).contains(&lon)), "{alert:?}");
    assert!(!alert.learning, "it knows two days");
    let cause = alert.cause.as_ref().unwrap();
    assert_eq!((cause.kind.as_str(), cause.reference.as_str()), ("accident", "INC-7"));
    let incident = cause.incident.as_ref().unwrap();
    assert_eq!(
        (incident.incident_id.as_str(), incident.r#type.as_str()),
        ("INC-7", "accident")
    );
    assert_eq!(
        (incident.road.as_str(), incident.zone_id.as_str(), incident.active),
        ("High street", "west", true)
    );
    assert_eq!(incident.reported_at, window(PAST).0 + MINUTE);
    assert_eq!(incident.expected_end, incident.reported_at + HOUR);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_strangest_window_stands_beside_what_the_alert_says_was_expected_of_it() {
    let service = started().await;
    jam(&service, PAST).await;
    let alert = list(&service).await.remove(0);
    let strangest = alert.history.iter().find(|seen| seen.window_start == alert.peak_at);
    let seen = strangest.unwrap();
    assert!(seen.expected_low.is_some(), "{alert:?}");
    assert_eq!(
        (seen.expected_low, seen.expected_high),
        (alert.expected_low, alert.expected_high)
    );
}
