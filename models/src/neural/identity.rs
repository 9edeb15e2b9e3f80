//! Embeddings that tell a network which series it sees, at which slot of the day and on which day of the week.
//!
//! Shao et al., "Spatial-Temporal Identity: A Simple yet Effective Baseline for Multivariate Time Series Forecasting",
//! CIKM 2022: without them, windows that look alike cannot be told apart.

use rayon::prelude::*;

use super::Shape;
use super::inputs::Inputs;
use super::layout::{Part, Start, part};

/// Days of a week.
const DAYS: usize = 7;

/// The widths of the embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) series: usize,
    pub(super) slot_of_day: usize,
    pub(super) weekday: usize,
}

/// The embeddings of all series, slots and days, as rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'a> {
    rows: [(&'a [f32], usize); 3],
}

impl<'a> Tables<'a> {
    /// The rows of a series, a slot and a day.
    pub(super) fn of(&self, indices: [u32; 3]) -> [&'a [f32]; 3] {
        let mut tables = self.rows.into_iter().zip(indices);
        [(); 3].map(|()| {
            tables.next().map_or(&[][..], |((rows, width), index)| {
                &rows[index as usize * width..][..width]
            })
        })
    }
}

impl Identity {
    /// Numbers of all embeddings of a token.
    pub(super) fn width(self) -> usize {
        self.widths().iter().sum()
    }

    /// Numbers of an embedding of a series, a slot and a day.
    pub(super) fn widths(self) -> [usize; 3] {
        [self.series, self.slot_of_day, self.weekday]
    }

    /// The tables, the first arrays of every network.
    pub(super) fn parts(self, shape: &Shape) -> [Part; 3] {
        let table = |name: &str, rows: usize, width: usize| part(name, &[rows, width], Start::of_map(width.max(1)));
        [
            table("identity.series", shape.series, self.series),
            table("identity.slot_of_day", shape.slots_per_day, self.slot_of_day),
            table("identity.weekday", DAYS, self.weekday),
        ]
    }

    /// How many numbers the three tables have.
    fn lengths(self, shape: &Shape) -> [usize; 3] {
        [
            shape.series * self.series,
            shape.slots_per_day * self.slot_of_day,
            DAYS * self.weekday,
        ]
    }

    /// How many numbers all tables have.
    pub(super) fn len(self, shape: &Shape) -> usize {
        self.lengths(shape).iter().sum()
    }

    /// The tables at the beginning of `parameters`.
    pub(super) fn tables<'a>(self, shape: &Shape, parameters: &'a [f32]) -> Tables<'a> {
        let [series, slots, days] = self.split(shape, parameters);
        Tables {
            rows: [(series, self.series), (slots, self.slot_of_day), (days, self.weekday)],
        }
    }

    /// The numbers of each table at the beginning of `parameters`.
    pub(super) fn split<'a>(self, shape: &Shape, parameters: &'a [f32]) -> [&'a [f32]; 3] {
        let [series, slots, days] = self.lengths(shape);
        let (series, rest) = parameters.split_at(series);
        let (slots, rest) = rest.split_at(slots);
        [series, slots, &rest[..days]]
    }

    /// Writes the gradients of all tables into `tables`, from those of the embeddings of all tokens.
    ///
    /// Sums run in the order of windows and series, whatever the number of threads.
    pub(super) fn collect(self, shape: &Shape, inputs: &Inputs<'_>, tokens: &[f32], tables: &mut [f32]) {
        tables.fill(0.0);
        let width = self.width();
        if width == 0 {
            return;
        }
        let [series, slots, _] = self.lengths(shape);
        let (series, rest) = tables.split_at_mut(series);
        let (slots, days) = rest.split_at_mut(slots);
        self.collect_series(inputs, tokens, series);
        let times = self.sum_over_series(inputs, tokens);
        let time = self.slot_of_day + self.weekday;
        for (window, sum) in times.chunks_exact(time.max(1)).enumerate() {
            let (slot, day) = sum.split_at(self.slot_of_day);
            add_row(slots, inputs.batch.slot_of_day[window], slot);
            add_row(days, inputs.batch.weekday[window], day);
        }
    }

    fn collect_series(self, inputs: &Inputs<'_>, tokens: &[f32], table: &mut [f32]) {
        if self.series == 0 {
            return;
        }
        let (width, count) = (self.width(), inputs.series);
        let mut sums = vec![0.0; count * self.series];
        sums.par_chunks_mut(self.series)
            .enumerate()
            .with_min_len(16)
            .for_each(|(series, sum)| {
                for token in (series..tokens.len() / width).step_by(count) {
                    add(sum, &tokens[token * width..][..self.series]);
                }
            });
        for (sum, &series) in sums.chunks_exact(self.series).zip(&inputs.batch.series) {
            add_row(table, series, sum);
        }
    }

    /// For each window, the sums of the gradients of its slot and its day.
    fn sum_over_series(self, inputs: &Inputs<'_>, tokens: &[f32]) -> Vec<f32> {
        let (width, time) = (self.width(), self.slot_of_day + self.weekday);
        let mut sums = vec![0.0; inputs.windows * time];
        let windows = sums
            .chunks_exact_mut(time.max(1))
            .zip(tokens.chunks_exact(inputs.series * width));
        for (sum, tokens) in windows {
            for token in tokens.chunks_exact(width) {
                add(sum, &token[self.series..]);
            }
        }
        sums
    }
}

fn add_row(table: &mut [f32], row: u32, values: &[f32]) {
    add(&mut table[row as usize * values.len()..][..values.len()], values);
}

fn add(sum: &mut [f32], values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}
