//! Groups of what is wrong with sensors and with the data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::MINUTE;

use super::beside;
use super::group::{Extent, Group};
use super::grow::is_heard;
use super::look::Voice;
use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::{Alert, Kind};
use crate::alerts::symptom::{Nature, Symptom, is_speed};

/// An outage goes on while more than this part of what began it is missing.
const STILL: f64 = 0.5;
/// In a zone so many silent keys, and at least half of all, are an outage.
const FEWEST_IN_ZONE: usize = 3;
/// Alerts of single silent sensors this young were the beginning of the outage.
const YOUNG: i64 = 30 * MINUTE;
/// Traffic slower than this, in km/h, stands: what a sensor says of it may be the same for long.
const STANDING: f64 = 5.0;

pub(super) fn groups(round: &Round, shelf: &Shelf) -> Vec<Group> {
    let missing: Vec<Arc<str>> = round.strange(Nature::Missing).cloned().collect();
    let (mut groups, rest) = outages(round, shelf, missing);
    let broken = round.strange(Nature::Fault).filter(|key| is_broken(key, round, shelf));
    groups.extend(broken.map(|key| single(Nature::Fault, key, shelf, round)));
    groups.extend(rest.iter().map(|key| single(Nature::Missing, key, shelf, round)));
    groups
}

/// Whether the sensor is broken rather than the road. No road makes a value that cannot be, nor one that moving traffic never changes;
/// where traffic stands its neighbours know. A queue that dissolves within a window scatters the readings of it, sensor by sensor and
/// so with normal neighbours: the road's alert knows.
pub(super) fn is_broken(key: &str, round: &Round, shelf: &Shelf) -> bool {
    let Some(voice) = voice(key, round) else {
        return false;
    };
    let is_of_road = match voice.symptom {
        Symptom::Impossible => false,
        Symptom::Stuck => stands(voice) && round.has_strange_neighbour(key),
        _ => round.has_strange_neighbour(key) || scatters_with_road(key, voice, round, shelf),
    };
    !is_of_road
}

/// Whether what is the same for long is the speed of traffic that hardly moves.
fn stands(voice: &Voice) -> bool {
    is_speed(&voice.target) && voice.seen.is_some_and(|seen| seen < STANDING)
}

fn scatters_with_road(key: &str, voice: &Voice, round: &Round, shelf: &Shelf) -> bool {
    let may_be = voice.symptom == Symptom::Erratic && !is_found_broken(key, round, shelf);
    may_be && (has_moved(key, voice, round) || !beside::of_road(key, round, shelf).is_empty())
}

/// Sensors whose readings scatter with the road beside them, each with the open alert of it that it belongs to.
pub(super) fn joins(round: &Round, shelf: &Shelf) -> Vec<(Arc<str>, String)> {
    let scatters = |key: &&Arc<str>| voice(key, round).is_some_and(|voice| voice.symptom == Symptom::Erratic);
    let of_road = round
        .strange(Nature::Fault)
        .filter(scatters)
        .filter(|key| !is_broken(key, round, shelf) && !is_found_broken(key, round, shelf));
    let joins = of_road.filter_map(|key| {
        let mut open = beside::of_road(key, round, shelf);
        open.retain(|alert| alert.is_live() && !alert.citywide);
        if open.iter().any(|alert| alert.has(key)) {
            return None;
        }
        // One of which nothing is heard takes nobody in: the newcomer would speak for all of it.
        let heard = open.iter().filter(|alert| is_heard(alert, round));
        let oldest = heard.min_by_key(|alert| (alert.opened_at, &alert.alert_id))?;
        Some((key.clone(), oldest.alert_id.clone()))
    });
    joins.collect()
}

fn voice<'a>(key: &str, round: &'a Round) -> Option<&'a Voice> {
    round.looks.get(key)?.voice(Nature::Fault)
}

