//! What may have caused an alert, with what speaks for it.
//!
//! ```text
//! weight(incident) = 0.95 * plausible(kind, cause) * exp(-2 distance / cause_metres) * exp(-|reported - since| / 2 h)
//! ```
//! Beyond `cause_metres` there is no weight. On the same road the distance counts half; where a position is missing, the same road stands for 0.6 and the
//! same zone for 0.3. Roadworks, events and demonstrations, which go on for long, keep at least 0.5 of their time. The weightiest is the
//! cause from 0.15 on.

use arterial_datasets::time::{DAY, HOUR, MINUTE, Timestamp};

use super::alert::{Alert, Kind};
use super::cause::{Cause, Evidence};
use super::geometry::{Position, haversine, position};
use super::places::Places;
use super::settings::AlertSettings;
use super::surroundings::{Incident, Surroundings};

/// The least weight of a cause, and of what is shown at all.
const CAUSE: f64 = 0.15;
const SHOWN: f64 = 0.05;
/// So many are shown.
const MOST: usize = 5;
/// A report so long after the event began is about something else.
const LATE_REPORT: i64 = 45 * MINUTE;
const FADES_OVER: f64 = 2.0 * HOUR as f64;
const WEEK: i64 = 7 * DAY;

/// The cause, and what speaks for it and for others, the weightiest first.
pub(super) fn explain(alert: &Alert, scene: &Scene) -> (Cause, Vec<Evidence>) {
    let surroundings = scene.surroundings;
    let incidents = surroundings.incidents.iter();
    let mut evidence: Vec<Evidence> = incidents
        .filter_map(|incident| of_incident(alert, incident, scene))
        .collect();
    evidence.extend(of_weather(alert, surroundings));
    evidence.extend(recurrent(alert, scene));
    ranked(evidence)
}

/// What an alert is looked at with.
pub(super) struct Scene<'a> {
    pub(super) surroundings: &'a Surroundings,
    pub(super) settings: &'a AlertSettings,
    /// Alerts of the same stream that are over.
    pub(super) former: Vec<&'a Alert>,
    pub(super) now: Timestamp,
}

pub(super) fn ranked(mut evidence: Vec<Evidence>) -> (Cause, Vec<Evidence>) {
    evidence.retain(|piece| piece.weight >= SHOWN);
    evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.subject.cmp(&b.subject)));
    evidence.truncate(MOST);
    let best = evidence.first().filter(|best| best.weight >= CAUSE);
    (best.map_or(Cause::Unknown, |best| best.cause), evidence)
}

/// How near something is: its weight, and the metres where they are known.
fn nearness(alert: &Alert, spot: &Spot, scene: &Scene) -> Option<(f64, Option<f64>)> {
    let places = &scene.surroundings.places;
    let same_road = spot.road.is_some() && roads(alert, places).any(|road| Some(road) == spot.road);
    let keys = alert.keys.iter().filter_map(|key| places.position(key));
    let distance = spot.position.and_then(|there| nearest(keys, there));
    if let Some(metres) = distance {
        let counted = if same_road { metres / 2.0 } else { metres };
        let limit = scene.settings.cause_metres;
        return (metres <= limit).then(|| ((-2.0 * counted / limit).exp(), Some(metres)));
    }
    let same_zone = spot.zone.is_some() && alert.zone_id.as_deref() == spot.zone;
    match (same_road, same_zone) {
        (true, _) => Some((0.6, None)),
        (false, true) => Some((0.3, None)),
        (false, false) => None,
    }
}

struct Spot<'a> {
    position: Option<Position>,
    road: Option<&'a str>,
    zone: Option<&'a str>,
}

fn nearest(keys: impl Iterator<Item = Position>, there: Position) -> Option<f64> {
    keys.map(|here| haversine(here, there)).min_by(f64::total_cmp)
}

fn roads<'a>(alert: &'a Alert, places: &'a Places) -> impl Iterator<Item = &'a str> {
    let roads = alert.keys.iter().filter_map(|key| places.get(key)?.road_id.as_deref());
    roads.chain(alert.place.road_id.as_deref())
}

