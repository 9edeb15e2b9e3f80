//! How far a table has read its sources: kept in the table's own commits as Delta `txn` actions.
//!
//! | `appId` | `version` |
//! |---|---|
//! | `arterial/epoch/<partition>/<topic>` | the epoch of the writer that owns the partition |
//! | `arterial/next/<partition>/<topic>` | next unread offset |
//! | `arterial/resume_from/<partition>/<topic>` | lowest offset still in an open window |
//! | `arterial/watermark/<partition>/<topic>` | UTC microseconds |
//! | `arterial/source_version` | version of the table that this one is derived from |
//!
//! A partition below 0 is a history ([`TopicPartition::history`]): what is replayed from files never moves the entries of a
//! topic's own partitions.
//!
//! Cluster and topic identities stand in the table's configuration (`arterial.clusterId`, `arterial.topicId.<topic>`).

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Timestamp;
pub use crate::topic::TopicPartition;
use crate::{Error, Result};

/// The offset of a partition that was acquired and not read yet.
pub const NOTHING_READ: i64 = -1;

const CLUSTER: &str = "arterial.clusterId";
const TOPIC: &str = "arterial.topicId.";
const SOURCE_VERSION: &str = "arterial/source_version";

/// How far one partition is in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The epoch of the writer that owns it; 0 where nobody ever acquired it.
    pub epoch: u64,
    /// Next unread offset, or [`NOTHING_READ`].
    pub next: i64,
    /// Lowest offset still in an open window; equals `next` where there is none. [`NOTHING_READ`] before the first read.
    pub resume_from: i64,
    /// The watermark of the last commit.
    pub watermark: Option<Timestamp>,
}

impl Default for PartitionProgress {
    fn default() -> Self {
        Self {
            epoch: 0,
            next: NOTHING_READ,
            resume_from: NOTHING_READ,
            watermark: None,
        }
    }
}

impl PartitionProgress {
    /// Whether any offset of this partition was ever committed.
    #[must_use]
    pub fn has_read(&self) -> bool {
        self.next != NOTHING_READ
    }

    /// Whether it stands where `other` does, whoever owns it.
    fn is_as_far_as(&self, other: Self) -> bool {
        let epoch = self.epoch;
        *self == Self { epoch, ..other }
    }
}

/// How far a table is, in all its sources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Per partition. A commit touches only the partitions that it names.
    pub partitions: BTreeMap<TopicPartition, PartitionProgress>,
    /// The Kafka cluster that the offsets belong to.
    pub cluster_id: Option<String>,
    /// The identity of each topic: a topic that was created anew has another one.
    pub topic_ids: BTreeMap<String, String>,
    /// For tables derived from another table: the version of that one which is worked in.
    pub source_version: Option<i64>,
}

impl Progress {
    /// The lowest watermark of all partitions that have one. A history has none: events of its windows may come at any time.
    #[must_use]
    pub fn watermark(&self) -> Option<Timestamp> {
        let live = self.partitions.iter().filter(|(place, _)| !place.is_history());
        live.filter_map(|(_, progress)| progress.watermark).min()
    }

    /// Up to where other logs than `own` have put windows of `topic` that the writer of `own` may have events for: a history
    /// meets whatever is there, a partition only histories, as the keys of partitions differ.
    #[must_use]
    pub fn closed_by_others(&self, own: &BTreeSet<TopicPartition>) -> Option<Timestamp> {
        let others = self.partitions.iter().filter(|(place, _)| !own.contains(place));
        let met = others.filter(|(place, _)| own.iter().any(|own| own.meets(place)));
        met.filter_map(|(_, progress)| progress.watermark).max()
    }

    /// Reads the progress out of a snapshot's `txn` actions and configuration.
    pub(crate) fn read(txns: &BTreeMap<String, i64>, configuration: &BTreeMap<String, String>) -> Self {
        let mut progress = Self {
            cluster_id: configuration.get(CLUSTER).cloned(),
            source_version: txns.get(SOURCE_VERSION).copied(),
            ..Self::default()
        };
        for (key, value) in configuration {
            if let Some(topic) = key.strip_prefix(TOPIC) {
                progress.topic_ids.insert(topic.to_owned(), value.clone());
            }
        }
        for (id, version) in txns {
            if let Some((field, place)) = parse(id) {
                let entry = progress.partitions.entry(place).or_default();
                match field {
                    "epoch" => entry.epoch = u64::try_from(*version).unwrap_or(0),
                    "next" => entry.next = *version,
                    "resume_from" => entry.resume_from = *version,
                    "watermark" => entry.watermark = Some(Timestamp(*version)),
                    _ => {}
                }
            }
        }
        progress
    }

