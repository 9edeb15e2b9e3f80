//! Where alerts go, against receivers on loopback and a real Alertmanager.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::time::{MINUTE, SystemClock, Timestamp};
use arterial_models::alerts::{Alert, AlertSettings, Severity, State, Symptom};
use arterial_serving::alerts::{AlertRevision, AlertSink, Undelivered};
use arterial_serving::sinks::alerts::config::{SinkSettings, Surroundings};
use serde_json::json;

use arterial_testing::Alertmanager;

use crate::receiver::{Answer, Receiver};
use crate::support::START;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11";

/// A revision of the one alert of these tests.
fn revision(number: u32, state: State, severity: Severity) -> AlertRevision {
    let opened_at = Timestamp(START.0 - 10 * MINUTE);
    let alert: Alert = serde_json::from_value(json!({
        "alert_id": "0123456789abcdef0123", "revision": number, "kind": "congestion",
        "severity": severity.name(), "state": state.name(), "topic": "traffic-sensors", "target": "speed_kmh",
        "symptom": Symptom::ALL[0].name(), "symptom_value": null, "citywide": false, "zone_id": "zone-1", "keys": ["a", "b"],
        "place": {"key": "a", "lat": 56.15, "lon": 10.2, "road_id": "r1", "road_name": "Ring Road"},
        "since": opened_at, "opened_at": opened_at, "peak_at": opened_at, "updated_at": START,
        "closed_at": null, "estimated_end": null, "score": 2.5, "certainty": 0.9, "impact": 12.0, "seen": 12.0,
        "expected_low": 40.0, "expected_high": 60.0, "cause": "unknown", "evidence": [],
        "text": "Traffic on Ring Road hardly moves.", "held_back_by": null, "merged_into": null, "acknowledged_by": null,
        "acknowledged_at": null, "judgements": [], "last_window": START, "last_strange": START,
    }))
    .unwrap();
    let closed_at = (state == State::Resolved).then_some(START);
    AlertRevision {
        sequence: u64::from(number) + 1,
        alert: Alert { closed_at, ..alert },
    }
}

fn opened() -> AlertRevision {
    revision(0, State::Open, Severity::High)
}

/// The sink that `settings` (TOML) give; `secret` is put into the file that `{file}` names.
fn sink(settings: &str, secret: &str) -> Arc<dyn AlertSink> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), secret).unwrap();
    let settings = settings.replace("{file}", &file.path().to_string_lossy());
    let settings: SinkSettings = toml::from_str(&settings).unwrap();
    let around = Surroundings {
        alerts: &AlertSettings::default(),
        site: "aarhus",
        clock: Arc::new(SystemClock),
        writer: None,
    };
    settings.build("ops", &around).unwrap()
}

fn webhook(receiver: &Receiver) -> Arc<dyn AlertSink> {
    sink(
        &format!(
            "kind = \"webhook\"\nurl = \"{}/hook\"\nsecret_file = \"{{file}}\"",
            receiver.url
        ),
        SECRET,
    )
}

fn telegram(url: &str) -> Arc<dyn AlertSink> {
    sink(
        &format!("kind = \"telegram\"\nurl = \"{url}\"\ntoken_file = \"{{file}}\"\nchat = \"-100\""),
        TOKEN,
    )
}

