//! What is known of the keys of one stream: where each is, who makes its windows, and the rings of recent values.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arterial_datasets::time::Timestamp;

use super::columns::{PlaceColumns, WindowColumns, number, text};
use super::ring::Ring;

/// Who made the windows that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// This instance, which has closed windows up to this instant of event time.
    Own(Timestamp),
    /// Another instance on the same lake. Whoever follows the stream is not told before all that it made since is taken.
    Other,
    /// Whoever it was: it is history.
    Past,
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

/// A window and its revision.
type Seen = (Timestamp, i32);
/// Before any window.
const NOTHING: Seen = (Timestamp(i64::MIN), i32::MIN);

/// What stands behind the lock.
#[derive(Debug, Default)]
pub struct State {
    pub(super) keys: Vec<Arc<str>>,
    pub(super) places: Vec<Place>,
    /// The newest window and revision.
    pub(super) newest: Vec<Seen>,
    /// The newest that this instance made, and the newest that another one did.
    makers: Vec<(Seen, Seen)>,
    index: HashMap<Arc<str>, usize>,
    texts: HashMap<Arc<str>, Arc<str>>,
    pub(super) rings: BTreeMap<String, Ring>,
    pub(super) watermark: Option<Timestamp>,
    /// The start of the newest window of any key, those apart that another instance made.
    pub(super) latest: Option<Timestamp>,
    /// Counts the batches that were taken.
    pub(super) changes: u64,
    /// The same of windows that other instances made.
    pub(super) others_watermark: Option<Timestamp>,
    /// The start of the newest of those.
    pub(super) others_latest: Option<Timestamp>,
    /// Counts how often there was more of a window than its first part.
    news: u64,
    /// Whether there is, and nobody was told of it yet.
    is_unsaid: bool,
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

    /// Whether this instance makes the windows of the key at position `at`, as far as is known: it made the newest, or nobody was seen to
    /// make any.
    pub fn is_ours(&self, at: usize) -> bool {
        self.makers.get(at).is_none_or(|(own, others)| own >= others)
    }

    /// Counts how often a window that several instances make became more whole, by what others made of it or, where they were first, by
    /// what this instance did: whatever was computed from it before may be computed again.
    pub fn news(&self) -> u64 {
        self.news
    }

    /// Counts what came since, if it is any news.
    pub(super) fn say(&mut self) {
        self.news += u64::from(std::mem::take(&mut self.is_unsaid));
    }

    /// The recent values of `field`, where it is served.
    pub fn ring(&self, field: &str) -> Option<&Ring> {
        self.rings.get(field)
    }

    /// The rows of one key that follow each other, with the position of the key; new keys are added. The newest window says where a
    /// key is; what it does not say stays as it was known.
    ///
    /// History comes sorted by key, so a key is looked up, and its place written, once for many rows.
    pub(super) fn enter(
        &mut self,
        windows: &WindowColumns<'_>,
        places: &PlaceColumns<'_>,
        rows: usize,
        maker: Maker,
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
                self.note(at, seen, maker);
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

    /// Notes who made a window of the key at position `at`. What this instance made is no news where it is read again.
    fn note(&mut self, at: usize, seen: Seen, maker: Maker) {
        let (own, others) = &mut self.makers[at];
        match maker {
            Maker::Own(_) => {
                // A window's first part came before: from another instance, or from this one, which got a partition later.
                let is_more = Some(seen.0) == self.latest || Some(seen.0) <= self.others_latest;
                self.is_unsaid |= seen.0 > own.0 && is_more;
                *own = seen.max(*own);
            }
            Maker::Other => {
                self.is_unsaid |= seen > *own && seen.0 > others.0;
                *others = seen.max(*others);
                self.others_latest = self.others_latest.max(Some(seen.0));
            }
            Maker::Past => {}
        }
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
        self.newest.push(NOTHING);
        self.makers.push((NOTHING, NOTHING));
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
