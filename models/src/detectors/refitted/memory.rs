//! The last rows of the table, and when to fit again.

use std::collections::VecDeque;

use ndarray::{Array1, Array2};

use super::FIRST_FIT;

/// The most rows that are remembered.
const MOST_ROWS: usize = 4096;

/// Rows in their order.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    kept: VecDeque<Array1<f64>>,
    /// All rows so far, forgotten ones included.
    rows: u64,
    next_fit: u64,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            kept: VecDeque::new(),
            rows: 0,
            next_fit: FIRST_FIT,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn keep(&mut self, row: Array1<f64>) {
        if self.kept.len() == MOST_ROWS {
            self.kept.pop_front();
        }
        self.kept.push_back(row);
        self.rows += 1;
    }

    /// Whether it is time to fit: at row 150, then each time the rows have doubled, and in the end once a memory.
    pub(super) fn is_due(&mut self) -> bool {
        if self.rows < self.next_fit {
            return false;
        }
        self.next_fit = self.rows + self.rows.min(MOST_ROWS as u64);
        true
    }

    /// All remembered rows as one table.
    pub(super) fn table(&self) -> Array2<f64> {
        let width = self.kept.front().map_or(0, Array1::len);
        let mut table = Array2::zeros((self.kept.len(), width));
        for (mut row, kept) in table.rows_mut().into_iter().zip(&self.kept) {
            row.assign(kept);
        }
        table
    }
}
