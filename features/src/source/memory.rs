//! Partitions in memory: for tests, and for history that is already there.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Change, Polled, Source, SourceIdentity, TopicPartition};
use crate::Result;
use crate::record::RecordRef;

/// A log that is held in memory. Partitions take turns, record by record.
#[derive(Debug, Default)]
pub struct MemorySource {
    partitions: BTreeMap<TopicPartition, Partition>,
    changes: VecDeque<Change>,
    identity: SourceIdentity,
    turn: usize,
}

#[derive(Debug, Default)]
struct Partition {
    records: Vec<Option<Vec<u8>>>,
    next: usize,
    caught_up: bool,
}

impl MemorySource {
    /// An empty log with these partitions, all of them assigned.
    pub fn new(partitions: impl IntoIterator<Item = TopicPartition>) -> Self {
        let partitions: BTreeMap<_, _> = partitions
            .into_iter()
            .map(|name| (name, Partition::default()))
            .collect();
        let changes = VecDeque::from([Change::Assigned(partitions.keys().cloned().collect())]);
        Self {
            partitions,
            changes,
            ..Self::default()
        }
    }

    /// Appends a record; a partition that is new is assigned.
    pub fn append(&mut self, partition: &TopicPartition, payload: Option<Vec<u8>>) {
        if !self.partitions.contains_key(partition) {
            self.changes.push_back(Change::Assigned(vec![partition.clone()]));
        }
        let log = self.partitions.entry(partition.clone()).or_default();
        log.records.push(payload);
        log.caught_up = false;
    }

    /// Says that something changed: what the next poll reports.
    pub fn report(&mut self, change: Change) {
        self.changes.push_back(change);
    }

    /// Sets what [`Source::identity`] answers.
    pub fn identify(&mut self, identity: SourceIdentity) {
        self.identity = identity;
    }

    /// Whether every record has been given.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.partitions.values().all(|log| log.next >= log.records.len())
    }
}

impl Source for MemorySource {
    fn poll(&mut self, _: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled> {
        let mut polled = Polled {
            records: 0,
            changes: self.changes.drain(..).collect(),
        };
        // An assignment is reported before its first record, so that the caller can seek.
        if polled
            .changes
            .iter()
            .any(|change| matches!(change, Change::Assigned(_)))
        {
            return Ok(polled);
        }
        let mut idle = 0;
        while polled.records < limit && idle < self.partitions.len() {
            let at = self.turn % self.partitions.len();
            self.turn += 1;
            let Some((name, log)) = self.partitions.iter_mut().nth(at) else {
                break;
            };
            let Some(payload) = log.records.get(log.next) else {
                idle += 1;
                continue;
            };
            idle = 0;
            each(
                &name.topic,
                RecordRef {
                    partition: name.partition,
                    offset: log.next as i64,
                    payload: payload.as_deref(),
                    trace: None,
                },
            );
            log.next += 1;
            polled.records += 1;
        }
        for (name, log) in &mut self.partitions {
            if log.next >= log.records.len() && !log.caught_up {
                log.caught_up = true;
                polled.changes.push(Change::CaughtUp(name.clone()));
            }
        }
        Ok(polled)
    }

    fn seek(&mut self, offsets: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        for (name, &offset) in offsets {
            if let Some(log) = self.partitions.get_mut(name) {
                log.next = usize::try_from(offset).unwrap_or(0);
                log.caught_up = false;
            }
        }
        Ok(())
    }

    fn high_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        self.partitions.get(partition).map(|log| log.records.len() as i64)
    }

    fn low_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        self.partitions.contains_key(partition).then_some(0)
    }

    fn identity(&mut self) -> Result<SourceIdentity> {
        Ok(self.identity.clone())
    }

    fn courtesy_commit(&mut self, _: &BTreeMap<TopicPartition, i64>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    type Given = (i32, i64, Vec<u8>);

    fn read(source: &mut MemorySource, limit: usize) -> (Vec<Given>, Vec<Change>) {
        let mut records = Vec::new();
        let polled = source
            .poll(Duration::ZERO, limit, &mut |_, record| {
                records.push((
                    record.partition,
                    record.offset,
                    record.payload.unwrap_or_default().to_vec(),
                ));
            })
            .unwrap();
        assert_eq!(polled.records, records.len());
        (records, polled.changes)
    }

    #[test]
    fn partitions_take_turns_and_an_end_is_said_once() {
        let [first, second] = [0, 1].map(|partition| TopicPartition::new("parking", partition));
        let mut source = MemorySource::new([first.clone(), second.clone()]);
        for text in ["a", "b"] {
            source.append(&first, Some(text.into()));
        }
        source.append(&second, Some("c".into()));
        assert_eq!(
            read(&mut source, 9),
            (vec![], vec![Change::Assigned(vec![first.clone(), second.clone()])])
        );
        let (records, changes) = read(&mut source, 9);
        assert_eq!(
            records,
            [(0, 0, b"a".to_vec()), (1, 0, b"c".to_vec()), (0, 1, b"b".to_vec())]
        );
        assert_eq!(changes, [Change::CaughtUp(first.clone()), Change::CaughtUp(second)]);
        assert_eq!(read(&mut source, 9), (vec![], vec![]));
        source.seek(&[(first.clone(), 1)].into()).unwrap();
        assert_eq!(read(&mut source, 9).0, [(0, 1, b"b".to_vec())]);
        assert_eq!(source.high_watermark(&first), Some(2));
    }
}
