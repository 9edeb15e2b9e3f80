//! The leaf with the highest gain is split first, until there are enough leaves.

use super::rows::Rows;
use super::{Bud, Grower};
use crate::gbdt::growing::limb::{Fork, Kind, Limb};
use crate::gbdt::histogram::Cell;
use crate::gbdt::split::Split;

/// A leaf, or a split whose children stand further on.
struct Place<C> {
    bud: Bud<C>,
    fork: Option<(Split, usize)>,
}

impl<C: Cell> Grower<'_, C> {
    /// Grows a tree from its root.
    pub(super) fn leaf_wise(&self, root: Bud<C>, mut rows: Rows<'_>) -> Limb {
        let mut places = vec![Place { bud: root, fork: None }];
        for _ in 1..self.parameters.max_leaves {
            let Some(best) = best(&places) else { break };
            let next = places.len();
            let Some((split, histogram)) = places[best].bud.split.take() else {
                break;
            };
            let bud = &places[best].bud;
            let children = self.split(bud, &split, histogram, rows.part(bud.rows.clone()));
            places[best].fork = Some((split, next));
            places.extend(children.map(|bud| Place { bud, fork: None }));
        }
        for place in &mut places {
            if let Some((_, histogram)) = place.bud.split.take() {
                self.builder.give_back(histogram);
            }
        }
        limb(&mut places, 0)
    }
}

/// The leaf with the highest gain, the oldest one of equals.
fn best<C>(places: &[Place<C>]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, place) in places.iter().enumerate() {
        let Some((split, _)) = &place.bud.split else { continue };
        if best.is_none_or(|(_, gain)| split.gain > gain) {
            best = Some((index, split.gain));
        }
    }
    best.map(|(index, _)| index)
}

fn limb<C>(places: &mut [Place<C>], index: usize) -> Limb {
    let place = &mut places[index];
    let sums = place.bud.sums;
    let Some((split, children)) = place.fork.take() else {
        return Limb::leaf(place.bud.rows.clone(), sums, place.bud.bounds);
    };
    let left = limb(places, children);
    let right = limb(places, children + 1);
    Limb {
        sums,
        kind: Kind::Fork(Box::new(Fork { split, left, right })),
    }
}
