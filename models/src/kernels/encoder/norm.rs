//! Layer normalisation: only the normalised values and the inverse deviations are kept.
//!
//! ```text
//! x̂ = (x − mean(x)) · s,   s = 1/√(var(x) + 1e-5),   y = γ·x̂ + β
//! ```
//!
//! Ba et al., "Layer Normalization", 2016.

use pulp::{Simd, WithSimd};

use crate::kernels::lanes::{load, store};

/// Keeps the deviation of a constant row from zero.
const EPSILON: f32 = 1e-5;

/// Rows forward.
pub(super) struct Normalise<'a> {
    pub(super) gain: &'a [f32],
    pub(super) bias: &'a [f32],
    /// `x`; becomes `x̂`.
    pub(super) rows: &'a mut [f32],
    /// `s` of each row.
    pub(super) scales: &'a mut [f32],
    pub(super) output: &'a mut [f32],
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.gain.len();
        let share = 1.0 / width as f32;
        let outputs = self.scales.iter_mut().zip(self.output.chunks_exact_mut(width));
        for (row, (scale, output)) in self.rows.chunks_exact_mut(width).zip(outputs) {
            let mean = total(simd, row) * share;
            center(simd, row, mean);
            let variance = dot(simd, row, row) * share;
            *scale = 1.0 / (variance + EPSILON).sqrt();
            let factor = simd.splat_f32s(*scale);
            for at in (0..width).step_by(S::F32_LANES) {
                let normal = simd.mul_f32s(load(simd, row, at), factor);
                store(simd, row, at, normal);
                store(
                    simd,
                    output,
                    at,
                    simd.mul_add_e_f32s(normal, load(simd, self.gain, at), load(simd, self.bias, at)),
                );
            }
        }
    }
}

/// Rows backward.
pub(super) struct Denormalise<'a> {
    pub(super) gain: &'a [f32],
    /// `x̂`.
    pub(super) normal: &'a [f32],
    /// `s` of each row.
    pub(super) scales: &'a [f32],
    /// The gradient of `y`; becomes that of `x`.
    pub(super) gradient: &'a mut [f32],
    /// Where the gradients of `γ` and `β` are added up.
    pub(super) gain_sum: &'a mut [f32],
    pub(super) bias_sum: &'a mut [f32],
}

impl WithSimd for Denormalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.gain.len();
        let share = 1.0 / width as f32;
        let kept = self.normal.chunks_exact(width).zip(self.scales);
        for (gradient, (normal, &scale)) in self.gradient.chunks_exact_mut(width).zip(kept) {
            let (mut sum, mut along) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            for at in (0..width).step_by(S::F32_LANES) {
                let (slope, normal) = (load(simd, gradient, at), load(simd, normal, at));
                let inner = simd.mul_f32s(slope, load(simd, self.gain, at));
                let gain_sum = simd.mul_add_e_f32s(slope, normal, load(simd, self.gain_sum, at));
                store(simd, self.gain_sum, at, gain_sum);
                let bias_sum = simd.add_f32s(slope, load(simd, self.bias_sum, at));
                store(simd, self.bias_sum, at, bias_sum);
                store(simd, gradient, at, inner);
                sum = simd.add_f32s(sum, inner);
                along = simd.mul_add_e_f32s(inner, normal, along);
            }
            let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) * share);
            let along = simd.splat_f32s(simd.reduce_sum_f32s(along) * share);
            let factor = simd.splat_f32s(scale);
            for at in (0..width).step_by(S::F32_LANES) {
                let centred = simd.sub_f32s(load(simd, gradient, at), mean);
                let upright = simd.negate_mul_add_e_f32s(load(simd, normal, at), along, centred);
                store(simd, gradient, at, simd.mul_f32s(upright, factor));
            }
        }
    }
}

#[inline(always)]
fn total<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    for at in (0..row.len()).step_by(S::F32_LANES) {
        sum = simd.add_f32s(sum, load(simd, row, at));
    }
    simd.reduce_sum_f32s(sum)
}

#[inline(always)]
fn center<S: Simd>(simd: S, row: &mut [f32], mean: f32) {
    let mean = simd.splat_f32s(mean);
    for at in (0..row.len()).step_by(S::F32_LANES) {
        let value = load(simd, row, at);
        store(simd, row, at, simd.sub_f32s(value, mean));
    }
}

#[inline(always)]
fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    for at in (0..left.len()).step_by(S::F32_LANES) {
        sum = simd.mul_add_e_f32s(load(simd, left, at), load(simd, right, at), sum);
    }
    simd.reduce_sum_f32s(sum)
}
