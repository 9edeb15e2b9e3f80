//! Rows of scores to probabilities, and the gradient of it.
//!
//! Rows are filled up to whole vectors; what stands past `length` must be minus infinity in scores, and is left alone.

use pulp::{Simd, WithSimd};

use crate::kernels::lanes::{exp, load, store};

/// Scores to probabilities: `exp(scale·x − log Σ exp(scale·x))`.
pub(super) struct Softmax<'a> {
    pub(super) length: usize,
    pub(super) scale: f32,
    pub(super) scores: &'a mut [f32],
    /// The logarithm of each row's sum, for [`Recall`].
    pub(super) logarithms: &'a mut [f32],
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scale = simd.splat_f32s(self.scale);
        let stride = self.scores.len() / self.logarithms.len();
        for (row, logarithm) in self.scores.chunks_exact_mut(stride).zip(self.logarithms) {
            let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
            for at in (0..self.length).step_by(S::F32_LANES) {
                largest = simd.max_f32s(largest, load(simd, row, at));
            }
            let largest = simd.reduce_max_f32s(largest) * self.scale;
            let shift = simd.splat_f32s(-largest);
            let mut sum = simd.splat_f32s(0.0);
            for at in (0..self.length).step_by(S::F32_LANES) {
                let power = exp(simd, simd.mul_add_e_f32s(load(simd, row, at), scale, shift));
                store(simd, &mut row[..self.length], at, power);
                sum = simd.add_f32s(sum, power);
            }
            let sum = simd.reduce_sum_f32s(sum);
            *logarithm = largest + sum.ln();
            let share = simd.splat_f32s(1.0 / sum);
            for at in (0..self.length).step_by(S::F32_LANES) {
                let power = load(simd, row, at);
                store(simd, &mut row[..self.length], at, simd.mul_f32s(power, share));
            }
        }
    }
}

/// Scores to probabilities by the logarithms that [`Softmax`] left.
pub(super) struct Recall<'a> {
    pub(super) length: usize,
    pub(super) scale: f32,
    pub(super) scores: &'a mut [f32],
    pub(super) logarithms: &'a [f32],
}

impl WithSimd for Recall<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scale = simd.splat_f32s(self.scale);
        let stride = self.scores.len() / self.logarithms.len();
        for (row, logarithm) in self.scores.chunks_exact_mut(stride).zip(self.logarithms) {
            let shift = simd.splat_f32s(-logarithm);
            for at in (0..self.length).step_by(S::F32_LANES) {
                let power = exp(simd, simd.mul_add_e_f32s(load(simd, row, at), scale, shift));
                store(simd, &mut row[..self.length], at, power);
            }
        }
    }
}

/// The gradient of probabilities to that of scores: `scale · p·(g − Σ p·g)`.
pub(super) struct Descend<'a> {
    pub(super) length: usize,
    pub(super) scale: f32,
    pub(super) probabilities: &'a [f32],
    /// In: of the probabilities; out: of the scores.
    pub(super) slopes: &'a mut [f32],
}

impl WithSimd for Descend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scale = simd.splat_f32s(self.scale);
        let stride = self.length.next_multiple_of(super::attention::LINE);
        for (slopes, row) in self
            .slopes
            .chunks_exact_mut(stride)
            .zip(self.probabilities.chunks_exact(stride))
        {
            let (slopes, row) = (&mut slopes[..self.length], &row[..self.length]);
            let mut sum = simd.splat_f32s(0.0);
            for at in (0..self.length).step_by(S::F32_LANES) {
                sum = simd.mul_add_e_f32s(load(simd, row, at), load(simd, slopes, at), sum);
            }
            let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum));
            for at in (0..self.length).step_by(S::F32_LANES) {
                let weight = simd.mul_f32s(load(simd, row, at), scale);
                let slope = simd.sub_f32s(load(simd, slopes, at), mean);
                store(simd, slopes, at, simd.mul_f32s(weight, slope));
            }
        }
    }
}
