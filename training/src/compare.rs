//! Two models on the same windows and targets: how large the difference is, and how sure.
//!
//! With `d_w` the difference of the absolute errors in window `w` (A less B, summed over the series that both have a forecast for):
//!
//! ```text
//! difference  = sum d_w / sum count_w
//! interval    = 2.5 % and 97.5 % of the same ratio over resampled windows (moving blocks, which keep the dependence of
//!               neighbouring windows)
//! p           = two-sided P(|Z| >= |mean d| / sqrt(V / n)),  V = autocovariances of d up to lag h - 1, Bartlett weights
//! ```
//!
//! The test is Diebold and Mariano (1995), "Comparing predictive accuracy", with the variance of Newey and West (1987); the
//! bootstrap is Künsch (1989), "The jackknife and the bootstrap for general stationary observations".

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::evaluate::WindowLoss;
use crate::tally::Mean;
use crate::{Error, Result};

/// Resampled sets of windows.
const RESAMPLES: usize = 1000;
/// Windows below which no uncertainty is stated.
const FEWEST_WINDOWS: usize = 10;

/// The paired difference of two models at one step, or over all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The step; null over all steps.
    pub step: Option<usize>,
    /// The same in minutes.
    pub minutes: Option<f64>,
    /// Mean absolute error of A.
    pub mae_a: Option<f64>,
    /// Mean absolute error of B.
    pub mae_b: Option<f64>,
    /// MAE of A less MAE of B: below zero A is better.
    pub difference: Option<f64>,
    /// The lower end of the 95 % interval of the difference.
    pub low_95: Option<f64>,
    /// Its upper end.
    pub high_95: Option<f64>,
    /// Two-sided probability of a difference this large between equally good models.
    pub p_value: Option<f64>,
    /// Forecasts that were compared.
    pub forecasts: u64,
}

impl Difference {
    /// Which model is better beyond doubt, in words: the interval does not hold zero.
    pub fn verdict(&self) -> &'static str {
        match (self.low_95, self.high_95) {
            (_, Some(high)) if high < 0.0 => "A is better",
            (Some(low), _) if low > 0.0 => "B is better",
            (Some(_), Some(_)) => "no clear difference",
            _ => "too few windows",
        }
    }
}

/// One window of both models.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    a: f64,
    b: f64,
    count: u64,
}

/// Compares `a` and `b` over all steps and then at each of `steps` (counted from 1).
///
/// # Errors
/// Windows that are not the same.
pub fn compare(
    a: &[WindowLoss],
    b: &[WindowLoss],
    steps: &[usize],
    minutes: f64,
    seed: u64,
) -> Result<Vec<Difference>> {
    let same = a.len() == b.len() && a.iter().zip(b).all(|(one, other)| one.origin == other.origin);
    if !same {
        let counts = format!("{} and {} windows", a.len(), b.len());
        return Err(Error::invalid("windows", counts, "the same windows for both models"));
    }
    let horizon = a.first().map_or(0, |window| window.steps.len());
    let all = pairs(a, b, &(0..horizon).collect::<Vec<_>>());
    let mut differences = vec![difference(&all, horizon, seed)];
    for &step in steps {
        let row = difference(&pairs(a, b, &[step - 1]), step, seed);
        differences.push(Difference {
            step: Some(step),
            minutes: Some(minutes * step as f64),
            ..row
        });
    }
    Ok(differences)
}

fn pairs(a: &[WindowLoss], b: &[WindowLoss], steps: &[usize]) -> Vec<Pair> {
    let total = |window: &WindowLoss| {
        let mut sum = Mean::default();
        steps
            .iter()
            .filter_map(|&step| window.steps.get(step))
            .for_each(|mean| sum.merge(*mean));
        sum
    };
    let both = a.iter().zip(b).map(|(one, other)| (total(one), total(other)));
    both.filter(|(one, _)| one.count > 0)
        .map(|(one, other)| Pair {
            a: one.sum,
            b: other.sum,
            count: one.count,
        })
        .collect()
}

fn difference(pairs: &[Pair], dependence: usize, seed: u64) -> Difference {
    let count: u64 = pairs.iter().map(|pair| pair.count).sum();
    let mean = |value: fn(&Pair) -> f64| {
        Mean {
            sum: pairs.iter().map(value).sum(),
            count,
        }
        .value()
    };
    let (low_95, high_95) = match interval(pairs, dependence, seed) {
        Some([low, high]) => (Some(low), Some(high)),
        None => (None, None),
    };
    Difference {
        step: None,
        minutes: None,
        mae_a: mean(|pair| pair.a),
        mae_b: mean(|pair| pair.b),
        difference: mean(|pair| pair.a - pair.b),
        low_95,
        high_95,
        p_value: p_value(pairs, dependence),
        forecasts: count,
    }
}

