//! What goes on in the whole city at once: a storm, the first snow, a clock that is wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use arterial_datasets::time::{HOUR, MINUTE};

use super::cluster::{Node, connected};
use super::group::{Extent, Group, is_event};
use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::Alert;
use crate::alerts::cause::Cause;
use crate::alerts::geometry::{haversine, position};
use crate::alerts::surroundings::Incident;
use crate::alerts::symptom::Nature;
use crate::alerts::weather::Weather;

/// In bad weather this part of the usual share of keys is enough, ...
const IN_BAD_WEATHER: f64 = 1.0 / 3.0;
/// ... while the event lasts this part, ...
const STILL: f64 = 0.25;
/// ... and never fewer keys than this.
const FEWEST: f64 = 3.0;
/// So many separate places, or this share of the zones, are a city.
const PLACES: usize = 3;
const ZONES: f64 = 0.5;
/// A local alert that is older than the city's by so much has a cause of its own.
const OLDER: i64 = 30 * MINUTE;
/// Near an accident that was reported lately, scores so much above the median are the accident's.
const NEAR_ACCIDENT: f64 = 500.0;
const LATELY: i64 = HOUR;
const STANDS_OUT: f64 = 2.0;

/// The group of the whole city, where there is one, and the strange keys that are not its own.
pub(super) fn split(round: &Round, shelf: &Shelf, strange: Vec<Arc<str>>) -> (Option<Group>, Vec<Arc<str>>) {
    let current = current(round, shelf);
    let bad_weather = round.surroundings.weather.as_ref().is_some_and(Weather::is_bad);
    if !is_citywide(round, &strange, current, bad_weather) {
        return without(current, strange);
    }
    let since = current.map_or(round.window, |alert| alert.since);
    let locals = || {
        shelf
            .live(round.topic)
            .filter(|alert| is_event(alert) && !alert.citywide)
    };
    let stays = |alert: &Alert| alert.cause.is_reported() || since.0 - alert.since.0 >= OLDER;
    let absorbs = locals().filter(|alert| !stays(alert));
    let own: BTreeSet<&str> = locals()
        .filter(|alert| stays(alert))
        .flat_map(|alert| &alert.keys)
        .map(String::as_str)
        .collect();
    let median = median_score(round, &strange);
    let (local, keys) = strange
        .iter()
        .cloned()
        .partition(|key| own.contains(&**key) || stands_out(key, median, round));
    let group = Group {
        nature: Nature::Event,
        extent: Extent::City,
        keys,
        target: current.map(|alert| alert.alert_id.clone()),
        absorbs: absorbs.map(|alert| alert.alert_id.clone()).collect(),
    };
    if group.keys.is_empty() {
        (None, local)
    } else {
        (Some(group), local)
    }
}

/// The alert of the whole city. One that ended with this very window was still there while it was looked at: after a restart the window
/// comes again, and is to give the same.
fn current<'a>(round: &Round, shelf: &'a Shelf) -> Option<&'a Alert> {
    let of_city = |alert: &&Alert| alert.topic == round.topic && is_event(alert) && alert.citywide;
    let ends_now = |alert: &Alert| alert.is_resolved() && alert.closed_at == Some(round.end);
    let mut there = shelf.alerts().filter(of_city);
    there.find(|alert| alert.is_live() || ends_now(alert))
}

/// While a city's alert fades, its keys are still its own.
fn without(current: Option<&Alert>, strange: Vec<Arc<str>>) -> (Option<Group>, Vec<Arc<str>>) {
    let own = |key: &Arc<str>| current.is_some_and(|alert| alert.has(key));
    (None, strange.into_iter().filter(|key| !own(key)).collect())
}

fn is_citywide(round: &Round, strange: &[Arc<str>], current: Option<&Alert>, bad_weather: bool) -> bool {
    let weather = if bad_weather { IN_BAD_WEATHER } else { 1.0 };
    let share = round.settings.citywide_share * weather * round.looks.len() as f64;
    let count = strange.len() as f64;
    if current.is_some() {
        return count >= (STILL * share).max(FEWEST);
    }
    if count < share.max(round.settings.citywide_keys as f64) {
        return false;
    }
    let nodes: Vec<Node> = strange.iter().map(|key| round.node(key)).collect();
    connected(&nodes, round).len() >= PLACES || (bad_weather && is_in_most_zones(round, strange))
}

fn is_in_most_zones(round: &Round, strange: &[Arc<str>]) -> bool {
    let zones = |keys: &mut dyn Iterator<Item = &Arc<str>>| {
        let named: BTreeSet<String> = keys.filter_map(|key| round.zone(key)).collect();
        named.len()
    };
    let all = zones(&mut round.looks.keys());
    all >= PLACES && zones(&mut strange.iter()) as f64 >= ZONES * all as f64
}

fn median_score(round: &Round, strange: &[Arc<str>]) -> f64 {
    let looks = strange.iter().filter_map(|key| round.looks.get(key));
    let mut scores: Vec<f64> = looks.map(|look| look.score(Nature::Event)).collect();
    scores.sort_by(f64::total_cmp);
    scores.get(scores.len() / 2).copied().unwrap_or(0.0)
}

fn stands_out(key: &str, median: f64, round: &Round) -> bool {
    let score = round.looks.get(key).map_or(0.0, |look| look.score(Nature::Event));
    let Some(here) = round.surroundings.places.position(key) else {
        return false;
    };
    let close = |incident: &Incident| {
        let there = position(incident.lat, incident.lon);
        there.is_some_and(|there| haversine(here, there) <= NEAR_ACCIDENT)
    };
    let fresh = |incident: &Incident| {
        let crash = matches!(incident.cause, Cause::Accident | Cause::Breakdown);
        crash && incident.active && (round.end.0 - incident.reported_at.0).abs() <= LATELY
    };
    let mut incidents = round.surroundings.incidents.iter();
    score >= STANDS_OUT * median && incidents.any(|incident| fresh(incident) && close(incident))
}
