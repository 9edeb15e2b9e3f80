//! What is remembered of a key, and of all keys together.

use arterial_datasets::time::{Duration, Timestamp};

use super::tail::Tail;

/// Windows of all keys count so much less after so many: about a million.
const MEMORY_OF_ALL: f32 = 1_000_000.0;
/// Until something was seen, surprises are taken for somewhat larger than those of a calibrated forecast (1 and 1.3).
const SUPPOSED: f64 = 1.3;
const SUPPOSED_WEIGHT: f64 = 2000.0;
/// A normal score counts at most so much in an accumulated one, so that a single window is no drift.
const LARGEST_SCORE: f64 = 4.0;
/// The bias of a key's forecasts is taken for at most half their spread: what is more is news.
const LARGEST_BIAS: f64 = 0.5;

/// What all keys of a target show.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub jumps: Tail,
    pub drifts: Tail,
    /// The usual distance between value and median; none before the first value.
    pub usual: Option<f64>,
}

impl Pool {
    pub fn new() -> Self {
        Self {
            jumps: Tail::exponential(SUPPOSED, SUPPOSED_WEIGHT),
            drifts: Tail::exponential(2.0 * SUPPOSED, SUPPOSED_WEIGHT),
            usual: None,
        }
    }

    pub fn learn(&mut self, nats: f64, drift: f64, distance: f64, share: f32) {
        self.jumps.add(nats, share, MEMORY_OF_ALL);
        self.drifts.add(drift, share, MEMORY_OF_ALL);
        self.usual = Some(follow(self.usual, distance, 10_000.0));
    }
}

/// Goes from `usual` towards `value`, which counts for at most four times the usual.
pub(super) fn follow(usual: Option<f64>, value: f64, memory: f64) -> f64 {
    match usual {
        None => value,
        Some(usual) => usual + (value.min(4.0 * usual.max(f64::MIN_POSITIVE)) - usual) / memory,
    }
}

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

    /// `max(0, sum + score - allowance)`, at most `most`.
    fn add(&mut self, score: f64, allowance: f64, most: f64, window: Timestamp) {
        if self.value <= 0.0 {
            self.since = window;
        }
        self.value = (self.value + score - allowance).clamp(0.0, most);
    }

    /// How long it has been growing at the end of a window.
    pub fn lasting(&self, window: Timestamp, step: Duration) -> Duration {
        Duration((window.0 - self.since.0 + step.0).max(step.0))
    }
}

/// What is remembered of a key.
#[derive(Debug, Clone)]
pub(super) struct KeyState {
    pub newest: Timestamp,
    pub jumps: Tail,
    pub drifts: Tail,
    /// The usual distance between value and median.
    pub usual: Option<f64>,
    /// Mean and mean square of the normal scores, and how many there were, up to the memory.
    bias: f64,
    spread: f64,
    count: f64,
    /// The share of windows above the line of late.
    pub above: f64,
    pub lower: Sum,
    pub higher: Sum,
}

impl KeyState {
    pub fn new(usual: Option<f64>) -> Self {
        Self {
            newest: Timestamp(i64::MIN),
            jumps: Tail::new(),
            drifts: Tail::new(),
            usual,
            bias: 0.0,
            spread: 1.0,
            count: 100.0,
            above: 0.0,
            lower: Sum::NONE,
            higher: Sum::NONE,
        }
    }

    /// Adds a normal score to both sums; each may grow to `most`.
    pub fn accumulate(&mut self, score: f64, allowance: f64, most: f64, window: Timestamp) {
        let score = score.clamp(-LARGEST_SCORE, LARGEST_SCORE);
        let spread = self.spread.sqrt();
        let bias = self.bias.clamp(-LARGEST_BIAS * spread, LARGEST_BIAS * spread);
        let own = ((score - bias) / spread).clamp(-LARGEST_SCORE, LARGEST_SCORE);
        self.higher.add(own, allowance, most, window);
        self.lower.add(-own, allowance, most, window);
    }

    /// Learns the key's own scale. What is above the line teaches little, as long as it is rare.
    pub fn learn(&mut self, nats: f64, score: f64, drift: f64, distance: f64, share: f32, memory: f64) {
        self.jumps.add(nats, share, memory as f32);
        self.drifts.add(drift, share, memory as f32);
        self.usual = Some(follow(self.usual, distance, self.count.min(memory)));
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
