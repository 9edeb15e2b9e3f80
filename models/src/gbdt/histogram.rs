//! Sums of derivatives by column and bin.

use std::sync::{Mutex, PoisonError};

use super::binning::{Dataset, LANE, Lane, MISSING};
use super::simd::{prefetch, vectorised};

/// Bits of a cell's first word that count rows; the others hold the sum of gradients.
const COUNT_BITS: u32 = 24;
const COUNT_MASK: i64 = (1 << COUNT_BITS) - 1;
/// Rows between the one that is added and the one that is fetched ahead.
const AHEAD: usize = 24;
/// Fewer rows than this are not shared out to several threads.
const GRAIN: usize = 16_384;

/// Whole-number sums over rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// The number of rows.
    pub(crate) count: i64,
    /// The sum of first derivatives.
    pub(crate) first: i64,
    /// The sum of second derivatives.
    pub(crate) second: i64,
}

impl Sums {
    /// The sums of all rows of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            first: self.first + other.first,
            second: self.second + other.second,
        }
    }

    /// The sums of those rows that `other` does not have.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            first: self.first - other.first,
            second: self.second - other.second,
        }
    }
}

/// A number for each bin.
pub(crate) type Floats = [f64; 256];

/// Rows with the bits of their derivatives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derived<'a> {
    pub(crate) ids: &'a [u32],
    pub(crate) first: &'a [u32],
    /// Empty where all second derivatives are 1.
    pub(crate) second: &'a [u32],
}

impl Derived<'_> {
    fn halves(&self) -> (Self, Self) {
        let middle = self.ids.len() / 2;
        let (ids, other_ids) = self.ids.split_at(middle);
        let (first, other_first) = self.first.split_at(middle);
        let (second, other_second) = self.second.split_at(middle.min(self.second.len()));
        let half = |ids, first, second| Self { ids, first, second };
        (half(ids, first, second), half(other_ids, other_first, other_second))
    }
}

/// What a bin holds: the sums of its rows, packed.
///
/// Sums wrap around: those that are read fit their word, but columns that only fill up a lane are never emptied.
pub(crate) trait Cell: Copy + Default + Send + Sync + PartialEq + std::fmt::Debug + 'static {
    /// The cell of a single row, by its place among `rows`.
    fn of_row(rows: &Derived<'_>, place: usize) -> Self;
    /// The cell of all rows of both.
    fn plus(self, other: Self) -> Self;
    /// The cell of those rows that `other` does not have.
    fn minus(self, other: Self) -> Self;
    /// The sums, unpacked.
    fn sums(self) -> Sums;
    /// The sums of each cell as floats: first and second derivatives and counts.
    fn unpack(cells: &[Self], first: &mut Floats, second: &mut Floats, count: &mut Floats);
}

/// The cell of objectives whose second derivative is 1 for every row: gradient and count in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CountCell(i64);

impl Cell for CountCell {
    #[inline(always)]
    fn of_row(rows: &Derived<'_>, place: usize) -> Self {
        Self((i64::from(rows.first[place].cast_signed()) << COUNT_BITS) + 1)
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    #[inline(always)]
    fn sums(self) -> Sums {
        let count = self.0 & COUNT_MASK;
        Sums {
            count,
            first: self.0 >> COUNT_BITS,
            second: count,
        }
    }

    fn unpack(cells: &[Self], first: &mut Floats, second: &mut Floats, count: &mut Floats) {
        unpack_count_cells(cells, first, second, count);
    }
}

/// The cell of weighted rows and of curved losses: a second word sums the second derivatives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CurvedCell(i64, i64);

impl Cell for CurvedCell {
    #[inline(always)]
    fn of_row(rows: &Derived<'_>, place: usize) -> Self {
        Self(CountCell::of_row(rows, place).0, i64::from(rows.second[place]))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0), self.1.wrapping_add(other.1))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0), self.1.wrapping_sub(other.1))
    }

    #[inline(always)]
    fn sums(self) -> Sums {
        Sums {
            second: self.1,
            ..CountCell(self.0).sums()
        }
    }

    fn unpack(cells: &[Self], first: &mut Floats, second: &mut Floats, count: &mut Floats) {
        unpack_curved_cells(cells, first, second, count);
    }
}

vectorised! {
    fn unpack_count_cells(cells: &[CountCell], first: &mut Floats, second: &mut Floats, count: &mut Floats) = unpack;
}

vectorised! {
    fn unpack_curved_cells(cells: &[CurvedCell], first: &mut Floats, second: &mut Floats, count: &mut Floats) = unpack;
}

#[inline(always)]
fn unpack<C: Cell>(cells: &[C], first: &mut Floats, second: &mut Floats, count: &mut Floats) {
    for (((cell, first), second), count) in cells.iter().zip(first).zip(second).zip(count) {
        let sums = cell.sums();
        (*first, *second, *count) = (sums.first as f64, sums.second as f64, sums.count as f64);
    }
}

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

/// Rows to be added up in the columns of one lane.
struct LaneRows<'a> {
    lanes: &'a [Lane],
    stride: usize,
    lane: usize,
    rows: Derived<'a>,
}

impl LaneRows<'_> {
    /// Adds the rows to the first `columns` columns, with a loop unrolled for just that many.
    fn accumulate<C: Cell>(&self, columns: usize, cells: &mut [[C; 256]; LANE]) {
        match columns.div_ceil(2) {
            0 => {}
            1 => self.unrolled::<C, 2>(cells),
            2 => self.unrolled::<C, 4>(cells),
            3 => self.unrolled::<C, 6>(cells),
            4 => self.unrolled::<C, 8>(cells),
            5 => self.unrolled::<C, 10>(cells),
            6 => self.unrolled::<C, 12>(cells),
            7 => self.unrolled::<C, 14>(cells),
            8 => self.unrolled::<C, 16>(cells),
            9 => self.unrolled::<C, 18>(cells),
            10 => self.unrolled::<C, 20>(cells),
            11 => self.unrolled::<C, 22>(cells),
            12 => self.unrolled::<C, 24>(cells),
            13 => self.unrolled::<C, 26>(cells),
            14 => self.unrolled::<C, 28>(cells),
            15 => self.unrolled::<C, 30>(cells),
            _ => self.unrolled::<C, LANE>(cells),
        }
    }

    fn unrolled<C: Cell, const COLUMNS: usize>(&self, cells: &mut [[C; 256]; LANE]) {
        self.each(|codes, row: C| {
            for column in 0..COLUMNS {
                let cell = &mut cells[column][usize::from(codes[column])];
                *cell = cell.plus(row);
            }
        });
    }

    /// Adds the rows to some columns only.
    fn accumulate_listed<C: Cell>(&self, columns: &[u8], cells: &mut [[C; 256]; LANE]) {
        self.each(|codes, row: C| {
            for column in columns {
                let column = usize::from(*column) % LANE;
                let cell = &mut cells[column][usize::from(codes[column])];
                *cell = cell.plus(row);
            }
        });
    }

    /// Calls `add` with the codes and the cell of each row, fetching rows ahead.
    #[inline(always)]
    fn each<C: Cell>(&self, mut add: impl FnMut(&[u8; LANE], C)) {
        let codes = |row: u32| &self.lanes[row as usize * self.stride + self.lane];
        for (place, &row) in self.rows.ids.iter().enumerate() {
            if let Some(&next) = self.rows.ids.get(place + AHEAD) {
                prefetch(codes(next));
            }
            add(&codes(row).0, C::of_row(&self.rows, place));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::gbdt::binning::Binning;

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
}
