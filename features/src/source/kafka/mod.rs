//! Kafka as a source: the one folder that knows the client library.
//!
//! Two clients: one fetches records for the thread that polls; the other lives on a thread of its own, asks the brokers
//! every few seconds what there is, and thereby notices a broker that went or came back, a new partition, and a topic
//! that was deleted and made again. Neither ever commits by itself.
//!
//! | file | what stands there |
//! |---|---|
//! | `client` | how both clients are set up |
//! | `events` | what the library calls back: errors, and the rebalances of a group |
//! | `places` | the assigned partitions, and how far each has been read |
//! | `record` | a message, given as a record |
//! | `watcher`, `known` | the thread that asks the brokers, and what has changed since it last did |
//! | `errors` | what a broker will not do however often it is asked |

mod client;
mod errors;
mod events;
mod known;
mod places;
mod record;
mod watcher;

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use self::client::{ANSWER, handle};
use self::errors::{broker, harmless};
use self::events::Events;
use self::known::Known;
use self::places::Places;
use self::record::give;
use self::watcher::{Look, Watcher};
use super::settings::{Assignment, KafkaSettings};
use super::{Change, Polled, Source, SourceIdentity, TopicPartition};
use crate::record::RecordRef;
use crate::{Error, Result};

/// Records from Kafka.
pub struct KafkaSource {
    consumer: BaseConsumer<Events>,
    settings: KafkaSettings,
    places: Places,
    /// The assignment, or where to read it from, changed since the client was told.
    stale: bool,
    watcher: Watcher,
    known: Known,
}

impl KafkaSource {
    /// Checks properties of librdkafka as a source would set them. Nothing is connected.
    ///
    /// # Errors
    /// A property that librdkafka does not know or does not take, or that would break a promise of ours.
    pub fn check(properties: &BTreeMap<String, String>) -> Result<()> {
        client::config(&KafkaSettings {
            properties: properties.clone(),
            ..KafkaSettings::new("127.0.0.1:9092", ["any".to_owned()])
        })
        .map(|_| ())
    }

    /// Connects; a broker that is away is no error, it is waited for.
    ///
    /// # Errors
    /// Settings that are wrong, or that librdkafka refuses.
    pub fn new(settings: KafkaSettings) -> Result<Self> {
        let config = client::config(&settings)?;
        let consumer = client::connect(&config)?;
        if settings.assignment == Assignment::Group {
            let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
            consumer
                .subscribe(&topics)
                .map_err(|source| broker("subscribe", source))?;
        }
        let watcher = Watcher::new(&config, &settings)?;
        Ok(Self {
            consumer,
            settings,
            places: Places::default(),
            stale: false,
            watcher,
            known: Known::default(),
        })
    }

    /// What the callbacks and the watcher saw since the last poll.
    fn changes(&mut self) -> Vec<Change> {
        let mut changes = self.consumer.context().take_changes();
        for look in self.watcher.looks.try_iter() {
            self.known.compare(&look, &self.settings.topics, &mut changes);
            if let Look::Seen(seen) = &look
                && self.settings.assignment == Assignment::All
            {
                changes.extend(self.places.missing(&seen.partitions).map(Change::Assigned));
            }
        }
        for change in &changes {
            self.stale |= matches!(change, Change::Assigned(_));
            self.places.apply(change);
        }
        changes
    }

    /// Tells the client what is assigned and where to read on.
    fn assign(&mut self) -> Result<()> {
        let told = self.places.list().and_then(|list| self.consumer.assign(&list));
        told.map_err(|source| broker("assign", source))?;
        self.stale = false;
        Ok(())
    }

    /// Gives up to `limit` records to `each`, waiting for the first; tells whether nothing more waits in memory.
    fn fetch(
        &mut self,
        timeout: Duration,
        limit: usize,
        polled: &mut Polled,
        each: &mut dyn FnMut(&str, RecordRef<'_>),
    ) -> Result<bool> {
        let mut wait = timeout;
        let mut drained = false;
        while polled.records < limit && !drained {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let traces = self.settings.traces;
                    let given = give(&mut self.places, &message, traces, &mut polled.changes, each);
                    polled.records += usize::from(given);
                }
                Some(Err(KafkaError::PartitionEOF(number))) => self.places.note_mark_of_end(number),
                Some(Err(error)) => harmless(error, self.consumer.context())?,
                None => drained = true,
            }
            wait = Duration::ZERO;
        }
        Ok(drained)
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, timeout: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled> {
        let mut polled = Polled {
            records: 0,
            changes: self.changes(),
        };
        if !polled.changes.is_empty() {
            return Ok(polled);
        }
        if self.stale {
            self.assign()?;
        }
        let drained = self.fetch(timeout, limit, &mut polled, each)?;
        self.places
            .note_ends(handle(&self.consumer), drained, &mut polled.changes);
        polled.changes.extend(self.changes());
        Ok(polled)
    }

    fn seek(&mut self, offsets: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        for (name, &offset) in offsets {
            if offset < 0 {
                return Err(Error::invalid(format!("offset of {name}"), offset, "0 or more"));
            }
            self.stale |= self.places.seek(name, offset);
        }
        Ok(())
    }

    fn high_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        let place = self.places.get(partition)?;
        let (low, high) = handle(&self.consumer).watermarks(&partition.topic, partition.partition)?;
        Some(place.after_last(low, high))
    }

    fn low_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        handle(&self.consumer)
            .watermarks(&partition.topic, partition.partition)
            .map(|(low, _)| low)
    }

    fn identity(&mut self) -> Result<SourceIdentity> {
        let cluster_id = self
            .consumer
            .client()
            .fetch_cluster_id(ANSWER)
            .filter(|id| !id.is_empty());
        if cluster_id.is_none() {
            let source = KafkaError::MetadataFetch(RDKafkaErrorCode::BrokerTransportFailure);
            return Err(broker("tell its cluster id", source));
        }
        let topic_ids = handle(&self.consumer).topic_ids(&self.settings.topics, ANSWER);
        Ok(SourceIdentity { cluster_id, topic_ids })
    }

    fn courtesy_commit(&mut self, offsets: &BTreeMap<TopicPartition, i64>) {
        let mut list = TopicPartitionList::new();
        for (name, &offset) in offsets {
            let added = list.add_partition_offset(&name.topic, name.partition, Offset::Offset(offset));
            if let Err(error) = added {
                tracing::debug!(%error, "offset not told to lag monitors");
            }
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(%error, "offsets not told to lag monitors");
        }
    }
}
