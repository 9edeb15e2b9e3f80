//! A log whose beginning is history and whose end is live: the offsets of the second follow those of the first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Change, Polled, ReplaySource, Source, SourceIdentity, TopicPartition};
use crate::record::RecordRef;
use crate::{Error, Result};

/// History first, then a live source, as one log under the history's name.
///
/// Partition 0 of each topic begins with the history's records; the live records of that partition follow, their offsets
/// counted on. Other partitions are those of the live source, unchanged. Once the history has been given, reading can go
/// back to where the live part begins and no further.
pub struct ContinuedSource<I, L> {
    history: ReplaySource<I>,
    live: L,
    /// The next offset of each topic's history.
    lengths: BTreeMap<String, i64>,
    began: bool,
}

impl<I: Iterator<Item = (String, Vec<u8>)>, L: Source> ContinuedSource<I, L> {
    /// `live` goes on where `history` ends.
    pub fn new(history: ReplaySource<I>, live: L) -> Self {
        Self {
            history,
            live,
            lengths: BTreeMap::new(),
            began: false,
        }
    }

    /// Whether the history has been given whole.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.began
    }

    fn before(&self, partition: &TopicPartition) -> i64 {
        if partition.partition == 0 {
            self.lengths.get(&partition.topic).copied().unwrap_or(0)
        } else {
            0
        }
    }

    fn shift(&self, change: Change) -> Option<Change> {
        match change {
            // The history has assigned partition 0 already.
            Change::Assigned(list) => {
                let new: Vec<_> = list.into_iter().filter(|one| one.partition != 0).collect();
                (!new.is_empty()).then_some(Change::Assigned(new))
            }
            Change::Gap {
                partition,
                expected,
                got,
            } => {
                let before = self.before(&partition);
                Some(Change::Gap {
                    partition,
                    expected: expected + before,
                    got: got + before,
                })
            }
            other => Some(other),
        }
    }
}

impl<I: Iterator<Item = (String, Vec<u8>)>, L: Source> Source for ContinuedSource<I, L> {
    fn poll(&mut self, timeout: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled> {
        if !self.began {
            let lengths = &mut self.lengths;
            let polled = self.history.poll(timeout, limit, &mut |topic, record| {
                match lengths.get_mut(topic) {
                    Some(length) => *length = record.offset + 1,
                    None => {
                        lengths.insert(topic.to_owned(), record.offset + 1);
                    }
                }
                each(topic, record);
            })?;
            self.began = self.history.is_exhausted();
            return Ok(polled);
        }
        let lengths = &self.lengths;
        let mut polled = self.live.poll(timeout, limit, &mut |topic, record| {
            let before = if record.partition == 0 {
                lengths.get(topic).copied().unwrap_or(0)
            } else {
                0
            };
            each(
                topic,
                RecordRef {
                    offset: record.offset + before,
                    ..record
                },
            );
        })?;
        polled.changes = polled
            .changes
            .into_iter()
            .filter_map(|change| self.shift(change))
            .collect();
        Ok(polled)
    }

    fn seek(&mut self, offsets: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        if !self.began {
            return self.history.seek(offsets);
        }
        let mut live = BTreeMap::new();
        for (partition, &offset) in offsets {
            let before = self.before(partition);
            if offset < before {
                return Err(Error::invalid(
                    "offset",
                    offset,
                    format!("{before} or more: the history cannot be read again"),
                ));
            }
            live.insert(partition.clone(), offset - before);
        }
        self.live.seek(&live)
    }

    fn high_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        if !self.began {
            return self.history.high_watermark(partition);
        }
        self.live
            .high_watermark(partition)
            .map(|offset| offset + self.before(partition))
    }

    fn low_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        self.history.low_watermark(partition)
    }

    fn identity(&mut self) -> Result<SourceIdentity> {
        self.history.identity()
    }

    fn courtesy_commit(&mut self, offsets: &BTreeMap<TopicPartition, i64>) {
        let live = offsets
            .iter()
            .map(|(partition, offset)| (partition.clone(), offset - self.before(partition)));
        let live: BTreeMap<_, _> = live.filter(|(_, offset)| *offset >= 0).collect();
        if self.began && !live.is_empty() {
            self.live.courtesy_commit(&live);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemorySource;
    use super::*;

    type Read = Vec<(i64, Vec<u8>)>;

    fn read(source: &mut impl Source) -> (Read, Vec<Change>) {
        let mut records = Vec::new();
        let polled = source
            .poll(Duration::ZERO, 9, &mut |_, record| {
                records.push((record.offset, record.payload.unwrap_or_default().to_vec()));
            })
            .unwrap();
        (records, polled.changes)
    }

    #[test]
    fn live_offsets_follow_those_of_the_history() {
        let partition = TopicPartition::new("parking", 0);
        let history = [
            ("parking".to_string(), b"a".to_vec()),
            ("parking".to_string(), b"b".to_vec()),
        ];
        let mut live = MemorySource::new([partition.clone()]);
        live.append(&partition, Some(b"c".to_vec()));
        let replay = ReplaySource::new("city", ["parking".to_string()], history.into_iter());
        let mut source = ContinuedSource::new(replay, live);

        assert_eq!(read(&mut source).1, [Change::Assigned(vec![partition.clone()])]);
        assert_eq!(
            read(&mut source),
            (
                vec![(0, b"a".to_vec()), (1, b"b".to_vec())],
                vec![Change::CaughtUp(partition.clone())]
            )
        );
        assert!(source.is_live());
        assert_eq!(read(&mut source), (vec![], vec![]), "partition 0 is ours already");
        assert_eq!(read(&mut source).0, [(2, b"c".to_vec())]);
        assert_eq!(source.high_watermark(&partition), Some(3));

        source.seek(&[(partition.clone(), 2)].into()).unwrap();
        assert_eq!(read(&mut source).0, [(2, b"c".to_vec())]);
        assert!(
            source
                .seek(&[(partition, 1)].into())
                .unwrap_err()
                .to_string()
                .contains('2')
        );
    }
}
