//! Names of places in a message log.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A partition of a topic, or a history of its events: files that were replayed into tables, with offsets of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number, from 0; below 0 for a history.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }

    /// The history called `name`, such as the digest of the files that tell it: its number is drawn from the name.
    pub fn history(topic: impl Into<String>, name: &str) -> Self {
        let digest = Sha256::digest(name);
        let drawn = i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Self::new(topic, drawn | i32::MIN)
    }

    /// Whether it is a history, which no broker knows of.
    #[must_use]
    pub const fn is_history(&self) -> bool {
        self.partition < 0
    }

    /// Whether both may tell events of the same key and window: a history and whatever else its topic has.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.topic == other.topic && (self.is_history() || other.is_history())
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.partition)
    }
}