    /// The `txn` actions that lead from `current` to this progress.
    pub(crate) fn transactions(&self, current: &Self) -> Vec<(String, i64)> {
        let mut found = Vec::new();
        for (place, wanted) in &self.partitions {
            let known = current.partitions.get(place).copied().unwrap_or_default();
            let id = |field: &str| format!("arterial/{field}/{}/{}", place.partition, place.topic);
            let mut note = |field: &str, old: Option<i64>, new: Option<i64>| {
                if let Some(value) = new.filter(|_| old != new) {
                    found.push((id(field), value));
                }
            };
            let offset = |value: i64| (value != NOTHING_READ).then_some(value);
            note(
                "epoch",
                i64::try_from(known.epoch).ok(),
                i64::try_from(wanted.epoch).ok(),
            );
            note("next", offset(known.next), offset(wanted.next));
            note("resume_from", offset(known.resume_from), offset(wanted.resume_from));
            note(
                "watermark",
                known.watermark.map(|at| at.0),
                wanted.watermark.map(|at| at.0),
            );
        }
        if let Some(version) = self
            .source_version
            .filter(|_| self.source_version != current.source_version)
        {
            found.push((SOURCE_VERSION.to_owned(), version));
        }
        found
    }

    /// The table's configuration with the identities of this progress; `None` where nothing changes.
    pub(crate) fn configuration(&self, current: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
        let mut wanted = current.clone();
        if let Some(cluster) = &self.cluster_id {
            wanted.insert(CLUSTER.to_owned(), cluster.clone());
        }
        for (topic, identity) in &self.topic_ids {
            wanted.insert(format!("{TOPIC}{topic}"), identity.clone());
        }
        (wanted != *current).then_some(wanted)
    }

    /// Whether the offsets of a topic count on from those of `current`. Of a topic or cluster that was created anew they
    /// do not.
    fn is_of_the_same_topic(&self, current: &Self, topic: &str) -> bool {
        let cluster = self.cluster_id.is_none() || self.cluster_id == current.cluster_id;
        cluster
            && self
                .topic_ids
                .get(topic)
                .is_none_or(|id| current.topic_ids.get(topic) == Some(id))
    }

    /// A log that this commit was made without: a history, or for a history any log of its topic, that has moved since `base`.
    fn moved_beside<'a>(&self, base: &Self, current: &'a Self) -> Option<&'a TopicPartition> {
        let mut others = current
            .partitions
            .iter()
            .filter(|(place, _)| !self.partitions.contains_key(place));
        let moved = others.find(|(place, known)| {
            let before = base.partitions.get(place).copied().unwrap_or_default();
            !known.is_as_far_as(before) && self.partitions.keys().any(|own| own.meets(place))
        });
        moved.map(|(place, _)| place)
    }

    /// Whether a commit with this progress, prepared upon `base`, may still follow `current`.
    ///
    /// # Errors
    /// [`Error::Fenced`] where another writer has acquired a partition; [`Error::Conflict`] where its progress moved.
    pub(crate) fn check(&self, table: &str, base: &Self, current: &Self) -> Result<()> {
        let conflict = |message: String| Error::Conflict {
            table: table.to_owned(),
            message,
        };
        for (place, wanted) in &self.partitions {
            let known = current.partitions.get(place).copied().unwrap_or_default();
            let name = format!("{}/{}", place.topic, place.partition);
            if known.epoch > wanted.epoch {
                return Err(Error::Fenced {
                    table: table.to_owned(),
                    topic: place.topic.clone(),
                    partition: place.partition,
                    held: wanted.epoch,
                    current: known.epoch,
                });
            }
            if known.epoch < wanted.epoch {
                return Err(conflict(format!(
                    "epoch {} of `{name}` was never acquired",
                    wanted.epoch
                )));
            }
            if known != base.partitions.get(place).copied().unwrap_or_default() {
                return Err(conflict(format!(
                    "the progress of `{name}` has moved to offset {}",
                    known.next
                )));
            }
            if wanted.next < known.next && self.is_of_the_same_topic(current, &place.topic) {
                return Err(conflict(format!(
                    "`{name}` would go back from offset {} to {}",
                    known.next, wanted.next
                )));
            }
        }
        if let Some(place) = self.moved_beside(base, current) {
            return Err(conflict(format!(
                "`{place}` was written meanwhile, and a history is replayed while nothing else writes its stream"
            )));
        }
        if self.source_version.is_some() && current.source_version != base.source_version {
            return Err(conflict("the version of the source table has moved".to_owned()));
        }
        Ok(())
    }
}

