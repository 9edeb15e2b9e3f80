//! How rare a strangeness is, and how rare it must be for an alert.

use std::collections::VecDeque;

use arterial_datasets::time::Timestamp;

use crate::detector::AnomalyScore;
use crate::detectors::tail::Tail;

/// The last strangenesses that are remembered.
const MOST: usize = 4096;
/// Rows after which the tail is learned anew.
const EVERY: usize = 32;
/// The last gaps between rows that say how many rows a week has.
const GAPS: usize = 256;
/// An alert is what less than one row in so many is, at least: what is rarer cannot be told from few rows.
const LEAST_ROWS: f64 = 500.0;
const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

/// The strangeness of the last rows. Its line is what one row a week exceeds.
#[derive(Debug, Clone)]
pub(super) struct Line {
    seen: VecDeque<f64>,
    /// How many of them the present detector found.
    of_present: usize,
    since: usize,
    tail: Tail,
    last: Option<Timestamp>,
    gaps: VecDeque<f64>,
    /// The surprise of one row a week.
    weekly: f64,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            seen: VecDeque::new(),
            of_present: 0,
            since: 0,
            tail: Tail::learn(Vec::new()),
            last: None,
            gaps: VecDeque::new(),
            weekly: LEAST_ROWS.ln(),
        }
    }

    /// Learns how far rows are apart. Times that repeat or go back say nothing.
    pub(super) fn tick(&mut self, at: Timestamp) {
        let gap = self.last.map_or(0.0, |last| (at.0.saturating_sub(last.0)) as f64 / 1e6);
        self.last = Some(at);
        if gap > 0.0 {
            self.gaps.push_back(gap);
            if self.gaps.len() > GAPS {
                self.gaps.pop_front();
            }
        }
    }

    /// The surprise at `strangeness`, with 1.0 where one row a week is as surprising.
    pub(super) fn score(&self, strangeness: f64) -> AnomalyScore {
        AnomalyScore::try_from(self.tail.surprise(strangeness) / self.weekly).unwrap_or(AnomalyScore::NONE)
    }

    pub(super) fn learn(&mut self, strangeness: f64) {
        self.seen.push_back(strangeness);
        self.of_present += 1;
        if self.seen.len() > MOST {
            self.seen.pop_front();
        }
        self.since += 1;
        if self.since >= EVERY {
            self.since = 0;
            self.tail = Tail::learn(self.seen.iter().copied().collect());
            self.weekly = self.rows_in_a_week().max(LEAST_ROWS).ln();
        }
    }

    /// A detector that knows more takes over. What the one before the last found is forgotten: it knew less, and so much was strange to
    /// it.
    pub(super) fn take_over(&mut self) {
        let old = self.seen.len().saturating_sub(self.of_present);
        self.seen.drain(..old);
        self.of_present = 0;
    }

    fn rows_in_a_week(&self) -> f64 {
        let mut gaps: Vec<f64> = self.gaps.iter().copied().collect();
        let middle = gaps.len() / 2;
        if gaps.is_empty() {
            return LEAST_ROWS;
        }
        WEEK_SECONDS / *gaps.select_nth_unstable_by(middle, f64::total_cmp).1
    }
}
