//! Many rows fall through one tree after the other, so that a tree stays in the nearest cache while they do.

use ndarray::{Array1, ArrayView2, Axis};
use rayon::prelude::*;

use super::Forest;
use super::parameters::MOST_COLUMNS;
use super::path_length::average_path_length;
use super::tree::{Side, Tree, projection};
use crate::{Error, Result};

/// Rows that take each step together: their loads overlap.
pub(super) const LANES: usize = 16;
/// Values that fall through one tree before the next has its turn: they fit the nearest cache beside it.
const CHUNK_VALUES: usize = 2048;
/// Rows that are so few that each falls by itself.
const FEW: usize = 4;
/// Nodes of a tree of 256 rows, the usual size.
const USUAL_NODES: usize = 256;

/// The values of `LANES` rows, column after column, and whatever stands behind them: 16 bits number the first value of each column.
type Block = [f64; (MOST_COLUMNS + 1) * LANES];

impl Forest {
    /// How strange each row is: `2^(-mean path / c(sample))`, above 0 and at most 1; about 0.5 for the average row (equation 2 of Liu
    /// et al.).
    ///
    /// # Errors
    /// Another number of columns than the forest was grown on.
    pub fn score(&self, values: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        self.check_columns(values.ncols())?;
        let mut paths = vec![0.0; values.nrows()];
        let chunk = (CHUNK_VALUES / self.columns).max(1).next_multiple_of(LANES);
        let chunks = values.axis_chunks_iter(Axis(0), chunk).into_par_iter();
        // The room behind the chunk is never touched, so that it costs no memory.
        let room = || vec![0.0; chunk * self.columns + (MOST_COLUMNS + 1) * LANES];
        chunks
            .zip(paths.par_chunks_mut(chunk))
            .for_each_init(room, |room, (rows, paths)| self.sum_paths(rows, room, paths));
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

    /// Adds up the path lengths of a chunk of rows over all trees.
    fn sum_paths(&self, rows: ArrayView2<'_, f64>, room: &mut [f64], paths: &mut [f64]) {
        let few = rows.nrows() < FEW;
        if !few {
            self.sum_together(rows, room, paths);
        }
        for (row, path) in rows.rows().into_iter().zip(paths) {
            if few || row.iter().any(|value| value.is_nan()) {
                let value = |column: u16| row[usize::from(column)];
                *path = self.trees.iter().map(|tree| tree.expected_path(1, &value)).sum();
            }
        }
    }

    /// The same as if nothing were missing.
    fn sum_together(&self, rows: ArrayView2<'_, f64>, room: &mut [f64], paths: &mut [f64]) {
        let size = LANES * self.columns;
        for (number, row) in rows.rows().into_iter().enumerate() {
            let block = &mut room[number / LANES * size..][..size];
            for (line, value) in block.chunks_exact_mut(LANES).zip(row) {
                line[number % LANES] = *value;
            }
        }
        for tree in &self.trees {
            for (number, paths) in paths.chunks_mut(LANES).enumerate() {
                if let Some(block) = room[number * size..].first_chunk() {
                    for (path, added) in paths.iter_mut().zip(tree.paths(block)) {
                        *path += added;
                    }
                }
            }
        }
    }
}

impl Tree {
    /// The path lengths of the rows of a block, as if nothing were missing.
    fn paths(&self, block: &Block) -> [f64; LANES] {
        if self.components > 1 {
            return self.fall(|node, lane| {
                let value = |column: u16| block[place(column, lane)];
                projection(self.plane(node), value) > self.offset[node]
            });
        }
        let (offset, line) = (self.offset.as_slice().try_into(), self.line.as_slice().try_into());
        match (offset, line, self.path.as_slice().try_into()) {
            (Ok(offset), Ok(line), Ok(path)) => fall_usual(offset, line, path, block),
            _ => self.fall(|node, lane| block[place(self.column[node], lane)] > self.offset[node]),
        }
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

/// Where a value stands in a block.
fn place(column: u16, lane: usize) -> usize {
    usize::from(column) * LANES + lane
}

/// The same for a tree of the usual size. A byte numbers its nodes and 16 bits the columns of a block, so that no look-up can miss and
/// none is checked. After eight levels the leading bit has fallen out of the byte, which then is the number of the leaf.
fn fall_usual(
    offset: &[f64; USUAL_NODES],
    line: &[u16; USUAL_NODES],
    path: &[f64; USUAL_NODES],
    block: &Block,
) -> [f64; LANES] {
    let mut nodes = [1_usize; LANES];
    for _ in 0..8 {
        for (lane, node) in nodes.iter_mut().enumerate() {
            let at = *node & (USUAL_NODES - 1);
            *node = 2 * at + usize::from(block[usize::from(line[at]) + lane] > offset[at]);
        }
    }
    nodes.map(|node| path[node & (USUAL_NODES - 1)])
}
