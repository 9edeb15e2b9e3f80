//! `rules` for the rows of a file, of which nobody said what can be: the series' own past does.

use arterial_datasets::time::{Duration, Timestamp};

use super::NAME;
use super::extent::Extent;
use crate::detector::{AnomalyScore, SeriesDetector, Verdict, Watch};
use crate::detectors::brief;
use crate::{Error, Result};

/// So many rows are learned from before the first score.
const WARM_UP: usize = 200;
/// So many equal values in a row are none too many whatever the series.
const FEWEST_EQUAL: f64 = 12.0;
/// A repetition that is so unlikely is none that chance made.
const UNLIKELY: f64 = 1e-9;
/// A gap is none up to so many usual ones.
const SHORTEST_GAP: f64 = 6.0;
/// A jump is none up to so many usual changes.
const SMALLEST_JUMP: f64 = 20.0;
/// A series that was never negative for so long cannot be.
const NEVER_NEGATIVE: usize = 500;

/// What no model is needed for: a value that repeats itself, rows or values that fail to come, a value that was never near, a jump
/// as there was none. The line is twice what the series did before.
#[derive(Debug, Clone, Copy)]
pub struct RulesSeries;

impl SeriesDetector for RulesSeries {
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
        Ok(Box::new(RulesWatch {
            columns: columns.iter().map(|name| (name.clone(), Column::default())).collect(),
            gaps: Gaps::default(),
            rows: 0,
        }))
    }
}

/// The rules at work on one file.
struct RulesWatch {
    columns: Vec<(String, Column)>,
    gaps: Gaps,
    rows: usize,
}

impl Watch for RulesWatch {
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict {
        self.rows += 1;
        let is_known = self.rows > WARM_UP;
        let mut worst = self.gaps.observe(at, is_known);
        for ((name, column), value) in self.columns.iter_mut().zip(values) {
            let found = column.observe(*value, is_known);
            if found.score > worst.score {
                worst = Found {
                    score: found.score,
                    reason: format!("{name} {}", found.reason),
                };
            }
        }
        if !is_known {
            return Verdict {
                score: AnomalyScore::NONE,
                reason: format!("learning: {} of {WARM_UP} rows", self.rows),
            };
        }
        Verdict {
            score: AnomalyScore::clamped(worst.score),
            reason: if worst.score >= 1.0 {
                worst.reason
            } else {
                String::new()
            },
        }
    }
}

/// How many times a line something is, and why.
#[derive(Debug, Default)]
struct Found {
    score: f64,
    reason: String,
}

/// The times between rows.
#[derive(Debug, Default)]
struct Gaps {
    last: Option<Timestamp>,
    /// The usual gap, in microseconds.
    usual: f64,
    longest: Extent,
}

impl Gaps {
    fn observe(&mut self, at: Timestamp, is_known: bool) -> Found {
        let gap = self.last.map_or(0, |last| at.0.saturating_sub(last.0));
        self.last = Some(at);
        if gap <= 0 {
            return Found::default();
        }
        let size = gap as f64;
        let least = SHORTEST_GAP * self.usual;
        let score = if self.usual > 0.0 {
            self.longest.score(size, least)
        } else {
            0.0
        };
        self.usual = median_towards(self.usual, size);
        self.longest.take(size, least, is_known);
        let (silence, usual) = (Duration(gap).in_words(), Duration(self.usual as i64).in_words());
        Found {
            score,
            reason: format!("no row for {silence}, usually every {usual}"),
        }
    }
}

/// A step from `usual` towards `value`, as long whatever the distance, so that it ends at the median.
fn median_towards(usual: f64, value: f64) -> f64 {
    if usual <= 0.0 {
        return value;
    }
    usual
        * if value > usual {
            1.02
        } else if value < usual {
            1.0 / 1.02
        } else {
            1.0
        }
}

/// What one column did.
#[derive(Debug)]
struct Column {
    rows: usize,
    last: Option<f64>,
    /// How many rows had this value one after the other, and how many none.
    equal: f64,
    missing: f64,
    /// Whether that value is the smallest so far.
    rests: bool,
    /// The share of rows that repeat the one before.
    repeats: f64,
    /// The longest repetition of the smallest value, at which many things rest, and of others.
    resting: Extent,
    standing: Extent,
    absent: Extent,
    jumps: Extent,
    /// The usual change of those that change.
    change: f64,
    low: f64,
    high: f64,
}

