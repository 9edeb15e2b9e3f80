//! Keys that are strange together, and the alerts that they belong to.

use std::sync::Arc;

use arterial_datasets::time::Timestamp;

use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::{Alert, Kind};
use crate::alerts::symptom::{Nature, kind_of_events};

/// How much of the city a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// Keys that are neighbours.
    Local,
    /// What is silent in one zone.
    Zone(String),
    /// The whole city, or the whole stream.
    City,
}

/// Keys that are strange together in one window.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) nature: Nature,
    pub(super) extent: Extent,
    pub(super) keys: Vec<Arc<str>>,
    /// The live alert that it goes on with.
    pub(super) target: Option<String>,
    /// Live alerts that become part of it.
    pub(super) absorbs: Vec<String>,
}

impl Group {
    /// The kind of an alert that begins with it.
    pub(super) fn kind(&self, round: &Round) -> Kind {
        match (self.nature, &self.extent) {
            (Nature::Event, _) => kind_of_events(round.topic, self.strongest_target(round)),
            (_, Extent::Local) => Kind::SensorFault,
            _ => Kind::DataQuality,
        }
    }

    fn strongest_target<'a>(&self, round: &'a Round) -> &'a str {
        let voices = self
            .keys
            .iter()
            .filter_map(|key| round.looks.get(key)?.voice(self.nature));
        let strongest = voices.max_by(|a, b| a.score.total_cmp(&b.score));
        strongest.map_or("", |voice| &*voice.target)
    }

    /// Since when it is strange: since the first key was; an outage since half of its keys were, as some may have been silent for long.
    pub(super) fn since(&self, round: &Round) -> Timestamp {
        let since = self.keys.iter().map(|key| round.since(key, self.nature));
        let mut since: Vec<Timestamp> = since.collect();
        since.sort_unstable();
        let first = if self.nature == Nature::Missing {
            since.len() / 2
        } else {
            0
        };
        since.get(first).copied().unwrap_or(round.window)
    }

    /// Whether it is enough for an alert: something of the whole city, what a rule says, several neighbours at once, an extreme
    /// score, or one key again and again.
    pub(super) fn is_ready(&self, round: &Round) -> bool {
        let settings = round.settings;
        self.extent != Extent::Local
            || self.keys.len() >= settings.neighbours_at_once
            || self.keys.iter().any(|key| {
                let voice = round.looks.get(key).and_then(|look| look.voice(self.nature));
                let loud = voice.is_some_and(|voice| voice.is_rule || voice.score >= settings.extreme_score);
                let often = round
                    .tracks
                    .get(key)
                    .is_some_and(|track| track.is_often_strange(self.nature));
                loud || often || round.run(key, self.nature) >= settings.persistence
            })
    }

    /// Whether `alert` is about things of this nature and extent.
    pub(super) fn is_like(&self, alert: &Alert) -> bool {
        let kind = match self.nature {
            Nature::Event => is_event(alert),
            // What its neighbours found wrong with a sensor is no silence and no value that cannot be.
            _ if self.extent == Extent::Local => {
                alert.kind == Kind::SensorFault && alert.symptom.nature() != Nature::Event
            }
            _ => alert.kind == Kind::DataQuality,
        };
        let extent = match &self.extent {
            Extent::Local => !alert.citywide,
            Extent::Zone(zone) => !alert.citywide && alert.zone_id.as_ref() == Some(zone),
            Extent::City => alert.citywide,
        };
        kind && extent
    }

    /// An alert that was resolved a short while ago at the same place and about the same thing.
    pub(super) fn former<'a>(&self, round: &Round, shelf: &'a Shelf) -> Option<&'a Alert> {
        let lately = |alert: &&Alert| {
            let closed = alert.closed_at.filter(|_| alert.is_resolved());
            closed.is_some_and(|at| at <= round.window && round.window.0 - at.0 <= round.settings.reopen_within.0)
        };
        let of_topic = shelf.alerts().filter(|alert| alert.topic == round.topic);
        let alike = of_topic.filter(lately).filter(|alert| self.is_like(alert));
        let here = alike.filter(|alert| self.extent == Extent::City || self.touches(alert, round));
        here.min_by_key(|alert| (alert.opened_at, &alert.alert_id))
    }

    fn touches(&self, alert: &Alert, round: &Round) -> bool {
        let near = |key: &Arc<str>| {
            let neighbours = round.surroundings.places.near(key, round.reach(key));
            neighbours.iter().any(|(neighbour, _)| alert.has(neighbour))
        };
        let spreads = self.nature == Nature::Event;
        self.keys.iter().any(|key| alert.has(key) || (spreads && near(key)))
    }
}

/// Whether the alert is about something that happens in the city.
pub(super) fn is_event(alert: &Alert) -> bool {
    !matches!(alert.kind, Kind::SensorFault | Kind::DataQuality)
}
