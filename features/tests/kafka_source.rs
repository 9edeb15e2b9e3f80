//! The Kafka source against a real broker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arterial_features::source::{Assignment, Change, KafkaSettings, KafkaSource, Source, TopicPartition};
use arterial_testing::KafkaBroker;
use arterial_testing::secure::PASSWORD;

const TOPIC: &str = "parking";
const PATIENCE: Duration = Duration::from_mins(1);

/// A source, and everything it has given so far.
struct Reader {
    source: KafkaSource,
    records: Vec<(TopicPartition, i64, Vec<u8>)>,
    changes: Vec<Change>,
}

impl Reader {
    fn new(broker: &KafkaBroker, change: impl FnOnce(&mut KafkaSettings)) -> Self {
        let mut settings = KafkaSettings::new(broker.address(), [TOPIC.to_string()]);
        settings.watch_interval = Duration::from_millis(200);
        change(&mut settings);
        Self {
            source: KafkaSource::new(settings).unwrap(),
            records: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn poll(&mut self) {
        let records = &mut self.records;
        let polled = self
            .source
            .poll(Duration::from_millis(100), 1000, &mut |topic, record| {
                let payload = record.payload.unwrap_or_default().to_vec();
                records.push((TopicPartition::new(topic, record.partition), record.offset, payload));
            })
            .unwrap();
        self.changes.extend(polled.changes);
    }

    /// Polls until `done`, at most for as long as a test may wait.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "{what} does not come: {} records, {:?}",
                self.records.len(),
                self.changes
            );
            self.poll();
        }
    }

    fn until_records(&mut self, count: usize) {
        self.until(&format!("record {count}"), |reader| reader.records.len() >= count);
        assert_eq!(self.records.len(), count);
    }

    fn until_change(&mut self, change: &Change) {
        self.until(&format!("{change:?}"), |reader| reader.changes.contains(change));
    }

    fn count(&self, change: &Change) -> usize {
        self.changes.iter().filter(|known| *known == change).count()
    }

    fn offsets(&self, partition: i32) -> Vec<i64> {
        self.records
            .iter()
            .filter(|(name, ..)| name.partition == partition)
            .map(|(_, offset, _)| *offset)
            .collect()
    }
}

fn payloads(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("{{\"n\":{number}}}")).collect()
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, number)
}

#[test]
fn every_record_is_read_once_and_reading_goes_on_where_it_is_sent() {
    let Some(broker) = KafkaBroker::start() else { return };
    let mut reader = Reader::new(&broker, |_| {});
    reader.until_change(&Change::UnknownTopic(TOPIC.into()));
    broker.create_topic(TOPIC, 2);
    reader.until("the assignment", |reader| {
        reader
            .changes
            .iter()
            .any(|change| matches!(change, Change::Assigned(_)))
    });
    broker.produce(TOPIC, 0, payloads(0..3000));
    broker.produce(TOPIC, 1, payloads(0..2000));
    reader.until_records(5000);
    assert_eq!(reader.offsets(0), (0..3000).collect::<Vec<_>>());
    assert_eq!(reader.offsets(1), (0..2000).collect::<Vec<_>>());
    assert_eq!(
        reader.records.iter().find(|(_, offset, _)| *offset == 17).unwrap().2,
        b"{\"n\":17}"
    );
    reader.until("both ends", |reader| {
        (0..2).all(|number| reader.changes.contains(&Change::CaughtUp(partition(number))))
    });
    assert_eq!(reader.source.high_watermark(&partition(0)), Some(3000));
    assert_eq!(reader.count(&Change::UnknownTopic(TOPIC.into())), 1);

    reader.records.clear();
    reader
        .source
        .seek(&[(partition(0), 2990), (partition(1), 1995)].into())
        .unwrap();
    reader.until_records(15);
    assert_eq!(reader.offsets(0), (2990..3000).collect::<Vec<_>>());

    let identity = reader.source.identity().unwrap();
    assert!(identity.cluster_id.unwrap().starts_with("Arterial"));
    assert_eq!(identity.topic_ids[TOPIC].len(), 22);
    reader.source.courtesy_commit(&[(partition(0), 2995)].into());
    reader.until("the commit", |_| broker.committed("arterial", TOPIC, 0) == Some(2995));
}

