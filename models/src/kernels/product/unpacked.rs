//! Products of small matrices, whose right-hand side is read where it stands: packing it would take as long as the product.

use pulp::Simd;

use super::tile::{add_products, store_row};
use super::{View, fits};
use crate::kernels::lanes::{load_first, store_first};

/// Rows that are summed at the same time, where they are two vectors wide and where they are one.
const ROWS: usize = 6;
const MANY_ROWS: usize = 12;

/// `target = left · right`; rows of the target begin `stride` apart.
///
/// # Panics
/// When shapes do not agree, or `right` is transposed.
#[inline(always)]
pub(crate) fn multiply_unpacked<S: Simd>(
    simd: S,
    left: View<'_>,
    right: View<'_>,
    (target, stride): (&mut [f32], usize),
) {
    assert_eq!(left.columns, right.rows, "the inner extents of a product must agree");
    assert_eq!(right.column_step, 1, "the rows of the right-hand matrix must be rows");
    assert!(
        fits(target.len(), left.rows, right.columns, stride),
        "the target of a product must hold it"
    );
    let mut product = Unpacked {
        left,
        right,
        target,
        stride,
    };
    let (lanes, mut column) = (S::F32_LANES, 0);
    while column + 2 * lanes <= right.columns {
        product.rows::<S, ROWS, 2>(simd, column);
        column += 2 * lanes;
    }
    if column + lanes <= right.columns {
        product.rows::<S, MANY_ROWS, 1>(simd, column);
        column += lanes;
    }
    if column < right.columns {
        product.rest(simd, column);
    }
}

/// One product. All extents were checked by [`multiply_unpacked`].
struct Unpacked<'a> {
    left: View<'a>,
    right: View<'a>,
    target: &'a mut [f32],
    stride: usize,
}

impl Unpacked<'_> {
    /// All rows of `V` whole vectors, as a rule `R` at the same time.
    #[inline(always)]
    fn rows<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, column: usize) {
        let mut row = 0;
        while row < self.left.rows {
            row += match self.left.rows - row {
                left if left >= R => self.tile::<S, R, V>(simd, row, column),
                left if left >= 3 => self.tile::<S, 3, V>(simd, row, column),
                _ => self.tile::<S, 1, V>(simd, row, column),
            };
        }
    }

    /// `R` rows of `V` whole vectors; says how many rows these were.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, row: usize, column: usize) -> usize {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        let right = (&self.right.data[column..], self.right.row_step);
        add_products(simd, (self.left, row), right, &mut sums);
        for (r, sums) in sums.iter().enumerate() {
            let at = (row + r) * self.stride + column;
            store_row(simd, &mut self.target[at..], V * S::F32_LANES, sums);
        }
        R
    }

    /// The columns that fill no whole vector.
    #[inline(always)]
    fn rest<S: Simd>(&mut self, simd: S, column: usize) {
        let count = self.right.columns - column;
        for row in 0..self.left.rows {
            let mut sum = simd.splat_f32s(0.0);
            for k in 0..self.left.columns {
                let vector = load_first(simd, &self.right.row(k)[column..], count);
                sum = simd.mul_add_e_f32s(simd.splat_f32s(self.left.at(row, k)), vector, sum);
            }
            store_first(simd, &mut self.target[row * self.stride + column..], count, sum);
        }
    }
}
