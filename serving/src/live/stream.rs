//! The live state of one stream: its keys, and a ring for each target that is served.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, RwLock};

use arrow::array::RecordBatch;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Duration, Timestamp};
use tokio::sync::watch;

use super::columns::{PlaceColumns, WindowColumns, float_or_nan, floats, number, target_column, text};
use super::ring::Ring;
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

/// Where a key is, as its newest window with such a word says; nothing of what its stream does not keep.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// The zone that it was last seen in.
    pub zone: Option<Arc<str>>,
    /// The road, such as `R0001`.
    pub road_id: Option<Arc<str>>,
    /// The road's name.
    pub road_name: Option<Arc<str>>,
    /// What the key itself is called, such as a station's name.
    pub name: Option<Arc<str>>,
    /// Latitude, degrees.
    pub lat: Option<f64>,
    /// Longitude, degrees.
    pub lon: Option<f64>,
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
}

/// What stands behind the lock.
#[derive(Debug, Default)]
pub struct State {
    keys: Vec<Arc<str>>,
    places: Vec<Place>,
    /// The newest window and revision.
    newest: Vec<(Timestamp, i32)>,
    index: HashMap<Arc<str>, usize>,
    texts: HashMap<Arc<str>, Arc<str>>,
    rings: BTreeMap<String, Ring>,
    watermark: Option<Timestamp>,
    /// The start of the newest window of any key.
    latest: Option<Timestamp>,
    /// Counts the batches that were taken.
    changes: u64,
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

    /// Where each key is, by position.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The recent values of `field`, where it is served.
    pub fn ring(&self, field: &str) -> Option<&Ring> {
        self.rings.get(field)
    }

    /// The rows of one key that follow each other, with the position of the key; new keys are added. The newest window says where a
    /// key is; what it does not say stays as it was known.
    ///
    /// History comes sorted by key, so a key is looked up, and its place written, once for many rows.
    fn enter(
        &mut self,
        windows: &WindowColumns<'_>,
        places: &PlaceColumns<'_>,
        rows: usize,
    ) -> Vec<(usize, Range<usize>)> {
        let mut runs = Vec::new();
        let mut newer = Vec::new();
        let says_nothing = windows.zones.is_none() && places.are_absent();
        let mut row = 0;
        while row < rows {
            let key = windows.keys.value(row);
            let at = self.position(key).unwrap_or_else(|| self.add(key));
            newer.clear();
            let first = row;
            while row < rows && windows.keys.value(row) == key {
                let seen = (Timestamp(windows.starts.value(row)), windows.revisions.value(row));
                if seen >= self.newest[at] {
                    self.newest[at] = seen;
                    newer.push(row);
                }
                row += 1;
            }
            runs.push((at, first..row));
            if says_nothing {
                continue;
            }
            let whole = newer
                .iter()
                .rposition(|&row| windows.zone(row).is_some() && places.are_whole(row));
            for &row in &newer[whole.unwrap_or(0)..] {
                self.locate(at, windows, places, row);
            }
        }
        runs
    }

    /// Notes where the key at position `at` is, as `row` has it.
    fn locate(&mut self, at: usize, windows: &WindowColumns<'_>, places: &PlaceColumns<'_>, row: usize) {
        let mut place = std::mem::take(&mut self.places[at]);
        self.update(&mut place.zone, windows.zone(row));
        self.update(&mut place.road_id, text(places.road_id, row));
        self.update(&mut place.road_name, text(places.road_name, row));
        self.update(&mut place.name, text(places.name, row));
        place.lat = number(places.lat, row).or(place.lat);
        place.lon = number(places.lon, row).or(place.lon);
        self.places[at] = place;
    }

    fn update(&mut self, known: &mut Option<Arc<str>>, said: Option<&str>) {
        if let Some(said) = said
            && known.as_deref() != Some(said)
        {
            *known = Some(self.text(said));
        }
    }

    fn add(&mut self, key: &str) -> usize {
        let key: Arc<str> = key.into();
        self.keys.push(Arc::clone(&key));
        self.places.push(Place::default());
        self.newest.push((Timestamp(i64::MIN), i32::MIN));
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
            trace: Mutex::default(),
        }
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

    /// Takes closed windows and revisions, in any order; `watermark` is none for history read from the lake.
    ///
    /// # Errors
    /// A batch that lacks a column of the windows table.
    pub fn take(&self, batch: &RecordBatch, watermark: Option<Timestamp>) -> Result<Taken> {
        let windows = WindowColumns::of(batch)?;
        let revised = windows.revisions.values().iter().filter(|&&revision| revision > 0);
        let taken = Taken {
            windows: batch.num_rows() as u64,
            revisions: revised.count() as u64,
        };
        if watermark.is_some() {
            *lock(&self.trace) = Trace::current();
        }
        let places = PlaceColumns::of(batch);
        let mut guard = write(&self.state);
        let state = &mut *guard;
        let runs = state.enter(&windows, &places, batch.num_rows());
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
        let latest = windows.starts.values().iter().max().map(|&start| Timestamp(start));
        state.latest = state.latest.max(latest);
        let latest = state.latest;
        state.changes += 1;
        drop(guard);
        self.changed.send_replace(latest);
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
