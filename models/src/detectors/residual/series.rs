//! `residual` for the rows of a file: with forecasts of its own.

use arterial_datasets::time::{Duration, Timestamp};

use super::online::{Forecast, LEVELS, Online, Step};
use super::state::{KeyState, Pool};
use super::surprise::Predictive;
use super::{LEAST_TAIL, NAME, Settings};
use crate::detector::{AnomalyScore, SeriesDetector, Verdict, Watch};
use crate::detectors::brief;
use crate::{Error, Result};

/// So many rows with a value are learned from before the first score.
const WARM_UP: usize = 100;
/// Values beyond it are taken for it, so that no forecast overflows.
const LARGEST: f64 = 1e15;

/// How surprising a row is under forecasts that are learned from the rows before it. The surprises of all columns add up; each
/// column has sums of its own. The stated number of false alerts is that of the whole series.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResidualSeries {
    settings: Settings,
}

impl ResidualSeries {
    /// With settings of its own.
    ///
    /// # Errors
    /// Settings outside what is accepted.
    pub fn new(settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self { settings })
    }
}

impl SeriesDetector for ResidualSeries {
    fn name(&self) -> &'static str {
        NAME
    }

    fn warm_up(&self) -> u64 {
        WARM_UP as u64
    }

    fn start(&self, columns: &[String], _seed: u64) -> Result<Box<dyn Watch>> {
        if columns.is_empty() {
            return Err(Error::invalid("columns", "", "at least one column"));
        }
        Ok(Box::new(ResidualWatch::new(self.settings, columns)))
    }
}

/// The detector at work on one file.
struct ResidualWatch {
    settings: Settings,
    columns: Vec<String>,
    series: Vec<Online>,
    state: KeyState,
    supposed: Pool,
    step: Step,
    rows: usize,
    /// How many of them had a value.
    known: usize,
}

/// What a row's column says.
struct Seen {
    value: f64,
    expected: Forecast,
    nats: f64,
    score: f64,
}

impl Watch for ResidualWatch {
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict {
        let step = self.step.observe(at);
        self.rows += 1;
        self.known += usize::from(values.iter().any(|value| value.is_finite()));
        let seen: Vec<Option<Seen>> = self
            .series
            .iter_mut()
            .zip(values)
            .map(|(series, value)| look(series, at, *value))
            .collect();
        let nats: f64 = seen.iter().flatten().map(|one| one.nats).sum();
        if seen.iter().all(Option::is_none) {
            return self.unjudged();
        }
        let scores: Vec<f64> = seen
            .iter()
            .map(|one| one.as_ref().map_or(0.0, |one| one.score))
            .collect();
        // Rows are counted, not timed: times may jump or go back.
        let window = Timestamp(self.rows as i64);
        let judged = self
            .state
            .judge(nats, &scores, window, &self.settings.rate(step), &self.supposed);
        if self.known <= WARM_UP {
            return self.unjudged();
        }
        let lasting = judged.is_drift().then(|| length(window.0 - judged.since.0 + 1, step));
        Verdict {
            score: AnomalyScore::clamped(judged.score()),
            reason: self.reason(&seen, lasting),
        }
    }
}

impl ResidualWatch {
    fn new(settings: Settings, columns: &[String]) -> Self {
        Self {
            settings,
            columns: columns.to_vec(),
            series: vec![Online::new(); columns.len()],
            state: KeyState::new(columns.len()),
            supposed: Pool::new(columns.len()),
            step: Step::new(),
            rows: 0,
            known: 0,
        }
    }

    /// The verdict on a row of which nothing can be said: too little is known, or it has no value.
    fn unjudged(&self) -> Verdict {
        let reason = if self.known <= WARM_UP {
            format!("learning: {} of {WARM_UP} rows", self.known)
        } else {
            String::new()
        };
        Verdict {
            score: AnomalyScore::NONE,
            reason,
        }
    }

    /// What the most surprising column says; the one furthest to one side where it is a drift.
    fn reason(&self, seen: &[Option<Seen>], lasting: Option<Duration>) -> String {
        let rank = |one: &Seen| if lasting.is_some() { one.score.abs() } else { one.nats };
        let columns = self
            .columns
            .iter()
            .zip(seen)
            .filter_map(|(name, one)| Some((name, one.as_ref()?)));
        let Some((name, one)) = columns.max_by(|(_, a), (_, b)| rank(a).total_cmp(&rank(b))) else {
            return String::new();
        };
        let [low, high] = [1, 5].map(|level| one.expected.quantiles[level]);
        let value = one.value;
        match lasting {
            None => format!("{name} is {}, expected {} to {}", brief(value), brief(low), brief(high)),
            Some(lasting) => {
                let side = if one.score < 0.0 { "lower" } else { "higher" };
                let (value, low, high) = (brief(value), brief(low), brief(high));
                let time = lasting.in_words();
                format!("{name} has been {side} than expected for {time}: {value}, expected {low} to {high}")
            }
        }
    }
}

/// How long so many rows last. Between times without order the usual step may be years.
fn length(rows: i64, step: Duration) -> Duration {
    Duration(rows.saturating_mul(step.0))
}

/// Compares a value with what was expected of it, then learns it; none where there is no value or nothing was expected.
fn look(series: &mut Online, at: Timestamp, value: f64) -> Option<Seen> {
    if !value.is_finite() {
        return None;
    }
    let taken = value.clamp(-LARGEST, LARGEST);
    let forecast = series.forecast(at);
    series.learn(at, taken, forecast.as_ref());
    let expected = forecast?;
    let surprise = Predictive::new(&LEVELS, &expected.quantiles)?.surprise(taken, LEAST_TAIL * expected.spread);
    Some(Seen {
        value,
        expected,
        nats: surprise.nats,
        score: surprise.score,
    })
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
