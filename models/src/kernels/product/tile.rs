//! The innermost loops of a product: a few rows by one panel, summed in registers.

use pulp::{Simd, WithSimd};

use super::{Finish, Packed, Start, View, fits};
use crate::kernels::instructions::vectors_of_panel;
use crate::kernels::lanes::{load_first, store_first};

/// Rows of a tile. Six by four vectors of 32 registers, or six by two of 16, leave room for the operands.
const ROWS: usize = 6;
/// Rows of a tile where the panel is narrow: sums enough to keep the units busy.
const MANY_ROWS: usize = 12;
/// Rows of a panel that are summed before the sums are stored: such a piece stays in the innermost cache.
const DEPTH: usize = 256;

/// One product, cut into tiles. All extents were checked by [`Tiles::new`].
pub(super) struct Tiles<'a> {
    left: View<'a>,
    right: &'a Packed,
    start: Start<'a>,
    finish: Finish<'a>,
    target: &'a mut [f32],
    stride: usize,
}

/// Where one tile stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    row: usize,
    column: usize,
    /// First and past-the-last index of the summation.
    depth: (usize, usize),
    panel: &'a [f32],
    width: usize,
}

impl<'a> Tiles<'a> {
    /// A product whose shapes agree.
    ///
    /// # Panics
    /// When they do not.
    pub(super) fn new(
        left: View<'a>,
        right: &'a Packed,
        (start, finish): (Start<'a>, Finish<'a>),
        target: &'a mut [f32],
        stride: usize,
    ) -> Self {
        let covers = |len: usize| fits(len, left.rows, right.columns(), stride);
        assert_eq!(left.columns, right.rows(), "the inner extents of a product must agree");
        assert!(covers(target.len()), "the target of a product must hold it");
        match start {
            Start::Zero | Start::Target => {}
            Start::Bias(bias) => assert!(bias.len() >= right.columns()),
            Start::Residual(bias, matrix) => assert!(bias.len() >= right.columns() && covers(matrix.len())),
        }
        if let Finish::WherePositive(matrix) = finish {
            assert!(covers(matrix.len()));
        }
        Self {
            left,
            right,
            start,
            finish,
            target,
            stride,
        }
    }
}

impl WithSimd for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        assert_eq!(
            self.right.panel,
            vectors_of_panel::<S>() * S::F32_LANES,
            "packed for other instructions"
        );
        let depth = self.right.rows();
        let mut first = 0;
        loop {
            let last = depth.min(first + DEPTH);
            self.panels(simd, (first, last));
            first = last;
            if first >= depth {
                return;
            }
        }
    }
}

