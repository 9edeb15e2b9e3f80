//! The right-hand matrix of a product, in the order in which the product reads it.

use pulp::{Simd, WithSimd};

use super::View;
use crate::kernels::buffer::Buffer;
use crate::kernels::instructions::Instructions;
use crate::kernels::lanes::load;

/// A matrix in panels of columns: each panel holds its rows one after the other, filled up with zeros to whole vectors.
#[derive(Clone, Default)]
pub(crate) struct Packed {
    panels: Buffer,
    rows: usize,
    columns: usize,
    pub(super) panel: usize,
    pub(super) lanes: usize,
}

impl Packed {
    /// Becomes a copy of `matrix`; memory that is there already is used again.
    pub(crate) fn pack(&mut self, instructions: Instructions, matrix: View<'_>) {
        (self.panel, self.lanes) = instructions.panel();
        self.rows = matrix.rows;
        self.columns = matrix.columns;
        self.panels
            .resize(matrix.rows * matrix.columns.next_multiple_of(self.lanes));
        for first in (0..matrix.columns).step_by(self.panel) {
            let width = self.panel.min(matrix.columns - first);
            let padded = width.next_multiple_of(self.lanes);
            let panel = &mut self.panels[first * matrix.rows..][..padded * matrix.rows];
            if matrix.column_step == 1 {
                instructions.run(CopyRows {
                    matrix,
                    first,
                    width,
                    panel,
                });
            } else {
                instructions.run(CopyColumns {
                    matrix,
                    first,
                    width,
                    panel,
                });
            }
        }
    }

    /// How many rows the matrix has.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns the matrix has.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The panel that begins at column `first`, and how many numbers one of its rows has.
    #[inline(always)]
    pub(super) fn panel_at(&self, first: usize) -> (&[f32], usize) {
        let width = self.panel.min(self.columns - first).next_multiple_of(self.lanes);
        (&self.panels[first * self.rows..][..width * self.rows], width)
    }
}

/// Rows whose numbers follow each other, into a panel of whole vectors; its last one is filled up with zeros.
struct CopyRows<'a> {
    matrix: View<'a>,
    first: usize,
    width: usize,
    panel: &'a mut [f32],
}

impl WithSimd for CopyRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let padded = self.width.next_multiple_of(S::F32_LANES);
        for (row, target) in self.panel.chunks_exact_mut(padded).enumerate() {
            let values = &self.matrix.data[row * self.matrix.row_step + self.first..][..self.width];
            for (vector, target) in S::as_mut_simd_f32s(target).0.iter_mut().enumerate() {
                *target = load(simd, values, vector * S::F32_LANES);
            }
        }
    }
}

/// Columns whose numbers follow each other, as in a transposed matrix, into a panel of whole vectors; its last one is filled
/// up with zeros.
struct CopyColumns<'a> {
    matrix: View<'a>,
    first: usize,
    width: usize,
    panel: &'a mut [f32],
}

/// Rows and columns of a square, which is turned in registers.
const SQUARE: usize = 8;

impl WithSimd for CopyColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let padded = self.width.next_multiple_of(S::F32_LANES);
        for (piece, rows) in self.panel.chunks_mut(SQUARE * padded).enumerate() {
            for column in (0..padded).step_by(SQUARE) {
                let wide = SQUARE.min(self.width.saturating_sub(column));
                let place = piece * SQUARE + (self.first + column) * self.matrix.column_step;
                let square = square(self.matrix, place, (rows.len() / padded, wide));
                for (row, numbers) in rows.chunks_exact_mut(padded).zip(&square) {
                    copy(&mut row[column..], numbers);
                }
            }
        }
    }
}

/// A square of a transposed matrix, of which the first number stands at `place`, by rows; zeros past its height and width.
#[inline(always)]
fn square(matrix: View<'_>, place: usize, (height, width): (usize, usize)) -> [[f32; SQUARE]; SQUARE] {
    let (mut columns, mut rows) = ([[0.0; SQUARE]; SQUARE], [[0.0; SQUARE]; SQUARE]);
    for (c, column) in columns.iter_mut().enumerate().take(width) {
        copy(column, &matrix.data[place + c * matrix.column_step..][..height]);
    }
    for (r, row) in rows.iter_mut().enumerate() {
        for (c, number) in row.iter_mut().enumerate() {
            *number = columns[c][r];
        }
    }
    rows
}

/// Copies as many numbers as both have, as a rule the length of a square, which takes no call.
#[inline(always)]
fn copy(target: &mut [f32], source: &[f32]) {
    match (target.first_chunk_mut::<SQUARE>(), source.first_chunk::<SQUARE>()) {
        (Some(target), Some(source)) => *target = *source,
        _ => target
            .iter_mut()
            .zip(source)
            .for_each(|(target, &number)| *target = number),
    }
}
