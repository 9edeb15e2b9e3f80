//! Products of matrices, with what comes before and after the sum fused in.
//!
//! The right-hand matrix is packed into panels that stay in the innermost cache ([`Packed`]); the left-hand one is read
//! where it stands, by rows or by columns ([`View`]). Six rows by one panel are summed in registers (`tile.rs`). Matrices of a
//! few rows are not worth the packing ([`multiply_unpacked`]).

mod pack;
#[cfg(test)]
mod tests;
mod tile;
mod unpacked;

pub(crate) use pack::Packed;
use tile::Tiles;
pub(crate) use unpacked::multiply_unpacked;

use super::instructions::Instructions;

/// A matrix that is read in place: element `(row, column)` stands at `row · row_step + column · column_step`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> View<'a> {
    /// A matrix whose rows follow each other.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// A matrix whose rows begin `stride` apart.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(
            fits(data.len(), rows, columns, stride),
            "a view must lie within its data"
        );
        Self {
            data,
            rows,
            columns,
            row_step: stride,
            column_step: 1,
        }
    }

    /// How many rows there are.
    #[inline(always)]
    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// How many columns there are.
    #[inline(always)]
    pub(crate) fn columns(self) -> usize {
        self.columns
    }

    /// One number.
    #[inline(always)]
    pub(crate) fn at(self, row: usize, column: usize) -> f32 {
        self.data[row * self.row_step + column * self.column_step]
    }

    /// What begins with one row of a matrix that is not transposed.
    #[inline(always)]
    pub(crate) fn row(self, row: usize) -> &'a [f32] {
        &self.data[row * self.row_step..]
    }

    /// The same numbers with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }
}

/// Whether `rows` of `columns` numbers, `stride` apart, fit into `len` numbers.
fn fits(len: usize, rows: usize, columns: usize, stride: usize) -> bool {
    rows == 0 || columns == 0 || (stride >= columns && (rows - 1) * stride + columns <= len)
}

/// What a sum starts from.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Nothing.
    Zero,
    /// What stands in the target.
    Target,
    /// One number a column.
    Bias(&'a [f32]),
    /// One number a column, and a matrix laid out like the target: a residual connection.
    Residual(&'a [f32], &'a [f32]),
}

/// What happens to a sum before it is stored.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    /// Nothing.
    Keep,
    /// Negative sums become zero.
    Relu,
    /// Sums become zero where this matrix, laid out like the target, is not positive: the gradient of [`Finish::Relu`].
    WherePositive(&'a [f32]),
}

/// `target = finish(start + left · right)`; rows of the target begin `stride` apart.
///
/// # Panics
/// When shapes do not agree: the callers in this folder check theirs at the door.
pub(crate) fn multiply(
    instructions: Instructions,
    left: View<'_>,
    right: &Packed,
    (start, finish): (Start<'_>, Finish<'_>),
    target: &mut [f32],
    stride: usize,
) {
    instructions.run(Tiles::new(left, right, (start, finish), target, stride));
}
