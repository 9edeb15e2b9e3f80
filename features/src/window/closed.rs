//! Closed windows that are still in memory, and the revisions that late records make of them.

use std::collections::{BTreeMap, HashSet};

use super::layout::Layout;
use super::table::WindowTable;
use crate::event::EventBatch;

/// The revision before the first.
const NONE: i32 = -1;

/// A closed window: as it was when it closed, or what a late record made the lake give back of it.
#[derive(Debug)]
pub(super) struct ClosedWindow {
    pub table: WindowTable,
    /// The newest committed revision of each slot.
    revisions: Vec<i32>,
    /// Slots whose newest state is not committed yet.
    pending: Vec<u32>,
    is_pending: Vec<bool>,
    /// Whether a key without slot has no row in the lake either.
    complete: bool,
    /// Keys whose row takes no more revisions.
    finals: HashSet<u32>,
}

impl ClosedWindow {
    /// A window that closes now: each of its keys awaits its first row.
    pub(super) fn closing(table: WindowTable) -> Self {
        let keys = table.len();
        Self {
            table,
            revisions: vec![NONE; keys],
            pending: (0..keys as u32).collect(),
            is_pending: vec![true; keys],
            complete: true,
            finals: HashSet::new(),
        }
    }

    /// A window of which nothing is in memory yet.
    pub(super) fn unknown(start: i64, layout: &Layout) -> Self {
        Self {
            complete: false,
            ..Self::closing(WindowTable::new(start, layout, None))
        }
    }

    /// Whether the lake must be asked before an event of `key` can be added.
    pub(super) fn must_ask(&self, key: u32) -> bool {
        !self.complete && self.table.find(key).is_none() && !self.finals.contains(&key)
    }

    /// Notes that the lake's newest row of `key` takes no more revisions.
    pub(super) fn set_final(&mut self, key: u32) {
        self.finals.insert(key);
    }

    /// Notes the newest revision of a slot that the lake gave back.
    pub(super) fn set_revision(&mut self, slot: u32, revision: i32) {
        self.cover(slot);
        self.revisions[slot as usize] = revision;
    }

    /// Notes that the lake has no row of `key`.
    pub(super) fn set_absent(&mut self, key: u32, layout: &Layout) {
        let slot = self.table.slot(key, layout);
        self.cover(slot);
    }

    /// Adds a late event. None where its row is final; else whether it was new rather than a repeat. Both make a revision:
    /// `duplicates` is as exact as `events`.
    pub(super) fn add(&mut self, batch: &EventBatch, row: usize, layout: &Layout) -> Option<bool> {
        let key = batch.keys[row];
        if self.finals.contains(&key) {
            return None;
        }
        let slot = self.table.slot(key, layout);
        self.cover(slot);
        let place = slot as usize;
        if !self.is_pending[place] {
            self.is_pending[place] = true;
            self.pending.push(slot);
        }
        Some(self.table.add(slot, batch, row, layout))
    }

    fn cover(&mut self, slot: u32) {
        let needed = slot as usize + 1;
        if self.revisions.len() < needed {
            self.revisions.resize(needed, NONE);
            self.is_pending.resize(needed, false);
        }
    }

    /// The slots that await a row, and the revision that each will have.
    pub(super) fn pending(&self) -> impl Iterator<Item = (u32, i32)> {
        self.pending
            .iter()
            .map(|&slot| (slot, self.revisions[slot as usize] + 1))
    }

    pub(super) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The rows of all pending slots are committed; `is_final` says whether they were the last.
    fn committed(&mut self, is_final: bool) {
        for slot in std::mem::take(&mut self.pending) {
            self.revisions[slot as usize] += 1;
            self.is_pending[slot as usize] = false;
            if is_final {
                self.finals.insert(self.table.heads[slot as usize].key);
            }
        }
    }

    fn memory(&self) -> usize {
        let table = self.table.memory_of_keys() + self.table.memory_of_identities();
        table + self.revisions.capacity() * size_of::<i32>() + self.is_pending.capacity() + self.finals.capacity() * 8
    }
}

/// The closed windows in memory: at most `most_bytes` of them once everything is committed, the newest first.
#[derive(Debug)]
pub(super) struct Closed {
    pub windows: BTreeMap<i64, ClosedWindow>,
    pub most_bytes: usize,
}

impl Closed {
    pub(super) fn pending_count(&self) -> usize {
        self.windows.values().map(ClosedWindow::pending_count).sum()
    }

    /// Everything pending is committed; windows that started at or before `final_until` are final. Lets go of the oldest
    /// windows beyond the bound.
    pub(super) fn committed(&mut self, final_until: Option<i64>) {
        let mut held = 0;
        let mut oldest_kept = i64::MIN;
        for (&start, window) in self.windows.iter_mut().rev() {
            window.committed(final_until.is_some_and(|until| start <= until));
            held += window.memory();
            if held > self.most_bytes && oldest_kept == i64::MIN {
                oldest_kept = start + 1;
            }
        }
        self.windows = self.windows.split_off(&oldest_kept);
    }

    pub(super) fn memory(&self) -> usize {
        self.windows.values().map(ClosedWindow::memory).sum()
    }
}
