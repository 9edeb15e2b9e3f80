//! What is known around the keys while a window is looked at. Anything may be missing.

use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};

use super::cause::Cause;
use super::places::Places;
use super::settings::Suppression;
use super::weather::Weather;

/// What is known while a window is looked at.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where the keys are; it changes rarely, so it is shared.
    pub places: Arc<Places>,
    /// Incidents that were reported, those that are over lately among them.
    pub incidents: Vec<Incident>,
    /// The weather of the city now.
    pub weather: Option<Weather>,
    /// Roadworks and events that are planned, where a calendar tells of them. The service has none: what is reported as an incident of such
    /// a type is a cause as well.
    pub plans: Vec<Plan>,
    /// Suppressions beside those of the settings, where they become known while a book is at work. The service takes those of its
    /// configuration, which it reads at its start.
    pub suppressions: Vec<Suppression>,
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

/// Something planned: roadworks, a match, a concert.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its name for people.
    pub name: String,
    /// [`Cause::Roadwork`], [`Cause::Event`] or [`Cause::Demonstration`].
    pub cause: Cause,
    /// Its zone.
    pub zone_id: Option<String>,
    /// Its road.
    pub road_id: Option<String>,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}
