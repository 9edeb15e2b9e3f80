//! Alerts as clients see them: from closed windows over restarts to whoever should know.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Fault, Point, Step, When};
use arterial_datasets::time::SystemClock;
use arterial_models::alerts::{AlertSettings, QuietHours, Severity, Suppression};
use arterial_proto::v1;
use arterial_proto::v1::alert_service_client::AlertServiceClient;
use arterial_serving::alerts::{AlertRevision, AlertSink, AlertsConfig, Undelivered};
use arterial_serving::sinks::alerts::config::{SinkSettings, Surroundings};
use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::Code;
use tonic::transport::Channel;

mod sharing;

use crate::receiver::Receiver;
use crate::support::{FakeModels, Order, Service, TOPIC, WindowRow, batch, eventually, target, window, write};

/// Windows before the first live one: two days and a bit, so that what is usual is known.
const PAST: i64 = 2 * 288 + 100;
/// After so many usual windows every event is over.
const CALM: i64 = 48;
/// The speeds of a usual window, apart from chance.
const USUAL: [f64; 2] = [50.0, 80.0];

/// A number between -1 and 1 that looks like chance.
fn noise(number: i64) -> f64 {
    ((number * 7919).rem_euclid(101) as f64 - 50.0) / 50.0
}

fn rows(number: i64, speeds: [f64; 2]) -> Vec<WindowRow<'static>> {
    let speed = |at: usize| Some(speeds[at] + noise(number + at as i64 * 37));
    vec![("a", "north", number, 0, speed(0)), ("b", "south", number, 0, speed(1))]
}

fn past() -> RecordBatch {
    let rows: Vec<WindowRow<'_>> = (0..PAST).flat_map(|number| rows(number, USUAL)).collect();
    batch(&rows)
}

/// A service that watches the speed of two sensors.
async fn watching(order: Order) -> Service {
    let order = Order {
        alerts: AlertsConfig {
            watch: vec![target()],
            ..order.alerts
        },
        ..order
    };
    let models = Arc::new(FakeModels::default());
    let source = Arc::clone(&models);
    let service = order.launch(models, source).await;
    service.clock.set(window(PAST));
    service.state.start().await.unwrap();
    service
}

async fn started() -> Service {
    let order = Order {
        history: Some(past()),
        ..Order::default()
    };
    let service = watching(order).await;
    until_looked_at(&service, PAST - 1).await;
    service
}

/// Closes one more window in lake and live state, and waits until it was looked at.
async fn close(service: &Service, number: i64, speeds: [f64; 2]) {
    commit(service, number, speeds).await;
    until_looked_at(service, number).await;
}

/// Closes one more window.
async fn commit(service: &Service, number: i64, speeds: [f64; 2]) {
    service.clock.set(window(number + 1));
    let windows = batch(&rows(number, speeds));
    write(&service.lake, windows.clone()).await;
    service.state.take(TOPIC, &windows, window(number + 1));
}

