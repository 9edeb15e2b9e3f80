//! Sums that find what is never far off and never right.

use arterial_datasets::time::Timestamp;

use super::tail::Tail;

/// A normal score counts at most so much, so that what is far off for an hour, which is a jump, is no drift of a day.
const LARGEST_SCORE: f64 = 2.0;
/// What is left of a sum after a window.
const KEPT: f64 = 0.98;
/// The bias of forecasts is taken for at most half their spread: what is more is news.
const LARGEST_BIAS: f64 = 0.5;
/// Bias and spread begin as those of so many windows of calibrated forecasts.
const SUPPOSED: f64 = 100.0;

/// A sum that grows while values stay on one side (E. Page, Biometrika 41, 1954: CUSUM).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    pub value: f64,
    /// Since when it is not 0.
    pub since: Timestamp,
}

impl Sum {
    const NONE: Self = Self {
        value: 0.0,
        since: Timestamp(0),
    };

    /// `max(0, 0.98 sum + score - allowance)`, at most `most`.
    fn add(&mut self, score: f64, allowance: f64, most: f64, window: Timestamp) {
        if self.value <= 0.0 {
            self.since = window;
        }
        self.value = (KEPT * self.value + score - allowance).clamp(0.0, most);
    }
}

/// The two sums of a number, and what its forecasts are usually off by.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    /// How large the larger sum usually gets.
    pub sums: Tail,
    lower: Sum,
    higher: Sum,
    /// Mean and mean square deviation of the normal scores, and how many there were, up to the memory.
    bias: f64,
    spread: f64,
    count: f64,
}

impl Drift {
    pub fn new() -> Self {
        Self {
            sums: Tail::new(),
            lower: Sum::NONE,
            higher: Sum::NONE,
            bias: 0.0,
            spread: 1.0,
            count: SUPPOSED,
        }
    }

    /// Adds a normal score to both sums, each of which may grow to `most`; gives the larger one.
    pub fn accumulate(&mut self, score: f64, allowance: f64, most: f64, window: Timestamp) -> Sum {
        let score = score.clamp(-LARGEST_SCORE, LARGEST_SCORE);
        let spread = self.spread.sqrt();
        let bias = self.bias.clamp(-LARGEST_BIAS * spread, LARGEST_BIAS * spread);
        let own = ((score - bias) / spread).clamp(-LARGEST_SCORE, LARGEST_SCORE);
        self.higher.add(own, allowance, most, window);
        self.lower.add(-own, allowance, most, window);
        self.larger()
    }

    fn larger(&self) -> Sum {
        if self.higher.value >= self.lower.value {
            self.higher
        } else {
            self.lower
        }
    }

    /// Learns from a score that was accumulated.
    pub fn learn(&mut self, score: f64, share: f32, memory: f64) {
        self.sums.add(self.larger().value, share, memory as f32);
        self.count = (self.count + 1.0).min(memory);
        let score = score.clamp(-LARGEST_SCORE, LARGEST_SCORE);
        let pace = f64::from(share) / self.count;
        self.bias += pace * (score - self.bias);
        self.spread += pace * ((score - self.bias).powi(2) - self.spread);
        self.spread = self.spread.max(0.05);
    }

    /// Begins both sums anew.
    pub fn restart(&mut self) {
        self.lower = Sum::NONE;
        self.higher = Sum::NONE;
    }
}
