//! Which alerts somebody asks for.

use std::collections::BTreeSet;
use std::str::FromStr;

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Alert, Kind, Severity, State};

use crate::analytics::Bounds;
use crate::{Error, Result};

/// The most zones of a request.
const MOST_ZONES: usize = 1_000;

/// Which alerts; an empty set takes all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertFilter {
    /// Kinds.
    pub kinds: BTreeSet<Kind>,
    /// States.
    pub states: BTreeSet<State>,
    /// Zones.
    pub zones: BTreeSet<String>,
    /// Severities.
    pub severities: BTreeSet<Severity>,
    /// Only what was not over before.
    pub since: Option<Timestamp>,
    /// Only what was opened before.
    pub until: Option<Timestamp>,
    /// Only what lies within.
    pub bounds: Option<Bounds>,
}

impl AlertFilter {
    /// Reads what was asked for by name.
    ///
    /// # Errors
    /// A name that is none, too many zones, a time that ends before it begins.
    pub fn new(
        kinds: &[String],
        states: &[String],
        zones: &[String],
        severities: &[String],
        (since, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Self> {
        if zones.len() > MOST_ZONES {
            return Err(Error::invalid("zones", zones.len(), format!("at most {MOST_ZONES}")));
        }
        if let (Some(since), Some(until)) = (since, until)
            && until <= since
        {
            return Err(Error::invalid("until", until, format!("a time after `since`, {since}")));
        }
        Ok(Self {
            kinds: read("kinds", kinds)?,
            states: read("states", states)?,
            zones: zones.iter().cloned().collect(),
            severities: read("severities", severities)?,
            since,
            until,
            bounds: None,
        })
    }

    /// Whether it takes `alert`.
    pub fn takes(&self, alert: &Alert) -> bool {
        let zone = alert.zone_id.as_ref();
        let place = alert.place.lat.zip(alert.place.lon);
        let within = |bounds: Bounds| place.is_some_and(|(lat, lon)| bounds.hold(lat, lon));
        (self.kinds.is_empty() || self.kinds.contains(&alert.kind))
            && (self.states.is_empty() || self.states.contains(&alert.state))
            && (self.severities.is_empty() || self.severities.contains(&alert.severity))
            && (self.zones.is_empty() || zone.is_some_and(|zone| self.zones.contains(zone)))
            && self.since.is_none_or(|since| lasted_at(alert, since))
            && self.until.is_none_or(|until| alert.opened_at < until)
            && self.bounds.is_none_or(within)
    }
}

/// Whether `alert` was not over before `instant`.
fn lasted_at(alert: &Alert, instant: Timestamp) -> bool {
    alert.closed_at.is_none_or(|closed| closed >= instant)
}

fn read<T: FromStr<Err = arterial_models::Error> + Ord>(field: &str, names: &[String]) -> Result<BTreeSet<T>> {
    let one = |name: &String| {
        name.parse().map_err(|error| match error {
            arterial_models::Error::Invalid { value, accepted, .. } => Error::invalid(field, value, accepted),
            other => other.into(),
        })
    };
    names.iter().map(one).collect()
}
