//! The gain of a split and the weight of a leaf.
//!
//! ```text
//! weight = -T(G) / (H + l2)        T(G) = sign(G) max(|G| - l1, 0)
//! gain   = T(G_left)^2 / (H_left + l2) + T(G_right)^2 / (H_right + l2) - T(G)^2 / (H + l2)
//! ```

use crate::gbdt::gradients::Gradients;
use crate::gbdt::histogram::Sums;
use crate::gbdt::parameters::GbdtParameters;

/// Between which weights a leaf must stay for a column to rise or to fall all over the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Bounds {
    /// No bound.
    pub(crate) const NONE: Self = Self {
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
    };

    /// The weight moved into the bounds.
    pub(crate) fn clamp(self, weight: f64) -> f64 {
        weight.max(self.lower).min(self.upper)
    }

    /// The bounds of both children of a split by a column that must go in `direction`.
    pub(crate) fn split(self, direction: i8, left: f64, right: f64) -> (Self, Self) {
        let middle = self.clamp(f64::midpoint(left, right));
        let below = Self { upper: middle, ..self };
        let above = Self { lower: middle, ..self };
        match direction {
            1 => (below, above),
            -1 => (above, below),
            _ => (self, self),
        }
    }
}

/// Derivatives summed over rows, in the scale of the gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Total {
    pub(crate) first: f64,
    pub(crate) second: f64,
    pub(crate) count: f64,
}

impl From<Sums> for Total {
    fn from(sums: Sums) -> Self {
        Self {
            first: sums.first as f64,
            second: sums.second as f64,
            count: sums.count as f64,
        }
    }
}

/// What a split must satisfy, in the scale of the gradients, so that histograms need not be scaled back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    first_scale: f64,
    second_scale: f64,
    pub(crate) l1: f64,
    pub(crate) l2: f64,
    pub(crate) min_weight: f64,
    pub(crate) min_count: f64,
    pub(crate) smoothing: f64,
    min_gain: f64,
}

impl Rule {
    /// The rule of `parameters` for derivatives that are scaled as `gradients` are.
    pub(crate) fn new(parameters: &GbdtParameters, gradients: &Gradients) -> Self {
        let (first_scale, second_scale) = (gradients.first_scale, gradients.second_scale);
        Self {
            first_scale,
            second_scale,
            l1: parameters.l1 * first_scale,
            l2: parameters.l2 * second_scale,
            min_weight: parameters.min_child_weight * second_scale,
            min_count: parameters.min_child_samples as f64,
            smoothing: parameters.category_smoothing * second_scale,
            min_gain: parameters.min_split_gain,
        }
    }

    /// The same with `l2` raised by the smoothing of categories.
    pub(crate) fn smoothed(self) -> Self {
        Self {
            l2: self.l2 + self.smoothing,
            ..self
        }
    }

    /// A scaled gain in the unit of the loss; none where it is too small to split for.
    pub(crate) fn gain(&self, scaled: f64) -> Option<f64> {
        let gain = scaled * self.second_scale / (self.first_scale * self.first_scale);
        (gain > self.min_gain && gain.is_finite()).then_some(gain)
    }

    /// How much rows that share a weight lower the loss.
    #[inline(always)]
    pub(crate) fn score(&self, first: f64, second: f64) -> f64 {
        let shrunk = (first.abs() - self.l1).max(0.0);
        shrunk * shrunk / (second + self.l2)
    }

    /// The scores of both sides of a split together, with one division.
    #[inline(always)]
    pub(crate) fn score_both(&self, first: [f64; 2], second: [f64; 2]) -> f64 {
        let [left, right] = first.map(|first| (first.abs() - self.l1).max(0.0));
        let [left_second, right_second] = second.map(|second| second + self.l2);
        (left * left * right_second + right * right * left_second) / (left_second * right_second)
    }

    /// The score of one side for a weight that had to be moved away from the best one.
    pub(crate) fn score_of(&self, total: Total, weight: f64) -> f64 {
        let scaled = weight * self.first_scale / self.second_scale;
        -(2.0 * total.first * scaled + (total.second + self.l2) * scaled * scaled + 2.0 * self.l1 * scaled.abs())
    }

    /// The weight at which rows have the lowest loss, in the unit of the score.
    pub(crate) fn weight(&self, total: Total) -> f64 {
        let shrunk = (total.first.abs() - self.l1).max(0.0).copysign(total.first);
        let weight = -shrunk / (total.second + self.l2) * (self.second_scale / self.first_scale);
        if weight.is_finite() { weight } else { 0.0 }
    }

    /// The sum of second derivatives in its own unit.
    pub(crate) fn cover(&self, sums: Sums) -> f64 {
        sums.second as f64 / self.second_scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(l1: f64, l2: f64) -> Rule {
        let parameters = GbdtParameters {
            l1,
            l2,
            ..GbdtParameters::default()
        };
        let mut gradients = Gradients::default();
        (gradients.first_scale, gradients.second_scale) = (1000.0, 50.0);
        Rule::new(&parameters, &gradients)
    }

    #[test]
    fn the_best_weight_has_the_best_score() {
        let rule = rule(0.5, 2.0);
        let total = Total {
            first: -3000.0,
            second: 200.0,
            count: 4.0,
        };
        let weight = rule.weight(total);
        assert!((weight - (3.0 - 0.5) / (4.0 + 2.0)).abs() < 1e-12);
        let best = rule.score_of(total, weight);
        assert!((best - rule.score(total.first, total.second)).abs() < 1e-6 * best);
        assert!(best > rule.score_of(total, weight + 0.01) && best > rule.score_of(total, weight - 0.01));
    }

    #[test]
    fn bounds_of_children_meet_in_the_middle() {
        let (left, right) = Bounds::NONE.split(1, 1.0, 3.0);
        assert_eq!((left.upper, right.lower), (2.0, 2.0));
        let (left, right) = Bounds { lower: 0.0, upper: 1.0 }.split(-1, 5.0, 3.0);
        assert_eq!((left.lower, left.upper, right.lower, right.upper), (1.0, 1.0, 0.0, 1.0));
    }
}
