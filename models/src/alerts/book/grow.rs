//! What one more window does to an alert.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::HOUR;

use super::group::is_event;
use super::look::{Look, Voice};
use super::round::Round;
use crate::alerts::alert::{Alert, Kind, Location};
use crate::alerts::impact::{Section, vehicle_hours};
use crate::alerts::symptom::Nature;

/// Takes the window in: peak, cost, and whether it was strange. `goes_on` says whether a group of the window belongs to it.
/// Gives whether anything was heard of it; where nothing was, it stays as it is.
pub(super) fn grow(alert: &mut Alert, goes_on: bool, round: &Round) -> bool {
    if !is_heard(alert, round) {
        return false;
    }
    let looks = looks(alert, round);
    let natures = natures(alert);
    let mut strange = goes_on;
    let by_groups_only = is_by_groups(alert);
    for (key, look) in &looks {
        let Some(voice) = strongest(look, natures) else {
            continue;
        };
        // Hysteresis: what was strange stays strange until it is well below the line.
        if voice.score < round.settings.calm_below {
            continue;
        }
        strange |= !by_groups_only;
        if is_event(alert) {
            add_cost(alert, key, look, round);
        }
        if voice.score > alert.score {
            peak(alert, key, voice, round);
        }
    }
    if strange {
        alert.last_strange = round.window;
    }
    if alert.kind != Kind::DataQuality || alert.zone_id.is_none() {
        alert.zone_id = zone(alert, round);
    }
    alert.last_window = round.window;
    true
}

/// Whether the window says anything of what the alert is about. Of a fault and of an outage any row speaks. Of an event only its own nature
/// does: a sensor that falls silent in a jam, or whose row lacks the number, does not say that the jam is over.
pub(super) fn is_heard(alert: &Alert, round: &Round) -> bool {
    let is_of_event = natures(alert) == [Nature::Event];
    let looks = looks(alert, round);
    looks
        .iter()
        .any(|(_, look)| !is_of_event || look.voice(Nature::Event).is_some())
}

/// Whether an alert goes on by the groups of a window alone, rather than by each of its keys.
pub(super) fn is_by_groups(alert: &Alert) -> bool {
    alert.citywide || alert.kind == Kind::DataQuality
}

/// The looks of its keys in this window.
fn looks<'a>(alert: &Alert, round: &'a Round) -> Vec<(&'a Arc<str>, &'a Look)> {
    let keys = alert.keys.iter();
    keys.filter_map(|key| round.looks.get_key_value(key.as_str())).collect()
}

/// What speaks for the alert going on.
fn natures(alert: &Alert) -> &'static [Nature] {
    match alert.kind {
        Kind::DataQuality => &[Nature::Missing],
        Kind::SensorFault if alert.score == 0.0 => &[Nature::Event, Nature::Fault, Nature::Missing],
        Kind::SensorFault if alert.symptom.nature() != Nature::Event => &[Nature::Fault, Nature::Missing],
        _ => &[Nature::Event],
    }
}

fn strongest<'a>(look: &'a Look, natures: &[Nature]) -> Option<&'a Voice> {
    let voices = natures.iter().filter_map(|nature| look.voice(*nature));
    voices.max_by(|a, b| a.score.total_cmp(&b.score))
}

fn peak(alert: &mut Alert, key: &str, voice: &Voice, round: &Round) {
    alert.score = voice.score;
    alert.peak_at = round.window;
    alert.target = voice.target.to_string();
    alert.symptom = voice.symptom;
    alert.symptom_value = voice.symptom_value;
    alert.seen = voice.seen;
    let expected = voice
        .expected
        .filter(|expected| expected.low.is_finite() && expected.high.is_finite());
    alert.expected_low = expected.map(|expected| expected.low);
    alert.expected_high = expected.map(|expected| expected.high);
    // A rule does not learn where its line is.
    alert.learning = !voice.is_rule && round.surroundings.is_learning(round.topic, &voice.target);
    let place = round.place(key).cloned().unwrap_or_default();
    alert.place = Location {
        key: key.to_string(),
        lat: place.position().map(|position| position.0),
        lon: place.position().map(|position| position.1),
        road_id: place.road_id,
        road_name: place.road_name,
        name: place.name,
    };
}

fn add_cost(alert: &mut Alert, key: &str, look: &Look, round: &Round) {
    let place = round.place(key);
    let usual_flow = || place.and_then(|place| place.flow_per_hour);
    let flow = look.vehicles_per_hour.or_else(usual_flow);
    let (Some(speed), Some(vehicles_per_hour)) = (look.speed, flow.filter(|flow| flow.is_finite())) else {
        return;
    };
    let lost = vehicle_hours(Section {
        speed: (speed.seen, speed.expected.middle),
        vehicles_per_hour,
        length_km: place.and_then(|place| place.length_km),
        hours: look.step.0 as f64 / HOUR as f64,
    });
    alert.impact = Some(alert.impact.unwrap_or(0.0) + lost);
}

/// The zone of most of its keys; none for the whole city.
fn zone(alert: &Alert, round: &Round) -> Option<String> {
    if alert.citywide {
        return None;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for zone in alert.keys.iter().filter_map(|key| round.zone(key)) {
        *counts.entry(zone).or_default() += 1;
    }
    let most = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
    most.map(|(zone, _)| zone.clone()).or_else(|| alert.zone_id.clone())
}
