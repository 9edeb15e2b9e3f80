//! Many rows fall through one tree after the other, so that a tree stays in the nearest cache while they do.

use ndarray::{Array1, ArrayView2, Axis};
use rayon::prelude::*;

use super::Forest;
use super::blocks::{PIECE, Workspace};
use super::path_length::average_path_length;
use super::tree::{Side, Tree, projection};
use crate::{Error, Result};

/// Rows that take each step together where they do not fall in blocks: their loads overlap.
const LANES: usize = 16;
/// Values that then fall through one tree before the next has its turn: they fit the nearest cache beside it.
const CHUNK_VALUES: usize = 2048;
/// Rows that are so few that each falls by itself.
const FEW: usize = 4;

impl Forest {
    /// How strange each row is: `2^(-mean path / c(sample))`, above 0 and at most 1; about 0.5 for the average row (equation 2 of Liu
    /// et al.).
    ///
    /// # Errors
    /// Another number of columns than the forest was grown on.
    pub fn score(&self, values: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        self.check_columns(values.ncols())?;
        let mut paths = vec![0.0; values.nrows()];
        let piece = match self.blocks {
            Some(_) => PIECE,
            None => (CHUNK_VALUES / self.columns).max(1).next_multiple_of(LANES),
        };
        let pieces = values.axis_chunks_iter(Axis(0), piece).into_par_iter();
        pieces
            .zip(paths.par_chunks_mut(piece))
            .for_each_init(Workspace::new, |space, (rows, paths)| {
                self.sum_paths(rows, space, paths);
            });
        let whole = average_path_length(self.sample) * self.trees.len() as f64;
        Ok(paths.into_iter().map(|path| (-path / whole).exp2()).collect())
    }

    pub(super) fn check_columns(&self, columns: usize) -> Result<()> {
        if columns == self.columns {
            return Ok(());
        }
        Err(Error::invalid(
            "number of columns",
            columns,
            format!("{}, as the forest was grown on", self.columns),
        ))
    }

    /// Adds up the path lengths of a piece of the rows over all trees.
    fn sum_paths(&self, rows: ArrayView2<'_, f64>, space: &mut Workspace, paths: &mut [f64]) {
        let few = rows.nrows() < FEW;
        match &self.blocks {
            _ if few => {}
            Some(blocks) => blocks.sum(rows, space, paths),
            None => self.sum_together(rows, space.values(), paths),
        }
        for (row, path) in rows.rows().into_iter().zip(paths) {
            if few || row.iter().any(|value| value.is_nan()) {
                let value = |column: u16| row[usize::from(column)];
                *path = self.trees.iter().map(|tree| tree.expected_path(1, &value)).sum();
            }
        }
    }

    /// The same as if nothing were missing; `values` is room for those of the rows, [`LANES`] of them side by side.
    fn sum_together(&self, rows: ArrayView2<'_, f64>, values: &mut Vec<f64>, paths: &mut [f64]) {
        let size = LANES * self.columns;
        values.clear();
        values.resize(rows.nrows().div_ceil(LANES) * size, 0.0);
        for (number, row) in rows.rows().into_iter().enumerate() {
            let lanes = &mut values[number / LANES * size..][..size];
            for (line, value) in lanes.chunks_exact_mut(LANES).zip(row) {
                line[number % LANES] = *value;
            }
        }
        for tree in &self.trees {
            for (lanes, paths) in values.chunks_exact(size).zip(paths.chunks_mut(LANES)) {
                for (path, added) in paths.iter_mut().zip(tree.paths(lanes)) {
                    *path += added;
                }
            }
        }
    }
}

impl Tree {
    /// The path lengths of rows side by side, as if nothing were missing.
    fn paths(&self, values: &[f64]) -> [f64; LANES] {
        let value = |column: u16, lane: usize| values[usize::from(column) * LANES + lane];
        if self.components > 1 {
            return self
                .fall(|node, lane| projection(self.plane(node), |column| value(column, lane)) > self.offset[node]);
        }
        self.fall(|node, lane| value(self.column[node], lane) > self.offset[node])
    }

    fn fall(&self, goes_right: impl Fn(usize, usize) -> bool) -> [f64; LANES] {
        let mut nodes = [1_usize; LANES];
        for _ in 0..self.levels {
            for (lane, node) in nodes.iter_mut().enumerate() {
                *node = (*node << 1) | usize::from(goes_right(*node, lane));
            }
        }
        nodes.map(|node| self.path[node - self.path.len()])
    }

    /// The path length that is expected from `node` on, over both sides where nothing is known.
    fn expected_path(&self, node: usize, row: &impl Fn(u16) -> f64) -> f64 {
        if node >= self.offset.len() {
            return self.mean[node];
        }
        match self.side(node, row) {
            Side::Left => self.expected_path(2 * node, row),
            Side::Right => self.expected_path(2 * node + 1, row),
            Side::Unknown => {
                let share = self.left_share[node];
                let mut expected = 0.0;
                if share > 0.0 {
                    expected += share * self.expected_path(2 * node, row);
                }
                if share < 1.0 {
                    expected += (1.0 - share) * self.expected_path(2 * node + 1, row);
                }
                expected
            }
        }
    }
}
