//! What boosting minimises: losses, their derivatives, and where boosting starts.

use serde::{Deserialize, Serialize};

use super::simd::vectorised;
use crate::{Error, Result};

/// What is minimised. `y` is the target, `s` the score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Objective {
    /// `(s - y)^2 / 2`, minimised by the mean.
    #[default]
    SquaredError,
    /// `|s - y|`, minimised by the median.
    AbsoluteError,
    /// `(s - y)^2 / 2` up to a distance of `delta`, linear beyond it.
    Huber {
        /// Where the parabola ends, in the target's unit; above 0.
        delta: f64,
    },
    /// The pinball loss of every level, one boosted output for each. Predictions are sorted, so that they cannot cross.
    Quantile {
        /// Increasing, each strictly between 0 and 1.
        levels: Vec<f64>,
    },
    /// `exp(s) - y s`, for counts; predictions are `exp(s)`.
    Poisson,
}

impl Objective {
    /// Checks the settings of the objective.
    ///
    /// # Errors
    /// A delta that is not positive, or levels that do not increase strictly between 0 and 1.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Huber { delta } if !(*delta > 0.0 && delta.is_finite()) => {
                Err(Error::invalid("objective.delta", delta, "a finite number above 0"))
            }
            Self::Quantile { levels } => check_levels(levels),
            _ => Ok(()),
        }
    }

    /// One loss for each output of a target.
    pub(crate) fn losses(&self) -> Vec<Loss> {
        match self {
            Self::SquaredError => vec![Loss::Squared],
            Self::AbsoluteError => vec![Loss::Absolute],
            Self::Huber { delta } => vec![Loss::Huber(*delta)],
            Self::Quantile { levels } => levels.iter().map(|level| Loss::Pinball(*level)).collect(),
            Self::Poisson => vec![Loss::Poisson],
        }
    }

    /// The least target that the objective is defined for.
    pub(crate) fn least_target(&self) -> f32 {
        match self {
            Self::Poisson => 0.0,
            _ => f32::MIN,
        }
    }
}

fn check_levels(levels: &[f64]) -> Result<()> {
    let inside = levels.iter().all(|level| *level > 0.0 && *level < 1.0);
    let increasing = levels.windows(2).all(|pair| pair[0] < pair[1]);
    if !levels.is_empty() && inside && increasing {
        return Ok(());
    }
    Err(Error::invalid(
        "objective.levels",
        format!("{levels:?}"),
        "at least one, increasing, each strictly between 0 and 1",
    ))
}

/// The loss of one output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Loss {
    Squared,
    Absolute,
    Huber(f64),
    Pinball(f64),
    Poisson,
}

impl Loss {
    /// The first derivative of the loss by the score.
    #[inline(always)]
    pub(crate) fn gradient(self, score: f32, target: f32) -> f32 {
        let error = score - target;
        match self {
            Self::Squared => error,
            Self::Absolute => f32::from(i8::from(error > 0.0) - i8::from(error < 0.0)),
            Self::Huber(delta) => error.clamp(-delta as f32, delta as f32),
            Self::Pinball(level) => {
                let side = if error < 0.0 {
                    -level as f32
                } else {
                    (1.0 - level) as f32
                };
                if error == 0.0 { 0.0 } else { side }
            }
            Self::Poisson => score.exp() - target,
        }
    }

    /// The second derivative, or 1 where it vanishes almost everywhere.
    #[inline(always)]
    pub(crate) fn curvature(self, score: f32) -> f32 {
        match self {
            Self::Poisson => score.exp(),
            _ => 1.0,
        }
    }

    /// Whether the second derivative depends on the score.
    pub(crate) fn is_curved(self) -> bool {
        self == Self::Poisson
    }

    /// The quantile of the residuals that a leaf takes as its value, where derivatives do not say how far to go.
    pub(crate) fn leaf_quantile(self) -> Option<f64> {
        match self {
            Self::Absolute => Some(0.5),
            Self::Pinball(level) => Some(level),
            _ => None,
        }
    }

    /// The furthest that a leaf may move a score: Poisson's curvature is only known nearby.
    pub(crate) fn longest_step(self) -> f64 {
        match self {
            Self::Poisson => 0.7,
            _ => f64::INFINITY,
        }
    }

    /// The loss itself.
    pub(crate) fn value(self, score: f32, target: f32) -> f64 {
        let error = f64::from(score) - f64::from(target);
        match self {
            Self::Huber(delta) if error.abs() > delta => delta * (error.abs() - delta / 2.0),
            Self::Squared | Self::Huber(_) => error * error / 2.0,
            Self::Absolute => error.abs(),
            Self::Pinball(level) => (level * -error).max((1.0 - level) * error),
            Self::Poisson => f64::from(score).exp() - f64::from(target) * f64::from(score),
        }
    }
}

vectorised! {
    /// Writes the first derivative of each row.
    pub(crate) fn gradients(loss: Loss, scores: &[f32], targets: &[f32], gradients: &mut [f32]) = gradients_body;
}

#[inline(always)]
fn gradients_body(loss: Loss, scores: &[f32], targets: &[f32], gradients: &mut [f32]) {
    // The loss is looked at once and not for each row.
    match loss {
        Loss::Squared => fill(scores, targets, gradients, |score, target| {
            Loss::Squared.gradient(score, target)
        }),
        Loss::Absolute => fill(scores, targets, gradients, |score, target| {
            Loss::Absolute.gradient(score, target)
        }),
        Loss::Huber(delta) => fill(scores, targets, gradients, |score, target| {
            Loss::Huber(delta).gradient(score, target)
        }),
        Loss::Pinball(level) => fill(scores, targets, gradients, |score, target| {
            Loss::Pinball(level).gradient(score, target)
        }),
        Loss::Poisson => fill(scores, targets, gradients, |score, target| {
            Loss::Poisson.gradient(score, target)
        }),
    }
}

