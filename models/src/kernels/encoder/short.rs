//! Attention within sequences of at most one line of steps: all heads of a sequence in one go, nothing packed.
//!
//! Scores stand turned, `[keys, queries]`, so that a query is a lane: the softmax goes down the rows, many queries at a time,
//! and no vector is ever summed across. A row fills a line; what stands in the lanes past the last query is never read. The
//! probabilities are kept.

use pulp::{Simd, WithSimd};

use super::attention::{Heads, LINE, Part};
use crate::kernels::lanes::{exp, load, store};
use crate::kernels::product::{View, multiply_unpacked};

/// Queries, keys and values to the output and the probabilities `[heads, length, LINE]`.
pub(super) struct Forward<'a> {
    pub(super) heads: Heads,
    pub(super) projected: &'a [f32],
    /// Scratch of a line for each number of a head.
    pub(super) turned: &'a mut [f32],
    pub(super) probabilities: &'a mut [f32],
    pub(super) output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Heads { length, width, .. } = self.heads;
        for (head, probabilities) in self.probabilities.chunks_exact_mut(length * LINE).enumerate() {
            let part = |part| self.heads.part(self.projected, part, head, 0, length);
            let queries = turn(part(Part::Query), self.turned);
            multiply_unpacked(simd, part(Part::Key), queries, (&mut *probabilities, LINE));
            weigh(simd, self.heads.scale(), probabilities);
            let weights = View::strided(probabilities, length, length, LINE).transposed();
            let target = &mut self.output[head * self.heads.head_width()..];
            multiply_unpacked(simd, weights, part(Part::Value), (target, width));
        }
    }
}

/// The gradient of the output to that of queries, keys and values.
pub(super) struct Backward<'a> {
    pub(super) heads: Heads,
    pub(super) projected: &'a [f32],
    pub(super) probabilities: &'a [f32],
    pub(super) gradient: &'a [f32],
    /// Scratch of a line for each number of a head.
    pub(super) turned: &'a mut [f32],
    /// Scratch of a line for each step.
    pub(super) slopes: &'a mut [f32],
    pub(super) target: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (heads, length) = (self.heads, self.heads.length);
        for (head, probabilities) in self.probabilities.chunks_exact(length * LINE).enumerate() {
            let part = |part| heads.part(self.projected, part, head, 0, length);
            let slope = heads.of_head(self.gradient, head, 0, length);
            let turned = turn(slope, self.turned);
            multiply_unpacked(simd, part(Part::Value), turned, (&mut *self.slopes, LINE));
            descend(simd, heads.scale(), probabilities, self.slopes);
            let slopes = View::strided(self.slopes, length, length, LINE);
            let weights = View::strided(probabilities, length, length, LINE);
            let gives = [
                (slopes.transposed(), part(Part::Key), Part::Query),
                (slopes, part(Part::Query), Part::Key),
                (weights, slope, Part::Value),
            ];
            for (weights, from, to) in gives {
                let target = &mut self.target[heads.place(to, head)..];
                multiply_unpacked(simd, weights, from, (target, 3 * heads.width));
            }
        }
    }
}

/// Rows to columns of lines. The lanes past the last row keep what they hold: their sums are never read.
#[inline(always)]
fn turn<'a>(rows: View<'_>, turned: &'a mut [f32]) -> View<'a> {
    for row in 0..rows.rows().min(LINE) {
        let values = &rows.row(row)[..rows.columns()];
        for (line, &value) in turned.as_chunks_mut::<LINE>().0.iter_mut().zip(values) {
            line[row] = value;
        }
    }
    View::new(turned, rows.columns(), LINE)
}

/// Scores to probabilities, column by column: `exp(scale·(x − max))` over its sum.
#[inline(always)]
fn weigh<S: Simd>(simd: S, scale: f32, scores: &mut [f32]) {
    let factor = simd.splat_f32s(scale);
    for at in (0..LINE).step_by(S::F32_LANES) {
        let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
        for row in scores.as_chunks::<LINE>().0 {
            largest = simd.max_f32s(largest, load(simd, row, at));
        }
        let shift = simd.neg_f32s(simd.mul_f32s(largest, factor));
        let mut sum = simd.splat_f32s(0.0);
        for row in scores.as_chunks_mut::<LINE>().0 {
            let power = exp(simd, simd.mul_add_e_f32s(load(simd, row, at), factor, shift));
            store(simd, row, at, power);
            sum = simd.add_f32s(sum, power);
        }
        let share = simd.div_f32s(simd.splat_f32s(1.0), sum);
        for row in scores.as_chunks_mut::<LINE>().0 {
            let power = load(simd, row, at);
            store(simd, row, at, simd.mul_f32s(power, share));
        }
    }
}

/// The gradient of probabilities to that of scores, column by column: `scale · p·(g − Σ p·g)`.
#[inline(always)]
fn descend<S: Simd>(simd: S, scale: f32, probabilities: &[f32], slopes: &mut [f32]) {
    let factor = simd.splat_f32s(scale);
    let probabilities = probabilities.as_chunks::<LINE>().0;
    for at in (0..LINE).step_by(S::F32_LANES) {
        let mut mean = simd.splat_f32s(0.0);
        for (row, slopes) in probabilities.iter().zip(slopes.as_chunks::<LINE>().0) {
            mean = simd.mul_add_e_f32s(load(simd, row, at), load(simd, slopes, at), mean);
        }
        for (row, slopes) in probabilities.iter().zip(slopes.as_chunks_mut::<LINE>().0) {
            let weight = simd.mul_f32s(load(simd, row, at), factor);
            let slope = simd.sub_f32s(load(simd, slopes, at), mean);
            store(simd, slopes, at, simd.mul_f32s(weight, slope));
        }
    }
}
