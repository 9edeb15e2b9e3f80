//! The usual value and the usual spread of all that was seen.

use super::sample::Sampler;

/// How many values are kept.
const KEPT: usize = 512;

/// The running median and spread of a column, from an even sample of its whole history: every value at first, half of them once
/// the sample is full, and so on.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    sample: Vec<f64>,
    sampler: Sampler,
    due: u64,
    centre: f64,
    spread: f64,
}

impl Scale {
    pub(super) fn new() -> Self {
        Self {
            sample: Vec::new(),
            sampler: Sampler::new(),
            due: 0,
            centre: 0.0,
            spread: 0.0,
        }
    }

    /// How many values were learned.
    pub(super) fn seen(&self) -> u64 {
        self.sampler.seen()
    }

    /// The median.
    pub(super) fn centre(&self) -> f64 {
        self.centre
    }

    /// The mean of two spreads about the median, both in units of a standard deviation of normal values: that of the median deviation,
    /// which outliers do not touch, and that of the mean deviation, which is not 0 where more than half of the values are equal.
    /// 0 where all values are.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// The spread, or where there is none the smallest difference that counts.
    pub(super) fn unit(&self) -> f64 {
        self.spread.max(self.centre.abs() * 1e-4).max(1e-9)
    }

    /// How far a value is from the median, in units of the spread.
    pub(super) fn standardise(&self, value: f64) -> f64 {
        (value - self.centre) / self.unit()
    }

    pub(super) fn learn(&mut self, value: f64) {
        if self.sampler.takes() {
            self.sample.push(value);
        }
        if self.sample.len() >= KEPT {
            self.sampler.thin().apply(&mut self.sample);
        }
        let seen = self.sampler.seen();
        if seen >= self.due {
            self.due = seen + (seen / 8).clamp(4, 128);
            self.refresh();
        }
    }

    fn refresh(&mut self) {
        let mut sorted = self.sample.clone();
        self.centre = median(&mut sorted);
        let mut deviations: Vec<f64> = sorted.iter().map(|value| (value - self.centre).abs()).collect();
        let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
        self.spread = 0.5 * (1.4826 * median(&mut deviations) + 1.2533 * mean);
    }
}

/// The upper median of a sample that is not empty.
fn median(sample: &mut [f64]) -> f64 {
    let middle = sample.len() / 2;
    *sample.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_hardly_move_the_scale_and_memory_is_bounded() {
        let mut scale = Scale::new();
        for row in 0..20_000_u32 {
            scale.learn(if row % 100 == 7 { 1e6 } else { f64::from(row % 96) });
        }
        assert!(scale.sample.len() < KEPT);
        assert!((scale.centre() - 48.0).abs() < 12.0, "{}", scale.centre());
    }
}
