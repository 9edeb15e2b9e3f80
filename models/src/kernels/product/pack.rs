//! The right-hand matrix of a product, in the order in which the product reads it.

use super::View;
use crate::kernels::buffer::Buffer;
use crate::kernels::instructions::Instructions;

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
                copy_rows(matrix, first, width, padded, panel);
            } else {
                copy_columns(matrix, first, width, padded, panel);
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

fn copy_rows(matrix: View<'_>, first: usize, width: usize, padded: usize, panel: &mut [f32]) {
    for (row, target) in panel.chunks_exact_mut(padded).enumerate() {
        let (values, padding) = target.split_at_mut(width);
        values.copy_from_slice(&matrix.data[row * matrix.row_step + first..][..width]);
        padding.fill(0.0);
    }
}

/// Turns pieces of a few rows, which stay in the innermost cache: in a transposed matrix the numbers of a column follow
/// each other.
fn copy_columns(matrix: View<'_>, first: usize, width: usize, padded: usize, panel: &mut [f32]) {
    const ROWS: usize = 16;
    for (piece, rows) in panel.chunks_mut(ROWS * padded).enumerate() {
        for column in 0..width {
            let place = piece * ROWS * matrix.row_step + (first + column) * matrix.column_step;
            let source = matrix.data[place..].iter().step_by(matrix.row_step);
            for (row, &number) in rows.chunks_exact_mut(padded).zip(source) {
                row[column] = number;
            }
        }
        for row in rows.chunks_exact_mut(padded) {
            row[width..].fill(0.0);
        }
    }
}
