//! `residual`: how surprising a value is under the distribution that was forecast for it, at once and over time.
//!
//! Two statistics are watched. The surprise of a single window is `-ln` of its two-sided tail probability: a jump. The sums of
//! normal scores that stay on one side (CUSUM) find what is never far off and never right: a drift. Both are measured
//! against lines that the key's own past sets, with the past of all keys as prior, so that a key whose forecasts promise too much
//! does not alert all day: a score of 1.0 comes by chance [so often a week and key](Settings::false_alerts_per_week), half of
//! it from jumps and half from drifts.

mod drift;
mod normal;
mod online;
mod series;
mod state;
mod surprise;
mod tail;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arterial_datasets::time::{DAY, Duration, Timestamp};

pub use self::series::ResidualSeries;
use self::state::{KeyState, Pool, Rate, follow};
use self::surprise::Predictive;
use crate::alerts::{Finding, Reason, Signal, Subject};
use crate::detector::AnomalyScore;
use crate::{Error, Result};

/// The name of the detector.
pub const NAME: &str = "residual";

/// What is usual of a key begins as if so many windows had been seen.
const PRIOR_WINDOWS: f64 = 100.0;
/// A tail is at least this part of the usual distance from the median wide.
const LEAST_TAIL: f64 = 0.25;
/// The past counts for at least so many windows, however long they are.
const SHORTEST_MEMORY: f64 = 1000.0;
/// After a gap of so many windows the sums begin anew.
const LONGEST_GAP: i64 = 12;

/// What the detector is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How often a key may pass the line in a week without a cause; above 0, at most 100; default 0.5.
    pub false_alerts_per_week: f64,
    /// What a normal score must exceed to make a sum grow, in standard deviations; 0.1 to 2, default 0.5: drifts of twice that are
    /// found soonest.
    pub allowance: f64,
    /// After so long an observation counts a third; at least a day, default 28 days. What was learned is kept nowhere: a service that
    /// begins anew learns from the windows of its last day, and its lines settle again in the weeks after.
    pub memory: Duration,
    /// A key without windows for so long is forgotten; at least a day, default 28 days.
    pub forget_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alerts_per_week: 0.5,
            allowance: 0.5,
            memory: Duration(28 * DAY),
            forget_after: Duration(28 * DAY),
        }
    }
}

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// A value outside what is accepted, named.
    pub fn check(&self) -> Result<()> {
        let rate = self.false_alerts_per_week;
        if !(rate > 0.0 && rate <= 100.0) {
            return Err(Error::invalid("false_alerts_per_week", rate, "above 0, at most 100"));
        }
        if !(0.1..=2.0).contains(&self.allowance) {
            return Err(Error::invalid("allowance", self.allowance, "0.1 to 2"));
        }
        for (name, value) in [("memory", self.memory), ("forget_after", self.forget_after)] {
            if value.0 < DAY {
                return Err(Error::invalid(name, value, "at least 1d"));
            }
        }
        Ok(())
    }

    /// What that means for windows of `step`: half of the false alerts are jumps, half drifts.
    fn rate(&self, step: Duration) -> Rate {
        let windows = |length: i64| (length as f64 / step.0.max(1) as f64).max(1.0);
        let windows_a_week = windows(7 * DAY);
        Rate {
            probability: (self.false_alerts_per_week / 2.0 / windows_a_week).min(0.1),
            windows_a_week,
            memory: windows(self.memory.0).max(SHORTEST_MEMORY),
            allowance: self.allowance,
        }
    }
}

/// The detector at work on all keys of one target. Windows of a key come in order of time; what was seen before may be replayed
/// into it to begin with. Its memory is about half a kilobyte a key.
#[derive(Debug, Clone)]
pub struct Residual {
    target: Arc<str>,
    settings: Settings,
    keys: HashMap<Arc<str>, Key>,
    pool: Pool,
    /// The day on which keys were last forgotten.
    tidied: i64,
}

/// What is remembered of a key.
#[derive(Debug, Clone)]
struct Key {
    newest: Timestamp,
    state: KeyState,
    /// The usual distance between value and median, and how many windows it rests on, up to the memory.
    usual: Option<f64>,
    count: f64,
}

impl Key {
    fn new(usual: Option<f64>) -> Self {
        Self {
            newest: Timestamp(i64::MIN),
            state: KeyState::new(1),
            usual,
            count: PRIOR_WINDOWS,
        }
    }
}

impl Residual {
    /// A detector for `target`, a field such as `speed_kmh`, that knows nothing yet.
    ///
    /// # Errors
    /// Settings outside what is accepted.
    pub fn new(target: &str, settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self {
            target: target.into(),
            settings,
            keys: HashMap::new(),
            pool: Pool::new(1),
            tidied: i64::MIN,
        })
    }

    /// What a window's `value` says, given the `quantiles` that were forecast for it at `levels` (ascending, some below and some
    /// above one half). The forecast must have been made before the window, always as many steps ahead; an hour ahead finds
    /// more than a step ahead, because a forecast that has seen the beginning of an event expects its end.
    ///
    /// None where the value or the forecast is missing or no distribution, and where the key has had this window or a later one:
    /// nothing is made up, and nothing is learned twice.
    pub fn observe(&mut self, subject: &Subject, value: f64, levels: &[f64], quantiles: &[f64]) -> Option<Signal> {
        if !value.is_finite() {
            return None;
        }
        let predictive = Predictive::new(levels, quantiles)?;
        self.forget(subject.window);
        if !self.keys.contains_key(&subject.key) {
            self.keys.insert(Arc::clone(&subject.key), Key::new(self.pool.usual));
        }
        let key = self.keys.get_mut(&subject.key)?;
        let gap = subject.window.0.saturating_sub(key.newest.0);
        if gap <= 0 {
            return None;
        }
        if gap > LONGEST_GAP * subject.step.0 {
            key.state.restart();
        }
        key.newest = subject.window;
        let distance = (value - predictive.quantile(0.5)).abs();
        let least = LEAST_TAIL * key.usual.unwrap_or(distance) + f64::MIN_POSITIVE;
        let surprise = predictive.surprise(value, least);
        let rate = self.settings.rate(subject.step);
        let judged = key
            .state
            .judge(surprise.nats, &[surprise.score], subject.window, &rate, &self.pool);
        key.usual = Some(follow(key.usual, distance, key.count));
        key.count = (key.count + 1.0).min(rate.memory);
        self.pool.learn(&judged, distance);
        let reason = if judged.is_drift() {
            Reason::Drift(Duration(subject.window.0 - judged.since.0 + subject.step.0))
        } else if surprise.score < 0.0 {
            Reason::Lower
        } else {
            Reason::Higher
        };
        let finding = Finding {
            score: AnomalyScore::clamped(judged.score()),
            reason,
            seen: Some(value),
            expected: Some(predictive.expected()),
        };
        Some(finding.signal(subject, &self.target, NAME))
    }

    /// The number of keys that it remembers.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Once a day drops the keys that had no window for long.
    fn forget(&mut self, now: Timestamp) {
        if now.day() <= self.tidied {
            return;
        }
        self.tidied = now.day();
        let oldest = now.0.saturating_sub(self.settings.forget_after.0);
        self.keys.retain(|_, key| key.newest.0 >= oldest);
    }
}
