//! Alerts of the road at a key or beside it: what such a key says is first of all what the road does.

use arterial_datasets::time::{HOUR, Timestamp};

use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::{Alert, Kind};

/// For so long after the end of its alert a queue still dissolves at the sensors around.
const AFTER: i64 = HOUR;

/// The alerts of the road, open or over lately, that `key` is part of or stands beside.
pub(super) fn of_road<'a>(key: &str, round: &Round, shelf: &'a Shelf) -> Vec<&'a Alert> {
    let of_topic = shelf.alerts().filter(|alert| alert.topic == round.topic);
    let mut alerts: Vec<&Alert> = of_topic.filter(|alert| is_of_road(alert, round.window)).collect();
    if alerts.is_empty() {
        return alerts;
    }
    let others = beside(key, round);
    alerts.retain(|alert| alert.has(key) || others.iter().any(|other| alert.has(other)));
    alerts
}

fn is_of_road(alert: &Alert, now: Timestamp) -> bool {
    let lately = alert.closed_at.is_some_and(|closed| now.0 - closed.0 <= AFTER);
    matches!(alert.kind, Kind::Congestion | Kind::IncidentSuspected) && (alert.is_live() || lately)
}

/// The keys near `key`, twice as far along its road, and those that its traffic flows on to: queues grow against the flow.
fn beside<'a>(key: &'a str, round: &'a Round) -> Vec<&'a str> {
    let places = &round.surroundings.places;
    let reach = round.reach(key);
    let road = |key: &str| places.get(key).and_then(|place| place.road_id.as_deref());
    let here = road(key);
    let near = places
        .near(key, 2.0 * reach)
        .into_iter()
        .filter(|&(other, metres)| metres <= reach || (here.is_some() && road(other) == here));
    let near = near.map(|(other, _)| other);
    near.chain(places.downstream(key).into_iter().map(|(other, _)| other))
        .collect()
}
