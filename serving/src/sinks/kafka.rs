//! The only place that writes to Kafka: results, simulated and replayed events, quarantined records that are sent
//! again, and the mock cluster of the demonstration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::ForecastSink;
use crate::config::ServingConfig;
use crate::score::{Issue, rows_fresh};
use crate::traces::{TRACEPARENT, Trace};
use crate::{Error, Result};

/// Deliveries that are waited for at a time.
const IN_FLIGHT: usize = 10_000;
/// How long a full queue is waited for before a record counts as refused.
const QUEUE_PATIENCE: Duration = Duration::from_secs(30);

/// One record to send. It bears the time of sending: by the time of an old event, brokers would delete it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic, without prefix.
    pub topic: String,
    /// The key, which decides the partition; none spreads records.
    pub key: Option<String>,
    /// The partition, where the sender decides.
    pub partition: Option<i32>,
    /// The bytes.
    pub payload: Vec<u8>,
    /// The header `traceparent`; none says where in a trace it is sent, where it is sent in one.
    pub trace: Option<String>,
}

/// What librdkafka says of its own accord: each record that is not delivered is told to its sender, and that no broker
/// answers is said by whoever reads.
#[derive(Clone, Copy)]
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "kafka client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
    }
}

/// Sends records and accounts for each one. Cheap to clone.
#[derive(Clone)]
pub struct KafkaWriter {
    producer: FutureProducer<Quiet>,
    prefix: String,
}

impl KafkaWriter {
    /// A producer for `brokers` (`host:port,host:port`). It is idempotent, waits for all replicas and gives a record up
    /// after two minutes; `properties` are anything else librdkafka takes, and they win.
    ///
    /// # Errors
    /// A property that librdkafka does not know.
    pub fn new(brokers: &str, prefix: &str, properties: &BTreeMap<String, String>) -> Result<Self> {
        if brokers.is_empty() {
            return Err(Error::invalid(
                "kafka.brokers",
                brokers,
                "host:port, or several with commas between",
            ));
        }
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("client.id", "arterial")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("compression.type", "zstd")
            .set("delivery.timeout.ms", "120000");
        for (name, value) in properties {
            config.set(name, value);
        }
        let producer = config.create_with_context(Quiet).map_err(|source| match source {
            KafkaError::ClientConfig(_, reason, name, value) => {
                let accepted = format!("what librdkafka takes ({reason})");
                Error::invalid(format!("kafka.properties.{name}"), value, accepted)
            }
            other => kafka(other),
        })?;
        Ok(Self {
            producer,
            prefix: prefix.into(),
        })
    }

    /// Returns once a broker answers: a record would be waited for in vain for minutes otherwise.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where none does for `patience`.
    pub async fn reach(&self, patience: Duration) -> Result<()> {
        let producer = self.producer.clone();
        let ask = move || producer.client().fetch_metadata(None, patience).map(drop);
        let answer = tokio::task::spawn_blocking(ask).await;
        let answer = answer.map_err(|error| Error::Background(error.to_string()))?;
        answer.map_err(|source| Error::Unreachable {
            patience,
            source: source.into(),
        })
    }

    /// Sends `records` in order and returns once the brokers have them all.
    ///
    /// # Errors
    /// The first record that was not delivered; those behind it may or may not have been.
    pub async fn send_all(&self, records: impl IntoIterator<Item = Outgoing>) -> Result<u64> {
        let mut waiting = std::collections::VecDeque::new();
        let mut sent = 0;
        let current = Trace::current().header();
        for record in records {
            if waiting.len() >= IN_FLIGHT
                && let Some(delivery) = waiting.pop_front()
            {
                settle(delivery).await?;
            }
            waiting.push_back(self.enqueue(&record, current.as_deref()).await?);
            sent += 1;
        }
        for delivery in waiting {
            settle(delivery).await?;
        }
        Ok(sent)
    }

    async fn enqueue(&self, record: &Outgoing, current: Option<&str>) -> Result<(String, DeliveryFuture)> {
        let topic = format!("{}{}", self.prefix, record.topic);
        let mut waited = Duration::ZERO;
        loop {
            match self.producer.send_result(outgoing(&topic, record, current)) {
                Ok(delivery) => return Ok((topic, delivery)),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if waited < QUEUE_PATIENCE => {
                    let pause = Duration::from_millis(10);
                    tokio::time::sleep(pause).await;
                    waited += pause;
                }
                Err((source, _)) => return Err(undelivered(topic, source)),
            }
        }
    }

