//! Where records come from.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::record::RecordRef;

pub use arterial_datasets::topic::TopicPartition;

mod bridge;
mod continued;
mod kafka;
mod memory;
mod replay;
mod settings;

pub use continued::ContinuedSource;
pub use kafka::KafkaSource;
pub use memory::MemorySource;
pub use replay::ReplaySource;
pub use settings::{Assignment, KafkaSettings};

/// A log of records, cut into partitions, read in the order of each partition's offsets by one thread.
///
/// A source keeps no promise about the order between partitions. It never gives the same offset of a partition twice
/// unless [`seek`](Self::seek) went back, and never leaves out one that exists without a [`Change::Gap`].
pub trait Source {
    /// Gives up to `limit` records to `each`, waiting up to `timeout` for the first; `each` gets the topic and the
    /// record, borrowed for the call. Changes of the assignment and of the connection come with the return; a revoked
    /// partition gives no record after the call that reports it.
    ///
    /// # Errors
    /// Only what waiting does not mend: settings that the broker refuses, a request that it does not allow. A broker
    /// that is away is [`Change::Unreachable`], not an error.
    fn poll(&mut self, timeout: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled>;

    /// Reads on from these offsets; the next [`poll`](Self::poll) gives nothing from before. Partitions that are not
    /// assigned are ignored.
    ///
    /// # Errors
    /// A broker that refuses the seek.
    fn seek(&mut self, offsets: &BTreeMap<TopicPartition, i64>) -> Result<()>;

    /// The offset after the last record that is known to exist in the partition; none while it is not known. Never
    /// waits. A partition whose next offset is below it has unread records and is not idle.
    fn high_watermark(&self, partition: &TopicPartition) -> Option<i64>;

    /// The offset of the first record that the partition still holds; none while it is not known. Never waits.
    fn low_watermark(&self, partition: &TopicPartition) -> Option<i64>;

    /// Which log this is. May ask the broker and wait a few seconds for its answer.
    ///
    /// # Errors
    /// A broker that does not answer.
    fn identity(&mut self) -> Result<SourceIdentity>;

    /// Tells lag monitors how far reading has come. A courtesy: nothing reads it back, nothing waits for it.
    fn courtesy_commit(&mut self, offsets: &BTreeMap<TopicPartition, i64>);
}

/// What one [`Source::poll`] gave beside its records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Polled {
    /// How many records.
    pub records: usize,
    /// What changed, in order.
    pub changes: Vec<Change>,
}

/// What changed at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// These partitions are now ours, and stand at their earliest record until [`Source::seek`] says otherwise.
    Assigned(Vec<TopicPartition>),
    /// These partitions are no longer ours; records of theirs that were not committed will come to somebody else.
    Revoked(Vec<TopicPartition>),
    /// The partition has been read to its end.
    CaughtUp(TopicPartition),
    /// No broker answers. Said once, until [`Change::Reachable`].
    Unreachable,
    /// A broker answers again.
    Reachable,
    /// The topic does not exist. Said once, until it is assigned.
    UnknownTopic(String),
    /// Records are gone: retention took them, or the topic was truncated. Offsets that a log compaction or a
    /// transaction leaves out are gaps too, and harmless.
    Gap {
        /// Where.
        partition: TopicPartition,
        /// The offset that was to come.
        expected: i64,
        /// The offset that came.
        got: i64,
    },
    /// The topic is not the one that was read before: it was deleted and made again under its name. Its partitions
    /// give no more records until [`Source::seek`].
    Recreated {
        /// Its name.
        topic: String,
        /// What it was known by.
        before: String,
        /// What it is known by now.
        now: String,
    },
}

/// Which log a source reads, so that another one under the same name is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceIdentity {
    /// The cluster's id; none where the source has none.
    pub cluster_id: Option<String>,
    /// The id of each topic.
    pub topic_ids: BTreeMap<String, String>,
}

impl SourceIdentity {
    /// What differs from `remembered`, in words; none where every id that both know is the same.
    #[must_use]
    pub fn contradiction(&self, remembered: &Self) -> Option<String> {
        if let (Some(now), Some(before)) = (&self.cluster_id, &remembered.cluster_id)
            && now != before
        {
            return Some(format!("the cluster is `{now}`, but `{before}` was read before"));
        }
        self.topic_ids.iter().find_map(|(topic, now)| {
            let before = remembered.topic_ids.get(topic)?;
            (now != before).then(|| format!("the topic `{topic}` is `{now}`, but `{before}` was read before"))
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |list: &[TopicPartition]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Assigned(list) => write!(formatter, "assigned: {}", join(list)),
            Self::Revoked(list) => write!(formatter, "revoked: {}", join(list)),
            Self::CaughtUp(partition) => write!(formatter, "{partition} is read to its end"),
            Self::Unreachable => formatter.write_str("no broker answers"),
            Self::Reachable => formatter.write_str("a broker answers again"),
            Self::UnknownTopic(topic) => write!(formatter, "the topic `{topic}` does not exist"),
            Self::Gap {
                partition,
                expected,
                got,
            } => {
                write!(
                    formatter,
                    "{partition} lacks {} records: expected offset {expected}, got {got}",
                    got - expected
                )
            }
            Self::Recreated { topic, before, now } => {
                write!(
                    formatter,
                    "the topic `{topic}` was made anew: it is `{now}`, but `{before}` was read before"
                )
            }
        }
    }
}
