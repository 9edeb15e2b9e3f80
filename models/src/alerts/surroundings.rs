//! What is known around the keys while a window is looked at. Anything may be missing.

use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};

use super::cause::Cause;
use super::places::Places;
use super::settings::Suppression;
use super::weather::Weather;
use crate::registry::Target;

/// What is known while a window of a stream is looked at.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where the keys of the stream are, which those of another stream may be named like; it changes rarely, so it is shared.
    pub places: Arc<Places>,
    /// Incidents that were reported, those that are over lately among them. Roadworks and matches are such, too, once they are reported.
    pub incidents: Vec<Incident>,
    /// The weather of the city now.
    pub weather: Option<Weather>,
    /// Numbers whose detector has seen too little of them so far to know what is usual.
    pub learning: Vec<Target>,
    /// Suppressions beside those of the settings, where they become known while a book is at work. The service takes those of its
    /// configuration, which it reads at its start.
    pub suppressions: Vec<Suppression>,
    /// Other streams of which nothing comes any more, and no window of their own will say so. One that is merely late is none of them:
    /// its alerts wait for what it has to say.
    pub gone: Vec<String>,
}

impl Surroundings {
    /// Whether the detector of that number is still learning.
    pub(super) fn is_learning(&self, topic: &str, field: &str) -> bool {
        self.learning.iter().any(|one| one.topic == topic && one.field == field)
    }
}

/// A reported incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its id.
    pub incident_id: String,
    /// What it is: the incident's type.
    pub cause: Cause,
    /// `low` to `critical`, as reported.
    pub severity: Option<String>,
    /// Its zone.
    pub zone_id: Option<String>,
    /// Its road.
    pub road_id: Option<String>,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// The first report.
    pub reported_at: Timestamp,
    /// How long it will last from then on, as reported.
    pub estimated_duration: Option<Duration>,
    /// Whether it goes on.
    pub active: bool,
}
