//! What was expected of a window long before it came: what the alerts hold it against.

use std::collections::VecDeque;
use std::sync::Mutex;

use arterial_datasets::time::{Duration, HOUR, Timestamp};
use arterial_models::alerts::Expected;
use ndarray::{Array2, s};

use super::issue::Issue;
use crate::sync::lock;

/// How far ahead a window is looked at: a forecast that has seen the beginning of an event expects its end.
const AHEAD: i64 = HOUR;
/// Outlooks on windows that have come are remembered for so many windows more.
const KEPT: usize = 4;

/// What was forecast of one window.
///
/// # Shapes
/// `values` is key x quantile, the keys by their position in live state; NaN where nobody answered.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// The window that it is about.
    pub window: Timestamp,
    /// The quantiles, ascending.
    pub quantiles: Vec<f64>,
    /// The forecasts.
    pub values: Array2<f64>,
}

impl Outlook {
    /// What `issue` says of the window that lies an hour behind its origin, or as far as it reaches; none where it reaches nowhere.
    pub fn of(issue: &Issue) -> Option<Self> {
        let ahead = steps_ahead(issue.step).min(issue.horizon());
        (ahead > 0).then(|| Self {
            window: issue.target_time(ahead),
            quantiles: issue.quantiles.clone(),
            values: issue.values.slice(s![.., ahead - 1, ..]).to_owned(),
        })
    }
}

impl Outlook {
    /// The central 80 % and the middle of what was forecast of the key at `position`; none where they are not among the quantiles, or
    /// nobody answered.
    pub fn expected(&self, position: usize) -> Option<Expected> {
        let values = (position < self.values.nrows()).then(|| self.values.row(position))?;
        let at = |wanted: f64| {
            let place = self.quantiles.iter().position(|one| (one - wanted).abs() < 1e-9)?;
            Some(values[place]).filter(|value| value.is_finite())
        };
        Some(Expected {
            low: at(0.1)?,
            middle: at(0.5)?,
            high: at(0.9)?,
        })
    }
}

/// How many windows of `step` an outlook lies ahead.
pub fn steps_ahead(step: Duration) -> usize {
    usize::try_from(AHEAD / step.0.max(1)).unwrap_or(1).max(1)
}

/// The outlooks of a target on the windows to come, and on a few that have come.
#[derive(Debug, Default)]
pub struct Outlooks(Mutex<VecDeque<Outlook>>);

impl Outlooks {
    /// Notes what an issue says; the newest word on a window counts.
    pub fn note(&self, issue: &Issue) {
        let Some(outlook) = Outlook::of(issue) else { return };
        let mut known = lock(&self.0);
        known.retain(|one| one.window != outlook.window);
        known.push_back(outlook);
        let most = steps_ahead(issue.step) + KEPT;
        while known.len() > most {
            known.pop_front();
        }
    }

    /// The outlook on `window`, where one is remembered.
    pub fn on(&self, window: Timestamp) -> Option<Outlook> {
        lock(&self.0).iter().find(|one| one.window == window).cloned()
    }
}
