//! The assigned partitions, and how far each has been read.

use std::collections::BTreeMap;

use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use crate::source::bridge::Handle;
use crate::source::{Change, TopicPartition};

/// The assigned partitions.
#[derive(Default)]
pub(super) struct Places {
    assigned: Vec<Place>,
    /// The place of the last record: the next one is mostly of the same partition.
    last: usize,
}

/// How far one partition has been read.
#[derive(Debug, Clone)]
pub(super) struct Place {
    name: TopicPartition,
    /// The next offset; none while it stands at the first, whichever that is.
    next: Option<i64>,
    /// The end that was reached although higher offsets exist: those are marks of transactions, not records.
    end: Option<i64>,
    /// The client told of an end, which is that of this partition or of one with its number in another topic.
    maybe_ended: bool,
    caught_up: bool,
    /// Gives nothing until the caller says where to go on.
    pub(super) halted: bool,
}

impl Places {
    /// One of them; none where it is not assigned.
    pub(super) fn get(&self, name: &TopicPartition) -> Option<&Place> {
        self.assigned.iter().find(|place| place.name == *name)
    }

    /// The one that a record came from.
    pub(super) fn of_record(&mut self, topic: &str, partition: i32) -> Option<&mut Place> {
        let same = |place: &Place| place.name.partition == partition && place.name.topic == topic;
        if !self.assigned.get(self.last).is_some_and(same) {
            self.last = self.assigned.iter().position(same)?;
        }
        self.assigned.get_mut(self.last)
    }

    /// Those of `partitions` that are not assigned; none where all are.
    pub(super) fn missing(&self, partitions: &BTreeMap<String, Vec<i32>>) -> Option<Vec<TopicPartition>> {
        let all = partitions
            .iter()
            .flat_map(|(topic, list)| list.iter().map(move |&number| (topic, number)));
        let all = all.map(|(topic, number)| TopicPartition::new(topic, number));
        let missing: Vec<_> = all.filter(|name| self.get(name).is_none()).collect();
        (!missing.is_empty()).then_some(missing)
    }

    /// What the client is told: each of them, and where to read on.
    pub(super) fn list(&self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for Place { name, next, .. } in &self.assigned {
            let offset = next.map_or(Offset::Beginning, Offset::Offset);
            list.add_partition_offset(&name.topic, name.partition, offset)?;
        }
        Ok(list)
    }

    /// Takes in that partitions came, went, or were made anew.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Assigned(names) => {
                self.assigned.retain(|place| !names.contains(&place.name));
                self.assigned.extend(names.iter().cloned().map(Place::new));
            }
            Change::Revoked(names) => self.assigned.retain(|place| !names.contains(&place.name)),
            Change::Recreated { topic, .. } => {
                let places = self.assigned.iter_mut().filter(|place| place.name.topic == *topic);
                places.for_each(|place| place.halted = true);
            }
            _ => {}
        }
    }

    /// Goes on at `offset`; tells whether the partition is assigned.
    pub(super) fn seek(&mut self, name: &TopicPartition, offset: i64) -> bool {
        let Some(place) = self.assigned.iter_mut().find(|place| place.name == *name) else {
            return false;
        };
        *place = Place {
            next: Some(offset),
            ..Place::new(name.clone())
        };
        true
    }

    /// Notes that a partition with this number ended: the mark of an end does not say of which topic.
    pub(super) fn note_mark_of_end(&mut self, number: i32) {
        let places = self
            .assigned
            .iter_mut()
            .filter(|place| place.name.partition == number && !place.caught_up);
        places.for_each(|place| place.maybe_ended = true);
    }

    /// Notes which partitions are read to their end; `drained` says that nothing more waits in memory.
    pub(super) fn note_ends(&mut self, client: Handle<'_>, drained: bool, changes: &mut Vec<Change>) {
        for at in 0..self.assigned.len() {
            let name = &self.assigned[at].name;
            let Some((low, high)) = client.watermarks(&name.topic, name.partition) else {
                continue;
            };
            let number = name.partition;
            let claims = self
                .assigned
                .iter()
                .filter(|place| place.name.partition == number && place.maybe_ended)
                .count();
            let place = &mut self.assigned[at];
            if place.halted {
                continue;
            }
            if drained && place.maybe_ended && claims == 1 {
                place.end = Some(high);
            }
            let read = place.next.unwrap_or(low) >= high || place.end == Some(high);
            place.maybe_ended &= !read;
            if read && !place.caught_up {
                changes.push(Change::CaughtUp(place.name.clone()));
            }
            place.caught_up = read;
        }
    }
}

impl Place {
    fn new(name: TopicPartition) -> Self {
        Self {
            name,
            next: None,
            end: None,
            maybe_ended: false,
            caught_up: false,
            halted: false,
        }
    }

    /// Goes on behind `offset`; the gap before it, where there is one. An offset from before says that the log is not
    /// the one that was read: nothing more is given.
    pub(super) fn step(&mut self, offset: i64) -> Option<Change> {
        if self.halted {
            return None;
        }
        let expected = self.next.unwrap_or(offset);
        self.halted = offset < expected;
        self.next = Some(offset + 1);
        self.maybe_ended = false;
        self.caught_up = false;
        (offset != expected).then(|| Change::Gap {
            partition: self.name.clone(),
            expected,
            got: offset,
        })
    }

    /// The offset after the last record of a log that goes from `low` to `high`.
    pub(super) fn after_last(&self, low: i64, high: i64) -> i64 {
        if self.end == Some(high) {
            self.next.unwrap_or(low)
        } else {
            high
        }
    }
}
