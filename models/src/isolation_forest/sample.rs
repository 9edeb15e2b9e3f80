//! The rows that one tree is grown from.

use ndarray::ArrayView2;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

/// Rows of a table, copied side by side column by column, so that a split reads one column in one go.
pub(super) struct Sample {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Sample {
    /// Draws `count` different rows of `table`, rows x columns, of which it has at least as many.
    pub(super) fn draw(table: ArrayView2<'_, f64>, count: usize, generator: &mut ChaCha8Rng) -> Self {
        let columns = table.ncols();
        let mut values = vec![0.0; count * columns];
        for (place, row) in index::sample(generator, table.nrows(), count).into_iter().enumerate() {
            for (column, value) in table.row(row).iter().enumerate() {
                values[column * count + place] = *value;
            }
        }
        Self {
            rows: count,
            columns,
            values,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// All values of a column; NaN is missing.
    pub(super) fn column(&self, column: u16) -> &[f64] {
        &self.values[usize::from(column) * self.rows..][..self.rows]
    }
}
