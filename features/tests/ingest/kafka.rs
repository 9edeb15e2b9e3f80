//! The ingest path against a real Apache Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Lake, LakeOptions, Scan};
use arterial_datasets::stream::{FieldType, StreamCatalog, StreamDefinition};
use arterial_datasets::time::{MINUTE, SECOND, Timestamp};
use arterial_features::pipeline::{Pipeline, PipelineStatus, StreamState};
use arterial_features::source::KafkaSource;
use arterial_testing::{KafkaBroker, signal};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::killed::{REFUSED, kafka_pipeline, reader, tell_to_stop};
use crate::support::{latest, total};

const PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_mins(2);
/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600 * SECOND;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn create_topics(broker: &KafkaBroker, catalog: &StreamCatalog) {
    catalog.names().for_each(|name| broker.create_topic(name, PARTITIONS));
}

/// An event of any stream: every declared field, within its range.
fn event(stream: &StreamDefinition, key: usize, time: i64) -> String {
    let mut object = Map::new();
    for (number, field) in stream.fields.iter().enumerate() {
        let salt = (time / SECOND) as usize + key + number;
        let value = match field.kind {
            _ if !field.values.is_empty() => json!(field.values[salt % field.values.len()]),
            FieldType::Float | FieldType::Int => {
                let (least, largest) = field.range.unwrap_or((0.0, 100.0));
                json!((least + (largest - least) * (salt % 10) as f64 / 10.0).floor())
            }
            FieldType::Bool => json!(salt.is_multiple_of(2)),
            FieldType::Timestamp => json!(Timestamp(time).to_string()),
            FieldType::Text => json!(format!("{}-{key}", field.column())),
        };
        put(&mut object, &field.path, value);
    }
    put(&mut object, &stream.key.path, json!(format!("key-{key}")));
    put(&mut object, &stream.timestamp, json!(Timestamp(time).to_string()));
    Value::Object(object).to_string()
}

fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(object.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let inner = object.entry(first).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// How many distinct events there are, and how many repeats of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Count {
    events: i64,
    duplicates: i64,
}

impl Count {
    fn add(&mut self, more: Self) {
        self.events += more.events;
        self.duplicates += more.duplicates;
    }
}

/// By topic.
type Counts = BTreeMap<String, Count>;

/// Produces rounds of events to every topic, two keys a partition, ten seconds apart; each tenth event is sent twice.
fn produce(broker: &KafkaBroker, catalog: &StreamCatalog, rounds: std::ops::Range<usize>) -> Counts {
    let mut sent = Counts::new();
    for stream in catalog.iter() {
        for partition in 0..PARTITIONS {
            let (mut payloads, mut count) = (Vec::new(), Count::default());
            for round in rounds.clone() {
                for key in 0..2usize {
                    let text = event(
                        stream,
                        key * PARTITIONS as usize + partition as usize,
                        BEGIN + round as i64 * 10 * SECOND,
                    );
                    let again = usize::from((round + key) % 10 == 0);
                    payloads.extend(std::iter::repeat_n(text, 1 + again));
                    count.add(Count {
                        events: 1,
                        duplicates: again as i64,
                    });
                }
            }
            sent.entry(stream.name.clone()).or_default().add(count);
            broker.produce(&stream.name, partition, payloads);
        }
    }
    sent
}

fn rows(runtime: &Runtime, lake: &Path, table: &str) -> Vec<RecordBatch> {
    runtime.block_on(async {
        let lake = Lake::open(lake.to_str().unwrap(), LakeOptions::default())
            .await
            .unwrap();
        match lake.existing(table).await.unwrap() {
            Some(table) => table.scan(&Scan::default()).await.unwrap(),
            None => Vec::new(),
        }
    })
}

/// What the windows have counted, and how many rows stand in quarantine.
fn counted(runtime: &Runtime, lake: &Path, catalog: &StreamCatalog) -> (Counts, usize) {
    let of = |stream: &StreamDefinition| {
        let rows = rows(runtime, lake, &stream.windows_table());
        if rows.is_empty() {
            return Count::default();
        }
        Count {
            events: total(&rows, "events"),
            duplicates: total(&rows, "duplicates"),
        }
    };
    let windows = catalog.iter().map(|stream| (stream.name.clone(), of(stream))).collect();
    (
        windows,
        rows(runtime, lake, "quarantine")
            .iter()
            .map(RecordBatch::num_rows)
            .sum(),
    )
}

fn turn_until(pipeline: &mut Pipeline<KafkaSource>, what: &str, done: impl Fn(&PipelineStatus) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = pipeline.status();
        if done(&status) {
            return;
        }
        assert!(Instant::now() < deadline, "{what} does not come: {status:?}");
        pipeline.turn().unwrap();
    }
}

fn has_read(status: &PipelineStatus, sent: &Counts) -> bool {
    sent.iter().all(|(topic, count)| {
        let stream = &status.streams[topic];
        (stream.events + stream.duplicates) as i64 >= count.events + count.duplicates
    })
}

