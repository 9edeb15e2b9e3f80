//! Attention within sequences of at most one line of steps: all heads of a sequence in one go, nothing packed.
//!
//! A row of scores fills a line, so that it stands in a register or two; the probabilities are kept.

use pulp::{Simd, WithSimd};

use super::attention::{Heads, LINE, Part};
use super::softmax::{Descend, Softmax};
use crate::kernels::lanes::{load, load_first, store_first};
use crate::kernels::product::View;

/// Rows that are summed at the same time.
const ROWS: usize = 6;

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
        let mut bars = [0.0; LINE];
        bars[length..].fill(f32::NEG_INFINITY);
        for (head, probabilities) in self.probabilities.chunks_exact_mut(length * LINE).enumerate() {
            let part = |part| self.heads.part(self.projected, part, head, 0, length);
            let keys = turn(part(Part::Key), self.turned);
            weigh(simd, part(Part::Query), keys, &bars, (probabilities, LINE));
            let mut logarithms = [0.0; LINE];
            let softmax = Softmax {
                length,
                scale: self.heads.scale(),
                scores: probabilities,
                logarithms: &mut logarithms[..length],
            };
            softmax.with_simd(simd);
            let weights = View::strided(probabilities, length, length, LINE);
            let target = &mut self.output[head * self.heads.head_width()..];
            weigh(simd, weights, part(Part::Value), &[0.0; LINE], (target, width));
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
        let (heads, length, zero) = (self.heads, self.heads.length, [0.0; LINE]);
        for (head, probabilities) in self.probabilities.chunks_exact(length * LINE).enumerate() {
            let part = |part| heads.part(self.projected, part, head, 0, length);
            let slope = heads.of_head(self.gradient, head, 0, length);
            let values = turn(part(Part::Value), self.turned);
            weigh(simd, slope, values, &zero, (self.slopes, LINE));
            let descend = Descend {
                length,
                scale: heads.scale(),
                probabilities,
                slopes: self.slopes,
            };
            descend.with_simd(simd);
            let slopes = View::strided(self.slopes, length, length, LINE);
            let weights = View::strided(probabilities, length, length, LINE);
            let stride = 3 * heads.width;
            let gives = [
                (slopes, Part::Key, Part::Query),
                (slopes.transposed(), Part::Query, Part::Key),
            ];
            for (weights, from, to) in gives {
                weigh(
                    simd,
                    weights,
                    part(from),
                    &zero,
                    (&mut self.target[heads.place(to, head)..], stride),
                );
            }
            let target = &mut self.target[heads.place(Part::Value, head)..];
            weigh(simd, weights.transposed(), slope, &zero, (target, stride));
        }
    }
}

/// Rows to columns of lines, which are filled up with zeros.
#[inline(always)]
fn turn<'a>(rows: View<'_>, turned: &'a mut [f32]) -> View<'a> {
    for (column, line) in turned.chunks_exact_mut(LINE).enumerate() {
        for (row, value) in line[..rows.rows()].iter_mut().enumerate() {
            *value = rows.at(row, column);
        }
        line[rows.rows()..].fill(0.0);
    }
    View::new(turned, rows.columns(), LINE)
}

/// `target = start + weights · right`, whose rows begin as many numbers apart as the target says.
#[inline(always)]
fn weigh<S: Simd>(simd: S, weights: View<'_>, right: View<'_>, start: &[f32; LINE], target: (&mut [f32], usize)) {
    let (target, stride) = target;
    for column in (0..right.columns()).step_by(S::F32_LANES) {
        // A start is one line; what is wider starts from zero, as does the rest of a head.
        let start = load(simd, start, column % LINE);
        let mut row = 0;
        while row < weights.rows() {
            row += if weights.rows() - row >= ROWS {
                weigh_rows::<S, ROWS>(simd, weights, right, start, (row, column), (target, stride))
            } else {
                weigh_rows::<S, 1>(simd, weights, right, start, (row, column), (target, stride))
            };
        }
    }
}

/// `R` rows of one vector; says how many rows these were.
#[inline(always)]
fn weigh_rows<S: Simd, const R: usize>(
    simd: S,
    weights: View<'_>,
    right: View<'_>,
    start: S::f32s,
    (row, column): (usize, usize),
    (target, stride): (&mut [f32], usize),
) -> usize {
    let count = right.columns() - column;
    let mut sums = [start; R];
    for k in 0..weights.columns() {
        let vector = load_first(simd, &right.row(k)[column..], count);
        for (r, sum) in sums.iter_mut().enumerate() {
            *sum = simd.mul_add_e_f32s(simd.splat_f32s(weights.at(row + r, k)), vector, *sum);
        }
    }
    for (r, sum) in sums.into_iter().enumerate() {
        store_first(simd, &mut target[(row + r) * stride + column..], count, sum);
    }
    R
}