#[inline(always)]
fn fill(scores: &[f32], targets: &[f32], gradients: &mut [f32], gradient: impl Fn(f32, f32) -> f32) {
    for ((to, score), target) in gradients.iter_mut().zip(scores).zip(targets) {
        *to = gradient(*score, *target);
    }
}

/// Where the scores of an output start: the constant that minimises its loss on top of the rows' margins.
///
/// `rows` holds target, margin and weight of each row that counts, at least one.
pub(crate) fn start(loss: Loss, rows: &[(f32, f32, f32)]) -> f64 {
    match loss {
        Loss::Squared => {
            let (mut sum, mut weights) = (0.0, 0.0);
            for &(target, margin, weight) in rows {
                sum += f64::from(weight) * (f64::from(target) - f64::from(margin));
                weights += f64::from(weight);
            }
            sum / weights
        }
        Loss::Poisson => {
            let (mut counts, mut rates) = (0.0, 0.0);
            for &(target, margin, weight) in rows {
                counts += f64::from(weight) * f64::from(target);
                rates += f64::from(weight) * f64::from(margin).exp();
            }
            (counts.max(1e-6) / rates).ln()
        }
        Loss::Absolute | Loss::Huber(_) => residual_quantile(0.5, rows),
        Loss::Pinball(level) => residual_quantile(level, rows),
    }
}

fn residual_quantile(level: f64, rows: &[(f32, f32, f32)]) -> f64 {
    let mut residuals: Vec<(f32, f32)> = rows
        .iter()
        .map(|&(target, margin, weight)| (target - margin, weight))
        .collect();
    weighted_quantile(&mut residuals, level)
}

/// The least value below or at which at least `level` of the weight lies; `values` holds values and weights.
pub(crate) fn weighted_quantile(values: &mut [(f32, f32)], level: f64) -> f64 {
    let total: f64 = values.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mut wanted = level * total;
    let mut rest = values;
    // Quickselect by weight: each turn keeps the half that holds the quantile.
    while rest.len() > 1 {
        let middle = (rest.len() - 1) / 2;
        let (lower, pivot, _) = rest.select_nth_unstable_by(middle, |one, other| one.0.total_cmp(&other.0));
        let pivot_weight = f64::from(pivot.1);
        let below: f64 = lower.iter().map(|(_, weight)| f64::from(*weight)).sum();
        if wanted <= below {
            rest = &mut rest[..middle];
        } else if wanted <= below + pivot_weight {
            return f64::from(rest[middle].0);
        } else {
            wanted -= below + pivot_weight;
            rest = &mut rest[middle + 1..];
        }
    }
    rest.first().map_or(0.0, |(value, _)| f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMOOTH: [Loss; 5] = [
        Loss::Squared,
        Loss::Absolute,
        Loss::Huber(1.5),
        Loss::Pinball(0.2),
        Loss::Poisson,
    ];

    #[test]
    fn gradients_are_the_slopes_of_the_losses() {
        for loss in SMOOTH {
            for (score, target) in [(0.3, 1.0), (2.0, 0.5), (-1.0, 3.0), (4.0, 1.0)] {
                let step = 1e-3_f32;
                let slope =
                    (loss.value(score + step, target) - loss.value(score - step, target)) / f64::from(2.0 * step);
                let gradient = f64::from(loss.gradient(score, target));
                assert!(
                    (slope - gradient).abs() < 0.02 * (1.0 + slope.abs()),
                    "{loss:?} {score} {target}"
                );
            }
        }
    }

    #[test]
    fn curvature_is_the_slope_of_the_gradient_where_the_loss_is_curved() {
        for score in [-1.0_f32, 0.0, 2.0] {
            let step = 1e-2;
            let slope =
                (Loss::Poisson.gradient(score + step, 1.0) - Loss::Poisson.gradient(score - step, 1.0)) / (2.0 * step);
            assert!((slope - Loss::Poisson.curvature(score)).abs() < 1e-2 * slope);
        }
    }

    #[test]
    fn boosting_starts_where_no_constant_is_better() {
        let rows: Vec<(f32, f32, f32)> = (0..101)
            .map(|i| ((i * i % 37) as f32, (i % 5) as f32 * 0.1, 1.0 + (i % 3) as f32))
            .collect();
        for loss in SMOOTH {
            let best = start(loss, &rows) as f32;
            let total = |at: f32| -> f64 {
                rows.iter()
                    .map(|&(target, margin, weight)| f64::from(weight) * loss.value(margin + at, target))
                    .sum()
            };
            if !matches!(loss, Loss::Huber(_)) {
                assert!(total(best) <= total(best + 0.05) + 1e-3, "{loss:?}");
                assert!(total(best) <= total(best - 0.05) + 1e-3, "{loss:?}");
            }
        }
    }

    #[test]
    fn a_weighted_quantile_counts_weight_and_not_rows() {
        let mut values = vec![(1.0, 1.0), (2.0, 1.0), (3.0, 8.0), (0.0, 0.5)];
        let quantiles = [0.1, 0.5].map(|level| weighted_quantile(&mut values, level).to_bits());
        assert_eq!(quantiles, [1.0_f64, 3.0].map(f64::to_bits));
    }

    #[test]
    fn levels_that_do_not_increase_are_refused() {
        let objective = Objective::Quantile { levels: vec![0.5, 0.5] };
        assert!(objective.check().unwrap_err().to_string().contains("objective.levels"));
    }
}
