//! History as a log: the records of an iterator become a partition of each topic.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Change, Polled, Source, SourceIdentity, TopicPartition};
use crate::record::RecordRef;
use crate::{Error, Result};

/// Records that are made as they are read, each with its topic. Offsets count from 0 in each topic.
///
/// They are partition 0 of their topic, as those of a log that goes on live, or a history of their own
/// ([`of_files`](Self::of_files)), which touches no progress of the topic's partitions.
///
/// It cannot go back: a [`seek`](Source::seek) ahead leaves records out, one behind what was read is refused.
pub struct ReplaySource<I> {
    records: I,
    name: String,
    topics: BTreeMap<String, Topic>,
    assigned: bool,
    exhausted: bool,
}

#[derive(Default)]
struct Topic {
    partition: i32,
    next: i64,
    from: i64,
}

impl<I: Iterator<Item = (String, Vec<u8>)>> ReplaySource<I> {
    /// The log that `records` (topic and payload) makes of `topics`; `name` is its identity, such as the digest of the
    /// file that it comes from.
    pub fn new(name: impl Into<String>, topics: impl IntoIterator<Item = String>, records: I) -> Self {
        let topics = topics.into_iter().map(|topic| (topic, Topic::default())).collect();
        Self {
            records,
            name: name.into(),
            topics,
            assigned: false,
            exhausted: false,
        }
    }

    /// The same records as a history beside the topic's partitions: the tables remember it by the name of this log, and the
    /// topic itself need not exist.
    #[must_use]
    pub fn of_files(mut self) -> Self {
        for (name, topic) in &mut self.topics {
            topic.partition = TopicPartition::history(name, &self.name).partition;
        }
        self
    }

    /// Whether every record has been given.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        let partition = |(name, topic): (&String, &Topic)| TopicPartition::new(name, topic.partition);
        self.topics.iter().map(partition).collect()
    }

    /// What is known of a partition, where it is one of this log.
    fn topic(&self, partition: &TopicPartition) -> Option<&Topic> {
        self.topics
            .get(&partition.topic)
            .filter(|topic| topic.partition == partition.partition)
    }
}

impl<I: Iterator<Item = (String, Vec<u8>)>> Source for ReplaySource<I> {
    fn poll(&mut self, _: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled> {
        let mut polled = Polled::default();
        if !self.assigned {
            self.assigned = true;
            polled.changes.push(Change::Assigned(self.partitions()));
            return Ok(polled);
        }
        while polled.records < limit && !self.exhausted {
            let Some((topic, payload)) = self.records.next() else {
                self.exhausted = true;
                polled
                    .changes
                    .extend(self.partitions().into_iter().map(Change::CaughtUp));
                break;
            };
            let Some(known) = self.topics.get_mut(&topic) else {
                let accepted = self.topics.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(Error::invalid("topic", topic, accepted));
            };
            let offset = known.next;
            known.next += 1;
            if offset >= known.from {
                each(
                    &topic,
                    RecordRef {
                        partition: known.partition,
                        offset,
                        payload: Some(&payload),
                        trace: None,
                    },
                );
                polled.records += 1;
            }
        }
        Ok(polled)
    }

    fn seek(&mut self, offsets: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        for (partition, &offset) in offsets {
            let Some(topic) = self
                .topics
                .get_mut(&partition.topic)
                .filter(|topic| topic.partition == partition.partition)
            else {
                continue;
            };
            if offset < topic.next {
                return Err(Error::invalid(
                    "offset",
                    offset,
                    format!("{} or more: a replay cannot go back", topic.next),
                ));
            }
            topic.from = offset;
        }
        Ok(())
    }

    fn high_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        // How much is still to come is not known before its end.
        self.topic(partition).filter(|_| self.exhausted).map(|topic| topic.next)
    }

    fn low_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        self.topic(partition).map(|_| 0)
    }

    fn identity(&mut self) -> Result<SourceIdentity> {
        let mut identity = SourceIdentity::default();
        for partition in self.partitions() {
            // A history says nothing of the topic: it is remembered beside it.
            let known_as = if partition.is_history() {
                partition.to_string()
            } else {
                identity.cluster_id = Some("replay".into());
                partition.topic
            };
            identity.topic_ids.insert(known_as, self.name.clone());
        }
        Ok(identity)
    }

    fn courtesy_commit(&mut self, _: &BTreeMap<TopicPartition, i64>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> ReplaySource<impl Iterator<Item = (String, Vec<u8>)>> {
        let records = (0..5).map(|index| ("parking".to_string(), vec![index]));
        ReplaySource::new("digest", ["parking".to_string()], records)
    }

    #[test]
    fn records_come_in_order_from_where_it_was_sent() {
        let mut source = history();
        let partition = TopicPartition::new("parking", 0);
        let polled = source.poll(Duration::ZERO, 10, &mut |_, _| unreachable!()).unwrap();
        assert_eq!(polled.changes, [Change::Assigned(vec![partition.clone()])]);
        assert_eq!(
            source.high_watermark(&partition),
            None,
            "nobody has counted the records yet"
        );
        source.seek(&[(partition.clone(), 3)].into()).unwrap();
        let mut seen = Vec::new();
        let polled = source
            .poll(Duration::ZERO, 10, &mut |_, record| seen.push(record.offset))
            .unwrap();
        assert_eq!((seen, polled.records), (vec![3, 4], 2));
        assert_eq!(polled.changes, [Change::CaughtUp(partition.clone())]);
        assert_eq!(source.high_watermark(&partition), Some(5));
        assert_eq!(source.high_watermark(&TopicPartition::new("parking", 1)), None);
        let error = source.seek(&[(partition, 1)].into()).unwrap_err().to_string();
        assert!(error.contains("cannot go back"), "{error}");
    }

    #[test]
    fn a_history_of_files_says_nothing_of_the_topic() {
        let mut source = history().of_files();
        let polled = source.poll(Duration::ZERO, 10, &mut |_, _| unreachable!()).unwrap();
        let partition = TopicPartition::history("parking", "digest");
        assert_eq!(polled.changes, [Change::Assigned(vec![partition.clone()])]);
        assert!(partition.is_history());
        let identity = source.identity().unwrap();
        assert_eq!(identity.cluster_id, None);
        assert_eq!(
            identity.topic_ids,
            [(partition.to_string(), "digest".to_owned())].into()
        );
    }
}
