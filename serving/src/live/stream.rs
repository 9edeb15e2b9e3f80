//! The live state of one stream: its keys, and a ring for each target that is served.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use arrow::array::RecordBatch;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Duration, Timestamp};
use tokio::sync::watch;

use super::columns::{WindowColumns, float_or_nan, floats, target_column};
use super::ring::Ring;
use crate::sync::{read, write};
use crate::{Error, Result};

/// What a batch of windows changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Rows.
    pub windows: u64,
    /// Rows that are revisions of earlier ones.
    pub revisions: u64,
}

/// One key, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyInfo {
    /// The key.
    pub key: Arc<str>,
    /// The zone that it was last seen in.
    pub zone: Option<Arc<str>>,
    /// The start of its newest window.
    pub newest: Timestamp,
}

/// The live state of one stream.
#[derive(Debug)]
pub struct LiveStream {
    definition: Arc<StreamDefinition>,
    history: Duration,
    state: RwLock<State>,
    /// The start of the newest window, whenever it or a revision came.
    changed: watch::Sender<Option<Timestamp>>,
}

/// What stands behind the lock.
#[derive(Debug, Default)]
pub struct State {
    keys: Vec<Arc<str>>,
    zones: Vec<Option<Arc<str>>>,
    newest: Vec<Timestamp>,
    index: HashMap<Arc<str>, usize>,
    texts: HashMap<Arc<str>, Arc<str>>,
    rings: BTreeMap<String, Ring>,
    watermark: Option<Timestamp>,
}

impl State {
    /// The position of `key`.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.index.get(key).copied()
    }

    /// The keys by position.
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// The zone that each key was last seen in, by position.
    pub fn zones(&self) -> &[Option<Arc<str>>] {
        &self.zones
    }

    /// The recent values of `field`, where it is served.
    pub fn ring(&self, field: &str) -> Option<&Ring> {
        self.rings.get(field)
    }

    fn enter(&mut self, key: &str, zone: Option<&str>, start: Timestamp) -> usize {
        let at = self.position(key).unwrap_or_else(|| self.add(key, start));
        if start >= self.newest[at] {
            self.newest[at] = start;
            if let Some(zone) = zone
                && self.zones[at].as_deref() != Some(zone)
            {
                let zone = self.text(zone);
                self.zones[at] = Some(zone);
            }
        }
        at
    }

    fn add(&mut self, key: &str, start: Timestamp) -> usize {
        let key: Arc<str> = key.into();
        self.keys.push(Arc::clone(&key));
        self.zones.push(None);
        self.newest.push(start);
        self.index.insert(key, self.keys.len() - 1);
        self.keys.len() - 1
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text), Arc::clone(&text));
        text
    }
}

impl LiveStream {
    /// Without keys and targets yet.
    pub fn new(definition: Arc<StreamDefinition>, history: Duration) -> Self {
        Self {
            definition,
            history,
            state: RwLock::default(),
            changed: watch::Sender::new(None),
        }
    }

    /// The stream's definition.
    pub fn definition(&self) -> &Arc<StreamDefinition> {
        &self.definition
    }

    /// Keeps the recent windows of `field` from now on; false where it already does.
    ///
    /// # Errors
    /// A field that the stream has no windows of.
    pub fn serve(&self, field: &str) -> Result<bool> {
        if target_column(&self.definition, field).is_none() {
            let accepted = super::target_fields(&self.definition).join(", ");
            return Err(Error::invalid("target", field, accepted));
        }
        let mut state = write(&self.state);
        if state.rings.contains_key(field) {
            return Ok(false);
        }
        state
            .rings
            .insert(field.to_owned(), Ring::new(self.definition.window, self.history));
        Ok(true)
    }

    /// The targets that are served.
    pub fn served(&self) -> Vec<String> {
        read(&self.state).rings.keys().cloned().collect()
    }

