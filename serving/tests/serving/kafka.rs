//! What goes out to Kafka, against librdkafka's own mock cluster.

use std::collections::BTreeMap;

use arterial_serving::sinks::kafka::{KafkaWriter, MockBrokers, Outgoing};

fn record(topic: &str, payload: &str) -> Outgoing {
    Outgoing {
        topic: topic.into(),
        key: Some("a".into()),
        partition: None,
        payload: payload.into(),
        trace: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_delivered_or_reported() {
    let brokers = MockBrokers::start(&[("site-forecasts".into(), 2)]).unwrap();
    let writer = KafkaWriter::new(brokers.address(), "site-", &BTreeMap::new()).unwrap();
    let sent = writer
        .send_all((0..1000).map(|number| record("forecasts", &number.to_string())))
        .await
        .unwrap();
    assert_eq!(sent, 1000);
    writer.flush(std::time::Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_no_broker_takes_is_an_error() {
    let properties = BTreeMap::from([("delivery.timeout.ms".to_owned(), "1000".to_owned())]);
    let writer = KafkaWriter::new("127.0.0.1:9", "", &properties).unwrap();
    let error = writer.send_all([record("forecasts", "{}")]).await.unwrap_err();
    assert_eq!(error.to_string(), "Kafka did not take a record for `forecasts`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_do_not_answer_are_told_at_once() {
    let brokers = MockBrokers::start(&[]).unwrap();
    let writer = KafkaWriter::new(brokers.address(), "", &BTreeMap::new()).unwrap();
    let patience = std::time::Duration::from_secs(30);
    writer.reach(patience).await.unwrap();
    let writer = KafkaWriter::new("127.0.0.1:9", "", &BTreeMap::new()).unwrap();
    let error = writer.reach(patience / 30).await.unwrap_err().to_string();
    assert_eq!(error, "no broker answers within 1s");
}

#[test]
fn a_property_that_librdkafka_does_not_know_is_named() {
    let properties = BTreeMap::from([("acsk".to_owned(), "all".to_owned())]);
    let error = KafkaWriter::new("127.0.0.1:9", "", &properties)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("kafka.properties.acsk"), "{error}");
    let error = KafkaWriter::new("", "", &BTreeMap::new()).err().unwrap().to_string();
    assert!(error.starts_with("`kafka.brokers` is ``"), "{error}");
}
