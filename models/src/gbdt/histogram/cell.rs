//! What a bin holds, and what is added to it.

use std::ops::Range;

use crate::gbdt::simd::vectorised;

/// Bits of a cell's first word that count rows; the others hold the sum of gradients.
const COUNT_BITS: u32 = 24;
const COUNT_MASK: i64 = (1 << COUNT_BITS) - 1;

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
    /// The rows at these places.
    pub(super) fn part(&self, places: Range<usize>) -> Self {
        Self {
            ids: &self.ids[places.clone()],
            first: &self.first[places.clone()],
            second: if self.second.is_empty() {
                &[]
            } else {
                &self.second[places]
            },
        }
    }

    /// The first half of the rows, and the other.
    pub(super) fn halves(&self) -> (Self, Self) {
        let (middle, end) = (self.ids.len() / 2, self.ids.len());
        (self.part(0..middle), self.part(middle..end))
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
