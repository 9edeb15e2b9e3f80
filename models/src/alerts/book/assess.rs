//! What to make of an alert after a window: its kind, cause, certainty, severity and end.

use arterial_datasets::time::MINUTE;

use super::group::is_event;
use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::{Alert, Kind};
use crate::alerts::cause::{Cause, Evidence};
use crate::alerts::causes::{Scene, explain, ranked};
use crate::alerts::certainty::{Support, certainty};
use crate::alerts::duration::estimated_end;
use crate::alerts::severity::severity;
use crate::alerts::symptom::{Nature, Symptom, kind_of_events};

/// A sensor alone among normal neighbours for so long is wrong, whatever it says.
const ALONE: i64 = 45 * MINUTE;
/// Traffic that breaks down within this time of the first strange window broke down all at once.
const AT_ONCE: i64 = 15 * MINUTE;
/// From this score on it broke down, rather than thickened.
const BROKE_DOWN: f64 = 2.0;

/// The alert as it is to be seen after this window.
pub(super) fn assess(alert: &Alert, round: &Round, shelf: &Shelf) -> Alert {
    let mut alert = alert.clone();
    let former = former(&alert, shelf);
    let scene = Scene {
        surroundings: round.surroundings,
        settings: round.settings,
        former,
        now: round.end,
    };
    let neighbours = normal_neighbours(&alert, round);
    let kind_before = alert.kind;
    alert.kind = kind(&alert, neighbours, round);
    (alert.cause, alert.evidence) = explain(&alert, &scene);
    add_own_evidence(&mut alert, neighbours, round);
    if alert.kind == Kind::Congestion && is_suspected_incident(&alert, kind_before) {
        alert.kind = Kind::IncidentSuspected;
    }
    let support = Support {
        windows: windows(&alert, round),
        is_explained: alert.cause != Cause::Unknown,
        normal_neighbours: neighbours,
    };
    alert.certainty = certainty(&alert, !is_event(&alert), support);
    let severity = severity(&alert, round.settings);
    // An alert keeps the worst that it was: it does not swing between steps while its event goes on.
    let keeps = alert.kind == kind_before;
    alert.severity = if keeps { severity.max(alert.severity) } else { severity };
    alert.estimated_end = estimated_end(&alert, &scene.former, round.end);
    alert
}

/// Alerts of the stream that are over.
fn former<'a>(alert: &Alert, shelf: &'a Shelf) -> Vec<&'a Alert> {
    let of_topic = shelf
        .alerts()
        .filter(|other| other.topic == alert.topic && other.alert_id != alert.alert_id);
    of_topic.filter(|other| other.is_resolved()).collect()
}

fn windows(alert: &Alert, round: &Round) -> i64 {
    let step = round.end.0 - round.window.0;
    (alert.last_strange.0 - alert.since.0) / step.max(1) + 1
}

/// The number of neighbours of a single key where all are normal.
fn normal_neighbours(alert: &Alert, round: &Round) -> Option<usize> {
    match alert.keys.as_slice() {
        [key] => round.normal_neighbours(key),
        _ => None,
    }
}

fn kind(alert: &Alert, neighbours: Option<usize>, round: &Round) -> Kind {
    let is_fault_by_itself = alert.symptom.nature() != Nature::Event;
    // A sensor that says nothing does not stand out among its neighbours.
    let is_heard = alert.last_window == round.window;
    if alert.kind == Kind::DataQuality || is_fault_by_itself || !is_heard {
        return alert.kind;
    }
    let event = kind_of_events(&alert.topic, &alert.target);
    match alert.keys.as_slice() {
        // What was found to be wrong stays wrong until its alert is over.
        [_] if alert.kind == Kind::SensorFault => Kind::SensorFault,
        [key] if neighbours.is_some() && is_off(alert, key, round) => Kind::SensorFault,
        _ => event,
    }
}

/// Whether a key alone among normal neighbours behaves as broken sensors do: it drifts, jumps, goes back and forth, or stays alone for long.
fn is_off(alert: &Alert, key: &str, round: &Round) -> bool {
    let spiky = round.tracks.get(key).is_some_and(super::track::Track::is_spiky);
    let odd = matches!(alert.symptom, Symptom::Drift | Symptom::Jump);
    odd || spiky || round.window.0 - alert.since.0 >= ALONE
}

fn is_suspected_incident(alert: &Alert, before: Kind) -> bool {
    let slow = matches!(
        alert.symptom,
        Symptom::Lower | Symptom::Jump | Symptom::SevereCongestion
    );
    let sudden = alert.peak_at.0 - alert.since.0 <= AT_ONCE && alert.score >= BROKE_DOWN;
    let unexplained = matches!(alert.cause, Cause::Unknown | Cause::Weather);
    !alert.citywide && unexplained && alert.is_of_speed() && slow && (sudden || before == Kind::IncidentSuspected)
}

/// A fault is its own cause, and so is an outage.
fn add_own_evidence(alert: &mut Alert, neighbours: Option<usize>, round: &Round) {
    let cause = match alert.kind {
        Kind::SensorFault => Cause::FaultySensor,
        Kind::DataQuality => Cause::FeedOutage,
        _ => return add_usual_jam(alert, round),
    };
    let value = match cause {
        Cause::FeedOutage => Some(alert.keys.len() as f64),
        _ => neighbours.map(|count| count as f64),
    };
    alert.evidence.push(Evidence {
        cause,
        subject: alert.place.key.clone(),
        distance_m: None,
        at: Some(alert.since),
        until: None,
        value,
        weight: 0.7,
    });
    (alert.cause, alert.evidence) = ranked(std::mem::take(&mut alert.evidence));
}

/// A rule speaks of jams that come every day, too: what was seen is what was expected.
fn add_usual_jam(alert: &mut Alert, round: &Round) {
    let (Some(seen), Some(low), Some(high)) = (alert.seen, alert.expected_low, alert.expected_high) else {
        return;
    };
    let free = round.place(&alert.place.key).and_then(|place| place.free_flow_kmh);
    let is_usual = alert.is_of_speed() && low <= seen && seen <= high;
    if !is_usual || free.is_none_or(|free| high >= 0.6 * free) {
        return;
    }
    alert.evidence.push(Evidence {
        cause: Cause::Recurrent,
        subject: alert.place.key.clone(),
        distance_m: None,
        at: None,
        until: None,
        value: None,
        weight: 0.6,
    });
    (alert.cause, alert.evidence) = ranked(std::mem::take(&mut alert.evidence));
}
