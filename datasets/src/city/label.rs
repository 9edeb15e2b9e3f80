//! The truth beside the events: what really happened, for the evaluation of detectors and forecasts.

use serde::{Serialize, Serializer};

use super::config::CityConfig;
use crate::time::Timestamp;

/// One line of `labels.jsonl`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "label", rename_all = "snake_case")]
pub enum Label {
    /// What was simulated; the first line.
    City(CityLabel),
    /// Something that happened on the roads.
    Incident(IncidentLabel),
    /// A reporter that was broken.
    Fault(FaultLabel),
}

/// What was simulated.
#[derive(Debug, Clone, Serialize)]
pub struct CityLabel {
    /// Always true: nothing here was measured.
    pub synthetic: bool,
    /// The seed.
    pub seed: u64,
    /// The first instant.
    #[serde(serialize_with = "rfc3339")]
    pub start: Timestamp,
    /// The local clock.
    pub timezone: String,
    /// Traffic sensors.
    pub sensors: usize,
    /// Zones.
    pub zones: usize,
}

impl CityLabel {
    /// The label of a city with so many traffic sensors and zones.
    #[must_use]
    pub fn of(config: &CityConfig, sensors: usize, zones: usize) -> Self {
        let CityConfig { seed, start, .. } = *config;
        Self {
            synthetic: true,
            seed,
            start,
            timezone: config.timezone.clone(),
            sensors,
            zones,
        }
    }
}

/// Something that happened on the roads.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentLabel {
    /// As in the events.
    pub incident_id: String,
    /// As in the events.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// As in the events.
    pub severity: &'static str,
    /// When it began on the road (the first event comes later).
    #[serde(serialize_with = "rfc3339")]
    pub start: Timestamp,
    /// When the road was free again.
    #[serde(serialize_with = "rfc3339")]
    pub end: Timestamp,
    /// When the first event came.
    #[serde(serialize_with = "rfc3339")]
    pub reported_at: Timestamp,
    /// Whether the simulation saw its end and the traffic recover.
    pub observed_to_end: bool,
    /// The road.
    pub road_id: String,
    /// The zone.
    pub zone_id: String,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// Lanes of the road in this direction.
    pub lanes: u32,
    /// Lanes that were closed.
    pub lanes_closed: u32,
    /// What was left of the capacity at its place, 0..1.
    pub capacity_share: f64,
    /// Vehicles that came to the place because of it.
    pub extra_vehicles: f64,
    /// The sensors whose speed really fell because of it: by comparison with a twin of the city in which it did not
    /// happen.
    pub affected: Vec<Affected>,
}

/// A sensor whose speed fell because of an incident.
#[derive(Debug, Clone, Serialize)]
pub struct Affected {
    /// As in the events.
    pub sensor_id: String,
    /// The first minute in which the speed was lower than without the incident by 15 % of free speed.
    #[serde(serialize_with = "rfc3339")]
    pub from: Timestamp,
    /// The last such minute.
    #[serde(serialize_with = "rfc3339")]
    pub to: Timestamp,
    /// The largest difference, km/h.
    pub largest_drop_kmh: f64,
}

/// A reporter that was broken.
#[derive(Debug, Clone, Serialize)]
pub struct FaultLabel {
    /// stuck, silent, drift, spikes or degraded.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its topic.
    pub topic: &'static str,
    /// Its key, as in the events.
    pub key: String,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub start: Timestamp,
    /// Until when; the end of the simulation where it was still broken.
    #[serde(serialize_with = "rfc3339")]
    pub end: Timestamp,
}

impl Label {
    /// The line without line break.
    ///
    /// # Errors
    /// None in practice: every label can be written.
    pub fn to_json(&self) -> crate::Result<String> {
        serde_json::to_string(self).map_err(|source| crate::Error::invalid("label", source, "a label"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn rfc3339<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(instant)
}