impl Default for Column {
    fn default() -> Self {
        Self {
            rows: 0,
            last: None,
            equal: 0.0,
            missing: 0.0,
            rests: true,
            repeats: 0.0,
            resting: Extent::default(),
            standing: Extent::default(),
            absent: Extent::default(),
            jumps: Extent::default(),
            change: 0.0,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        }
    }
}

impl Column {
    fn observe(&mut self, value: f64, is_known: bool) -> Found {
        self.rows += 1;
        if !value.is_finite() {
            return self.miss(is_known);
        }
        self.end_of_missing(is_known);
        let Some(last) = self.last.replace(value) else {
            (self.low, self.high) = (value, value);
            return Found::default();
        };
        let found = [
            self.beyond(value),
            self.jump(value - last, is_known),
            self.repeat(value, last.to_bits() == value.to_bits(), is_known),
        ];
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        found
            .into_iter()
            .max_by(|one, other| one.score.total_cmp(&other.score))
            .unwrap_or_default()
    }

    /// A value that is missing: many in a row are a silence.
    fn miss(&mut self, is_known: bool) -> Found {
        self.missing += 1.0;
        let score = self.absent.score(self.missing, FEWEST_EQUAL);
        Found {
            score: if self.last.is_some() && is_known { score } else { 0.0 },
            reason: format!("has no value for {} rows", self.missing),
        }
    }

    fn end_of_missing(&mut self, is_known: bool) {
        self.absent.take(self.missing, FEWEST_EQUAL, is_known);
        self.missing = 0.0;
    }

    /// A value further outside of all before than these are apart, or the first that is negative.
    fn beyond(&self, value: f64) -> Found {
        let (low, high) = (self.low, self.high);
        if value < 0.0 && low >= 0.0 && self.rows > NEVER_NEGATIVE {
            return Found {
                score: 1.0 + value.abs() / (high - low).max(f64::MIN_POSITIVE),
                reason: format!("is {}, never negative before", brief(value)),
            };
        }
        let outside = (low - value).max(value - high).max(0.0);
        Found {
            score: if high > low { outside / (high - low) } else { 0.0 },
            reason: format!("is {}, always {} to {} before", brief(value), brief(low), brief(high)),
        }
    }

    /// A change larger than twice any before.
    fn jump(&mut self, change: f64, is_known: bool) -> Found {
        let size = change.abs();
        if size <= 0.0 {
            return Found::default();
        }
        let least = SMALLEST_JUMP * self.change;
        let score = if self.change > 0.0 {
            self.jumps.score(size, least)
        } else {
            0.0
        };
        self.change = median_towards(self.change, size);
        self.jumps.take(size, least, is_known);
        Found {
            score,
            reason: format!("jumped by {}, usually by {}", brief(change), brief(self.change)),
        }
    }

    /// The same value again.
    fn repeat(&mut self, value: f64, is_equal: bool, is_known: bool) -> Found {
        let pace = 1.0 / self.rows.min(2000) as f64;
        self.repeats += pace * (f64::from(u8::from(is_equal)) - self.repeats);
        let by_chance = UNLIKELY.ln() / self.repeats.clamp(0.01, 0.99).ln();
        let least = by_chance.max(FEWEST_EQUAL);
        if !is_equal {
            let ended = if self.rests {
                &mut self.resting
            } else {
                &mut self.standing
            };
            ended.take(self.equal, least, is_known);
            self.equal = 0.0;
            self.rests = value <= self.low;
            return Found::default();
        }
        self.equal += 1.0;
        let longest = if self.rests { self.resting } else { self.standing };
        // Of what never had another value nobody knows how long it may stay so.
        let has_changed = self.low < self.high;
        let score = longest.score(self.equal, least);
        Found {
            score: if has_changed { score } else { 0.0 },
            reason: format!("has been {} for {} rows", brief(value), self.equal + 1.0),
        }
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