    /// Waits until everything that was sent has been settled, at most `limit`.
    ///
    /// # Errors
    /// Records that are still on their way.
    pub async fn flush(&self, limit: Duration) -> Result<()> {
        let producer = self.producer.clone();
        let work = tokio::task::spawn_blocking(move || producer.flush(limit));
        work.await
            .map_err(|error| Error::Background(error.to_string()))?
            .map_err(kafka)
    }
}

fn outgoing<'a>(topic: &'a str, record: &'a Outgoing, current: Option<&str>) -> FutureRecord<'a, str, [u8]> {
    let mut future = FutureRecord::to(topic).payload(record.payload.as_slice());
    if let Some(key) = &record.key {
        future = future.key(key.as_str());
    }
    if let Some(partition) = record.partition {
        future = future.partition(partition);
    }
    if let Some(trace) = record.trace.as_deref().or(current) {
        let header = Header {
            key: TRACEPARENT,
            value: Some(trace),
        };
        future = future.headers(OwnedHeaders::new_with_capacity(1).insert(header));
    }
    future
}

fn undelivered(topic: String, source: KafkaError) -> Error {
    Error::Delivery {
        topic,
        source: source.into(),
    }
}

fn kafka(source: KafkaError) -> Error {
    Error::Kafka(source.into())
}

async fn settle((topic, delivery): (String, DeliveryFuture)) -> Result<()> {
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((source, _))) => Err(undelivered(topic, source)),
        Err(_) => Err(undelivered(topic, KafkaError::Canceled)),
    }
}

/// Sends each forecast to the topic `forecasts`: one JSON object a key and horizon, with the columns of the table
/// `forecasts` and times as RFC 3339. Keys whose data are stale are left out, and so are those whose windows another instance makes: it
/// sends them.
pub struct KafkaSink {
    writer: KafkaWriter,
    config: ServingConfig,
}

impl KafkaSink {
    /// Sends through `writer`; the configured horizons are sent.
    pub fn new(writer: KafkaWriter, config: &ServingConfig) -> Self {
        Self {
            writer,
            config: config.clone(),
        }
    }
}

impl ForecastSink for KafkaSink {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn deliver(&self, issue: Arc<Issue>) -> BoxFuture<'_, Result<u64>> {
        async move {
            let kept: BTreeSet<usize> = self.config.stored_steps(issue.step);
            let (now, stale_after) = (issue.issued_at, self.config.stale_after);
            let batch = rows_fresh(&issue, &kept, now, stale_after, |key| issue.ours[key])?;
            let mut records = Vec::with_capacity(batch.num_rows());
            for row in crate::json::rows(&batch) {
                let key = row.get("key").and_then(|key| key.as_str()).map(String::from);
                let payload = serde_json::to_vec(&row)?;
                records.push(Outgoing {
                    topic: "forecasts".into(),
                    key,
                    partition: None,
                    payload,
                    trace: None,
                });
            }
            self.writer.send_all(records).await
        }
        .boxed()
    }
}

/// A Kafka cluster inside this process, for the demonstration and for tests. Each partition keeps only about its last
/// 5 MB. It ends when this is dropped.
pub struct MockBrokers {
    address: String,
    end: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl MockBrokers {
    /// Starts one broker with `topics` (name and number of partitions).
    ///
    /// # Errors
    /// A cluster that librdkafka cannot start.
    pub fn start(topics: &[(String, i32)]) -> Result<Self> {
        let topics = topics.to_vec();
        let (end, ended) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        // The cluster's handle may not change threads, so it lives and dies in one of its own.
        let thread = std::thread::Builder::new()
            .name("mock-brokers".into())
            .spawn(move || match cluster(&topics) {
                Ok(cluster) => {
                    let _ = tell.send(Ok(cluster.bootstrap_servers()));
                    let _ = ended.recv();
                }
                Err(error) => {
                    let _ = tell.send(Err(kafka(error)));
                }
            });
        let thread = thread.map_err(|error| Error::Background(error.to_string()))?;
        let address = told.recv().map_err(|error| Error::Background(error.to_string()))??;
        Ok(Self {
            address,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// Where clients connect: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

fn cluster(
    topics: &[(String, i32)],
) -> Result<MockCluster<'static, rdkafka::producer::DefaultProducerContext>, KafkaError> {
    let cluster = MockCluster::new(1)?;
    for (topic, partitions) in topics {
        cluster.create_topic(topic, *partitions, 1)?;
    }
    Ok(cluster)
}

impl Drop for MockBrokers {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
