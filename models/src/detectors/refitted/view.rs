//! What a row of the table holds of the stream.

use std::collections::VecDeque;

use ndarray::Array1;

/// Values beyond are taken for this much, so that no difference overflows.
const LARGEST: f64 = 1e15;

/// The last values of each column, and what is made of them.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// The newest row first.
    past: VecDeque<Vec<f64>>,
    rows: usize,
    changes: &'static [usize],
}

impl View {
    /// For each column its last `rows` values, the newest first, and the changes of the newest against those of `changes` rows before.
    pub(super) fn new(rows: usize, changes: &'static [usize]) -> Self {
        Self {
            past: VecDeque::new(),
            rows,
            changes,
        }
    }

    /// The row of the table for the next row of the stream; NaN where there is no value.
    pub(super) fn take(&mut self, values: &[f64]) -> Array1<f64> {
        let usable = |value: &f64| {
            if value.is_finite() {
                value.clamp(-LARGEST, LARGEST)
            } else {
                f64::NAN
            }
        };
        self.past.push_front(values.iter().map(usable).collect());
        let longest = self.changes.iter().map(|back| back + 1).chain([self.rows]).max();
        self.past.truncate(longest.unwrap_or(1));
        let at = |back: usize, column: usize| self.past.get(back).map_or(f64::NAN, |row| row[column]);
        let mut row = Vec::with_capacity(values.len() * self.width());
        for column in 0..values.len() {
            row.extend((0..self.rows).map(|back| at(back, column)));
            row.extend(self.changes.iter().map(|back| at(0, column) - at(*back, column)));
        }
        row.into()
    }

    /// The column of the stream that the value at `place` comes from.
    pub(super) fn column_of(&self, place: usize) -> usize {
        place / self.width()
    }

    /// How many values a column of the stream has in the table.
    pub(super) fn width(&self) -> usize {
        self.rows + self.changes.len()
    }
}
