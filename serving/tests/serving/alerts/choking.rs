//! A receiver that takes some revisions, and chokes on one.

use arterial_datasets::time::SystemClock;
use arterial_models::alerts::AlertSettings;
use arterial_serving::sinks::alerts::config::{SinkSettings, Surroundings};

use super::*;
use crate::receiver::{Answer, Received, Receiver};

/// Webhooks to this receiver.
fn hook(receiver: &Receiver) -> Arc<dyn AlertSink> {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let text = format!(
        "kind = \"webhook\"\nurl = \"{}\"\nsecret_file = \"{}\"",
        receiver.url,
        secret.path().display()
    );
    let around = Surroundings {
        alerts: &AlertSettings::default(),
        site: "aarhus",
        clock: Arc::new(SystemClock),
        writer: None,
    };
    let settings: SinkSettings = toml::from_str(&text).unwrap();
    settings.build("hook", &around).unwrap()
}

/// Whether it is the first revision of the alert of sensor `a`.
fn is_bad(message: &Received) -> bool {
    let message = message.json();
    let alert = &message["data"];
    alert["revision"] == 0 && alert["keys"] == serde_json::json!(["a"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_its_receiver_chokes_on_holds_up_the_others_for_minutes_and_not_for_a_day() {
    let choose = |message: &Received| Answer::status(if is_bad(message) { 500 } else { 204 });
    let receiver = Receiver::choosing(choose).await;
    let order = Order {
        alert_sinks: vec![hook(&receiver)],
        ..Order::default()
    };
    let service = over_past(order).await;
    let next = jam(&service, PAST).await;
    // At the second try it is known since when it fails.
    eventually("it was tried again", async || {
        receiver.got().iter().filter(|one| is_bad(one)).count() > 1
    })
    .await;
    // Twenty minutes pass, in which sensor `b` stands still as well.
    for number in next..next + 4 {
        close(&service, number, [3.0, 3.0]).await;
    }
    let stored = stored(&service).await;
    let ids = stored.iter().map(|(_, id, revision, _)| format!("{id}-{revision}"));
    let rest: Vec<String> = ids.skip(1).collect();
    eventually("the others were told, in order and once", async || {
        let got = receiver.got();
        let good = got.iter().filter(|one| !is_bad(one));
        good.map(|one| &one.headers["webhook-id"]).eq(&rest)
    })
    .await;
    let letters = async || {
        let request = v1::ListDeadLettersRequest::default();
        let answer = client(&service).await.list_dead_letters(request).await.unwrap();
        answer.into_inner().letters
    };
    eventually("it is a dead letter", async || !letters().await.is_empty()).await;
    let letters = letters().await;
    assert_eq!((letters.len(), letters[0].revision), (1, 0), "{letters:?}");
    assert!(letters[0].reason.starts_with("500"), "{letters:?}");
}