fn added(mut first: Counts, second: &Counts) -> Counts {
    for (topic, count) in &mut first {
        count.add(second[topic]);
    }
    first
}

#[test]
fn all_eight_topics_become_windows_and_a_restarted_broker_costs_nothing() {
    let Some(mut broker) = KafkaBroker::start() else { return };
    let catalog = StreamCatalog::built_in().unwrap();
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let mut pipeline = kafka_pipeline(&broker.address(), folder.path().to_str().unwrap(), &runtime);
    create_topics(&broker, &catalog);
    let sent = produce(&broker, &catalog, 0..90);
    turn_until(&mut pipeline, "the first part", |status| has_read(status, &sent));
    broker.kill();
    turn_until(&mut pipeline, "the broker's absence", |status| {
        status.unreachable && !status.is_ready()
    });
    broker.restart();
    let sent = added(sent, &produce(&broker, &catalog, 90..180));
    turn_until(&mut pipeline, "the second part", |status| {
        has_read(status, &sent) && status.is_ready()
    });
    pipeline.finish().unwrap();
    assert_eq!(counted(&runtime, folder.path(), &catalog), (sent, 0));
    let traffic = rows(&runtime, folder.path(), "traffic_sensors_windows");
    assert_eq!(latest(&traffic).len(), 6 * 4, "half an hour of four keys");
}

#[test]
fn twenty_kills_at_any_moment_count_every_event_once() {
    let Some(broker) = KafkaBroker::start() else { return };
    let catalog = StreamCatalog::built_in().unwrap();
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    create_topics(&broker, &catalog);
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let mut sent = produce(&broker, &catalog, 0..30);
    for kill in 1..=22usize {
        let mut child = reader(&broker.address(), folder.path());
        sent = added(sent, &produce(&broker, &catalog, kill * 30..(kill + 1) * 30));
        pause(random.random_range(50..1500));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    tell_to_stop(folder.path());
    assert!(reader(&broker.address(), folder.path()).wait().unwrap().success());
    assert_eq!(counted(&runtime, folder.path(), &catalog), (sent, 0));
}

#[test]
fn a_process_that_was_frozen_and_overtaken_is_refused() {
    let Some(broker) = KafkaBroker::start() else { return };
    let catalog = StreamCatalog::built_in().unwrap();
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    create_topics(&broker, &catalog);
    let sent = produce(&broker, &catalog, 0..90);
    let mut frozen = reader(&broker.address(), folder.path());
    wait_for(|| !rows(&runtime, folder.path(), "weather_windows").is_empty());
    signal(&frozen, "STOP");
    let mut owner = reader(&broker.address(), folder.path());
    let sent = added(sent, &produce(&broker, &catalog, 90..180));
    let many = || {
        rows(&runtime, folder.path(), "weather_windows")
            .iter()
            .map(RecordBatch::num_rows)
            .sum::<usize>()
            >= 4 * 4
    };
    wait_for(many);
    signal(&frozen, "CONT");
    assert_eq!(frozen.wait().unwrap().code(), Some(REFUSED));
    tell_to_stop(folder.path());
    assert!(owner.wait().unwrap().success());
    assert_eq!(counted(&runtime, folder.path(), &catalog), (sent, 0));
}

#[expect(
    clippy::disallowed_methods,
    reason = "other processes are given time, by the seed or up to a limit"
)]
fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

fn wait_for(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "nothing comes");
        pause(100);
    }
}

#[test]
fn a_topic_that_was_made_anew_is_reported_and_not_misread() {
    let Some(broker) = KafkaBroker::start() else { return };
    let catalog = StreamCatalog::built_in().unwrap();
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let lake = folder.path().to_str().unwrap();
    create_topics(&broker, &catalog);
    let sent = produce(&broker, &catalog, 0..90);
    let mut pipeline = kafka_pipeline(&broker.address(), lake, &runtime);
    turn_until(&mut pipeline, "the records", |status| has_read(status, &sent));
    pipeline.finish().unwrap();
    let stopped = |status: &PipelineStatus| matches!(status.streams["parking"].state, StreamState::Stopped(_));
    broker.delete_topic("parking");
    broker.create_topic("parking", PARTITIONS);
    let stream = catalog.get("parking").unwrap();
    broker.produce(
        "parking",
        0,
        (0..400).map(|round| event(stream, 0, BEGIN + 60 * MINUTE + round * SECOND)),
    );
    turn_until(&mut pipeline, "the running process's notice", stopped);
    drop(pipeline);
    let mut pipeline = kafka_pipeline(&broker.address(), lake, &runtime);
    turn_until(&mut pipeline, "the next process's notice", stopped);
    let reasons = pipeline.status().reasons().join(" ");
    assert!(reasons.contains("parking") && reasons.contains("before"), "{reasons}");
    assert_eq!(counted(&runtime, folder.path(), &catalog), (sent, 0));
}
