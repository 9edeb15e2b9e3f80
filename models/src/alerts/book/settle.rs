//! What becomes of a group: an alert begins, goes on, comes back, or takes others in.

use std::collections::BTreeSet;

use arterial_datasets::time::Timestamp;

use super::group::{Extent, Group};
use super::identity;
use super::round::Round;
use super::shelf::Shelf;
use crate::alerts::alert::{Alert, Location, Severity, State};
use crate::alerts::cause::Cause;
use crate::alerts::symptom::Symptom;

/// Settles `group` and gives the alert that it is now.
pub(super) fn settle(group: &Group, round: &Round, shelf: &mut Shelf) -> Option<String> {
    let (target, absorbs) = survivor(group, shelf);
    let id = target
        .or_else(|| reopen(group, round, shelf))
        .or_else(|| open(group, round, shelf))?;
    for part in absorbs {
        merge(&part, &id, round, shelf);
    }
    if let Some(entry) = shelf.get_mut(&id) {
        entry.now.add_keys(group.keys.iter().map(|key| &**key));
    }
    Some(id)
}

/// The alert that stays, and those that become part of it: among neighbours the oldest stays.
fn survivor(group: &Group, shelf: &Shelf) -> (Option<String>, Vec<String>) {
    let all = || group.target.iter().chain(&group.absorbs);
    let target = match group.extent {
        Extent::Local => all()
            .filter_map(|id| shelf.now(id))
            .min_by_key(|alert| (alert.opened_at, &alert.alert_id))
            .map(|alert| alert.alert_id.clone()),
        Extent::Zone(_) | Extent::City => group.target.clone(),
    };
    let absorbs = all().filter(|id| Some(*id) != target.as_ref()).cloned().collect();
    (target, absorbs)
}

fn reopen(group: &Group, round: &Round, shelf: &mut Shelf) -> Option<String> {
    if !group.is_ready(round) {
        return None;
    }
    let id = group.former(round, shelf)?.alert_id.clone();
    let alert = &mut shelf.get_mut(&id)?.now;
    alert.state = State::Reopened;
    alert.closed_at = None;
    Some(id)
}

fn open(group: &Group, round: &Round, shelf: &mut Shelf) -> Option<String> {
    if !group.is_ready(round) {
        return None;
    }
    let alert = begin(group, round);
    let id = alert.alert_id.clone();
    if shelf.now(&id).is_some() {
        return None;
    }
    shelf.open(alert);
    Some(id)
}

/// The alert before its first window is taken in.
fn begin(group: &Group, round: &Round) -> Alert {
    let kind = group.kind(round);
    let since = group.since(round);
    let first: &str = group.keys.iter().map(|key| &**key).min().unwrap_or_default();
    let zone_id = match &group.extent {
        Extent::Zone(zone) => Some(zone.clone()),
        Extent::Local | Extent::City => None,
    };
    Alert {
        alert_id: identity::alert_id(kind, round.topic, first, round.window),
        revision: 0,
        kind,
        severity: Severity::Low,
        state: State::Open,
        topic: round.topic.to_string(),
        target: String::new(),
        symptom: Symptom::Lower,
        symptom_value: None,
        zone_id,
        keys: Vec::new(),
        citywide: group.extent == Extent::City,
        place: Location::default(),
        since,
        opened_at: round.end,
        peak_at: since,
        updated_at: round.end,
        closed_at: None,
        estimated_end: None,
        score: 0.0,
        certainty: 0.0,
        impact: None,
        seen: None,
        expected_low: None,
        expected_high: None,
        learning: false,
        cause: Cause::Unknown,
        evidence: Vec::new(),
        text: String::new(),
        held_back_by: None,
        merged_into: None,
        acknowledged_by: None,
        acknowledged_at: None,
        judgements: Vec::new(),
        last_window: Timestamp(round.window.0.saturating_sub(1)),
        last_strange: round.window,
    }
}

fn merge(part: &str, into: &str, round: &Round, shelf: &mut Shelf) {
    let Some(entry) = shelf.get_mut(part) else {
        return;
    };
    entry.now.state = State::Merged;
    entry.now.merged_into = Some(into.to_string());
    entry.now.closed_at = Some(round.end);
    entry.now.last_window = round.window;
    let part = entry.now.clone();
    if let Some(entry) = shelf.get_mut(into) {
        take_in(&mut entry.now, &part);
    }
}

fn take_in(alert: &mut Alert, part: &Alert) {
    alert.add_keys(part.keys.iter().map(String::as_str));
    alert.since = alert.since.min(part.since);
    alert.opened_at = alert.opened_at.min(part.opened_at);
    alert.impact = match (alert.impact, part.impact) {
        (Some(own), Some(other)) => Some(own + other),
        (own, other) => own.or(other),
    };
    if part.score > alert.score {
        alert.score = part.score;
        alert.peak_at = part.peak_at;
        alert.symptom = part.symptom;
        alert.symptom_value = part.symptom_value;
        alert.target.clone_from(&part.target);
        alert.place.clone_from(&part.place);
        alert.seen = part.seen;
        alert.expected_low = part.expected_low;
        alert.expected_high = part.expected_high;
        alert.learning = part.learning;
    }
}

impl Alert {
    /// Adds keys and keeps them in order.
    pub(super) fn add_keys<'a>(&mut self, keys: impl Iterator<Item = &'a str>) {
        let known: BTreeSet<String> = std::mem::take(&mut self.keys).into_iter().collect();
        let all: BTreeSet<String> = known.into_iter().chain(keys.map(str::to_string)).collect();
        self.keys = all.into_iter().collect();
    }
}
