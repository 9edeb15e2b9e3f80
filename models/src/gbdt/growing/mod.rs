//! One tree grows on the derivatives of one round.

mod depth_wise;
mod leaf_wise;
mod leaves;
mod limb;
mod rows;

pub(crate) use leaves::fit as fit_leaves;
pub(crate) use limb::Limb;
pub(crate) use rows::RowBuffers;

use std::ops::Range;

use rows::Rows;

use super::binning::{Dataset, MISSING};
use super::histogram::{Builder, Cell, Derived, Histogram, Sums};
use super::parameters::{GbdtParameters, Growth};
use super::split::{Bounds, Finder, Split};

/// What a tree grows on.
pub(crate) struct Grower<'a, C> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) builder: &'a Builder<'a, C>,
    pub(crate) finder: Finder<'a>,
    pub(crate) parameters: &'a GbdtParameters,
    /// Whether leaves need to know their rows.
    pub(crate) needs_rows: bool,
    /// Whether somebody asked to stop; the tree then stays as it is.
    pub(crate) cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// A leaf that may still be split.
struct Bud<C> {
    rows: Range<usize>,
    depth: usize,
    bounds: Bounds,
    sums: Sums,
    /// The best split and the sums it was found by; none where the leaf stays one.
    split: Option<(Split, Histogram<C>)>,
}

impl<C: Cell> Grower<'_, C> {
    /// Grows a tree on `rows`, which it reorders.
    pub(crate) fn grow(&self, rows: Rows<'_>) -> Limb {
        let histogram = self.builder.build(rows.derived());
        let sums = self.total(&histogram);
        let root = self.bud(0..rows.len(), 0, Bounds::NONE, sums, Some(histogram));
        match self.parameters.growth {
            Growth::DepthWise => self.depth_wise(root, rows),
            Growth::LeafWise => self.leaf_wise(root, rows),
        }
    }

    /// The sums of all rows, which are those of any column.
    fn total(&self, histogram: &Histogram<C>) -> Sums {
        let Some(&column) = self.finder.columns.first() else {
            return Sums::default();
        };
        let bins = self.dataset.binner().column(column).count();
        let cells = histogram[column][..bins].iter();
        cells
            .fold(histogram[column][usize::from(MISSING)], |sum, cell| sum.plus(*cell))
            .sums()
    }

    /// A leaf with its best split.
    fn bud(
        &self,
        rows: Range<usize>,
        depth: usize,
        bounds: Bounds,
        sums: Sums,
        histogram: Option<Histogram<C>>,
    ) -> Bud<C> {
        let mut bud = Bud {
            rows,
            depth,
            bounds,
            sums,
            split: None,
        };
        let Some(histogram) = histogram else { return bud };
        let split = if self.may_split(sums, depth) && !(self.cancelled)() {
            self.finder.best(&histogram, sums, bounds)
        } else {
            None
        };
        match split {
            Some(split) => bud.split = Some((split, histogram)),
            None => self.builder.give_back(histogram),
        }
        bud
    }

    fn may_split(&self, sums: Sums, depth: usize) -> bool {
        depth < self.parameters.max_depth && sums.count as usize >= 2 * self.parameters.min_child_samples
    }

    /// Splits a bud whose rows are `rows`.
    fn split(&self, bud: &Bud<C>, split: &Split, histogram: Histogram<C>, mut rows: Rows<'_>) -> [Bud<C>; 2] {
        let depth = bud.depth + 1;
        let [may_left, may_right] = [split.left, split.right].map(|sums| self.may_split(sums, depth));
        let needs_histograms = may_left || may_right;
        let mut count = split.left.count as usize;
        if needs_histograms || self.needs_rows {
            let codes = self.dataset.column(split.column);
            count = rows.partition(codes, &split.right_codes());
            debug_assert_eq!(count, split.left.count as usize);
        }
        let (left, right) = if needs_histograms {
            let (left_rows, right_rows) = rows.split_at(count);
            let (left, right) = self.histograms(histogram, left_rows.derived(), right_rows.derived());
            (Some(left), Some(right))
        } else {
            self.builder.give_back(histogram);
            (None, None)
        };
        let [left_weight, right_weight] = [split.left, split.right].map(|sums| self.finder.rule.weight(sums.into()));
        let direction = self.finder.direction(split.column);
        let (left_bounds, right_bounds) = bud.bounds.split(direction, left_weight, right_weight);
        let (start, middle, end) = (bud.rows.start, bud.rows.start + count, bud.rows.end);
        let (left, right) = rayon::join(
            || self.bud(start..middle, depth, left_bounds, split.left, left),
            || self.bud(middle..end, depth, right_bounds, split.right, right),
        );
        [left, right]
    }

    /// The histograms of both children: the smaller one is summed, the other one is what is left of the parent's.
    fn histograms(
        &self,
        mut parent: Histogram<C>,
        left: Derived<'_>,
        right: Derived<'_>,
    ) -> (Histogram<C>, Histogram<C>) {
        let is_left_smaller = left.ids.len() <= right.ids.len();
        let small = self.builder.build(if is_left_smaller { left } else { right });
        self.builder.subtract(&mut parent, &small);
        if is_left_smaller {
            (small, parent)
        } else {
            (parent, small)
        }
    }
}
