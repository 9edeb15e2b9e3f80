//! The passes over rows of forecasts.

use pulp::{Simd, WithSimd};

use super::{Quantiles, Truth};
use crate::kernels::lanes::{load, load_first, softplus, store, store_first};

/// See [`Quantiles::forecast`].
pub(super) struct Forecast<'a> {
    pub(super) quantiles: &'a Quantiles,
    pub(super) raw: &'a mut [f32],
    pub(super) base: &'a [f32],
}

impl WithSimd for Forecast<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Quantiles {
            levels,
            centre,
            horizon,
        } = self.quantiles;
        let rows = self.raw.chunks_exact_mut(self.quantiles.row());
        for (row, base) in rows.zip(self.base.chunks_exact(*horizon)) {
            for at in (0..*horizon).step_by(S::F32_LANES) {
                let count = horizon - at;
                let middle = simd.add_f32s(
                    load(simd, base, at),
                    load_first(simd, &row[centre * horizon + at..], count),
                );
                store_first(simd, &mut row[centre * horizon + at..], count, middle);
                let mut value = middle;
                for quantile in centre + 1..levels.len() {
                    let place = &mut row[quantile * horizon + at..];
                    value = simd.add_f32s(value, softplus(simd, load_first(simd, place, count)).0);
                    store_first(simd, place, count, value);
                }
                value = middle;
                for quantile in (0..*centre).rev() {
                    let place = &mut row[quantile * horizon + at..];
                    value = simd.sub_f32s(value, softplus(simd, load_first(simd, place, count)).0);
                    store_first(simd, place, count, value);
                }
            }
        }
    }
}

/// See [`Quantiles::loss`].
pub(super) struct Loss<'a> {
    pub(super) quantiles: &'a Quantiles,
    pub(super) raw: &'a mut [f32],
    pub(super) truth: Truth<'a>,
    pub(super) gradient: &'a mut [f32],
}

impl WithSimd for Loss<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (row, horizon) = (self.quantiles.row(), self.quantiles.horizon);
        let numbers = self.raw.chunks_exact_mut(row).zip(self.gradient.chunks_exact_mut(row));
        let truth = self
            .truth
            .base
            .chunks_exact(horizon)
            .zip(self.truth.target.chunks_exact(horizon));
        let mut loss = 0.0;
        for ((numbers, (base, target)), &weight) in numbers.zip(truth).zip(self.truth.weights) {
            for at in (0..horizon).step_by(S::F32_LANES) {
                let mut piece = Piece {
                    quantiles: self.quantiles,
                    raw: &mut *numbers.0,
                    gradient: &mut *numbers.1,
                    at,
                };
                let (base, target) = (load(simd, base, at), load(simd, target, at));
                let sum = piece.descend(simd, base, target, simd.splat_f32s(weight));
                loss += f64::from(simd.reduce_sum_f32s(sum));
                piece.gather(simd);
            }
        }
        loss
    }
}

/// A vector of steps ahead of all quantiles of one row.
struct Piece<'a> {
    quantiles: &'a Quantiles,
    raw: &'a mut [f32],
    gradient: &'a mut [f32],
    at: usize,
}

