//! The live state of one stream: its keys, and a ring for each target that is served.

use std::sync::{Arc, Mutex, RwLock};

use arrow::array::RecordBatch;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Duration, Timestamp};
use tokio::sync::watch;

use super::columns::{PlaceColumns, WindowColumns, float_or_nan, floats, target_column};
use super::follow::Reading;
use super::ring::Ring;
use super::state::{Maker, Place, State};
use crate::sync::{lock, read, write};
use crate::traces::Trace;
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
    /// Where it is.
    pub place: Place,
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
    /// Where in a trace the newest commit was made.
    trace: Mutex<Trace>,
    /// How far the windows table is read.
    reading: Reading,
}

impl LiveStream {
    /// Without keys and targets yet.
    pub fn new(definition: Arc<StreamDefinition>, history: Duration) -> Self {
        Self {
            definition,
            history,
            state: RwLock::default(),
            changed: watch::Sender::new(None),
            trace: Mutex::default(),
            reading: Reading::default(),
        }
    }

    /// How far the windows table is read.
    pub(super) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Where in a trace the newest commit was made.
    pub fn trace(&self) -> Trace {
        lock(&self.trace).clone()
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

    /// Takes closed windows and revisions, in any order.
    ///
    /// # Errors
    /// A batch that lacks a column of the windows table.
    pub fn take(&self, batch: &RecordBatch, maker: Maker) -> Result<Taken> {
        let windows = WindowColumns::of(batch)?;
        let revised = windows.revisions.values().iter().filter(|&&revision| revision > 0);
        let taken = Taken {
            windows: batch.num_rows() as u64,
            revisions: revised.count() as u64,
        };
        let watermark = match maker {
            Maker::Own(watermark) => Some(watermark),
            Maker::Other | Maker::Past => None,
        };
        if watermark.is_some() {
            *lock(&self.trace) = Trace::current();
        }
        let places = PlaceColumns::of(batch);
        let mut guard = write(&self.state);
        let state = &mut *guard;
        let runs = state.enter(&windows, &places, batch.num_rows(), maker);
        for (field, ring) in &mut state.rings {
            let Some(column) = target_column(&self.definition, field) else {
                continue;
            };
            if batch.column_by_name(&column).is_none() {
                continue; // another target's history was read
            }
            let values = floats(batch, &column)?;
            ring.widen(state.keys.len());
            for (key, rows) in &runs {
                let (starts, revisions) = (windows.starts.values(), windows.revisions.values());
                let values = rows.clone().map(|row| float_or_nan(values, row));
                ring.set_run(*key, &starts[rows.clone()], &revisions[rows.clone()], values);
            }
        }
        state.watermark = state.watermark.max(watermark);
        state.changes += 1;
        if maker == Maker::Other {
            return Ok(taken);
        }
        let latest = windows.starts.values().iter().max().map(|&start| Timestamp(start));
        state.latest = state.latest.max(latest);
        let latest = state.latest;
        state.say();
        drop(guard);
        self.changed.send_replace(latest);
        Ok(taken)
    }

    /// Tells whoever follows of what others made, which has been taken; `watermark` is up to where they have closed windows.
    pub(super) fn tell_of_others(&self, watermark: Option<Timestamp>) {
        let mut guard = write(&self.state);
        let state = &mut *guard;
        state.others_watermark = state.others_watermark.max(watermark);
        state.say();
        let latest = state.latest;
        drop(guard);
        self.changed.send_replace(latest);
    }

    /// Runs `work` on the state, which nobody changes meanwhile.
    pub fn with<T>(&self, work: impl FnOnce(&State) -> T) -> T {
        work(&read(&self.state))
    }

    /// Follows the start of the newest window; it reports revisions too.
    pub fn subscribe(&self) -> watch::Receiver<Option<Timestamp>> {
        self.changed.subscribe()
    }

    /// The start of the newest window of any key that this instance made, or that history has.
    pub fn newest(&self) -> Option<Timestamp> {
        *self.changed.borrow()
    }

    /// The start of the newest window of any key, whoever made it.
    pub fn latest(&self) -> Option<Timestamp> {
        let state = read(&self.state);
        state.latest.max(state.others_latest)
    }

    /// The event time up to which this instance has closed windows.
    pub fn watermark(&self) -> Option<Timestamp> {
        read(&self.state).watermark
    }

    /// The event time up to which windows are closed, whoever closed them.
    pub fn closed_until(&self) -> Option<Timestamp> {
        let state = read(&self.state);
        state.watermark.max(state.others_watermark)
    }

    /// How many batches were taken: whoever made something of the windows sees by it whether they are still the same.
    pub fn changes(&self) -> u64 {
        read(&self.state).changes
    }

    /// How many keys have reported.
    pub fn key_count(&self) -> usize {
        read(&self.state).keys.len()
    }

    /// The keys in alphabetical order behind `after`, at most `limit`, of `zones` where any is named.
    pub fn keys_after(&self, after: &str, zones: &[String], limit: usize) -> Vec<KeyInfo> {
        let state = read(&self.state);
        let wanted = |at: &usize| {
            let zone = state.places[*at].zone.as_deref();
            *state.keys[*at] > *after
                && (zones.is_empty() || zone.is_some_and(|zone| zones.iter().any(|one| one == zone)))
        };
        let mut found: Vec<usize> = (0..state.keys.len()).filter(wanted).collect();
        found.sort_unstable_by(|a, b| state.keys[*a].cmp(&state.keys[*b]));
        found.truncate(limit);
        let info = |at: usize| KeyInfo {
            key: Arc::clone(&state.keys[at]),
            place: state.places[at].clone(),
            newest: state.newest[at].0,
        };
        found.into_iter().map(info).collect()
    }

    /// Where `key` is; none where it never reported.
    pub fn place(&self, key: &str) -> Option<Place> {
        let state = read(&self.state);
        state.position(key).map(|at| state.places[at].clone())
    }

    /// Of the keys behind the first `known` to have reported, those of which no window said where they are.
    pub(super) fn without_place(&self, known: usize) -> Vec<String> {
        let state = read(&self.state);
        let newer = state.keys.iter().zip(&state.places).skip(known);
        let without = newer.filter(|(_, place)| **place == Place::default());
        without.map(|(key, _)| key.to_string()).collect()
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
