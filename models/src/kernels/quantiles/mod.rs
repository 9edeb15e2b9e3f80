//! Quantile forecasts that cannot cross, and the loss that teaches them.
//!
//! ```text
//! y_c = base + r_c,   y_q = y_(q−1) + softplus(r_q) above the centre c,   y_q = y_(q+1) − softplus(r_q) below
//! loss = Σ weight · Σ_q max(q·(target − y_q), (q − 1)·(target − y_q))      where there is a target
//! ```
//!
//! The pinball loss: Koenker and Bassett, "Regression Quantiles", Econometrica 46 (1978). Rows are `[quantiles, horizon]`,
//! so that a vector holds steps ahead of one quantile.

mod rows;
#[cfg(test)]
mod tests;

use super::instructions::Instructions;

/// The quantiles of a forecast.
#[derive(Debug, Clone)]
pub(crate) struct Quantiles {
    levels: Vec<f32>,
    centre: usize,
    horizon: usize,
}

/// What rows are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth<'a> {
    /// The anchors `[rows, horizon]`.
    pub(crate) base: &'a [f32],
    /// `[rows, horizon]`; what is not a number does not count.
    pub(crate) target: &'a [f32],
    /// The weight of each row's errors.
    pub(crate) weights: &'a [f32],
}

impl Quantiles {
    /// Increasing `levels`, at least one; the one nearest a half is the centre.
    pub(crate) fn new(levels: &[f32], horizon: usize) -> Self {
        let distance = |&(_, level): &(usize, &f32)| (level - 0.5).abs();
        let nearest = levels
            .iter()
            .enumerate()
            .min_by(|left, right| distance(left).total_cmp(&distance(right)));
        Self {
            levels: levels.to_vec(),
            centre: nearest.map_or(0, |(position, _)| position),
            horizon,
        }
    }

    /// Which quantile the others stand around.
    pub(crate) fn centre(&self) -> usize {
        self.centre
    }

    /// Numbers of a row.
    pub(crate) fn row(&self) -> usize {
        self.levels.len() * self.horizon
    }

    /// Turns what the network gives into forecasts, in place.
    pub(crate) fn forecast(&self, instructions: Instructions, raw: &mut [f32], base: &[f32]) {
        instructions.run(rows::Forecast {
            quantiles: self,
            raw,
            base,
        });
    }

    /// The loss of the rows that the network gives; their gradient goes to `gradient`, and `raw` is used up.
    pub(crate) fn loss(
        &self,
        instructions: Instructions,
        raw: &mut [f32],
        truth: Truth<'_>,
        gradient: &mut [f32],
    ) -> f64 {
        instructions.run(rows::Loss {
            quantiles: self,
            raw,
            truth,
            gradient,
        })
    }
}
