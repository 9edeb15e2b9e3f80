//! Groups of what happens in the city: places where neighbours are strange together, or all of it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arterial_datasets::time::{MINUTE, Timestamp};

use super::city;
use super::cluster::{Node, connected};
use super::faults;
use super::group::{Extent, Group, is_event};
use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::{Alert, Kind};
use crate::alerts::symptom::Nature;

/// A key of an alert that was strange so lately still holds its event together.
const LATELY: i64 = 15 * MINUTE;

pub(super) fn groups(round: &Round, shelf: &Shelf) -> Vec<Group> {
    let broken = |key: &str| {
        round.is_strange(key, Nature::Missing)
            || (round.is_strange(key, Nature::Fault) && faults::is_broken(key, round, shelf))
    };
    let strange: Vec<Arc<str>> = round
        .strange(Nature::Event)
        .filter(|key| !broken(key))
        .cloned()
        .collect();
    let (city, rest) = city::split(round, shelf, strange);
    let mut groups: Vec<Group> = city.into_iter().collect();
    groups.extend(local(round, shelf, rest));
    groups
}

/// Connected groups of the strange keys and of those that were strange lately in live alerts.
fn local(round: &Round, shelf: &Shelf, strange: Vec<Arc<str>>) -> Vec<Group> {
    let strange: BTreeSet<Arc<str>> = strange.into_iter().collect();
    let owners = owners(round, shelf);
    let since = Timestamp(round.window.0.saturating_sub(LATELY));
    let lately = |key: &Arc<str>| {
        round
            .tracks
            .get(key)
            .is_some_and(|track| track.was_strange_after(since))
    };
    let held = round
        .tracks
        .keys()
        .filter(|key| owners.contains_key(&***key) && lately(key));
    let keys: BTreeSet<Arc<str>> = strange.iter().chain(held).cloned().collect();
    let nodes: Vec<Node> = keys.iter().map(|key| round.node(key)).collect();
    let groups = connected(&nodes, round).into_iter().map(|members| {
        let keys: Vec<Arc<str>> = members.into_iter().map(|member| nodes[member].key.clone()).collect();
        group(round, shelf, &keys, &strange, &owners)
    });
    // Keys of one alert may lie apart by now: the alert holds them together.
    together(groups.filter(|group| !group.keys.is_empty()).collect())
}

/// The live local alerts of events by their keys.
fn owners<'a>(round: &Round, shelf: &'a Shelf) -> BTreeMap<&'a str, Vec<&'a Alert>> {
    let mut owners: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    let events = shelf
        .live(round.topic)
        .filter(|alert| is_event(alert) && !alert.citywide);
    for alert in events {
        for key in &alert.keys {
            owners.entry(key).or_default().push(alert);
        }
    }
    owners
}

fn group(
    round: &Round,
    shelf: &Shelf,
    members: &[Arc<str>],
    strange: &BTreeSet<Arc<str>>,
    owners: &BTreeMap<&str, Vec<&Alert>>,
) -> Group {
    let keys: Vec<Arc<str>> = members.iter().filter(|key| strange.contains(*key)).cloned().collect();
    let owning = members.iter().filter_map(|key| owners.get(&**key)).flatten();
    let mut alerts: Vec<&Alert> = owning.copied().collect();
    if let ([key], []) = (keys.as_slice(), alerts.as_slice()) {
        alerts.extend(suspect(key, round, shelf));
    }
    alerts.sort_by_key(|alert| (alert.opened_at, &alert.alert_id));
    alerts.dedup_by_key(|alert| &alert.alert_id);
    let mut ids = alerts.into_iter().map(|alert| alert.alert_id.clone());
    Group {
        nature: Nature::Event,
        extent: Extent::Local,
        keys,
        target: ids.next(),
        absorbs: ids.collect(),
    }
}

/// The alert that suspects this very sensor because its neighbours are normal.
fn suspect<'a>(key: &str, round: &Round, shelf: &'a Shelf) -> Option<&'a Alert> {
    shelf
        .live(round.topic)
        .find(|alert| alert.kind == Kind::SensorFault && alert.symptom.nature() == Nature::Event && alert.has(key))
}

/// Puts groups of the same alert together.
fn together(groups: Vec<Group>) -> Vec<Group> {
    let mut done: Vec<Group> = Vec::new();
    for group in groups {
        let same = |other: &&mut Group| group.target.is_some() && shares(other, &group);
        match done.iter_mut().find(same) {
            Some(other) => join(other, group),
            None => done.push(group),
        }
    }
    done
}

fn shares(a: &Group, b: &Group) -> bool {
    let of = |group: &Group, id: &String| group.target.as_ref() == Some(id) || group.absorbs.contains(id);
    b.target.iter().chain(&b.absorbs).any(|id| of(a, id))
}

fn join(into: &mut Group, other: Group) {
    into.keys.extend(other.keys);
    for id in other.target.into_iter().chain(other.absorbs) {
        if into.target.as_ref() != Some(&id) && !into.absorbs.contains(&id) {
            into.absorbs.push(id);
        }
    }
}