#[test]
fn a_seek_before_the_first_record_is_where_reading_starts() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..100));
    let mut reader = Reader::new(&broker, |_| {});
    reader.until_change(&Change::Assigned(vec![partition(0)]));
    reader.source.seek(&[(partition(0), 90)].into()).unwrap();
    reader.until_records(10);
    assert_eq!(reader.offsets(0), (90..100).collect::<Vec<_>>());
    broker.produce_in_transaction(TOPIC, 0, &[b"a", b"b"]);
    reader.until_records(12);
    reader.changes.clear();
    reader.until_change(&Change::CaughtUp(partition(0)));
    assert_eq!(
        reader.source.high_watermark(&partition(0)),
        Some(102),
        "the transaction's mark is no unread record"
    );
}

#[test]
fn records_that_retention_took_are_told_as_a_gap() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..100));
    broker.delete_records(TOPIC, 0, 60);
    let mut reader = Reader::new(&broker, |_| {});
    reader.until_change(&Change::Assigned(vec![partition(0)]));
    reader.source.seek(&[(partition(0), 20)].into()).unwrap();
    reader.until_records(40);
    assert_eq!(reader.offsets(0), (60..100).collect::<Vec<_>>());
    assert_eq!(
        reader.count(&Change::Gap {
            partition: partition(0),
            expected: 20,
            got: 60
        }),
        1
    );
    assert_eq!(reader.source.low_watermark(&partition(0)), Some(60));
}

#[test]
fn two_members_share_the_partitions_and_the_one_that_stays_takes_over() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic(TOPIC, 2);
    let group = |settings: &mut KafkaSettings| settings.assignment = Assignment::Group;
    let mut first = Reader::new(&broker, group);
    first.until_change(&Change::Assigned(vec![partition(0), partition(1)]));
    broker.produce(TOPIC, 0, payloads(0..10));
    broker.produce(TOPIC, 1, payloads(0..10));
    first.until_records(20);

    let mut second = Reader::new(&broker, group);
    let deadline = Instant::now() + PATIENCE;
    let shared = |reader: &Reader| {
        reader
            .changes
            .iter()
            .any(|change| matches!(change, Change::Assigned(list) if list.len() == 1))
    };
    while !(shared(&first) && shared(&second)) {
        assert!(Instant::now() < deadline, "{:?} {:?}", first.changes, second.changes);
        first.poll();
        second.poll();
    }
    assert_eq!(first.count(&Change::Revoked(vec![partition(0), partition(1)])), 1);
    let Some(Change::Assigned(taken)) = second
        .changes
        .iter()
        .find(|change| matches!(change, Change::Assigned(_)))
    else {
        unreachable!()
    };
    let taken = taken[0].partition;
    second.records.clear();
    second.source.seek(&[(partition(taken), 8)].into()).unwrap();
    second.until_records(2);
    assert_eq!(second.offsets(taken), [8, 9]);

    first.changes.clear();
    drop(second);
    first.until_change(&Change::Assigned(vec![partition(0), partition(1)]));
    first.records.clear();
    first
        .source
        .seek(&BTreeMap::from([(partition(0), 9), (partition(1), 9)]))
        .unwrap();
    first.until_records(2);
}

#[test]
fn a_topic_that_is_made_later_is_read_by_a_group_within_seconds() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic("another", 1);
    let mut reader = Reader::new(&broker, |settings| {
        settings.assignment = Assignment::Group;
        settings.topics.push("another".into());
    });
    reader.until_change(&Change::Assigned(vec![TopicPartition::new("another", 0)]));
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..10));
    // The client library by itself would look every five minutes, which is longer than this waits.
    reader.until_records(10);
}

#[test]
fn a_broker_that_goes_and_comes_back_is_told_once_and_nothing_is_lost() {
    let Some(mut broker) = KafkaBroker::start() else { return };
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..10));
    let mut reader = Reader::new(&broker, |_| {});
    reader.until_records(10);
    broker.kill();
    reader.until_change(&Change::Unreachable);
    for _ in 0..10 {
        reader.poll();
    }
    broker.restart();
    broker.produce(TOPIC, 0, payloads(10..20));
    reader.until_records(20);
    reader.until_change(&Change::Reachable);
    assert_eq!(reader.offsets(0), (0..20).collect::<Vec<_>>());
    assert_eq!(
        (reader.count(&Change::Unreachable), reader.count(&Change::Reachable)),
        (1, 1)
    );
}