impl Piece<'_> {
    /// How many steps there are; lanes behind them hold zeros.
    #[inline(always)]
    fn count(&self) -> usize {
        self.quantiles.horizon - self.at
    }

    #[inline(always)]
    fn place(&self, quantile: usize) -> usize {
        quantile * self.quantiles.horizon + self.at
    }

    /// The loss; leaves the gradients of the forecasts in `gradient` and the slopes of the distances in `raw`.
    #[inline(always)]
    fn descend<S: Simd>(&mut self, simd: S, base: S::f32s, target: S::f32s, weight: S::f32s) -> S::f32s {
        let (centre, count) = (self.quantiles.centre, self.count());
        let middle = simd.add_f32s(base, load_first(simd, &self.raw[self.place(centre)..], count));
        let mut sum = self.compare(simd, centre, middle, target, weight);
        let mut value = middle;
        for quantile in centre + 1..self.quantiles.levels.len() {
            value = simd.add_f32s(value, self.distance(simd, quantile));
            sum = simd.add_f32s(sum, self.compare(simd, quantile, value, target, weight));
        }
        value = middle;
        for quantile in (0..centre).rev() {
            value = simd.sub_f32s(value, self.distance(simd, quantile));
            sum = simd.add_f32s(sum, self.compare(simd, quantile, value, target, weight));
        }
        sum
    }

    /// How far a quantile is from its neighbour; its slope replaces it.
    #[inline(always)]
    fn distance<S: Simd>(&mut self, simd: S, quantile: usize) -> S::f32s {
        let (place, count) = (self.place(quantile), self.count());
        let (distance, slope) = softplus(simd, load_first(simd, &self.raw[place..], count));
        store_first(simd, &mut self.raw[place..], count, slope);
        distance
    }

    /// The loss of one quantile; its gradient is stored. A forecast that is not a number gives such a loss.
    #[inline(always)]
    fn compare<S: Simd>(
        &mut self,
        simd: S,
        quantile: usize,
        value: S::f32s,
        target: S::f32s,
        weight: S::f32s,
    ) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        let level = self.quantiles.levels[quantile];
        let error = simd.sub_f32s(target, value);
        let above = simd.less_than_f32s(zero, error);
        let factor = simd.select_f32s(above, simd.splat_f32s(level), simd.splat_f32s(level - 1.0));
        let counts = simd.equal_f32s(target, target);
        let factor = simd.select_f32s(counts, simd.mul_f32s(factor, weight), zero);
        let (place, count) = (self.place(quantile), self.count());
        store_first(simd, &mut self.gradient[place..], count, simd.neg_f32s(factor));
        let loss = simd.select_f32s(counts, simd.mul_f32s(factor, error), zero);
        keep_first(simd, loss, count)
    }

    /// From the gradients of the forecasts to those of what the network gives.
    #[inline(always)]
    fn gather<S: Simd>(&mut self, simd: S) {
        let (centre, last) = (self.quantiles.centre, self.quantiles.levels.len() - 1);
        let zero = simd.splat_f32s(0.0);
        let (mut above, mut below) = (zero, zero);
        for quantile in (centre + 1..=last).rev() {
            above = self.pass_on(simd, quantile, above, 1.0);
        }
        for quantile in 0..centre {
            below = self.pass_on(simd, quantile, below, -1.0);
        }
        let (place, count) = (self.place(centre), self.count());
        let own = load_first(simd, &self.gradient[place..], count);
        let total = simd.add_f32s(own, simd.add_f32s(above, below));
        store_first(simd, &mut self.gradient[place..], count, total);
    }

    /// The gradient of one distance, which moves its quantile and all beyond it, whose gradients are in `sum`.
    #[inline(always)]
    fn pass_on<S: Simd>(&mut self, simd: S, quantile: usize, sum: S::f32s, sign: f32) -> S::f32s {
        let (place, count) = (self.place(quantile), self.count());
        let sum = simd.add_f32s(sum, load_first(simd, &self.gradient[place..], count));
        let slope = simd.mul_f32s(simd.splat_f32s(sign), load_first(simd, &self.raw[place..], count));
        store_first(simd, &mut self.gradient[place..], count, simd.mul_f32s(sum, slope));
        sum
    }
}

/// Zero in all lanes but the first `count`.
#[inline(always)]
fn keep_first<S: Simd>(simd: S, value: S::f32s, count: usize) -> S::f32s {
    if count >= S::F32_LANES {
        return value;
    }
    let mut lanes = [0.0; 64];
    let lanes = &mut lanes[..S::F32_LANES];
    store(simd, lanes, 0, value);
    lanes[count..].fill(0.0);
    load(simd, lanes, 0)
}
