//! Which events a window has already counted.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The identities of one window's events, each with the slot of its key.
///
/// An identity costs 20 bytes and about 8 more for its place in the hash table. Identities are keyed hashes already: their low
/// bits serve as the table's hash.
#[derive(Debug, Default)]
pub(super) struct Identities {
    hashes: Vec<u128>,
    slots: Vec<u32>,
    places: HashTable<u32>,
}

impl Identities {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            hashes: Vec::with_capacity(capacity),
            slots: Vec::with_capacity(capacity),
            places: HashTable::with_capacity(capacity),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Remembers `identity` of the key at `slot`; false where it was known.
    #[inline]
    pub(super) fn insert(&mut self, identity: u128, slot: u32) -> bool {
        let Self { hashes, slots, places } = self;
        let known = |&place: &u32| hashes[place as usize] == identity && slots[place as usize] == slot;
        match places.entry(identity as u64, known, |&place| hashes[place as usize] as u64) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(hashes.len() as u32);
                hashes.push(identity);
                slots.push(slot);
                true
            }
        }
    }

    /// Every identity, grouped by slot: those of slot `s` stand at `ends[s - 1]..ends[s]`, in the order of arrival.
    pub(super) fn by_slot(&self, slots: usize) -> Grouped {
        let mut ends = vec![0usize; slots];
        for &slot in &self.slots {
            ends[slot as usize] += 1;
        }
        let mut begin = 0;
        for end in &mut ends {
            let count = *end;
            *end = begin;
            begin += count;
        }
        let mut identities = vec![0; self.hashes.len()];
        for (&slot, &identity) in self.slots.iter().zip(&self.hashes) {
            identities[ends[slot as usize]] = identity;
            ends[slot as usize] += 1;
        }
        Grouped {
            hashes: identities,
            ends,
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.hashes.capacity() * size_of::<u128>()
            + self.slots.capacity() * size_of::<u32>()
            + self.places.allocation_size()
    }
}

/// Identities grouped by slot.
pub(super) struct Grouped {
    hashes: Vec<u128>,
    ends: Vec<usize>,
}

impl Grouped {
    pub(super) fn of(&self, slot: u32) -> &[u128] {
        let slot = slot as usize;
        let begin = if slot == 0 { 0 } else { self.ends[slot - 1] };
        &self.hashes[begin..self.ends[slot]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_counts_once_for_each_key() {
        let mut known = Identities::default();
        assert!(known.insert(7, 1) && known.insert(7, 0) && known.insert(8, 1) && known.insert(7 + (1 << 100), 1));
        assert!(!known.insert(7, 1) && !known.insert(7 + (1 << 100), 1));
        let grouped = known.by_slot(3);
        assert_eq!(
            (grouped.of(0), grouped.of(1).len(), grouped.of(2).len()),
            (&[7u128][..], 3, 0)
        );
    }
}
