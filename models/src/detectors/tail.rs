//! How rare a number is among those seen before, on one scale for numbers of any kind.

use ndarray::{Array1, Ix1};

use crate::artefact::Parts;
use crate::{Error, Result};

/// The share of numbers whose mean excess says how the tail goes on.
const TAIL_SHARE: f64 = 0.02;
/// The fewest numbers that say it.
const LEAST_TAIL: usize = 10;
/// How heavy the tail is taken to be: somewhat heavier than an exponential one, as few numbers are no proof of a light one.
const SHAPE: f64 = 0.1;

/// Numbers that were seen, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tail {
    ascending: Vec<f64>,
}

impl Tail {
    /// Learns from numbers that are not negative.
    pub(super) fn learn(mut seen: Vec<f64>) -> Self {
        seen.sort_unstable_by(f64::total_cmp);
        Self { ascending: seen }
    }

    /// The surprise at a number as large as `value`: `-ln P(at least value)`, in nats, not negative and never less for a larger number.
    ///
    /// ```text
    /// P(at least v) = (numbers at least v + 1) / (n + 1)                 up to u, where the upper 2 % begin
    ///               = P(at least u) (1 + k (v - u) / s)^(-1 / k)         above; k = 1/10, s = (1 - k) mean excess over u
    /// ```
    ///
    /// so that what was never seen has an order, too: excesses over a high bound follow a generalised Pareto distribution (Pickands
    /// 1975).
    pub(super) fn surprise(&self, value: f64) -> f64 {
        let share = (self.ascending.len() as f64 * TAIL_SHARE) as usize;
        let count = share.max(LEAST_TAIL).min(self.ascending.len());
        let upper = &self.ascending[self.ascending.len() - count..];
        let Some(bound) = upper.first().copied() else {
            return 0.0;
        };
        let excess = upper.iter().map(|seen| (seen - bound) / count as f64).sum::<f64>();
        if value > bound && excess > 0.0 {
            let scale = (1.0 - SHAPE) * excess;
            return self.by_count(bound) + (SHAPE * ((value - bound) / scale)).ln_1p() / SHAPE;
        }
        self.by_count(value)
    }

    fn by_count(&self, value: f64) -> f64 {
        let count = self.ascending.len();
        let below = self.ascending.partition_point(|seen| *seen < value);
        let at_least = (count - below + 1).min(count + 1);
        ((count + 1) as f64 / at_least as f64).ln()
    }

    pub(super) fn save(&self, parts: Parts, name: &str) -> Parts {
        parts.with(name, &Array1::from(self.ascending.clone()))
    }

    /// # Errors
    /// An array that is missing, empty, or not in ascending order.
    pub(super) fn load(parts: &Parts, name: &str) -> Result<Self> {
        let ascending: Vec<f64> = parts.array::<Ix1>(name)?.to_vec();
        let sound = ascending.iter().all(|value| value.is_finite()) && ascending.is_sorted();
        if ascending.is_empty() || !sound {
            return Err(Error::malformed(
                "tensors.safetensors",
                format!("`{name}` holds no ascending numbers"),
            ));
        }
        Ok(Self { ascending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surprise_is_the_logarithm_of_the_share_and_goes_on_beyond_all_that_was_seen() {
        let tail = Tail::learn((0..1000).rev().map(f64::from).collect());
        assert!(tail.surprise(0.0).abs() < 1e-12);
        assert!((tail.surprise(500.0) - (1001.0_f64 / 501.0).ln()).abs() < 1e-12);
        let ascending = [0.5, 10.0, 900.0, 985.0, 999.0, 1500.0, 1e6, f64::MAX];
        let surprises = ascending.map(|value| tail.surprise(value));
        assert!(surprises.windows(2).all(|pair| pair[0] < pair[1]), "{surprises:?}");
        assert!(surprises.iter().all(|surprise| surprise.is_finite()));
    }

    #[test]
    fn numbers_that_are_all_alike_are_no_surprise_and_anything_above_is() {
        let tail = Tail::learn(vec![0.5; 100]);
        assert!(tail.surprise(0.5).abs() < 1e-12);
        assert!(tail.surprise(0.6) > 4.0);
    }

    #[test]
    fn an_exponential_tail_is_met_near_its_bound() {
        let seen: Vec<f64> = (0..10_000)
            .map(|place| -(1.0 - f64::from(place) / 10_000.0_f64).ln())
            .collect();
        let tail = Tail::learn(seen);
        for value in [1.0, 3.0, 5.0, 6.0] {
            assert!(
                (tail.surprise(value) - value).abs() < 0.4,
                "{value}: {}",
                tail.surprise(value)
            );
        }
    }
}
