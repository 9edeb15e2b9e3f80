//! One window of all keys.

use super::identities::{Grouped, Identities};
use super::layout::Layout;
use crate::event::{EventBatch, NO_CATEGORY, NO_DESCRIPTION, NO_ZONE};

const NO_SLOT: u32 = u32::MAX;

/// What a window knows of one key, values apart: 32 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// The latest event's time; ties are broken by the high half of the identity.
    pub last_time: i64,
    pub last_identity: u64,
    pub key: u32,
    /// The latest event's zone.
    pub zone: u32,
    /// Distinct events.
    pub events: u32,
    /// Distinct events that the source calls degraded.
    pub degraded: u32,
}

/// What a window knows of one value field of one key: 56 bytes. Packed to 8 bytes, because two 128-bit sums would
/// otherwise round its size up to 64.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(8))]
pub(super) struct Moments {
    pub sum: i128,
    pub squares: i128,
    pub min: f64,
    pub max: f64,
    /// The latest event's value; NaN where it has none.
    pub last: f64,
}

impl Moments {
    pub(super) const EMPTY: Self = Self {
        sum: 0,
        squares: 0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        last: f64::NAN,
    };
}

/// Counters that are mostly zero: nothing is held for slots behind the last one that was ever counted up.
#[derive(Debug, Default, Clone)]
pub(super) struct RareCounts(Vec<u32>);

impl RareCounts {
    pub(super) fn get(&self, place: usize) -> u32 {
        self.0.get(place).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, place: usize, count: u32) {
        if count > 0 {
            if self.0.len() <= place {
                self.0.resize(place + 1, 0);
            }
            self.0[place] += count;
        }
    }
}

/// The accumulators of one window: one slot a key, in the order in which the keys came.
///
/// # Memory
/// A key costs 36 bytes, 56 for each value field, 4 for each declared category value and 8 for each description; each event
/// 28 bytes for its identity. A key is found by its number, without hashing.
#[derive(Debug)]
pub(super) struct WindowTable {
    pub start: i64,
    slot_of: Vec<u32>,
    pub heads: Vec<Head>,
    pub moments: Vec<Moments>,
    pub categories: Vec<u32>,
    /// The latest event's descriptions, as in [`EventBatch`].
    pub descriptions: Vec<u64>,
    /// Repeats, one a slot.
    pub duplicates: RareCounts,
    /// Events without the value, one a slot and value field.
    pub missing: RareCounts,
    identities: Identities,
    /// The lowest offset of each partition among the events of this window, repeats included.
    pub lowest: Vec<(i32, i64)>,
}