    /// Takes closed windows and revisions, in any order; `watermark` is none for history read from the lake.
    ///
    /// # Errors
    /// A batch that lacks a column of the windows table.
    pub fn take(&self, batch: &RecordBatch, watermark: Option<Timestamp>) -> Result<Taken> {
        let windows = WindowColumns::of(batch)?;
        let mut taken = Taken {
            windows: batch.num_rows() as u64,
            revisions: 0,
        };
        let mut guard = write(&self.state);
        let state = &mut *guard;
        let mut positions = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let start = Timestamp(windows.starts.value(row));
            positions.push(state.enter(windows.keys.value(row), windows.zone(row), start));
            taken.revisions += u64::from(windows.revisions.value(row) > 0);
        }
        for (field, ring) in &mut state.rings {
            let Some(column) = target_column(&self.definition, field) else {
                continue;
            };
            if batch.column_by_name(&column).is_none() {
                continue; // another target's history was read
            }
            let values = floats(batch, &column)?;
            for (row, &key) in positions.iter().enumerate() {
                let start = Timestamp(windows.starts.value(row));
                ring.set(key, start, windows.revisions.value(row), float_or_nan(values, row));
            }
        }
        state.watermark = state.watermark.max(watermark);
        let newest = state.newest.iter().max().copied();
        drop(guard);
        self.changed.send_replace(newest);
        Ok(taken)
    }

    /// Runs `work` on the state, which nobody changes meanwhile.
    pub fn with<T>(&self, work: impl FnOnce(&State) -> T) -> T {
        work(&read(&self.state))
    }

    /// Follows the start of the newest window; it reports revisions too.
    pub fn subscribe(&self) -> watch::Receiver<Option<Timestamp>> {
        self.changed.subscribe()
    }

    /// The start of the newest window of any key.
    pub fn newest(&self) -> Option<Timestamp> {
        *self.changed.borrow()
    }

    /// The event time up to which windows are closed.
    pub fn watermark(&self) -> Option<Timestamp> {
        read(&self.state).watermark
    }

    /// How many keys have reported.
    pub fn key_count(&self) -> usize {
        read(&self.state).keys.len()
    }

    /// The keys in alphabetical order behind `after`, at most `limit`, of `zones` where any is named.
    pub fn keys_after(&self, after: &str, zones: &[String], limit: usize) -> Vec<KeyInfo> {
        let state = read(&self.state);
        let wanted = |at: &usize| {
            let zone = state.zones[*at].as_deref();
            *state.keys[*at] > *after
                && (zones.is_empty() || zone.is_some_and(|zone| zones.iter().any(|one| one == zone)))
        };
        let mut found: Vec<usize> = (0..state.keys.len()).filter(wanted).collect();
        found.sort_unstable_by(|a, b| state.keys[*a].cmp(&state.keys[*b]));
        found.truncate(limit);
        let info = |at: usize| KeyInfo {
            key: Arc::clone(&state.keys[at]),
            zone: state.zones[at].clone(),
            newest: state.newest[at],
        };
        found.into_iter().map(info).collect()
    }

    /// Whether `key` has ever reported.
    pub fn knows(&self, key: &str) -> bool {
        read(&self.state).position(key).is_some()
    }

    /// The memory for recent windows, in bytes.
    pub fn bytes(&self) -> usize {
        read(&self.state).rings.values().map(Ring::bytes).sum()
    }

    /// Drops the oldest windows until the recent ones take about `bytes`; the rows that each ring keeps, where any had
    /// to go.
    pub fn shrink(&self, bytes: usize) -> Option<usize> {
        let mut state = write(&self.state);
        let held: usize = state.rings.values().map(Ring::bytes).sum();
        if held <= bytes {
            return None;
        }
        let mut kept = usize::MAX;
        for ring in state.rings.values_mut() {
            let rows = ((ring.len() as f64 * bytes as f64 / held as f64) as usize).max(1);
            ring.trim(rows);
            kept = kept.min(rows);
        }
        Some(kept)
    }
}
