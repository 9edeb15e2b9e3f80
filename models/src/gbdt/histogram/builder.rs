//! Histograms of the rows of leaves.

use std::sync::{Mutex, PoisonError};

use super::cell::{Cell, Derived};
use super::rows::LaneRows;
use crate::gbdt::binning::{Dataset, LANE, MISSING};

/// Fewer rows than this are not shared out to several threads.
const GRAIN: usize = 16_384;

/// The cells of every column; columns that a tree does not look at stay empty.
pub(crate) type Histogram<C> = Vec<[C; 256]>;

/// Builds histograms of one table and keeps their memory for the next ones.
pub(crate) struct Builder<'a, C> {
    dataset: &'a Dataset,
    /// The columns of each lane that are looked at.
    lanes: Vec<Vec<u8>>,
    /// How many bins each column has beside the one of missing values.
    bins: Vec<usize>,
    spare: Mutex<Vec<Histogram<C>>>,
}

impl<'a, C: Cell> Builder<'a, C> {
    /// A builder that looks at no column yet.
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        let binner = dataset.binner();
        Self {
            dataset,
            lanes: vec![Vec::new(); dataset.lanes_per_row()],
            bins: (0..binner.columns())
                .map(|column| binner.column(column).count())
                .collect(),
            spare: Mutex::default(),
        }
    }

    /// Looks at `columns` from now on, which increase.
    pub(crate) fn select(&mut self, columns: &[usize]) {
        self.lanes.iter_mut().for_each(Vec::clear);
        for column in columns {
            self.lanes[column / LANE].push((column % LANE) as u8);
        }
    }

    /// The histogram of `rows`.
    pub(crate) fn build(&self, rows: Derived<'_>) -> Histogram<C> {
        if rows.ids.len() < 2 * GRAIN {
            let mut histogram = self.empty();
            self.accumulate(rows, &mut histogram);
            return histogram;
        }
        let (one, other) = rows.halves();
        let (mut sum, other) = rayon::join(|| self.build(one), || self.build(other));
        self.combine(&mut sum, &other, C::plus);
        self.give_back(other);
        sum
    }

    /// Turns the histogram of a parent into that of the child whose sibling is given.
    pub(crate) fn subtract(&self, parent: &mut Histogram<C>, sibling: &Histogram<C>) {
        self.combine(parent, sibling, C::minus);
    }

    /// Takes the memory of a histogram that is done with.
    pub(crate) fn give_back(&self, histogram: Histogram<C>) {
        self.spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(histogram);
    }

    fn empty(&self) -> Histogram<C> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(mut histogram) = spare else {
            return vec![[C::default(); 256]; self.lanes.len() * LANE];
        };
        for (cells, bins) in histogram.iter_mut().zip(&self.bins) {
            cells[..*bins].fill(C::default());
            cells[usize::from(MISSING)] = C::default();
        }
        histogram
    }

    fn combine(&self, into: &mut Histogram<C>, other: &Histogram<C>, operation: impl Fn(C, C) -> C) {
        self.each(|column, bins| {
            let (into, other) = (&mut into[column], &other[column]);
            into[..bins]
                .iter_mut()
                .zip(&other[..bins])
                .for_each(|(one, other)| *one = operation(*one, *other));
            let missing = usize::from(MISSING);
            into[missing] = operation(into[missing], other[missing]);
        });
    }

    /// Calls `work` for each column that is looked at with its number of bins.
    fn each(&self, mut work: impl FnMut(usize, usize)) {
        for (lane, columns) in self.lanes.iter().enumerate() {
            for &column in columns {
                let column = lane * LANE + usize::from(column);
                work(column, self.bins[column]);
            }
        }
    }

    fn accumulate(&self, rows: Derived<'_>, histogram: &mut Histogram<C>) {
        for (lane, columns) in self.lanes.iter().enumerate() {
            let rows = LaneRows {
                lanes: self.dataset.lanes(),
                stride: self.lanes.len(),
                lane,
                rows,
            };
            let Some(cells) = histogram[lane * LANE..].first_chunk_mut::<LANE>() else {
                continue;
            };
            let last = columns.last().map_or(0, |last| usize::from(*last) + 1);
            if columns.len() * 3 < last * 2 {
                rows.accumulate_listed(columns, cells);
            } else {
                rows.accumulate(last, cells);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::gbdt::binning::Binning;
    use crate::gbdt::histogram::{CountCell, CurvedCell};

    /// Five distinct values in most columns, some missing; and derivatives for each row.
    fn table() -> (Dataset, Vec<u32>, Vec<u32>) {
        let values = Array2::from_shape_fn((3000, 45), |(row, column)| match (row * 31 + column * 7) % 11 {
            0 => f32::NAN,
            value => (value % 5 * (column + 1)) as f32,
        });
        let first = (0..3000_i32)
            .map(|row| (row * 7919 % 2001 - 1000).cast_unsigned())
            .collect();
        let second = (0..3000).map(|row| row * 31 % 97).collect();
        (Dataset::of(values.view(), &Binning::default()).unwrap(), first, second)
    }

    fn subtraction_is_exact<C: Cell>(columns: &[usize]) {
        let (dataset, first, second) = table();
        let mut builder = Builder::<C>::new(&dataset);
        builder.select(columns);
        let build = |ids: &[u32]| {
            let look_up = |values: &[u32]| ids.iter().map(|row| values[*row as usize]).collect::<Vec<u32>>();
            let (first, second) = (look_up(&first), look_up(&second));
            builder.build(Derived {
                ids,
                first: &first,
                second: &second,
            })
        };
        let (one, other): (Vec<u32>, Vec<u32>) = (0..3000).partition(|row| row % 3 == 0);
        let mut rest = build(&(0..3000).collect::<Vec<u32>>());
        builder.subtract(&mut rest, &build(&one));
        let direct = build(&other);
        for &column in columns {
            assert_eq!(rest[column], direct[column], "{column}");
            let sums = direct[column]
                .iter()
                .fold(C::default(), |sum, cell| sum.plus(*cell))
                .sums();
            assert_eq!(sums.count, 2000);
            let expected: i64 = other
                .iter()
                .map(|row| i64::from(first[*row as usize].cast_signed()))
                .sum();
            assert_eq!(sums.first, expected);
        }
    }

    #[test]
    fn a_sibling_by_subtraction_is_the_one_summed_directly() {
        for columns in [(0..45).collect::<Vec<usize>>(), vec![3, 31, 32, 44]] {
            subtraction_is_exact::<CountCell>(&columns);
            subtraction_is_exact::<CurvedCell>(&columns);
        }
    }

    /// Each cell is the sum of its rows, for so many rows of the table from the last one backwards.
    fn cells_hold_their_rows<C: Cell>(columns: &[usize], rows: u32) {
        let (dataset, first, second) = table();
        let mut builder = Builder::<C>::new(&dataset);
        builder.select(columns);
        let ids: Vec<u32> = (0..rows).map(|row| 2999 - row).collect();
        let derived = Derived {
            ids: &ids,
            first: &first[..ids.len()],
            second: &second[..ids.len()],
        };
        let histogram = builder.build(derived);
        for &column in columns {
            let mut expected = [C::default(); 256];
            for (place, row) in ids.iter().enumerate() {
                let cell = &mut expected[usize::from(dataset.column(column)[*row as usize])];
                *cell = cell.plus(C::of_row(&derived, place));
            }
            assert_eq!(histogram[column], expected, "column {column} of {rows} rows");
        }
    }

    #[test]
    fn each_bin_is_the_sum_of_its_rows() {
        for rows in [0, 1, 2, 23, 25, 1023, 1024, 1025, 2999] {
            for columns in [1, 7, 8, 9, 16, 17, 31, 32, 33, 45] {
                let columns: Vec<usize> = (0..columns).collect();
                cells_hold_their_rows::<CountCell>(&columns, rows);
                cells_hold_their_rows::<CurvedCell>(&columns, rows);
            }
            cells_hold_their_rows::<CountCell>(&[3, 31, 32, 44], rows);
            cells_hold_their_rows::<CurvedCell>(&[3, 31, 32, 44], rows);
        }
    }
}
