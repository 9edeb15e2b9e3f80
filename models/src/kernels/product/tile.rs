//! The innermost loops of a product: a few rows by one panel, summed in registers.

use pulp::{Simd, WithSimd};

use super::{Finish, Packed, Start, View, fits};
use crate::kernels::instructions::vectors_of_panel;
use crate::kernels::lanes::{load_first, store_first};

/// Rows of a tile. Six by four vectors of 32 registers, or six by two of 16, leave room for the operands.
const ROWS: usize = 6;
/// Rows of a tile where the panel is one vector wide: sums enough to keep the units busy.
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
                2 => self.tile::<S, 2, VECTORS>(simd, place),
                3 => self.tile::<S, 3, VECTORS>(simd, place),
                4 | 5 => self.tile::<S, 4, VECTORS>(simd, place),
                MANY_ROWS.. if VECTORS == 1 => self.tile::<S, MANY_ROWS, VECTORS>(simd, place),
                _ => self.tile::<S, ROWS, VECTORS>(simd, place),
            };
        }
    }

    /// Computes `R` rows of a panel of `V` vectors and says how many rows these were.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, place: Place<'_>) -> usize {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        self.start(simd, place, &mut sums);
        let (left, depth) = (self.left, place.depth.1 - place.depth.0);
        // SAFETY: `R` rows from `place.row` on and `place.depth` lie within `left`, as `rows` and `with_simd` see to; the
        // panel has `place.width` = `V` vectors in each of its rows. To check it again for each tile takes time.
        unsafe {
            let first = place.row * left.row_step + place.depth.0 * left.column_step;
            let factors = left.data.as_ptr().wrapping_add(first);
            let vectors = place.panel.as_ptr().add(place.depth.0 * place.width);
            add_all::<S, R, V>(simd, (factors, left), (vectors, place.width), depth, &mut sums);
        }
        self.store(simd, place, &mut sums);
        R
    }

    /// Where a row of a tile stands in the target.
    #[inline(always)]
    fn at(&self, place: Place<'_>, row: usize) -> usize {
        (place.row + row) * self.stride + place.column
    }

    #[inline(always)]
    fn start<S: Simd, const R: usize, const V: usize>(&self, simd: S, place: Place<'_>, sums: &mut [[S::f32s; V]; R]) {
        let count = self.right.columns() - place.column;
        match if place.depth.0 > 0 { Start::Target } else { self.start } {
            Start::Zero => {}
            Start::Target => {
                for (row, sums) in sums.iter_mut().enumerate() {
                    *sums = load_row(simd, &self.target[self.at(place, row)..], count);
                }
            }
            Start::Bias(bias) => *sums = [load_row(simd, &bias[place.column..], count); R],
            Start::Residual(bias, matrix) => {
                let bias = load_row::<S, V>(simd, &bias[place.column..], count);
                for (row, sums) in sums.iter_mut().enumerate() {
                    *sums = load_row(simd, &matrix[self.at(place, row)..], count);
                    for (sum, &bias) in sums.iter_mut().zip(&bias) {
                        *sum = simd.add_f32s(bias, *sum);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn store<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        place: Place<'_>,
        sums: &mut [[S::f32s; V]; R],
    ) {
        let (zero, count) = (simd.splat_f32s(0.0), self.right.columns() - place.column);
        let is_last = place.depth.1 == self.right.rows();
        match if is_last { self.finish } else { Finish::Keep } {
            Finish::Keep => {}
            Finish::Relu => {
                for sum in sums.as_flattened_mut() {
                    // Written as a choice, not as a maximum: a sum that is not a number must stay one.
                    *sum = simd.select_f32s(simd.less_than_f32s(*sum, zero), zero, *sum);
                }
            }
            Finish::WherePositive(matrix) => {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let matrix = load_row::<S, V>(simd, &matrix[self.at(place, row)..], count);
                    for (sum, &number) in sums.iter_mut().zip(&matrix) {
                        *sum = simd.select_f32s(simd.less_than_f32s(zero, number), *sum, zero);
                    }
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let at = self.at(place, row);
            store_row(simd, &mut self.target[at..], count, sums);
        }
    }
}

/// The first `count` numbers in at most `V` vectors; what is left of these is zero.
#[inline(always)]
pub(super) fn load_row<S: Simd, const V: usize>(simd: S, from: &[f32], count: usize) -> [S::f32s; V] {
    let mut row = [simd.splat_f32s(0.0); V];
    if count >= V * S::F32_LANES {
        row.copy_from_slice(S::as_simd_f32s(&from[..V * S::F32_LANES]).0);
    } else {
        for (vector, value) in row.iter_mut().enumerate() {
            let at = vector * S::F32_LANES;
            *value = load_first(simd, &from[at..], count - at);
        }
    }
    row
}

/// Stores the first `count` of `V` vectors of numbers, at most all of them.
#[inline(always)]
pub(super) fn store_row<S: Simd, const V: usize>(simd: S, to: &mut [f32], count: usize, row: &[S::f32s; V]) {
    if count >= V * S::F32_LANES {
        S::as_mut_simd_f32s(&mut to[..V * S::F32_LANES]).0.copy_from_slice(row);
    } else {
        for (vector, &value) in row.iter().enumerate() {
            let at = vector * S::F32_LANES;
            store_first(simd, &mut to[at..], count - at, value);
        }
    }
}

/// `sums[r][v] += Σₖ left[row + r, k] · right[k, v]`; the rows of `right` are `right.1` numbers apart.
///
/// # Panics
/// When one of the matrices ends before.
#[inline(always)]
pub(super) fn add_products<S: Simd, const R: usize, const V: usize>(
    simd: S,
    (left, row): (View<'_>, usize),
    (right, step): (&[f32], usize),
    sums: &mut [[S::f32s; V]; R],
) {
    let Some(last) = left.columns.checked_sub(1) else {
        return;
    };
    assert!(row + R <= left.rows, "rows that are not there");
    assert!(
        last * step + V * S::F32_LANES <= right.len(),
        "vectors that are not there"
    );
    // SAFETY: a view holds all of its rows and columns, and the assertions say that the others are there.
    unsafe {
        let factors = left.data.as_ptr().add(row * left.row_step);
        add_all::<S, R, V>(simd, (factors, left), (right.as_ptr(), step), left.columns, sums);
    }
}

/// `sums[r][v] += Σₖ left[r, k] · right[k, v]`. The numbers of `left` begin at `left.0` and lie as in the view, of which one
/// step is 1; the rows of `right` are `right.1` numbers apart.
///
/// # Safety
/// `left` is readable at each `r < R` and `k < depth`, `right` for `V` vectors at each `k`.
#[inline(always)]
unsafe fn add_all<S: Simd, const R: usize, const V: usize>(
    simd: S,
    (left, view): (*const f32, View<'_>),
    right: (*const f32, usize),
    depth: usize,
    sums: &mut [[S::f32s; V]; R],
) {
    // SAFETY: the caller's promise.
    unsafe {
        if view.row_step == 1 {
            add_steps::<S, R, V, true>(simd, (left, view.column_step), right, depth, sums);
        } else {
            add_steps::<S, R, V, false>(simd, (left, view.row_step), right, depth, sums);
        }
    }
}

/// [`add_all`], with the same promise. Of `left` the rows are `left.1` apart and the numbers of a row follow each other, or the
/// other way round where it is `TURNED`.
#[inline(always)]
unsafe fn add_steps<S: Simd, const R: usize, const V: usize, const TURNED: bool>(
    simd: S,
    left: (*const f32, usize),
    right: (*const f32, usize),
    depth: usize,
    sums: &mut [[S::f32s; V]; R],
) {
    /// Steps of the summation that are written out, which leaves the units fewer addresses to count.
    const UNROLL: usize = 4;
    let mut totals = *sums;
    let whole = depth - depth % UNROLL;
    // SAFETY: the caller's promise, for each `k` below `depth`.
    unsafe {
        for k in (0..whole).step_by(UNROLL) {
            for k in k..k + UNROLL {
                add_step::<S, R, V, TURNED>(simd, left, right, k, &mut totals);
            }
        }
        for k in whole..depth {
            add_step::<S, R, V, TURNED>(simd, left, right, k, &mut totals);
        }
    }
    *sums = totals;
}

/// One step of [`add_steps`], with the same promise.
#[inline(always)]
unsafe fn add_step<S: Simd, const R: usize, const V: usize, const TURNED: bool>(
    simd: S,
    left: (*const f32, usize),
    right: (*const f32, usize),
    k: usize,
    totals: &mut [[S::f32s; V]; R],
) {
    let mut vectors = [simd.splat_f32s(0.0); V];
    for (v, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise about `right`.
        let place = unsafe { right.0.add(k * right.1 + v * S::F32_LANES) };
        // SAFETY: as above.
        *vector = unsafe { place.cast::<S::f32s>().read_unaligned() };
    }
    for (r, totals) in totals.iter_mut().enumerate() {
        let at = if TURNED { r + k * left.1 } else { r * left.1 + k };
        // SAFETY: the caller's promise about `left`.
        let factor = simd.splat_f32s(unsafe { *left.0.add(at) });
        for (total, &vector) in totals.iter_mut().zip(&vectors) {
            *total = simd.mul_add_e_f32s(factor, vector, *total);
        }
    }
}