#[test]
fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let Some(mut broker) = KafkaBroker::start() else { return };
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..10));
    broker.kill();
    let mut reader = Reader::new(&broker, |_| {});
    reader.until_change(&Change::Unreachable);
    broker.restart();
    reader.until_records(10);
    assert_eq!(reader.count(&Change::Reachable), 1);
}

#[test]
fn a_topic_that_was_made_anew_is_told_and_gives_nothing_until_it_is_sent_on() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..10));
    let mut reader = Reader::new(&broker, |_| {});
    reader.until_records(10);
    let before = reader.source.identity().unwrap();
    broker.delete_topic(TOPIC);
    reader.until_change(&Change::UnknownTopic(TOPIC.into()));
    broker.create_topic(TOPIC, 1);
    reader.until("the news", |reader| {
        reader
            .changes
            .iter()
            .any(|change| matches!(change, Change::Recreated { .. }))
    });
    broker.produce(TOPIC, 0, payloads(0..30));
    let contradiction = reader.source.identity().unwrap().contradiction(&before).unwrap();
    assert!(contradiction.contains("`parking`"), "{contradiction}");
    for _ in 0..10 {
        reader.poll();
    }
    assert_eq!(reader.records.len(), 10, "records of the new topic came unasked");
    reader.records.clear();
    reader.source.seek(&[(partition(0), 0)].into()).unwrap();
    reader.until_records(30);
}

#[test]
fn settings_that_would_break_a_promise_are_refused() {
    let mut settings = KafkaSettings::new("127.0.0.1:9", [TOPIC.to_string()]);
    settings.properties.insert("enable.auto.commit".into(), "true".into());
    let error = KafkaSource::new(settings.clone()).err().unwrap().to_string();
    assert!(
        error.contains("enable.auto.commit") && error.contains("`true`"),
        "{error}"
    );
    settings.properties = [("no.such.property".to_string(), "1".to_string())].into();
    let error = KafkaSource::new(settings.clone()).err().unwrap().to_string();
    assert!(error.starts_with("`kafka.properties.no.such.property`"), "{error}");
    let error = KafkaSource::check(&settings.properties).unwrap_err();
    assert!(error.is_bad_input(), "{error}");
    settings.topics.clear();
    assert!(
        KafkaSource::new(settings)
            .err()
            .unwrap()
            .to_string()
            .contains("`topics`")
    );
}

/// Settings for the listener that wants TLS and a password.
fn logged_in_with(broker: &KafkaBroker, password: &str) -> impl FnOnce(&mut KafkaSettings) {
    let (address, properties) = (broker.secure().address(), broker.secure().client_properties(password));
    move |settings| {
        settings.brokers = address;
        settings.properties = properties.into_iter().collect();
    }
}

#[test]
fn records_come_over_tls_to_whom_knows_the_password() {
    let Some(broker) = KafkaBroker::start_secure() else {
        return;
    };
    broker.create_topic(TOPIC, 1);
    broker.produce(TOPIC, 0, payloads(0..10));
    let mut reader = Reader::new(&broker, logged_in_with(&broker, PASSWORD));
    reader.until_records(10);
    assert_eq!(reader.offsets(0), (0..10).collect::<Vec<_>>());

    let mut stranger = Reader::new(&broker, |settings| {
        logged_in_with(&broker, PASSWORD)(settings);
        settings.properties.remove("ssl.ca.location");
    });
    stranger.until_change(&Change::Unreachable);
    assert!(
        stranger.records.is_empty(),
        "a certificate that nobody vouches for is not trusted"
    );
}

#[test]
fn a_wrong_password_ends_reading_with_the_brokers_words() {
    let Some(broker) = KafkaBroker::start_secure() else {
        return;
    };
    broker.create_topic(TOPIC, 1);
    let mut reader = Reader::new(&broker, logged_in_with(&broker, "wrong"));
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < deadline, "nobody says anything");
        let polled = reader.source.poll(Duration::from_millis(100), 1000, &mut |_, _| {});
        if let Err(error) = polled {
            break error;
        }
    };
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string().contains("log in"), "{error}");
    assert!(
        cause.contains("Authentication failed") && !cause.contains("wrong"),
        "{cause}"
    );
}