impl WindowTable {
    /// An empty window with room for as many keys and events as `like`, the window before, had.
    pub(super) fn new(start: i64, layout: &Layout, like: Option<&Self>) -> Self {
        let (keys, events) = like.map_or((0, 0), |like| (like.heads.len(), like.identities.len()));
        Self {
            start,
            slot_of: Vec::with_capacity(like.map_or(0, |like| like.slot_of.len())),
            heads: Vec::with_capacity(keys),
            moments: Vec::with_capacity(keys * layout.values()),
            categories: Vec::with_capacity(keys * layout.counts()),
            descriptions: Vec::with_capacity(keys * layout.descriptions.len()),
            duplicates: RareCounts::default(),
            missing: RareCounts::default(),
            identities: Identities::with_capacity(events),
            lowest: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// The slot of `key`, where it has one.
    pub(super) fn find(&self, key: u32) -> Option<u32> {
        self.slot_of.get(key as usize).copied().filter(|&slot| slot != NO_SLOT)
    }

    /// The slot of `key`, made where it had none.
    #[inline]
    pub(super) fn slot(&mut self, key: u32, layout: &Layout) -> u32 {
        match self.slot_of.get(key as usize) {
            Some(&slot) if slot != NO_SLOT => slot,
            _ => self.new_slot(key, layout),
        }
    }

    #[cold]
    fn new_slot(&mut self, key: u32, layout: &Layout) -> u32 {
        let slot = self.heads.len() as u32;
        if self.slot_of.len() <= key as usize {
            grow(&mut self.slot_of, key as usize + 1);
            self.slot_of.resize(key as usize + 1, NO_SLOT);
        }
        self.slot_of[key as usize] = slot;
        grow(&mut self.heads, slot as usize + 1);
        self.heads.push(Head {
            last_time: i64::MIN,
            last_identity: 0,
            key,
            zone: NO_ZONE,
            events: 0,
            degraded: 0,
        });
        let places = self.heads.len() * layout.values();
        grow(&mut self.moments, places);
        self.moments.resize(places, Moments::EMPTY);
        let places = self.heads.len() * layout.counts();
        grow(&mut self.categories, places);
        self.categories.resize(places, 0);
        let places = self.heads.len() * layout.descriptions.len();
        grow(&mut self.descriptions, places);
        self.descriptions.resize(places, NO_DESCRIPTION);
        slot
    }

    /// Notes that the event at `offset` is held by this window.
    #[inline]
    pub(super) fn note_offset(&mut self, partition: i32, offset: i64) {
        match self.lowest.iter_mut().find(|(known, _)| *known == partition) {
            Some((_, lowest)) => *lowest = offset.min(*lowest),
            None => self.lowest.push((partition, offset)),
        }
    }

    /// Adds row `row` of `batch`; false where its identity was known, so that only the count of repeats grew.
    #[inline]
    pub(super) fn add(&mut self, slot: u32, batch: &EventBatch, row: usize, layout: &Layout) -> bool {
        let identity = batch.identities[row];
        let place = slot as usize;
        if !self.identities.insert(identity, slot) {
            self.duplicates.add(place, 1);
            return false;
        }
        let head = &mut self.heads[place];
        head.events += 1;
        head.degraded += u32::from(batch.good[row] == 0);
        let rank = (batch.times[row], (identity >> 64) as u64);
        let latest = rank >= (head.last_time, head.last_identity);
        if latest {
            (head.last_time, head.last_identity) = rank;
            head.zone = batch.zones[row];
            let known = &mut self.descriptions[place * layout.descriptions.len()..];
            for (known, column) in known.iter_mut().zip(&batch.descriptions) {
                *known = column[row];
            }
        }
        let first = place * layout.values();
        let moments = &mut self.moments[first..first + layout.values()];
        for (field, ((moments, scale), column)) in moments.iter_mut().zip(&layout.scales).zip(&batch.values).enumerate()
        {
            let value = column[row];
            if value.is_nan() {
                self.missing.add(first + field, 1);
            } else {
                let value = scale.clean(value);
                moments.sum = { moments.sum }.wrapping_add(scale.units(value));
                moments.squares = { moments.squares }.wrapping_add(scale.square_units(value));
                moments.min = moments.min.min(value);
                moments.max = moments.max.max(value);
            }
            if latest {
                moments.last = scale.clean(value);
            }
        }
        let counts = &mut self.categories[place * layout.counts()..];
        for (column, &start) in batch.categories.iter().zip(&layout.category_starts) {
            let category = column[row];
            if category != NO_CATEGORY {
                counts[start + usize::from(category)] += 1;
            }
        }
        true
    }

    /// Puts identities of an older state back.
    pub(super) fn restore_identities(&mut self, slot: u32, identities: impl Iterator<Item = u128>) {
        for identity in identities {
            self.identities.insert(identity, slot);
        }
    }

    /// Every identity, by slot.
    pub(super) fn identities(&self) -> Grouped {
        self.identities.by_slot(self.heads.len())
    }

    /// The bytes of memory held, identities apart.
    pub(super) fn memory_of_keys(&self) -> usize {
        self.slot_of.capacity() * size_of::<u32>()
            + self.heads.capacity() * size_of::<Head>()
            + self.moments.capacity() * size_of::<Moments>()
            + self.descriptions.capacity() * size_of::<u64>()
            + (self.categories.capacity() + self.duplicates.0.capacity() + self.missing.0.capacity()) * size_of::<u32>()
    }

    /// The bytes of memory that identities hold.
    pub(super) fn memory_of_identities(&self) -> usize {
        self.identities.memory()
    }
}

/// Makes room for `needed` entries, an eighth ahead rather than double: a million keys should not cost two.
fn grow<T>(list: &mut Vec<T>, needed: usize) {
    if needed > list.capacity() {
        let ahead = (needed / 8).max(64);
        list.reserve_exact(needed - list.len() + ahead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_costs_what_is_promised() {
        assert_eq!((size_of::<Head>(), size_of::<Moments>()), (32, 56));
    }
}