/// The central 95 % of the difference over resampled windows, in blocks of at least `dependence` windows.
fn interval(pairs: &[Pair], dependence: usize, seed: u64) -> Option<[f64; 2]> {
    let windows = pairs.len();
    if windows < FEWEST_WINDOWS {
        return None;
    }
    let block = dependence
        .max((windows as f64).cbrt().ceil() as usize)
        .clamp(1, windows / 2);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut sum, mut count, mut taken) = (0.0, 0, 0);
            while taken < windows {
                let start = random.random_range(0..=windows - block);
                for pair in &pairs[start..start + block.min(windows - taken)] {
                    sum += pair.a - pair.b;
                    count += pair.count;
                }
                taken += block;
            }
            sum / count as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some([means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40]])
}

fn p_value(pairs: &[Pair], horizon: usize) -> Option<f64> {
    let windows = pairs.len();
    if windows < FEWEST_WINDOWS {
        return None;
    }
    let differences: Vec<f64> = pairs.iter().map(|pair| (pair.a - pair.b) / pair.count as f64).collect();
    let mean = differences.iter().sum::<f64>() / windows as f64;
    let covariance = |lag: usize| {
        let products = differences
            .iter()
            .zip(&differences[lag..])
            .map(|(one, other)| (one - mean) * (other - mean));
        products.sum::<f64>() / windows as f64
    };
    let lags = horizon.saturating_sub(1).min(windows / 2);
    let weight = |lag: usize| 1.0 - lag as f64 / (lags + 1) as f64;
    let variance = covariance(0) + (1..=lags).map(|lag| 2.0 * weight(lag) * covariance(lag)).sum::<f64>();
    if variance <= 0.0 {
        return Some(if mean == 0.0 { 1.0 } else { 0.0 });
    }
    Some(complementary_error(
        mean.abs() / (2.0 * variance / windows as f64).sqrt(),
    ))
}

/// erfc for arguments of at least zero: Abramowitz and Stegun (1964), formula 7.1.26, error below 1.5e-7.
fn complementary_error(value: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * value);
    let series = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    series.iter().fold(0.0, |sum, factor| (sum + factor) * t) * (-value * value).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(errors: impl Iterator<Item = f64>) -> Vec<WindowLoss> {
        errors
            .enumerate()
            .map(|(origin, sum)| WindowLoss {
                origin,
                steps: vec![
                    Mean { sum, count: 2 },
                    Mean {
                        sum: 2.0 * sum,
                        count: 2,
                    },
                ],
            })
            .collect()
    }

    #[test]
    fn a_clearly_better_model_is_called_better() {
        let a = windows((0..200).map(|place| 2.0 + f64::from(place % 7) * 0.1));
        let b = windows((0..200).map(|place| 3.0 + f64::from(place % 5) * 0.1));
        let rows = compare(&a, &b, &[1, 2], 5.0, 1).unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].verdict(), "A is better");
        assert!(rows[0].p_value.unwrap() < 1e-6 && rows[2].minutes == Some(10.0));
        let turned = compare(&b, &a, &[1, 2], 5.0, 1).unwrap();
        assert_eq!(turned[0].verdict(), "B is better");
        assert!((turned[0].difference.unwrap() + rows[0].difference.unwrap()).abs() < 1e-12);
    }

    #[test]
    fn noise_is_no_difference() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut draw = || (0..300).map(|_| 1.0 + random.random::<f64>()).collect::<Vec<_>>();
        let (a, b) = (windows(draw().into_iter()), windows(draw().into_iter()));
        let row = &compare(&a, &b, &[1], 5.0, 1).unwrap()[1];
        assert_eq!(row.verdict(), "no clear difference");
        assert!(row.p_value.unwrap() > 0.01);
    }

    #[test]
    fn a_model_against_itself_has_no_difference_at_all() {
        let a = windows((0..50).map(f64::from));
        let row = &compare(&a, &a, &[1], 5.0, 1).unwrap()[0];
        assert_eq!(
            (row.difference, row.low_95, row.high_95, row.p_value),
            (Some(0.0), Some(0.0), Some(0.0), Some(1.0))
        );
    }

    #[test]
    fn few_windows_give_a_difference_without_certainty() {
        let row = &compare(
            &windows([1.0, 2.0].into_iter()),
            &windows([2.0, 3.0].into_iter()),
            &[1],
            5.0,
            1,
        )
        .unwrap()[1];
        assert_eq!((row.difference, row.low_95, row.p_value), (Some(-0.5), None, None));
        assert_eq!(row.verdict(), "too few windows");
    }

    #[test]
    fn other_windows_are_refused() {
        let a = windows((0..20).map(f64::from));
        assert!(compare(&a, &a[1..], &[1], 5.0, 1).is_err());
    }

    #[test]
    fn the_normal_tail_is_right_at_known_points() {
        for (value, expected) in [(0.0, 1.0), (0.5, 0.479_500_1), (1.0, 0.157_299_2), (2.0, 0.004_677_7)] {
            assert!((complementary_error(value) - expected).abs() < 1e-6, "{value}");
        }
    }
}
