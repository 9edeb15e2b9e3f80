//! The thread that asks the brokers again and again what there is.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::client::{ANSWER, connect, handle};
use super::events::Events;
use crate::source::KafkaSettings;
use crate::{Error, Result};

/// Asks the brokers again and again what there is.
pub(super) struct Watcher {
    /// What came of it since these were last read.
    pub(super) looks: Receiver<Look>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What one look at the brokers gave.
pub(super) enum Look {
    /// No broker answered; why, as far as the client said.
    Away(Option<String>),
    Seen(Seen),
}

/// What the brokers said.
pub(super) struct Seen {
    pub(super) topic_ids: BTreeMap<String, String>,
    pub(super) partitions: BTreeMap<String, Vec<i32>>,
}

impl Watcher {
    pub(super) fn new(config: &ClientConfig, settings: &KafkaSettings) -> Result<Self> {
        let client = connect(config)?;
        let (topics, interval) = (settings.topics.clone(), settings.watch_interval);
        let (tell, looks) = channel();
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("kafka-watch".into())
            .spawn(move || {
                loop {
                    let look = match look(&client, &topics) {
                        Some(seen) => Look::Seen(seen),
                        None => Look::Away(client.context().complaint()),
                    };
                    let known = tell.send(look).is_ok();
                    if !known || stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            })
            .map_err(|source| Error::Broker {
                action: "be watched".into(),
                source: source.into(),
            })?;
        Ok(Self {
            looks,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that watches Kafka ended badly");
        }
    }
}

fn look(client: &BaseConsumer<Events>, topics: &[String]) -> Option<Seen> {
    // Serves the client's log and errors, which would pile up otherwise.
    drop(client.poll(Duration::ZERO));
    let mut partitions = BTreeMap::new();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(topic), ANSWER).ok()?;
        let found = metadata
            .topics()
            .iter()
            .find(|found| found.name() == topic && found.error().is_none());
        if let Some(found) = found.filter(|found| !found.partitions().is_empty()) {
            partitions.insert(
                topic.clone(),
                found
                    .partitions()
                    .iter()
                    .map(rdkafka::metadata::MetadataPartition::id)
                    .collect(),
            );
        }
    }
    Some(Seen {
        topic_ids: handle(client).topic_ids(topics, ANSWER),
        partitions,
    })
}
