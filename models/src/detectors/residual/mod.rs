//! `residual`: how surprising a value is under the distribution that was forecast for it, at once and over time.
//!
//! Two statistics are watched. The surprise of a single window is `-ln` of its two-sided tail probability: a jump. The sums of
//! normal scores that stay on one side ([CUSUM](state)) find what is never far off and never right: a drift. Both are measured
//! against lines that the key's own past sets, with the past of all keys as prior, so that a key whose forecasts promise too much
//! does not alert all day: a score of 1.0 comes by chance [so often a week and key](Settings::false_alerts_per_week), half of
//! it from jumps and half from drifts.

mod normal;
mod state;
mod surprise;
mod tail;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arterial_datasets::time::{DAY, Duration, Timestamp};

use self::state::{KeyState, Pool};
use self::surprise::{Predictive, Surprise};
use crate::alerts::{Finding, Reason, Signal, Subject};
use crate::detector::AnomalyScore;
use crate::{Error, Result};

/// The name of the detector.
pub const NAME: &str = "residual";

/// The share of windows above the line up to which they are taken for rare, and what each then teaches.
const RARE: f64 = 0.05;
const TAUGHT_BY_STRANGE: f32 = 0.1;
/// The past of all keys counts as so many windows of the key's own.
const PRIOR: f32 = 500.0;
/// A tail is at least this part of the usual distance from the median wide.
const LEAST_TAIL: f64 = 0.25;
/// A sum may grow to so many times its line, so that it falls back in time when all is well again.
const MOST: f64 = 1.5;
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
    /// After so long an observation counts a third; at least a day, default 28 days.
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
}

/// The detector at work on all keys of one target. Windows of a key come in order of time; what was seen before may be replayed
/// into it to begin with. Its memory is about half a kilobyte a key.
#[derive(Debug, Clone)]
pub struct Residual {
    target: Arc<str>,
    settings: Settings,
    keys: HashMap<Arc<str>, KeyState>,
    pool: Pool,
    /// The day on which keys were last forgotten.
    tidied: i64,
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
            pool: Pool::new(),
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
        let usual = self.pool.usual;
        if !self.keys.contains_key(&subject.key) {
            self.keys.insert(Arc::clone(&subject.key), KeyState::new(usual));
        }
        let state = self.keys.get_mut(&subject.key)?;
        let gap = subject.window.0.saturating_sub(state.newest.0);
        if gap <= 0 {
            return None;
        }
        if gap > LONGEST_GAP * subject.step.0 {
            state.restart();
        }
        state.newest = subject.window;
        let distance = (value - predictive.quantile(0.5)).abs();
        let least = LEAST_TAIL * state.usual.unwrap_or(distance) + f64::MIN_POSITIVE;
        let surprise = predictive.surprise(value, least);
        let finding = judge(state, &mut self.pool, &self.settings, subject, (surprise, distance));
        let finding = Finding {
            seen: Some(value),
            expected: Some(predictive.expected()),
            ..finding
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
        self.keys.retain(|_, state| state.newest.0 >= oldest);
    }
}

/// Scores a surprise against the lines of its key, then learns from it.
fn judge(
    state: &mut KeyState,
    pool: &mut Pool,
    settings: &Settings,
    subject: &Subject,
    (surprise, distance): (Surprise, f64),
) -> Finding {
    let windows_a_week = (7 * DAY) as f64 / subject.step.0 as f64;
    let probability = settings.false_alerts_per_week / 2.0 / windows_a_week;
    let jump_line = state.jumps.line(&pool.jumps, PRIOR, probability);
    let drift_line = state.drifts.line(&pool.drifts, PRIOR, probability);
    let most = MOST * drift_line;
    state.accumulate(surprise.score, settings.allowance, most, subject.window);
    let sum = if state.higher.value >= state.lower.value {
        state.higher
    } else {
        state.lower
    };
    let jump = surprise.nats / jump_line;
    let drift = sum.value / drift_line;
    let score = AnomalyScore::clamped(jump.max(drift));
    let memory = settings.memory.0 as f64 / subject.step.0 as f64;
    let share = if score.is_alert() && state.above < RARE {
        TAUGHT_BY_STRANGE
    } else {
        1.0
    };
    state.above += (f64::from(u8::from(score.is_alert())) - state.above) / windows_a_week;
    state.learn(surprise.nats, surprise.score, sum.value, distance, share, memory);
    pool.learn(surprise.nats, sum.value, distance, share);
    let reason = if drift > jump && jump < 1.0 {
        Reason::Drift(sum.lasting(subject.window, subject.step))
    } else if surprise.score < 0.0 {
        Reason::Lower
    } else {
        Reason::Higher
    };
    Finding {
        score,
        reason,
        seen: None,
        expected: None,
    }
}
