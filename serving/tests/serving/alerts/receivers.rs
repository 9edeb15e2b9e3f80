//! Who is told of alerts: after outages, in quiet hours, within suppressions.

use arterial_datasets::time::SystemClock;
use arterial_models::alerts::{AlertSettings, QuietHours, Severity, Suppression};
use arterial_serving::sinks::alerts::config::{SinkSettings, Surroundings};
use tonic::Code;

use super::*;
use crate::receiver::Receiver;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_is_down_holds_up_nobody_and_misses_nothing_over_a_restart() {
    let sink = Arc::new(Memory::default());
    sink.down.store(true, Ordering::SeqCst);
    // Nobody waits until the lake knows of its place: what comes while that is made is not missed either.
    let service = over_past(telling(&sink)).await;
    let next = jam(&service, PAST).await;
    let next = calm(&service, next, CALM).await;
    assert_eq!(list(&service).await[0].state, "resolved");
    assert_eq!(sink.sequences(), [0; 0]);
    service.state.stop().await;
    sink.down.store(false, Ordering::SeqCst);
    let again = another(&service, telling(&sink)).await;
    until_looked_at(&again, next - 1).await;
    let rows = sequences(&again).await;
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
    let service = started_telling(&sink).await;
    let next = jam(&service, PAST).await;
    let next = calm(&service, next, CALM).await;
    // One event is over by now, and another one goes on.
    for number in next..next + 4 {
        close(&service, number, [USUAL[0], 3.0]).await;
    }
    service.state.stop().await;
    sink.down.store(false, Ordering::SeqCst);
    let again = another(&service, telling(&sink)).await;
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
    let service = started_telling(&sink).await;
    jam(&service, PAST).await;
    let waiting = async || {
        let request = v1::ListDeadLettersRequest::default();
        let answer = client(&service).await.list_dead_letters(request).await.unwrap();
        answer.into_inner().letters
    };
    let rows = sequences(&service).await;
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
    let service = over_past(order()).await;
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
    let again = another(&service, order()).await;
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
