//! The rows of a leaf with their derivatives, which travel together: nothing is looked up by row when they are summed.

use rayon::prelude::*;

use crate::gbdt::gradients::Gradients;
use crate::gbdt::histogram::Derived;
use crate::gbdt::partition::{mark, separate};
use crate::gbdt::split::CodeSet;

/// Memory for the rows of a tree.
#[derive(Debug, Default)]
pub(crate) struct RowBuffers {
    pub(crate) ids: Vec<u32>,
    first: Vec<u32>,
    second: Vec<u32>,
    scratch: Vec<u32>,
}

impl RowBuffers {
    /// Looks up the derivatives of the rows in `ids`.
    pub(crate) fn derive(&mut self, gradients: &Gradients) {
        look_up(&self.ids, &gradients.first, &mut self.first);
        look_up(&self.ids, &gradients.second, &mut self.second);
        self.scratch.resize(self.ids.len(), 0);
    }

    /// All rows.
    pub(crate) fn rows(&mut self) -> Rows<'_> {
        Rows {
            ids: &mut self.ids,
            first: &mut self.first,
            second: &mut self.second,
            scratch: &mut self.scratch,
        }
    }
}

/// Replaces `found` by the bits of the derivatives of `rows`; there are none where all are 1.
fn look_up(rows: &[u32], derivatives: &[i32], found: &mut Vec<u32>) {
    found.clear();
    if rows.len() == derivatives.len() {
        // Rows come in order: these are all of them.
        found.extend(derivatives.iter().map(|derivative| derivative.cast_unsigned()));
    } else if !derivatives.is_empty() {
        found.par_extend(rows.par_iter().map(|row| derivatives[*row as usize].cast_unsigned()));
    }
}

/// The rows of a leaf.
pub(crate) struct Rows<'a> {
    ids: &'a mut [u32],
    first: &'a mut [u32],
    /// Empty where all second derivatives are 1.
    second: &'a mut [u32],
    scratch: &'a mut [u32],
}

impl Rows<'_> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The rows, to be summed.
    pub(crate) fn derived(&self) -> Derived<'_> {
        Derived {
            ids: self.ids,
            first: self.first,
            second: self.second,
        }
    }

    /// Moves the rows whose code goes right behind the others; returns how many do not.
    pub(crate) fn partition(&mut self, codes: &[u8], right: &CodeSet) -> usize {
        let marks = mark(self.ids, codes, right);
        separate(self.first, self.scratch, &marks);
        if !self.second.is_empty() {
            separate(self.second, self.scratch, &marks);
        }
        separate(self.ids, self.scratch, &marks)
    }

    /// The rows in `range`.
    pub(crate) fn part(&mut self, range: std::ops::Range<usize>) -> Rows<'_> {
        let second = if self.second.is_empty() { 0..0 } else { range.clone() };
        Rows {
            ids: &mut self.ids[range.clone()],
            first: &mut self.first[range.clone()],
            second: &mut self.second[second],
            scratch: &mut self.scratch[range],
        }
    }

    /// The first `count` rows, and the others.
    pub(crate) fn split_at(&mut self, count: usize) -> (Rows<'_>, Rows<'_>) {
        let (ids, other_ids) = self.ids.split_at_mut(count);
        let (first, other_first) = self.first.split_at_mut(count);
        let (second, other_second) = self.second.split_at_mut(count.min(self.second.len()));
        let (scratch, other_scratch) = self.scratch.split_at_mut(count);
        let left = Rows {
            ids,
            first,
            second,
            scratch,
        };
        let right = Rows {
            ids: other_ids,
            first: other_first,
            second: other_second,
            scratch: other_scratch,
        };
        (left, right)
    }
}
