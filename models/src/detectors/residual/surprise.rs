//! How surprising a value is under a predictive distribution of which some quantiles are known.

use super::normal::upper_quantile;
use crate::alerts::Expected;

/// The largest surprise, in nats: what is beyond is as surprising.
const LARGEST: f64 = 600.0;

/// The place of a value in the distribution that was predicted for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Surprise {
    /// `-ln` of the probability of a value at least as far out on either side.
    pub nats: f64,
    /// The normal score: positive for a value above the median.
    pub score: f64,
}

/// A predictive distribution: levels strictly between 0 and 1, ascending, some on either side of one half, and the quantile at
/// each of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Predictive<'a> {
    levels: &'a [f64],
    quantiles: &'a [f64],
}

impl<'a> Predictive<'a> {
    /// The distribution; none where it is not known well enough: no level on one side, a level or quantile out of order, a
    /// quantile missing.
    pub fn new(levels: &'a [f64], quantiles: &'a [f64]) -> Option<Self> {
        let ascending = levels.windows(2).all(|pair| pair[0] < pair[1]);
        let ordered = quantiles.windows(2).all(|pair| pair[0] <= pair[1]);
        let finite = quantiles.iter().all(|value| value.is_finite());
        let spans = *levels.first()? > 0.0 && levels[0] < 0.5 && *levels.last()? > 0.5 && *levels.last()? < 1.0;
        (levels.len() == quantiles.len() && ascending && ordered && finite && spans)
            .then_some(Self { levels, quantiles })
    }

    /// The quantile at `level`, between known ones along a straight line; beyond them the outermost known one.
    pub fn quantile(&self, level: f64) -> f64 {
        interpolate(self.levels, self.quantiles, level)
    }

    /// What was expected: the central 80 % and the median.
    pub fn expected(&self) -> Expected {
        Expected {
            low: self.quantile(0.1),
            middle: self.quantile(0.5),
            high: self.quantile(0.9),
        }
    }

    /// How surprising `value` is. Between the known quantiles the distribution function follows straight lines; beyond the
    /// outermost the tail is exponential and as wide as it was between that quantile and the median:
    ///
    /// ```text
    /// P(Y < y) = p exp(-(q - y) / s),    s = max(least, (median - q) / ln(0.5 / p))
    /// ```
    ///
    /// for the lowest known quantile q at level p, and the same above. `least` keeps a distribution that is a single point, or
    /// nearly, from finding everything else impossible.
    pub fn surprise(&self, value: f64, least: f64) -> Surprise {
        let median = self.quantile(0.5);
        let last = self.levels.len() - 1;
        let (outer, probability) = if value < median {
            (self.quantiles[0], self.levels[0])
        } else {
            (self.quantiles[last], 1.0 - self.levels[last])
        };
        let beyond = (value - median).abs() - (outer - median).abs();
        let nats = if beyond > 0.0 {
            let scale = ((outer - median).abs() / (0.5 / probability).ln()).max(least);
            (beyond / scale - (2.0 * probability).ln()).min(LARGEST)
        } else {
            -(2.0 * self.tail(value)).min(1.0).ln()
        };
        let score = upper_quantile(0.5 * (-nats).exp());
        Surprise {
            nats,
            score: if value < median { -score } else { score },
        }
    }

    /// The probability of a value at least as far out as one within the known quantiles. Where the distribution has an atom, the
    /// place in it that is nearest to the median counts.
    fn tail(&self, value: f64) -> f64 {
        let first = self.quantiles.partition_point(|one| *one < value);
        let end = self.quantiles.partition_point(|one| *one <= value);
        if first < end {
            // One of the known quantiles, or an atom that spans several of them.
            let nearest = 0.5f64.clamp(self.levels[first], self.levels[end - 1]);
            return nearest.min(1.0 - nearest);
        }
        let level = interpolate(self.quantiles, self.levels, value);
        level.min(1.0 - level)
    }
}

/// `ys` at `x` along straight lines between the ascending `xs`; beyond them the outermost.
fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let next = xs.partition_point(|one| *one < x);
    if next == 0 {
        return ys[0];
    }
    if next == xs.len() {
        return ys[next - 1];
    }
    let share = (x - xs[next - 1]) / (xs[next] - xs[next - 1]);
    ys[next - 1] + share * (ys[next] - ys[next - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];
    /// The quantiles of a Laplace distribution around 10, whose tails are exponential with scale 1.
    fn laplace() -> [f64; 5] {
        LEVELS.map(|level| {
            if level < 0.5 {
                10.0 + (2.0f64 * level).ln()
            } else {
                10.0 - (2.0f64 * (1.0 - level)).ln()
            }
        })
    }

    #[test]
    fn the_surprise_of_exponential_tails_is_exact_beyond_the_known_quantiles() {
        let quantiles = laplace();
        let predictive = Predictive::new(&LEVELS, &quantiles).unwrap();
        for distance in [3.0, 8.0, 40.0] {
            for side in [-1.0, 1.0] {
                let surprise = predictive.surprise(10.0 + side * distance, 0.0);
                assert!((surprise.nats - distance).abs() < 1e-9, "{surprise:?}");
                assert!(surprise.score * side > 0.0);
            }
        }
    }

    #[test]
    fn known_quantiles_have_the_surprise_of_their_level() {
        let quantiles = laplace();
        let predictive = Predictive::new(&LEVELS, &quantiles).unwrap();
        for (level, quantile) in LEVELS.iter().zip(quantiles) {
            let surprise = predictive.surprise(quantile, 0.0);
            let tail = 2.0 * level.min(1.0 - level);
            assert!((surprise.nats + tail.ln()).abs() < 1e-9);
            assert!((surprise.score + upper_quantile(*level)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_forecast_that_is_one_point_finds_that_point_usual_and_others_finitely_strange() {
        let predictive = Predictive::new(&LEVELS, &[0.0; 5]).unwrap();
        assert!(predictive.surprise(0.0, 0.1).nats.abs() < 1e-12);
        let one = predictive.surprise(1.0, 0.5);
        assert!(one.nats > 2.0 && one.nats < 10.0, "{one:?}");
        assert!(predictive.surprise(1e300, 1e-300).nats <= LARGEST);
    }

    #[test]
    fn a_distribution_with_missing_or_disordered_quantiles_is_none() {
        assert!(Predictive::new(&LEVELS, &[1.0, 2.0, 3.0, f64::NAN, 5.0]).is_none());
        assert!(Predictive::new(&LEVELS, &[1.0, 2.0, 3.0, 2.5, 5.0]).is_none());
        assert!(Predictive::new(&[0.5, 0.9], &[1.0, 2.0]).is_none());
        assert!(Predictive::new(&[], &[]).is_none());
        assert!(Predictive::new(&LEVELS, &[1.0]).is_none());
    }
}
