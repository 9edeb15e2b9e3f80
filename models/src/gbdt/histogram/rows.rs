//! Rows are added to the bins of their codes: most of the time of a fit is spent here.

use std::ops::Range;

use super::cell::{Cell, Derived};
use crate::gbdt::binning::{LANE, Lane};
use crate::gbdt::simd::prefetch;

/// Rows between the one that is added and the one that is fetched ahead.
const AHEAD: usize = 24;
/// Rows that are added to some columns before they are added to the next ones: their codes stay near.
const STRETCH: usize = 1024;
/// Bytes of the columns that rows are added to at a time, as many as the first-level cache holds.
const NEAR: usize = 32 * 1024;

/// Rows to be added up in the columns of one lane.
pub(super) struct LaneRows<'a> {
    pub(super) lanes: &'a [Lane],
    pub(super) stride: usize,
    pub(super) lane: usize,
    pub(super) rows: Derived<'a>,
}

impl LaneRows<'_> {
    /// Adds the rows to the first `columns` columns: stretch by stretch, to as many columns at a time as stay in the cache.
    pub(super) fn accumulate<C: Cell>(&self, columns: usize, cells: &mut [[C; 256]; LANE]) {
        let width = NEAR / size_of::<[C; 256]>();
        let rows = self.rows.ids.len();
        for start in (0..rows).step_by(STRETCH) {
            let stretch = start..rows.min(start + STRETCH);
            for (group, cells) in cells.chunks_mut(width).enumerate() {
                let first = group * width;
                self.accumulate_some(stretch.clone(), first, columns.saturating_sub(first), cells);
            }
        }
    }

    /// Adds a stretch of the rows to some columns from `first` on, with a loop unrolled for just that many, at most 16.
    fn accumulate_some<C: Cell>(&self, stretch: Range<usize>, first: usize, columns: usize, cells: &mut [[C; 256]]) {
        match columns.min(cells.len()).div_ceil(2) {
            0 => {}
            1 => self.unrolled::<C, 2>(stretch, first, cells),
            2 => self.unrolled::<C, 4>(stretch, first, cells),
            3 => self.unrolled::<C, 6>(stretch, first, cells),
            4 => self.unrolled::<C, 8>(stretch, first, cells),
            5 => self.unrolled::<C, 10>(stretch, first, cells),
            6 => self.unrolled::<C, 12>(stretch, first, cells),
            7 => self.unrolled::<C, 14>(stretch, first, cells),
            _ => self.unrolled::<C, 16>(stretch, first, cells),
        }
    }

    fn unrolled<C: Cell, const COLUMNS: usize>(&self, stretch: Range<usize>, first: usize, cells: &mut [[C; 256]]) {
        let Some(cells) = cells.first_chunk_mut::<COLUMNS>() else {
            return;
        };
        let next = self.rows.ids.get(stretch.start + AHEAD..).unwrap_or_default();
        let rows = self.rows.part(stretch);
        for (place, &row) in rows.ids.iter().enumerate() {
            if let Some(&next) = next.get(place) {
                prefetch(self.codes(next));
            }
            let Some(codes) = self.codes(row).0[first..].first_chunk::<COLUMNS>() else {
                return;
            };
            add(codes, C::of_row(&rows, place), cells);
        }
    }

    /// Adds the rows to some columns only.
    pub(super) fn accumulate_listed<C: Cell>(&self, columns: &[u8], cells: &mut [[C; 256]; LANE]) {
        for (place, &row) in self.rows.ids.iter().enumerate() {
            if let Some(&next) = self.rows.ids.get(place + AHEAD) {
                prefetch(self.codes(next));
            }
            let (codes, cell) = (self.codes(row), C::of_row(&self.rows, place));
            for column in columns {
                let column = usize::from(*column) % LANE;
                let sum = &mut cells[column][usize::from(codes.0[column])];
                *sum = sum.plus(cell);
            }
        }
    }

    #[inline(always)]
    fn codes(&self, row: u32) -> &Lane {
        &self.lanes[row as usize * self.stride + self.lane]
    }
}

/// Adds a row to its bin of each column. Codes are read four at a time: what limits this loop is how often memory is asked.
#[inline(always)]
fn add<C: Cell, const COLUMNS: usize>(codes: &[u8; COLUMNS], row: C, cells: &mut [[C; 256]; COLUMNS]) {
    for first in (0..COLUMNS).step_by(4) {
        let mut four = [0; 4];
        let count = four.len().min(COLUMNS - first);
        four[..count].copy_from_slice(&codes[first..first + count]);
        let mut four = u32::from_le_bytes(four);
        for cells in &mut cells[first..first + count] {
            let cell = &mut cells[(four & 255) as usize];
            *cell = cell.plus(row);
            four >>= 8;
        }
    }
}
