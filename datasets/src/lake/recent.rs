//! Values by key, up to a total weight: what was not used for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A map that never weighs more than its limit.
pub(super) struct Recent<K, V> {
    limit: usize,
    weight: usize,
    /// How often a value was put or found: the time by which uses are ordered.
    uses: u64,
    entries: HashMap<K, Entry<V>>,
    by_use: BTreeMap<u64, K>,
}

struct Entry<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> Recent<K, V> {
    /// An empty map for values that weigh up to `limit` together.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            weight: 0,
            uses: 0,
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    /// What all values weigh.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// The value of `key`, which is thereby used.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.get_mut(key)?;
        self.uses += 1;
        self.by_use.remove(&entry.used);
        self.by_use.insert(self.uses, key.clone());
        entry.used = self.uses;
        Some(entry.value.clone())
    }

    /// Takes a value in, in place of an older one of the same key. One that is heavier than the limit is not kept.
    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.limit {
            return;
        }
        self.uses += 1;
        self.weight += weight;
        self.by_use.insert(self.uses, key.clone());
        let used = self.uses;
        self.entries.insert(key, Entry { value, weight, used });
        while self.weight > self.limit
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.used);
            self.weight -= entry.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut recent = Recent::new(3);
        for key in ["a", "b", "c"] {
            recent.put(key, key, 1);
        }
        assert_eq!(recent.get(&"a"), Some("a"));
        recent.put("d", "d", 1);
        assert_eq!(recent.get(&"b"), None);
        assert_eq!(recent.get(&"a"), Some("a"));
    }

    #[test]
    fn a_value_that_is_too_heavy_is_not_kept_and_pushes_nothing_out() {
        let mut recent = Recent::new(3);
        recent.put("a", 1, 3);
        recent.put("b", 2, 4);
        assert_eq!((recent.get(&"a"), recent.get(&"b")), (Some(1), None));
    }

    proptest! {
        #[test]
        fn the_limit_holds_whatever_is_put(puts in proptest::collection::vec((0..9_u8, 0..7_usize), 0..60)) {
            let mut recent = Recent::new(12);
            for (key, weight) in puts {
                recent.put(key, weight, weight);
                let kept: usize = (0..9).filter_map(|key| recent.get(&key)).sum();
                prop_assert_eq!(recent.weight(), kept);
                prop_assert!(kept <= 12);
            }
        }
    }
}