impl Tiles<'_> {
    #[inline(always)]
    fn panels<S: Simd>(&mut self, simd: S, depth: (usize, usize)) {
        let right = self.right;
        for column in (0..right.columns()).step_by(right.panel) {
            let (panel, width) = right.panel_at(column);
            let place = Place {
                row: 0,
                column,
                depth,
                panel,
                width,
            };
            match width / S::F32_LANES {
                1 => self.rows::<S, 1>(simd, place),
                2 => self.rows::<S, 2>(simd, place),
                3 if S::REGISTER_COUNT >= 32 => self.rows::<S, 3>(simd, place),
                _ if S::REGISTER_COUNT >= 32 => self.rows::<S, 4>(simd, place),
                _ => unreachable!("a panel is two vectors wide where registers are few"),
            }
        }
    }

    #[inline(always)]
    fn rows<S: Simd, const VECTORS: usize>(&mut self, simd: S, mut place: Place<'_>) {
        while place.row < self.left.rows {
            place.row += match self.left.rows - place.row {
                1 => self.tile::<S, 1, VECTORS>(simd, place),
                2 | 3 => self.tile::<S, 2, VECTORS>(simd, place),
                4 | 5 => self.tile::<S, 4, VECTORS>(simd, place),
                MANY_ROWS.. if 2 * VECTORS <= vectors_of_panel::<S>() => {
                    self.tile::<S, MANY_ROWS, VECTORS>(simd, place)
                }
                _ => self.tile::<S, ROWS, VECTORS>(simd, place),
            };
        }
    }

    /// Computes `R` rows of a panel of `V` vectors and says how many rows these were.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, place: Place<'_>) -> usize {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        self.start(simd, place, &mut sums);
        // SAFETY: `R` rows from `place.row` on and `place.depth` lie within `left`, as `rows` and `with_simd` see to;
        // the panel has `place.width` = `V` vectors in each of its rows.
        unsafe {
            let left = self
                .left
                .data
                .as_ptr()
                .add(place.row * self.left.row_step + place.depth.0 * self.left.column_step);
            let right = place.panel.as_ptr().add(place.depth.0 * place.width);
            let steps = (self.left.row_step, self.left.column_step);
            sum_products::<S, R, V>(simd, left, steps, right, place.depth.1 - place.depth.0, &mut sums);
        }
        self.store(simd, place, sums);
        R
    }

    #[inline(always)]
    fn start<S: Simd, const R: usize, const V: usize>(&self, simd: S, place: Place<'_>, sums: &mut [[S::f32s; V]; R]) {
        let start = if place.depth.0 > 0 { Start::Target } else { self.start };
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let column = place.column + vector * S::F32_LANES;
                let at = (place.row + row) * self.stride + column;
                let count = self.right.columns() - column;
                *sum = match start {
                    Start::Zero => simd.splat_f32s(0.0),
                    Start::Target => load_first(simd, &self.target[at..], count),
                    Start::Bias(bias) => load_first(simd, &bias[column..], count),
                    Start::Residual(bias, matrix) => simd.add_f32s(
                        load_first(simd, &bias[column..], count),
                        load_first(simd, &matrix[at..], count),
                    ),
                };
            }
        }
    }

    #[inline(always)]
    fn store<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, place: Place<'_>, sums: [[S::f32s; V]; R]) {
        let zero = simd.splat_f32s(0.0);
        let finish = if place.depth.1 < self.right.rows() {
            Finish::Keep
        } else {
            self.finish
        };
        for (row, sums) in sums.into_iter().enumerate() {
            for (vector, sum) in sums.into_iter().enumerate() {
                let column = place.column + vector * S::F32_LANES;
                let at = (place.row + row) * self.stride + column;
                let count = self.right.columns() - column;
                let value = match finish {
                    Finish::Keep => sum,
                    // Written as a choice, not as a maximum: a sum that is not a number must stay one.
                    Finish::Relu => simd.select_f32s(simd.less_than_f32s(sum, zero), zero, sum),
                    Finish::WherePositive(matrix) => {
                        let positive = simd.less_than_f32s(zero, load_first(simd, &matrix[at..], count));
                        simd.select_f32s(positive, sum, zero)
                    }
                };
                store_first(simd, &mut self.target[at..], count, value);
            }
        }
    }
}

/// `sums[r][v] += Σₖ left[r, k] · right[k, v]`.
///
/// # Safety
/// `left` is readable at `r · steps.0 + k · steps.1` for each `r < R` and `k < depth`, `right` for `depth · V` vectors.
#[inline(always)]
unsafe fn sum_products<S: Simd, const R: usize, const V: usize>(
    simd: S,
    left: *const f32,
    steps: (usize, usize),
    right: *const f32,
    depth: usize,
    sums: &mut [[S::f32s; V]; R],
) {
    let mut totals = *sums;
    for k in 0..depth {
        let mut vectors = [simd.splat_f32s(0.0); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: the caller's promise about `right`.
            *vector = unsafe { right.add((k * V + v) * S::F32_LANES).cast::<S::f32s>().read_unaligned() };
        }
        for (r, totals) in totals.iter_mut().enumerate() {
            // SAFETY: the caller's promise about `left`.
            let factor = simd.splat_f32s(unsafe { *left.add(r * steps.0 + k * steps.1) });
            for (total, &vector) in totals.iter_mut().zip(&vectors) {
                *total = simd.mul_add_e_f32s(factor, vector, *total);
            }
        }
    }
    *sums = totals;
}
