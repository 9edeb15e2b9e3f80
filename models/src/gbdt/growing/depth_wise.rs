//! Every leaf is split until the depth is reached; both sides of a split grow side by side.

use super::rows::Rows;
use super::{Bud, Grower};
use crate::gbdt::growing::limb::{Fork, Kind, Limb};
use crate::gbdt::histogram::Cell;

impl<C: Cell> Grower<'_, C> {
    /// Grows everything that grows from `bud`, whose rows are `rows`.
    pub(super) fn depth_wise(&self, mut bud: Bud<C>, mut rows: Rows<'_>) -> Limb {
        let Some((split, histogram)) = bud.split.take() else {
            return Limb::leaf(bud.rows, bud.sums, bud.bounds);
        };
        let [left, right] = self.split(&bud, &split, histogram, rows.part(0..bud.rows.len()));
        let (left_rows, right_rows) = rows.split_at(left.rows.len());
        let (left, right) = rayon::join(
            || self.depth_wise(left, left_rows),
            || self.depth_wise(right, right_rows),
        );
        Limb {
            sums: bud.sums,
            kind: Kind::Fork(Box::new(Fork { split, left, right })),
        }
    }
}