async fn until_looked_at(service: &Service, number: i64) {
    let looked_at = || {
        service
            .state
            .alerts
            .watched()
            .iter()
            .all(|one| one.next > Some(window(number)))
    };
    eventually("the window was looked at", async || {
        !service.state.alerts.watched().is_empty() && looked_at()
    })
    .await;
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
    let again = watching(Order {
        folder: Some(Arc::clone(&service.folder)),
        ..Order::default()
    })
    .await;
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
    let again = watching(Order {
        folder: Some(Arc::clone(&service.folder)),
        ..Order::default()
    })
    .await;
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

/// Makes steps on the table `alerts` fail while it is switched on.
#[derive(Default)]
struct Trouble {
    on: AtomicBool,
    /// Fails so many times after the commit exists, so that the answer is lost.
    lost: AtomicUsize,
}

impl Fault for Trouble {
    fn at(&self, point: Point<'_>) -> io::Result<()> {
        if point.path != "alerts" && !point.path.starts_with("alerts/") {
            return Ok(());
        }
        let take = |left: usize| left.checked_sub(1);
        let lost = || self.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        if point.step == Step::Reply && point.when == When::After && lost() {
            return Err(io::Error::other("the answer was lost"));
        }
        if point.step == Step::LogEntry && point.when == When::Before && self.on.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is away"));
        }
        Ok(())
    }
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
async fn a_commit_whose_answer_was_lost_is_neither_repeated_nor_left_untold() {
    let (trouble, sink) = (Arc::new(Trouble::default()), Arc::new(Memory::default()));
    let service = watching(Order {
        history: Some(past()),
        fault: Some(Arc::clone(&trouble) as Arc<dyn Fault>),
        alert_sinks: vec![Arc::clone(&sink) as Arc<dyn AlertSink>],
        ..Order::default()
    })
    .await;
    until_looked_at(&service, PAST - 1).await;
    close(&service, PAST, USUAL).await;
    trouble.lost.store(1, Ordering::SeqCst);
    let next = jam(&service, PAST + 1).await;
    calm(&service, next, CALM).await;
    assert_eq!(trouble.lost.load(Ordering::SeqCst), 0);
    let alerts = list(&service).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let rows = stored(&service).await;
    eventually("the sink has every revision, in order and once", async || {
        sink.sequences() == rows.iter().map(|row| row.0 as u64).collect::<Vec<_>>()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_that_fails_is_reported_and_the_watch_goes_on_where_it_was() {
    let trouble = Arc::new(Trouble::default());
    let service = watching(Order {
        history: Some(past()),
        fault: Some(Arc::clone(&trouble) as Arc<dyn Fault>),
        ..Order::default()
    })
    .await;
    until_looked_at(&service, PAST - 1).await;
    trouble.on.store(true, Ordering::SeqCst);
    for number in PAST..PAST + 4 {
        commit(&service, number, [3.0, USUAL[1]]).await;
    }
    let reported = || {
        service
            .state
            .readiness
            .reasons()
            .values()
            .any(|text| text.contains("the disk is away"))
    };
    eventually("the failure is reported", async || reported()).await;
    assert_eq!(list(&service).await, [], "what is not in the lake is told to nobody");
    trouble.on.store(false, Ordering::SeqCst);
    until_looked_at(&service, PAST + 3).await;
    assert_eq!(list(&service).await.len(), 1);
    assert!(!reported());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_is_down_holds_up_nobody_and_misses_nothing_over_a_restart() {
    let sink = Arc::new(Memory::default());
    sink.down.store(true, Ordering::SeqCst);
    let order = || Order {
        alert_sinks: vec![Arc::clone(&sink) as Arc<dyn AlertSink>],
        ..Order::default()
    };
    let service = watching(Order {
        history: Some(past()),
        ..order()
    })
    .await;
    until_looked_at(&service, PAST - 1).await;
    until_placed(&service, "memory").await;
    let next = jam(&service, PAST).await;
    let next = calm(&service, next, CALM).await;
    assert_eq!(list(&service).await[0].state, "resolved");
    assert_eq!(sink.sequences(), [0; 0]);
    service.state.stop().await;
    sink.down.store(false, Ordering::SeqCst);
    let again = watching(Order {
        folder: Some(Arc::clone(&service.folder)),
        ..order()
    })
    .await;
    until_looked_at(&again, next - 1).await;
    let rows: Vec<u64> = stored(&again).await.iter().map(|row| row.0 as u64).collect();
    assert!(rows.len() > 1);
    eventually("the sink has what it missed", async || sink.sequences() == rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_of_states_hears_after_an_outage_how_things_stand() {
    let sink = Arc::new(Memory {
        of_states: true,
        ..Memory::default()
    });
    sink.down.store(true, Ordering::SeqCst);
    let order = || Order {
        alert_sinks: vec![Arc::clone(&sink) as Arc<dyn AlertSink>],
        ..Order::default()
    };
    let service = watching(Order {
        history: Some(past()),
        ..order()
    })
    .await;
    until_looked_at(&service, PAST - 1).await;
    until_placed(&service, "memory").await;
    let next = jam(&service, PAST).await;
    let next = calm(&service, next, CALM).await;
    // One event is over by now, and another one goes on.
    for number in next..next + 4 {
        close(&service, number, [USUAL[0], 3.0]).await;
    }
    service.state.stop().await;
    sink.down.store(false, Ordering::SeqCst);
    let again = watching(Order {
        folder: Some(Arc::clone(&service.folder)),
        ..order()
    })
    .await;
    until_looked_at(&again, next + 3).await;
    let mut newest: Vec<u64> = list(&again).await.iter().map(|alert| alert.sequence).collect();
    newest.sort_unstable();
    assert_eq!(newest.len(), 2);
    assert!(stored(&again).await.len() > newest.len());
    eventually("it has the newest revision of each alert, and no other", async || {
        sink.sequences() == newest
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_refuses_is_a_dead_letter_until_it_is_sent_again() {
    let sink = Arc::new(Memory::default());
    sink.refuses.store(true, Ordering::SeqCst);
    let service = watching(Order {
        history: Some(past()),
        alert_sinks: vec![Arc::clone(&sink) as Arc<dyn AlertSink>],
        ..Order::default()
    })
    .await;
    until_looked_at(&service, PAST - 1).await;
    until_placed(&service, "memory").await;
    jam(&service, PAST).await;
    let waiting = async || {
        let request = v1::ListDeadLettersRequest::default();
        let answer = client(&service).await.list_dead_letters(request).await.unwrap();
        answer.into_inner().letters
    };
    let rows: Vec<u64> = stored(&service).await.iter().map(|row| row.0 as u64).collect();
    eventually("all is refused", async || waiting().await.len() == rows.len()).await;
    assert_eq!(waiting().await[0].reason, "not with me");
    let metric = format!("arterial_alert_dead_letters{{sink=\"memory\"}} {}", rows.len());
    assert!(service.state.metrics.render().contains(&metric));

    sink.refuses.store(false, Ordering::SeqCst);
    let retry = async |sinks: &[&str]| {
        let sinks = sinks.iter().map(ToString::to_string).collect();
        let answer = client(&service)
            .await
            .retry_dead_letters(v1::RetryDeadLettersRequest { sinks })
            .await;
        answer.map(|answer| (answer.get_ref().sent, answer.get_ref().left.len()))
    };
    assert_eq!(retry(&["nobody"]).await.unwrap_err().code(), Code::NotFound);
    // Two who ask at once have each letter sent once.
    let (one, other) = tokio::join!(retry(&["memory"]), retry(&["memory"]));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.0 + other.0, one.1, other.1), (rows.len() as u64, 0, 0));
    assert_eq!(sink.sequences(), rows);
    assert_eq!(waiting().await, []);
}

/// A chat that is told of changes, at an address that keeps what it gets.
fn chat(receiver: &Receiver, settings: &AlertSettings) -> Arc<dyn AlertSink> {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "123456:hush-hush").unwrap();
    let text = format!(
        "kind = \"telegram\"\nurl = \"{}\"\ntoken_file = \"{}\"\nchat = \"-100\"",
        receiver.url,
        token.path().display()
    );
    let around = Surroundings {
        alerts: settings,
        site: "aarhus",
        clock: Arc::new(SystemClock),
        writer: None,
    };
    toml::from_str::<SinkSettings>(&text)
        .unwrap()
        .build("chat", &around)
        .unwrap()
}

/// The marks of the messages that came.
fn marks(receiver: &Receiver) -> String {
    let mark = |one: &crate::receiver::Received| one.json()["text"].as_str().unwrap().chars().next().unwrap();
    receiver.got().iter().map(mark).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_told_of_an_alert_hears_of_its_end_in_quiet_hours_and_after_a_restart() {
    let receiver = Receiver::willing().await;
    let opens = window(PAST);
    let minute = |window: i64| ((opens.0 / 60_000_000 + window * 5) % 1440) as u32;
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let settings = AlertSettings {
        quiet_hours: Some(QuietHours {
            from: clock(minute(6)),
            until: clock(minute(200)),
            except: Severity::Critical,
        }),
        ..AlertSettings::default()
    };
    let order = || Order {
        alerts: AlertsConfig {
            settings: settings.clone(),
            ..AlertsConfig::default()
        },
        alert_sinks: vec![chat(&receiver, &settings)],
        ..Order::default()
    };
    let service = watching(Order {
        history: Some(past()),
        ..order()
    })
    .await;
    until_looked_at(&service, PAST - 1).await;
    until_placed(&service, "chat").await;
    let next = jam(&service, PAST).await;
    eventually("it was told", async || !receiver.got().is_empty()).await;
    // The quiet hours begin while it goes on, and the process ends.
    for number in next..next + 4 {
        close(&service, number, [3.0, USUAL[1]]).await;
    }
    assert_eq!(list(&service).await[0].held_back_by, "quiet hours");
    service.state.stop().await;
    let told = marks(&receiver);
    let again = watching(Order {
        folder: Some(Arc::clone(&service.folder)),
        ..order()
    })
    .await;
    // Another event begins in quiet hours and ends in them.
    for number in next + 4..next + 8 {
        close(&again, number, [USUAL[0], 3.0]).await;
    }
    calm(&again, next + 8, CALM).await;
    let alerts = list(&again).await;
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert!(alerts.iter().all(|alert| alert.state == "resolved"), "{alerts:?}");
    eventually("the end was told", async || receiver.got().len() > told.chars().count()).await;
    assert_eq!(marks(&receiver), format!("{told}✅"), "and nothing else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppressions_that_are_read_again_hold_from_the_next_window_on() {
    let service = started().await;
    let mut next = jam(&service, PAST).await;
    for (suppressions, held_back_by) in [(vec![marathon()], "marathon"), (Vec::new(), "")] {
        assert_ne!(list(&service).await[0].held_back_by, held_back_by);
        service.state.alerts.suppress(suppressions);
        close(&service, next, [3.0, USUAL[1]]).await;
        next += 1;
        assert_eq!(list(&service).await[0].held_back_by, held_back_by);
    }
}

fn marathon() -> Suppression {
    Suppression {
        name: "marathon".into(),
        kinds: Vec::new(),
        zones: Vec::new(),
        keys: Vec::new(),
        from: window(0),
        until: window(PAST + 1000),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_is_made_from_what_detectors_said_over_a_restart() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let next = calm(&service, next, CALM).await;
    let id = list(&service).await[0].alert_id.clone();
    let preview = async |service: &Service, judgement: &str| {
        let request = v1::JudgeAlertRequest {
            alert_id: id.clone(),
            judgement: judgement.into(),
            ..v1::JudgeAlertRequest::default()
        };
        let answer = client(service).await.preview_judgement(request).await.unwrap();
        answer.into_inner().effect.unwrap()
    };
    let before = preview(&service, "useful").await;
    assert_eq!((before.alerts_before, before.added_unknown), (1, false), "{before:?}");
    assert!(before.weeks > 0.0 && before.weeks < 0.1, "{before:?}");
    service.state.stop().await;
    let again = watching(Order {
        folder: Some(Arc::clone(&service.folder)),
        ..Order::default()
    })
    .await;
    until_looked_at(&again, next - 1).await;
    let after = preview(&again, "useful").await;
    assert_eq!(
        (after.alerts_before, after.alerts_after),
        (before.alerts_before, before.alerts_after)
    );
    let table = again.lake.existing("alert_signals").await.unwrap().unwrap();
    let rows: usize = table
        .scan(&arterial_datasets::lake::Scan::default())
        .await
        .unwrap()
        .iter()
        .map(RecordBatch::num_rows)
        .sum();
    assert!(rows >= 4, "the jam is kept: {rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_begins_with_what_is_open_and_resumes_after_the_last_answer() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let mut first = client(&service)
        .await
        .watch_alerts(v1::WatchAlertsRequest::default())
        .await
        .unwrap()
        .into_inner();
    let snapshot = first.message().await.unwrap().unwrap();
    assert_eq!(snapshot.alerts.len(), 1, "{snapshot:?}");
    drop(first);
    calm(&service, next, CALM).await;
    let request = v1::WatchAlertsRequest {
        resume_after: Some(snapshot.resume_after),
        ..v1::WatchAlertsRequest::default()
    };
    let mut second = client(&service).await.watch_alerts(request).await.unwrap().into_inner();
    let missed = second.message().await.unwrap().unwrap();
    let states: Vec<&str> = missed.alerts.iter().map(|alert| alert.state.as_str()).collect();
    assert_eq!(states, ["resolved"], "the newest revision of what changed");
    let request = v1::WatchAlertsRequest {
        resume_after: Some(missed.resume_after + 1),
        ..v1::WatchAlertsRequest::default()
    };
    let refused = client(&service).await.watch_alerts(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_is_told_as_it_happens() {
    let service = started().await;
    let mut watch = client(&service)
        .await
        .watch_alerts(v1::WatchAlertsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().alerts, []);
    jam(&service, PAST).await;
    let told = watch.message().await.unwrap().unwrap();
    assert_eq!(told.alerts[0].key, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledging_is_a_revision_and_the_same_again_is_none() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let alert = list(&service).await.remove(0);
    let request = v1::AcknowledgeAlertRequest {
        alert_id: alert.alert_id.clone(),
        by: "Mona".into(),
        ..v1::AcknowledgeAlertRequest::default()
    };
    let mut client = client(&service).await;
    let taken = client
        .acknowledge_alert(request.clone())
        .await
        .unwrap()
        .into_inner()
        .alert
        .unwrap();
    assert_eq!(
        (taken.state.as_str(), taken.revision),
        ("acknowledged", alert.revision + 1)
    );
    assert_eq!(taken.acknowledgement.as_ref().map(|one| one.by.as_str()), Some("Mona"));
    assert!(taken.sequence > alert.sequence);
    let rows = stored(&service).await;
    assert_eq!(
        rows.last().map(|row| row.3.as_str()),
        Some("acknowledged"),
        "it is in the lake"
    );
    let again = client
        .acknowledge_alert(request.clone())
        .await
        .unwrap()
        .into_inner()
        .alert
        .unwrap();
    assert_eq!(again.sequence, taken.sequence);
    assert_eq!(stored(&service).await.len(), rows.len());

    calm(&service, next, CALM).await;
    let over = client.acknowledge_alert(request).await.unwrap_err();
    assert_eq!(over.code(), Code::FailedPrecondition, "{over}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_are_refused_by_name() {
    let service = started().await;
    let mut client = client(&service).await;
    let unknown = v1::AcknowledgeAlertRequest {
        alert_id: "nobody".into(),
        by: "Mona".into(),
        ..v1::AcknowledgeAlertRequest::default()
    };
    let refused = client.acknowledge_alert(unknown.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("no alert named `nobody`"), "{refused}");
    let nameless = v1::AcknowledgeAlertRequest {
        by: " ".into(),
        ..unknown
    };
    let refused = client.acknowledge_alert(nameless).await.unwrap_err();
    assert!(
        refused.code() == Code::InvalidArgument && refused.message().contains("`by`"),
        "{refused}"
    );
    let judged = v1::JudgeAlertRequest {
        alert_id: "nobody".into(),
        judgement: "splendid".into(),
        ..v1::JudgeAlertRequest::default()
    };
    let refused = client.judge_alert(judged).await.unwrap_err();
    assert!(refused.message().contains("useful, false, duplicate"), "{refused}");
    let filter = v1::AlertFilter {
        kinds: vec!["fire".into()],
        ..v1::AlertFilter::default()
    };
    let request = v1::ListAlertsRequest {
        filter: Some(filter),
        ..v1::ListAlertsRequest::default()
    };
    let refused = client.list_alerts(request).await.unwrap_err();
    assert!(
        refused.code() == Code::InvalidArgument && refused.message().contains("`kinds` is `fire`"),
        "{refused}"
    );
    let request = v1::ListAlertsRequest {
        language: "de".into(),
        ..v1::ListAlertsRequest::default()
    };
    assert!(
        client
            .list_alerts(request)
            .await
            .unwrap_err()
            .message()
            .contains("en, ru, fr")
    );
}

/// What the HTTP server answers to a GET: status line, head and body.
async fn get(service: &Service, path: &str, accept: &str) -> (String, serde_json::Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = service.running.http_addr;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.to_ascii_lowercase(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_has_alerts_as_json_geojson_and_on_the_page() {
    let service = started().await;
    jam(&service, PAST).await;
    let (_, page) = get(
        &service,
        "/v1/alerts?zones=north&states=open,reopened",
        "application/json",
    )
    .await;
    assert_eq!(page["alerts"][0]["keys"][0], "a", "{page}");
    assert_eq!(page["watched"][0]["target"], "speed_kmh", "{page}");
    let (_, none) = get(&service, "/v1/alerts?zones=south", "*/*").await;
    assert_eq!(none["alerts"].as_array().map(Vec::len), Some(0));
    let (head, geo) = get(&service, "/v1/alerts", "application/geo+json").await;
    assert!(head.contains("application/geo+json"), "{head}");
    assert_eq!(
        (&geo["type"], &geo["features"][0]["type"]),
        (&"FeatureCollection".into(), &"Feature".into())
    );
    let (head, problem) = get(&service, "/v1/alerts?kinds=fire", "*/*").await;
    assert!(
        head.starts_with("http/1.1 400") && head.contains("problem+json"),
        "{head}"
    );
    assert!(problem["detail"].as_str().unwrap().contains("fire"));
    let html = text(&service, "/").await;
    assert!(html.contains("Open alerts") && html.contains("data-severity"), "{html}");
    let metrics = text(&service, "/metrics").await;
    assert!(metrics.contains("arterial_alert_live_events 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_alert_is_asked_for_by_its_id() {
    let service = started().await;
    jam(&service, PAST).await;
    let id = list(&service).await[0].alert_id.clone();
    let mut client = client(&service).await;
    let request = v1::GetAlertRequest {
        alert_id: id.clone(),
        language: "fr".into(),
        ..v1::GetAlertRequest::default()
    };
    let answer = client.get_alert(request.clone()).await.unwrap().into_inner();
    let alert = answer.alert.unwrap();
    assert_eq!((alert.alert_id.as_str(), alert.key.as_str()), (id.as_str(), "a"));
    let nobody = v1::GetAlertRequest {
        alert_id: "nobody".into(),
        ..request
    };
    let refused = client.get_alert(nobody).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");

    let path = format!("/v1/alerts/{id}?language=fr");
    let (head, told) = get(&service, &path, "application/json").await;
    assert_eq!((&told["alert_id"], &told["text"]), (&id.into(), &alert.text.into()));
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: w/")).unwrap();
    let again = reqwest::Client::new()
        .get(format!("http://{}{path}", service.running.http_addr))
        .header("if-none-match", tag)
        .header("accept", "application/json");
    assert_eq!(again.send().await.unwrap().status().as_u16(), 304);
    let (_, geo) = get(&service, &path, "application/geo+json").await;
    assert_eq!(geo["features"][0]["properties"]["alert_id"], told["alert_id"], "{geo}");

    let (head, problem) = get(&service, "/v1/alerts/nobody", "*/*").await;
    assert!(
        head.starts_with("http/1.1 404") && head.contains("problem+json"),
        "{head}"
    );
    assert!(problem["detail"].as_str().unwrap().contains("`nobody`"), "{problem}");
    let (head, _) = get(&service, "/v1/alerts/%ff", "*/*").await;
    assert!(
        head.starts_with("http/1.1 400") && head.contains("problem+json"),
        "{head}"
    );
}

/// A page that is no JSON.
async fn text(service: &Service, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = service.running.http_addr;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
