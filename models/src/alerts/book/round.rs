//! One window of one stream, and what is known while it is looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arterial_datasets::time::Timestamp;

use super::cluster::Node;
use super::look::Look;
use super::track::Track;
use crate::alerts::places::Place;
use crate::alerts::sensitivity::Sensitivity;
use crate::alerts::settings::AlertSettings;
use crate::alerts::signal::Reason;
use crate::alerts::surroundings::Surroundings;
use crate::alerts::symptom::Nature;

/// A sensor is compared with so many neighbours, the nearest ...
const COMPARED: usize = 6;
/// ... and with fewer than so many not at all.
const FEWEST_COMPARED: usize = 2;

pub(super) struct Round<'a> {
    /// The start of the window and its end.
    pub(super) window: Timestamp,
    pub(super) end: Timestamp,
    pub(super) topic: &'a str,
    pub(super) looks: BTreeMap<Arc<str>, Look>,
    pub(super) tracks: &'a HashMap<Arc<str>, Track>,
    pub(super) surroundings: &'a Surroundings,
    pub(super) settings: &'a AlertSettings,
    pub(super) sensitivity: &'a Sensitivity,
}

impl Round<'_> {
    pub(super) fn place(&self, key: &str) -> Option<&Place> {
        self.surroundings.places.get(key)
    }

    pub(super) fn zone(&self, key: &str) -> Option<String> {
        let said = self.looks.get(key).and_then(|look| look.zone.as_deref());
        let placed = || self.place(key)?.zone_id.clone();
        said.map(str::to_string).or_else(placed)
    }

    /// How far neighbours of `key` are, in metres.
    pub(super) fn reach(&self, key: &str) -> f64 {
        self.settings.neighbour_metres * self.sensitivity.reach(self.topic, key, self.window)
    }

    /// The node of `key`, strange since the first window of its run.
    pub(super) fn node(&self, key: &Arc<str>) -> Node {
        Node {
            key: key.clone(),
            zone: self.zone(key),
            road: self.place(key).and_then(|place| place.road_id.clone()),
            since: self.since(key, Nature::Event),
        }
    }

    /// How many windows in a row `key` was strange up to now.
    pub(super) fn run(&self, key: &str, nature: Nature) -> usize {
        self.tracks.get(key).map_or(0, |track| track.run(nature).0)
    }

    /// Since when `key` is strange; where it is silent, since its last window with data ended.
    pub(super) fn since(&self, key: &str, nature: Nature) -> Timestamp {
        let run = || self.tracks.get(key).and_then(|track| track.run(nature).1);
        self.silent_since(key, nature).or_else(run).unwrap_or(self.window)
    }

    fn silent_since(&self, key: &str, nature: Nature) -> Option<Timestamp> {
        let voice = self.looks.get(key)?.voice(nature)?;
        match voice.symptom.reason(voice.symptom_value)? {
            Reason::Silent(silent) => Some(Timestamp(self.end.0.saturating_sub(silent.0))),
            _ => None,
        }
    }

    pub(super) fn is_strange(&self, key: &str, nature: Nature) -> bool {
        self.looks.get(key).is_some_and(|look| look.is_strange(nature))
    }

    /// Keys for which that nature is strange.
    pub(super) fn strange(&self, nature: Nature) -> impl Iterator<Item = &Arc<str>> {
        let strange = self.looks.iter().filter(move |(_, look)| look.is_strange(nature));
        strange.map(|(key, _)| key)
    }

    /// The nearest neighbours that have something to say in this window.
    fn neighbours(&self, key: &str) -> Vec<&Look> {
        let near = self.surroundings.places.near(key, self.reach(key));
        let looks = near.into_iter().filter_map(|(key, _)| self.looks.get(key));
        looks.take(COMPARED).collect()
    }

    pub(super) fn has_strange_neighbour(&self, key: &str) -> bool {
        self.neighbours(key).iter().any(|look| look.is_strange(Nature::Event))
    }

    /// The number of neighbours where all of them are normal; nothing where one is not, or too few can be compared.
    pub(super) fn normal_neighbours(&self, key: &str) -> Option<usize> {
        let neighbours = self.neighbours(key);
        let normal = neighbours.iter().all(|look| !look.is_strange(Nature::Event));
        (normal && neighbours.len() >= FEWEST_COMPARED).then_some(neighbours.len())
    }
}
