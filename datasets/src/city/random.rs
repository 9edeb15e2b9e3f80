//! Seeded chance: one stream of numbers for each part of the city, so that parts never disturb each other.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Which part of the city draws. The number selects an independent stream of the generator.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// Geometry, lanes, residents and jobs.
    Plan = 1,
    /// Day-to-day and minute-to-minute demand.
    Demand = 2,
    /// Weather regimes.
    Weather = 3,
    /// Incidents and planned events.
    Incidents = 4,
    /// Sensor faults.
    Faults = 5,
    /// The noise of readings.
    Readings = 6,
    /// Buses.
    Transit = 7,
    /// Taxis.
    Taxis = 8,
    /// Car parks.
    Parking = 9,
    /// Bikes.
    Bikes = 10,
    /// Air.
    Air = 11,
}

/// A seeded source of chance.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `part` under `seed`.
    #[must_use]
    pub fn new(seed: u64, part: Part) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(part as u64);
        Self(generator)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// True with probability `chance`.
    pub fn happens(&mut self, chance: f64) -> bool {
        self.uniform() < chance
    }

    /// Bell-shaped with mean 0 and standard deviation 1, within ±3.47: the sum of four uniform numbers of 16 bits
    /// (Irwin-Hall), which costs a quarter of an exact normal number and never strays far.
    pub fn bell(&mut self) -> f64 {
        let bits = self.0.next_u64();
        let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        (sum as f64 / 65_536.0 + 2.0 / 65_536.0 - 2.0) * 3.0_f64.sqrt()
    }

    /// Exponential with the given mean.
    pub fn waiting(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    /// A whole number in 0..`count`; 0 where `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.uniform() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// A whole number whose mean is `expected`: the floor, or one more.
    pub fn rounded(&mut self, expected: f64) -> i64 {
        (expected + self.uniform()).floor() as i64
    }

    /// An index drawn in proportion to `weights`; 0 where all are 0.
    pub fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut rest = self.uniform() * weights.clone().sum::<f64>();
        for (index, weight) in weights.enumerate() {
            if rest < weight {
                return index;
            }
            rest -= weight;
        }
        0
    }

    /// 64 raw bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_has_mean_zero_and_deviation_one() {
        let mut dice = Dice::new(1, Part::Readings);
        let draws: Vec<f64> = (0..100_000).map(|_| dice.bell()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn parts_draw_from_different_streams() {
        assert_ne!(Dice::new(1, Part::Demand).bits(), Dice::new(1, Part::Weather).bits());
        assert_eq!(Dice::new(7, Part::Demand).bits(), Dice::new(7, Part::Demand).bits());
    }
}