fn parse(id: &str) -> Option<(&str, TopicPartition)> {
    let mut parts = id.strip_prefix("arterial/")?.splitn(3, '/');
    let (field, partition, topic) = (parts.next()?, parts.next()?, parts.next()?);
    Some((field, TopicPartition::new(topic, partition.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_progress() -> impl Strategy<Value = Progress> {
        let place = ("[a-z._/-]{1,8}", 0..4_i32).prop_map(|(topic, partition)| TopicPartition::new(topic, partition));
        let entry = (0..9_u64, -1..99_i64, -1..99_i64, proptest::option::of(-9..9_i64)).prop_map(
            |(epoch, next, resume_from, at)| PartitionProgress {
                epoch,
                next,
                resume_from,
                watermark: at.map(Timestamp),
            },
        );
        let ids = proptest::collection::btree_map("[a-z.-]{1,8}", "[a-z]{1,4}", 0..3);
        (
            proptest::collection::btree_map(place, entry, 0..4),
            proptest::option::of("[a-z]{1,9}"),
            ids,
            proptest::option::of(0..99_i64),
        )
            .prop_map(|(partitions, cluster_id, topic_ids, source_version)| Progress {
                partitions,
                cluster_id,
                topic_ids,
                source_version,
            })
    }

    fn read_to(places: &[(TopicPartition, i64)]) -> Progress {
        let progress = |next| PartitionProgress {
            next,
            resume_from: next,
            watermark: Some(Timestamp(next)),
            ..PartitionProgress::default()
        };
        let partitions = places.iter().map(|(place, next)| (place.clone(), progress(*next)));
        Progress {
            partitions: partitions.collect(),
            ..Progress::default()
        }
    }

    #[test]
    fn a_history_and_a_live_stream_never_follow_each_other_unseen() {
        let (live, file) = (TopicPartition::new("x", 0), TopicPartition::history("x", "file"));
        let base = read_to(&[(live.clone(), 5), (file.clone(), 9)]);
        let both = |of_live, of_file| read_to(&[(live.clone(), of_live), (file.clone(), of_file)]);
        let live_commit = read_to(&[(live.clone(), 6)]);
        assert!(live_commit.check("t", &base, &base).is_ok());
        let error = live_commit.check("t", &base, &both(5, 10)).unwrap_err().to_string();
        assert!(error.contains(&file.to_string()), "{error}");
        assert!(read_to(&[(file.clone(), 10)]).check("t", &base, &both(6, 9)).is_err());

        let other = TopicPartition::new("x", 1);
        let beside = read_to(&[(live.clone(), 5), (file.clone(), 9), (other.clone(), 3)]);
        assert!(
            live_commit.check("t", &base, &beside).is_ok(),
            "partitions differ in keys"
        );
        let elsewhere = read_to(&[(live, 5), (file.clone(), 9), (TopicPartition::history("y", "file"), 3)]);
        assert!(read_to(&[(file, 10)]).check("t", &base, &elsewhere).is_ok());
    }

    #[test]
    fn a_history_does_not_hold_the_watermark() {
        let (live, file) = (TopicPartition::new("x", 0), TopicPartition::history("x", "file"));
        let progress = read_to(&[(live.clone(), 50), (file.clone(), 9)]);
        assert_eq!(progress.watermark(), Some(Timestamp(50)));
        assert_eq!(progress.closed_by_others(&[live].into()), Some(Timestamp(9)));
        assert_eq!(progress.closed_by_others(&[file].into()), Some(Timestamp(50)));
    }

    proptest! {
        #[test]
        fn progress_survives_its_way_through_transactions(wanted in any_progress()) {
            let txns: BTreeMap<String, i64> = wanted.transactions(&Progress::default()).into_iter().collect();
            let configuration = wanted.configuration(&BTreeMap::new()).unwrap_or_default();
            let mut read = Progress::read(&txns, &configuration);
            // A partition of which nothing is known leaves no trace, and needs none.
            read.partitions.retain(|_, known| *known != PartitionProgress::default());
            let mut expected = wanted.clone();
            expected.partitions.retain(|_, known| *known != PartitionProgress::default());
            prop_assert_eq!(&read, &expected);
            prop_assert!(wanted.transactions(&expected).is_empty());
        }
    }
}