/// Whether the mean itself moved by more than the readings scatter since the window before: then traffic changed, and the sensor saw it.
fn has_moved(key: &str, voice: &Voice, round: &Round) -> bool {
    let moved = round.looks.get(key).and_then(|look| look.moved);
    is_speed(&voice.target)
        && moved
            .zip(voice.seen)
            .is_some_and(|(moved, spread)| moved.abs() > spread)
}

/// Whether an open alert says already that this very sensor is broken: a jam that comes later does not mend it.
fn is_found_broken(key: &str, round: &Round, shelf: &Shelf) -> bool {
    shelf
        .live(round.topic)
        .any(|alert| alert.kind == Kind::SensorFault && alert.symptom.nature() == Nature::Fault && alert.has(key))
}

/// Outages of the whole stream or of zones, and what is left of `missing`.
fn outages(round: &Round, shelf: &Shelf, missing: Vec<Arc<str>>) -> (Vec<Group>, Vec<Arc<str>>) {
    let share = round.settings.outage_share * round.looks.len() as f64;
    // A small town has fewer keys than make an event of a city.
    let known = round.looks.len().max(FEWEST_IN_ZONE);
    let needed = share.max(round.settings.citywide_keys.min(known) as f64);
    let (city, rest) = match outage(Extent::City, missing, needed, round, shelf) {
        Ok(group) => (Some(group), Vec::new()),
        Err(rest) => (None, rest),
    };
    let mut by_zone: BTreeMap<Option<String>, Vec<Arc<str>>> = BTreeMap::new();
    for key in rest {
        by_zone.entry(round.zone(&key)).or_default().push(key);
    }
    let mut groups: Vec<Group> = city.into_iter().collect();
    let mut singles = Vec::new();
    for (zone, keys) in by_zone {
        let Some(zone) = zone else {
            singles.extend(keys);
            continue;
        };
        let all = round
            .looks
            .keys()
            .filter(|key| round.zone(key).as_ref() == Some(&zone))
            .count();
        let needed = (0.5 * all as f64).max(FEWEST_IN_ZONE as f64);
        match outage(Extent::Zone(zone), keys, needed, round, shelf) {
            Ok(group) => groups.push(group),
            Err(keys) => singles.extend(keys),
        }
    }
    (groups, singles)
}

/// The outage of that extent, where at least `needed` keys are missing, or half of that while it lasts; else the keys again.
fn outage(
    extent: Extent,
    keys: Vec<Arc<str>>,
    needed: f64,
    round: &Round,
    shelf: &Shelf,
) -> Result<Group, Vec<Arc<str>>> {
    let mut group = Group {
        nature: Nature::Missing,
        extent,
        keys,
        target: None,
        absorbs: Vec::new(),
    };
    let live = || shelf.live(round.topic);
    group.target = live()
        .find(|alert| group.is_like(alert))
        .map(|alert| alert.alert_id.clone());
    let needed = if group.target.is_some() { STILL * needed } else { needed };
    if (group.keys.len() as f64) < needed {
        return Err(group.keys);
    }
    let part = |alert: &&Alert| {
        let young = round.end.0 - alert.opened_at.0 <= YOUNG;
        let within = alert
            .keys
            .iter()
            .all(|key| group.keys.iter().any(|missing| **missing == **key));
        let zonal = alert.kind == Kind::DataQuality && !alert.citywide && group.extent == Extent::City;
        (zonal || alert.kind == Kind::SensorFault) && alert.symptom.nature() == Nature::Missing && young && within
    };
    group.absorbs = live().filter(part).map(|alert| alert.alert_id.clone()).collect();
    Ok(group)
}

fn single(nature: Nature, key: &Arc<str>, shelf: &Shelf, round: &Round) -> Group {
    let known = shelf
        .live(round.topic)
        .find(|alert| alert.kind == Kind::SensorFault && alert.symptom.nature() != Nature::Event && alert.has(key));
    Group {
        nature,
        extent: Extent::Local,
        keys: vec![key.clone()],
        target: known.map(|alert| alert.alert_id.clone()),
        absorbs: Vec::new(),
    }
}
