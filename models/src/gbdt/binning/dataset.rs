//! A table whose values are replaced by the codes of their bins.

use std::sync::Arc;

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::binner::{Binner, Binning};
use crate::{Error, Result};

/// Columns that lie side by side in a [`Lane`].
pub(crate) const LANE: usize = 32;
/// Rows that are scored together.
pub(crate) const BLOCK: usize = 64;
/// Blocks that fall together, so that whatever is read of a tree is read once for all of them.
pub(crate) const BLOCKS: usize = 4;
/// Rows of so many blocks.
pub(crate) const SHEET: usize = BLOCKS * BLOCK;
/// Their codes in one column.
pub(crate) type Sheet = [[u8; BLOCK]; BLOCKS];
/// The most rows: a histogram counts them in 24 bits.
pub(crate) const MOST_ROWS: usize = (1 << 24) - 1;
/// Rows that are coded as one piece of work.
const TILE: usize = 1024;

/// The codes of one row in 32 neighbouring columns: half a cache line, never split over two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(32))]
pub(crate) struct Lane(pub(crate) [u8; LANE]);

/// Codes of rows, kept twice: side by side for histograms, column by column for partitions and scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    binner: Arc<Binner>,
    rows: usize,
    lanes_per_row: usize,
    lanes: Vec<Lane>,
    /// The codes of each column, padded to whole blocks and one more.
    columns: Vec<Vec<u8>>,
}

impl Dataset {
    /// Finds bins from `values` and codes them.
    ///
    /// # Shapes
    /// `values` is rows x columns, NaN being missing.
    ///
    /// # Errors
    /// See [`Binner::of`] and [`Dataset::append`].
    pub fn of(values: ArrayView2<'_, f32>, binning: &Binning) -> Result<Self> {
        let mut dataset = Self::new(Arc::new(Binner::of(values, binning)?));
        dataset.append(values)?;
        Ok(dataset)
    }

    /// A table without rows: validation rows and later parts of a stream are coded by the bins of the first part.
    pub fn new(binner: Arc<Binner>) -> Self {
        Self {
            rows: 0,
            lanes_per_row: binner.columns().div_ceil(LANE),
            lanes: Vec::new(),
            columns: vec![Vec::new(); binner.columns()],
            binner,
        }
    }

    /// Appends rows.
    ///
    /// # Shapes
    /// `values` is rows x columns, NaN being missing.
    ///
    /// # Errors
    /// Another number of columns than the bins were found for, or more than 16,777,215 rows in all.
    pub fn append(&mut self, values: ArrayView2<'_, f32>) -> Result<()> {
        if values.ncols() != self.columns.len() {
            let accepted = format!("{} columns, as the bins were found for", self.columns.len());
            return Err(Error::invalid("columns", values.ncols(), accepted));
        }
        let rows = self.rows + values.nrows();
        if rows > MOST_ROWS {
            return Err(Error::invalid("rows", rows, format!("at most {MOST_ROWS} rows")));
        }
        self.lanes.resize(rows * self.lanes_per_row, Lane([0; LANE]));
        for column in &mut self.columns {
            column.resize((rows / SHEET + 2) * SHEET, 0);
        }
        self.code(values);
        self.rows = rows;
        Ok(())
    }

    fn code(&mut self, values: ArrayView2<'_, f32>) {
        let (binner, lanes_per_row) = (&self.binner, self.lanes_per_row);
        let mut tiles: Vec<Vec<&mut [u8]>> = Vec::new();
        for column in &mut self.columns {
            let rows = &mut column[self.rows..self.rows + values.nrows()];
            for (tile, codes) in rows.chunks_mut(TILE).enumerate() {
                if tiles.len() == tile {
                    tiles.push(Vec::new());
                }
                tiles[tile].push(codes);
            }
        }
        let lanes = self.lanes[self.rows * lanes_per_row..].par_chunks_mut(TILE * lanes_per_row);
        let parts = values.axis_chunks_iter(Axis(0), TILE);
        let work: Vec<_> = parts.zip(tiles).collect();
        lanes.zip(work).for_each(|(lanes, (values, columns))| {
            for (place, codes) in columns.into_iter().enumerate() {
                let column: Vec<f32> = values.column(place).iter().copied().collect();
                binner.column(place).code(&column, codes);
                let lanes = lanes.iter_mut().skip(place / LANE).step_by(lanes_per_row);
                lanes.zip(codes).for_each(|(lane, code)| lane.0[place % LANE] = *code);
            }
        });
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bins.
    pub fn binner(&self) -> &Arc<Binner> {
        &self.binner
    }

    /// How many lanes hold a row.
    pub(crate) fn lanes_per_row(&self) -> usize {
        self.lanes_per_row
    }

    /// The lanes of all rows, row by row.
    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The codes of a sheet of rows in every column, as far as there are rows.
    pub(crate) fn sheet<'a>(&'a self, sheet: usize, codes: &mut Vec<&'a Sheet>) {
        codes.clear();
        let blocks = |column: &'a Vec<u8>| column[sheet * SHEET..].as_chunks().0.first_chunk();
        codes.extend(self.columns.iter().filter_map(blocks));
    }

    /// The codes of a column, with at least a block of padding behind them.
    pub(crate) fn column(&self, column: usize) -> &[u8] {
        &self.columns[column]
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn rows_appended_in_parts_are_coded_as_at_once() {
        let values = Array2::from_shape_fn((10_000, 37), |(row, column)| ((row * 31 + column * 17) % 1009) as f32);
        let whole = Dataset::of(values.view(), &Binning::default()).unwrap();
        let mut parts = Dataset::new(whole.binner().clone());
        for part in [s![..1, ..], s![1..5000, ..], s![5000.., ..]] {
            parts.append(values.slice(part)).unwrap();
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn both_layouts_hold_the_same_codes() {
        let values = Array2::from_shape_fn((100, 40), |(row, column)| ((row + column) % 50) as f32);
        let dataset = Dataset::of(values.view(), &Binning::default()).unwrap();
        for (row, column) in [(0, 0), (99, 39), (50, 31), (51, 32)] {
            let lane = dataset.lanes()[row * dataset.lanes_per_row() + column / LANE];
            assert_eq!(lane.0[column % LANE], dataset.column(column)[row]);
        }
    }
}
