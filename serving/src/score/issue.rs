//! One issue of forecasts: everything that was computed for a target from one origin.

use std::collections::HashMap;
use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::registry::Target;
use ndarray::{Array2, Array3};

use super::areas::{AreaIntervals, NoAreas};
use super::ladder::LadderStep;
use crate::live::Revisions;
use crate::traces::Trace;

/// Who gave a forecast, from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name of the model.
    pub model: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the panel that it read.
    pub digest: String,
}

/// Which issue of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The start of the last window used.
    pub origin: Timestamp,
    /// Since when it is served.
    pub issued_at: Timestamp,
}

/// The forecasts of a target from one origin.
///
/// # Shapes
/// `values` is key x step ahead x quantile, NaN where nobody answers; `steps` is key x step ahead.
#[derive(Debug)]
pub struct Issue {
    /// What is forecast.
    pub target: Target,
    /// The start of the last window used.
    pub origin: Timestamp,
    /// The length of a window.
    pub step: Duration,
    /// Since when it is served.
    pub issued_at: Timestamp,
    /// Since when the instance that computed it runs, by which issues of several are told apart.
    pub instance_since: Timestamp,
    /// The quantiles, ascending.
    pub quantiles: Vec<f64>,
    /// The keys.
    pub keys: Vec<Arc<str>>,
    /// The zone of each key.
    pub zones: Vec<Option<Arc<str>>>,
    /// The newest window with a value up to the origin, by key.
    pub newest: Vec<Option<Timestamp>>,
    /// Whether the model that leads was fitted for the key.
    pub in_domain: Vec<bool>,
    /// Whether this instance puts the key's forecasts where all instances put theirs: those of the windows that it makes.
    pub ours: Vec<bool>,
    /// Who gave each forecast.
    pub steps: Array2<Option<LadderStep>>,
    /// The forecasts.
    pub values: Array3<f64>,
    /// Who stands behind each step of the ladder that was taken.
    pub sources: HashMap<LadderStep, Arc<Source>>,
    /// Which revisions of a key's windows each step of the ladder read, by key; none where it read no value of it.
    pub revisions: HashMap<LadderStep, Vec<Option<Revisions>>>,
    /// The intervals of zones and of the city by the model that leads, or why there are none.
    pub areas: Result<AreaIntervals, NoAreas>,
    /// Where in a trace it was computed.
    pub trace: Trace,
    /// The position of each key.
    pub index: HashMap<Arc<str>, usize>,
}

impl Issue {
    /// The most steps ahead.
    pub fn horizon(&self) -> usize {
        self.steps.ncols()
    }

    /// The window that lies `ahead` steps behind the origin, 1 is the next one.
    pub fn target_time(&self, ahead: usize) -> Timestamp {
        Timestamp(self.origin.0 + ahead as i64 * self.step.0)
    }

    /// The age at `now` of the newest window of `key` that was used, at least 0; none where it never had a value.
    pub fn age(&self, key: usize, now: Timestamp) -> Option<Duration> {
        let newest = self.newest[key]?;
        Some(Duration((now.0 - newest.0 - self.step.0).max(0)))
    }

    /// Whether the data of `key` are not too old at `now` for its forecasts to be told.
    pub fn is_fresh(&self, key: usize, now: Timestamp, stale_after: Duration) -> bool {
        self.age(key, now).is_some_and(|age| age <= stale_after)
    }

    /// Where each of `wanted` stands among the quantiles; none if one of them was not computed.
    pub fn positions(&self, wanted: &[f64]) -> Option<Vec<usize>> {
        let place = |one: &f64| self.quantiles.binary_search_by(|have| have.total_cmp(one)).ok();
        wanted.iter().map(place).collect()
    }

    /// What distinguishes it from any other issue of its target.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            origin: self.origin,
            issued_at: self.issued_at,
        }
    }

    /// Which revisions of the windows of `key` the step `rung` of the ladder read.
    pub fn revisions_of(&self, rung: LadderStep, key: usize) -> Option<Revisions> {
        self.revisions.get(&rung)?.get(key).copied().flatten()
    }

    /// How many forecasts there are.
    pub fn given(&self) -> usize {
        self.steps.iter().flatten().count()
    }
}
