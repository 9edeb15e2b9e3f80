//! What is remembered of a key, and of all keys together.

use arterial_datasets::time::Timestamp;

use super::drift::Drift;
use super::tail::Tail;

/// Windows of all keys count so much less after so many: about a million.
const MEMORY_OF_ALL: f32 = 1_000_000.0;
/// Until something was seen, surprises are taken for somewhat larger than those of a calibrated forecast (1 and 1.3).
const SUPPOSED: f64 = 1.3;
const SUPPOSED_WEIGHT: f64 = 2000.0;
/// The past of all keys counts as so many windows of the key's own.
const PRIOR: f32 = 500.0;
/// A sum may grow to so many times its line, so that it falls back in time when all is well again.
const MOST: f64 = 1.5;
/// The share of windows above the line up to which they are taken for rare, and what each then teaches.
const RARE: f64 = 0.05;
const TAUGHT_BY_STRANGE: f32 = 0.1;

/// What all keys of a target show.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    jumps: Tail,
    drifts: Tail,
    /// The usual distance between value and median; none before the first value.
    pub usual: Option<f64>,
}

impl Pool {
    /// What is supposed before anything was seen, where the surprises of `numbers` forecasts add up.
    pub fn new(numbers: usize) -> Self {
        Self {
            jumps: Tail::exponential(SUPPOSED * numbers as f64, SUPPOSED_WEIGHT),
            drifts: Tail::exponential(2.0 * SUPPOSED, SUPPOSED_WEIGHT),
            usual: None,
        }
    }

    pub fn learn(&mut self, seen: &Judged, distance: f64) {
        self.jumps.add(seen.nats, seen.share, MEMORY_OF_ALL);
        self.drifts.add(seen.sum, seen.share, MEMORY_OF_ALL);
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

/// How often a line may be passed by chance, and for how many windows the past counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// The probability that one statistic passes its line in a window.
    pub probability: f64,
    pub windows_a_week: f64,
    pub memory: f64,
    pub allowance: f64,
}

/// What was found of a window, beside its lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    /// The surprise, and how many times its line it is.
    pub nats: f64,
    pub jump: f64,
    /// The larger of the sums, and how many times its line it is.
    pub sum: f64,
    pub drift: f64,
    /// Since when that sum has been growing.
    pub since: Timestamp,
    /// What the window teaches: above the line little, as long as that is rare.
    share: f32,
}

impl Judged {
    pub fn score(&self) -> f64 {
        self.jump.max(self.drift)
    }

    /// Whether it is the sum that says so.
    pub fn is_drift(&self) -> bool {
        self.drift > self.jump && self.jump < 1.0
    }
}

/// What is remembered of a key: how large its surprises usually get, and one sum for each of its numbers.
#[derive(Debug, Clone)]
pub(super) struct KeyState {
    jumps: Tail,
    drifts: Vec<Drift>,
    /// The share of windows above the line of late.
    above: f64,
}

impl KeyState {
    pub fn new(numbers: usize) -> Self {
        Self {
            jumps: Tail::new(),
            drifts: vec![Drift::new(); numbers],
            above: 0.0,
        }
    }

    /// Scores a window, given the sum of its surprises and the normal score of each number, against the key's lines, then
    /// learns from it.
    pub fn judge(&mut self, nats: f64, scores: &[f64], window: Timestamp, rate: &Rate, pool: &Pool) -> Judged {
        let jump = nats / self.jumps.line(&pool.jumps, PRIOR, rate.probability);
        let mut worst = (0.0, 0.0, window);
        for (drift, score) in self.drifts.iter_mut().zip(scores) {
            let line = drift
                .sums
                .line(&pool.drifts, PRIOR, rate.probability / scores.len() as f64);
            let sum = drift.accumulate(*score, rate.allowance, MOST * line, window);
            if sum.value / line >= worst.1 {
                worst = (sum.value, sum.value / line, sum.since);
            }
        }
        let is_alert = jump.max(worst.1) >= 1.0;
        let share = if is_alert && self.above < RARE {
            TAUGHT_BY_STRANGE
        } else {
            1.0
        };
        self.above += (f64::from(u8::from(is_alert)) - self.above) / rate.windows_a_week;
        self.jumps.add(nats, share, rate.memory as f32);
        for (drift, score) in self.drifts.iter_mut().zip(scores) {
            drift.learn(*score, share, rate.memory);
        }
        Judged {
            nats,
            jump,
            sum: worst.0,
            drift: worst.1,
            since: worst.2,
            share,
        }
    }

    /// Begins all sums anew.
    pub fn restart(&mut self) {
        for drift in &mut self.drifts {
            drift.restart();
        }
    }
}