/// What a receiver of webhooks would write.
const VERIFY: &str = r"
import json, sys
from standardwebhooks.webhooks import Webhook
sent = json.load(sys.stdin)
print(Webhook(sys.argv[1]).verify(sent['body'], sent['headers'])['type'])
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_library_verifies_a_webhook() {
    let receiver = Receiver::willing().await;
    webhook(&receiver).deliver(&opened()).await.unwrap();
    let got = receiver.got().remove(0);
    assert_eq!((got.method.as_str(), got.path.as_str()), ("POST", "/hook"));
    let message = got.json();
    assert_eq!(message["type"], "alert.open");
    assert_eq!(message["data"]["alert_id"], "0123456789abcdef0123");
    assert_eq!(message["data"]["opened_at"], "2026-01-04T23:50:00Z");

    let Some(python) = arterial_testing::python("standardwebhooks") else {
        return;
    };
    let verify = |secret: &str| {
        let mut child = Command::new(&python)
            .args(["-c", VERIFY, secret])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sent = json!({"body": got.body, "headers": got.headers}).to_string();
        child.stdin.take().unwrap().write_all(sent.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    assert_eq!(verify(SECRET).trim(), "alert.open");
    assert_eq!(verify("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").trim(), "");
}

#[tokio::test]
async fn a_revision_that_comes_twice_has_the_same_id_and_the_same_body() {
    let receiver = Receiver::willing().await;
    let sink = webhook(&receiver);
    sink.deliver(&opened()).await.unwrap();
    sink.deliver(&opened()).await.unwrap();
    sink.deliver(&revision(1, State::Resolved, Severity::High))
        .await
        .unwrap();
    let got = receiver.got();
    let ids: Vec<_> = got.iter().map(|one| one.headers["webhook-id"].clone()).collect();
    assert_eq!(
        ids,
        [
            "0123456789abcdef0123-0",
            "0123456789abcdef0123-0",
            "0123456789abcdef0123-1"
        ]
    );
    assert_eq!(got[0].body, got[1].body);
    assert_eq!(got[2].json()["type"], "alert.resolved");
}

#[tokio::test]
async fn a_receiver_that_is_ill_is_asked_again_and_one_that_finds_fault_is_not() {
    let later = |status| async move {
        let receiver = Receiver::answering([Answer::status(status)]).await;
        matches!(
            webhook(&receiver).deliver(&opened()).await,
            Err(Undelivered::Later { .. })
        )
    };
    for status in [301, 401, 403, 404, 408, 429, 500, 503] {
        assert!(later(status).await, "{status}");
    }
    for status in [400, 410, 413, 422] {
        assert!(!later(status).await, "{status}");
    }
}

#[tokio::test]
async fn a_receiver_may_say_how_long_it_wants_to_be_left_alone() {
    let header = Answer {
        headers: vec![("retry-after", "7".into())],
        ..Answer::status(503)
    };
    let body = Answer {
        body: r#"{"ok":false,"error_code":429,"parameters":{"retry_after":9}}"#.into(),
        ..Answer::status(429)
    };
    let until = |time: &str| Answer {
        headers: vec![
            ("date", "Fri, 31 Dec 1999 12:00:00 GMT".into()),
            ("retry-after", format!("Fri, 31 Dec 1999 {time} GMT")),
        ],
        ..Answer::status(503)
    };
    let answers = [header, body, until("12:00:11"), until("20:00:00")];
    let receiver = Receiver::answering(answers).await;
    let sink = telegram(&receiver.url);
    for seconds in [7, 9, 11, 3600] {
        let Err(Undelivered::Later { after, .. }) = sink.deliver(&opened()).await else {
            panic!("it was taken");
        };
        assert_eq!(after, Some(Duration::from_secs(seconds)));
    }
}

#[tokio::test]
async fn a_chat_that_moved_or_is_not_there_is_tried_later_and_the_reason_says_what_to_do() {
    let refused = |said: &str| Answer {
        body: format!(r#"{{"ok":false,"error_code":400,"description":"Bad Request: {said}}}"#),
        ..Answer::status(400)
    };
    let answers = [
        r#"group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234}"#,
        r#"chat not found""#,
        r#"message text is empty""#,
    ];
    let receiver = Receiver::answering(answers.map(refused)).await;
    let sink = telegram(&receiver.url);
    for said in ["set `chat` to -1001234", "chat not found"] {
        let error = sink.deliver(&opened()).await.unwrap_err();
        let is_later = matches!(error, Undelivered::Later { answered: true, .. });
        assert!(is_later, "{error:?}");
        assert!(error.reason().contains(said), "{error}");
    }
    let error = sink.deliver(&opened()).await.unwrap_err();
    assert!(matches!(error, Undelivered::Never { .. }), "{error:?}");
}

#[tokio::test]
async fn telegram_gets_plain_text_and_hears_of_changes_only() {
    let receiver = Receiver::willing().await;
    let sink = telegram(&receiver.url);
    let revisions = [
        opened(),
        revision(1, State::Open, Severity::High),
        revision(2, State::Open, Severity::Critical),
        revision(3, State::Resolved, Severity::Critical),
    ];
    for revision in &revisions {
        if sink.wants(revision) {
            sink.deliver(revision).await.unwrap();
        }
    }
    let got = receiver.got();
    let texts: Vec<_> = got
        .iter()
        .map(|one| one.json()["text"].as_str().unwrap().chars().next().unwrap())
        .collect();
    assert_eq!(texts, ['🟠', '🔴', '✅']);
    assert_eq!(got[0].path, format!("/bot{TOKEN}/sendMessage"));
    let first = got[0].json();
    assert_eq!(first["chat_id"], "-100");
    assert!(
        first["text"]
            .as_str()
            .unwrap()
            .contains("Traffic on Ring Road hardly moves.")
    );
    assert_eq!(first.get("parse_mode"), None);
    assert_eq!(got[2].json()["disable_notification"], true);
}

#[tokio::test]
async fn a_token_is_in_no_error() {
    let echo = Answer {
        body: format!("no route to /bot{TOKEN}/sendMessage"),
        ..Answer::status(404)
    };
    let receiver = Receiver::answering([echo]).await;
    for url in [
        receiver.url.as_str(),
        "http://127.0.0.1:9",
        "http://no.such.host.invalid",
    ] {
        let error = telegram(url).deliver(&opened()).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("ABC-DEF"), "{text}");
    }
}

#[tokio::test]
async fn neither_path_nor_query_nor_password_of_an_address_is_in_an_error() {
    let echo = Answer {
        body: "Cannot POST /hooks/T0P-SECRET?key=hush-hush (T0P-SECRET, hush-hush, operator, pass-word)".into(),
        ..Answer::status(404)
    };
    let receiver = Receiver::answering([echo]).await;
    let place = receiver.url.replace("http://", "http://operator:pass-word@");
    let address = format!("{place}/hooks/T0P-SECRET?key=hush-hush");
    for sink in [
        sink(
            &format!("kind = \"webhook\"\nurl = \"{address}\"\nsecret_file = \"{{file}}\""),
            SECRET,
        ),
        sink(&format!("kind = \"alertmanager\"\nurl = \"{address}\""), ""),
        telegram(&address),
    ] {
        let error = sink.deliver(&opened()).await.unwrap_err();
        assert!(error.reason().starts_with("404 Not Found Cannot POST ***"), "{error}");
        let text = format!("{error} {error:?}");
        for secret in ["T0P-SECRET", "hush-hush", "operator", "pass-word"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn who_was_told_of_an_alert_is_told_of_its_end() {
    let receiver = Receiver::willing().await;
    let settings = AlertSettings {
        routes: toml::from_str::<AlertSettings>("routes = [{ sinks = [\"ops\"], from_severity = \"high\" }]")
            .unwrap()
            .routes,
        ..AlertSettings::default()
    };
    let around = Surroundings {
        alerts: &settings,
        site: "aarhus",
        clock: Arc::new(SystemClock),
        writer: None,
    };
    let sink: SinkSettings = toml::from_str(&format!("kind = \"alertmanager\"\nurl = \"{}\"", receiver.url)).unwrap();
    let sink = sink.build("ops", &around).unwrap();
    let low = revision(0, State::Open, Severity::Low);
    assert!(!sink.wants(&low));
    sink.deliver(&opened()).await.unwrap();
    let mut over = revision(2, State::Resolved, Severity::Low);
    over.alert.held_back_by = Some("quiet hours".into());
    assert!(sink.wants(&over));
    sink.deliver(&over).await.unwrap();
    assert!(!sink.wants(&over), "it is over, and was told");
}

/// The alerts that a real Alertmanager knows as active: severities, and whether they have an annotation.
async fn known(manager: &Alertmanager) -> Vec<(String, String)> {
    let url = format!("{}/api/v2/alerts", manager.url());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let alerts: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let part = |alert: &serde_json::Value, pointer: &str| alert.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    alerts
        .iter()
        .map(|alert| (part(alert, "/labels/severity"), part(alert, "/annotations/summary")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_alertmanager_knows_what_is_open_and_forgets_what_is_over() {
    let Some(manager) = Alertmanager::start() else { return };
    let sink = sink(&format!("kind = \"alertmanager\"\nurl = \"{}\"", manager.url()), "");
    let text = "Traffic on Ring Road hardly moves.".to_owned();
    sink.deliver(&opened()).await.unwrap();
    assert_eq!(known(&manager).await, [("high".to_owned(), text.clone())]);
    // The severity is a label: the alert of the former severity is over.
    sink.deliver(&revision(1, State::Acknowledged, Severity::Critical))
        .await
        .unwrap();
    assert_eq!(known(&manager).await, [("critical".to_owned(), text)]);
    sink.deliver(&revision(2, State::Resolved, Severity::Critical))
        .await
        .unwrap();
    assert_eq!(known(&manager).await, []);
}

#[tokio::test]
async fn what_another_service_told_the_end_of_does_not_come_back() {
    let receiver = Receiver::willing().await;
    let manager = sink(&format!("kind = \"alertmanager\"\nurl = \"{}\"", receiver.url), "");
    let chat = telegram(&receiver.url);
    let over = revision(1, State::Resolved, Severity::High);
    for sink in [&manager, &chat] {
        sink.resume(&[Arc::new(opened())]);
        assert!(sink.wants(&over));
    }
    manager.remind().await.unwrap();
    assert_eq!(receiver.got().len(), 1);
    // Another service delivered for a while; this one begins again.
    for sink in [&manager, &chat] {
        sink.resume(&[]);
    }
    manager.remind().await.unwrap();
    assert_eq!(receiver.got().len(), 1, "nothing is open");
    assert!(!chat.wants(&over), "it was told");
}

#[tokio::test]
async fn an_old_letter_that_is_sent_again_does_not_hide_that_the_alert_is_over() {
    let receiver = Receiver::willing().await;
    let settings = format!(
        "kind = \"webhook\"\nurl = \"{}\"\nsecret_file = \"{{file}}\"\ntell = \"changes\"",
        receiver.url
    );
    let hook = sink(&settings, SECRET);
    let over = revision(1, State::Resolved, Severity::High);
    hook.deliver(&over).await.unwrap();
    hook.deliver(&opened()).await.unwrap();
    assert_eq!(receiver.got().len(), 2);
    assert!(!hook.wants(&over), "its end was told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alertmanager_that_was_restarted_is_told_again_what_is_open() {
    let Some(manager) = Alertmanager::start() else { return };
    let sink = sink(&format!("kind = \"alertmanager\"\nurl = \"{}\"", manager.url()), "");
    // As after a restart of our own: it had been told before.
    sink.resume(&[Arc::new(opened())]);
    assert!(sink.remind_every().is_some());
    sink.remind().await.unwrap();
    assert_eq!(known(&manager).await.len(), 1);
}