fn of_incident(alert: &Alert, incident: &Incident, scene: &Scene) -> Option<Evidence> {
    let delay = incident.reported_at.0 - alert.since.0;
    if alert.citywide || incident.reported_at > scene.now || delay > LATE_REPORT {
        return None;
    }
    let spot = Spot {
        position: position(incident.lat, incident.lon),
        road: incident.road_id.as_deref(),
        zone: incident.zone_id.as_deref(),
    };
    let (near, distance_m) = nearness(alert, &spot, scene)?;
    let over = if incident.active { 1.0 } else { 0.5 };
    let weight = 0.95 * over * plausible(alert.kind, incident.cause) * near * timely(incident.cause, delay);
    let lasting = incident.estimated_duration.filter(|_| incident.active);
    Some(Evidence {
        cause: incident.cause,
        subject: incident.incident_id.clone(),
        distance_m,
        at: Some(incident.reported_at),
        until: lasting.map(|lasting| Timestamp(incident.reported_at.0.saturating_add(lasting.0))),
        value: None,
        weight,
    })
}

fn timely(cause: Cause, delay: i64) -> f64 {
    let lasts = matches!(cause, Cause::Roadwork | Cause::Event | Cause::Demonstration);
    let fresh = (-(delay.abs() as f64) / FADES_OVER).exp();
    if lasts { fresh.max(0.5) } else { fresh }
}

/// Whether such a thing does such things: a match fills buses, a crash does not foul the air.
fn plausible(kind: Kind, cause: Cause) -> f64 {
    match (kind, cause) {
        (Kind::SensorFault | Kind::DataQuality, Cause::PowerOutage) => 0.8,
        (Kind::SensorFault | Kind::DataQuality, _) | (Kind::Air, Cause::Accident | Cause::Breakdown) => 0.0,
        (Kind::Demand | Kind::Air, Cause::Roadwork) => 0.5,
        (Kind::Demand, Cause::Accident | Cause::Breakdown) | (Kind::Air, Cause::Event | Cause::Demonstration) => 0.3,
        _ => 1.0,
    }
}

fn of_weather(alert: &Alert, surroundings: &Surroundings) -> Option<Evidence> {
    let (name, value) = surroundings.weather.as_ref()?.hardship()?;
    let weight = match alert.kind {
        Kind::SensorFault | Kind::DataQuality => return None,
        _ if alert.citywide => 0.9,
        Kind::Demand | Kind::Air => 0.5,
        Kind::Congestion | Kind::IncidentSuspected => 0.3,
    };
    Some(Evidence {
        cause: Cause::Weather,
        subject: name.to_string(),
        distance_m: None,
        at: None,
        until: None,
        value,
        weight,
    })
}

/// The same keys were bad at this time of the week twice before, or at this time of day three times.
fn recurrent(alert: &Alert, scene: &Scene) -> Option<Evidence> {
    if matches!(alert.kind, Kind::SensorFault | Kind::DataQuality) || alert.citywide {
        return None;
    }
    let alike = |former: &&&Alert| !former.is_false() && former.keys.iter().any(|key| alert.has(key));
    let ages: Vec<i64> = scene
        .former
        .iter()
        .filter(alike)
        .map(|former| alert.since.0 - former.since.0)
        .collect();
    let at_the_same = |period: i64| {
        let off = |age: i64| (age.rem_euclid(period)).min(period - age.rem_euclid(period));
        ages.iter().filter(|&&age| age >= DAY / 2 && off(age) <= HOUR).count()
    };
    let (weekly, daily) = (at_the_same(WEEK), at_the_same(DAY));
    (weekly >= 2 || daily >= 3).then(|| Evidence {
        cause: Cause::Recurrent,
        subject: alert.place.key.clone(),
        distance_m: None,
        at: None,
        until: None,
        value: Some(weekly.max(daily) as f64),
        weight: 0.5,
    })
}
