//! What leaves add to a score.

use rayon::prelude::*;

use super::limb::{Fork, Kind, Limb};
use crate::gbdt::histogram::Sums;
use crate::gbdt::objective::{Loss, weighted_quantile};
use crate::gbdt::split::{Bounds, Finder};

/// Gives each leaf the value that lowers the loss most, short of its bounds, times `learning_rate`.
///
/// `rows` are those of the tree, in the order that growing left them in, and `residual` gives target less score and
/// the weight of a row.
pub(crate) fn fit<R>(limb: &mut Limb, loss: Loss, finder: &Finder<'_>, learning_rate: f64, rows: &[u32], residual: R)
where
    R: Fn(u32) -> (f32, f32) + Sync,
{
    if let Some(level) = loss.leaf_quantile() {
        limb.leaves().into_par_iter().for_each(|(_, leaf)| {
            let mut residuals: Vec<(f32, f32)> = rows[leaf.rows.clone()].iter().map(|row| residual(*row)).collect();
            leaf.value = weighted_quantile(&mut residuals, level);
        });
        if finder.is_monotone {
            // The bounds found while growing are those of gradients, not of residuals.
            project(limb, finder, Bounds::NONE);
        }
    } else {
        let step = loss.longest_step();
        for (sums, leaf) in limb.leaves() {
            let weight = finder.rule.weight(sums.into()).clamp(-step, step);
            leaf.value = leaf.bounds.clamp(weight);
        }
    }
    for (_, leaf) in limb.leaves() {
        leaf.value *= learning_rate;
    }
}

/// Moves values into bounds that meet halfway between both sides of each monotone split.
fn project(limb: &mut Limb, finder: &Finder<'_>, bounds: Bounds) {
    match &mut limb.kind {
        Kind::Leaf(leaf) => leaf.value = bounds.clamp(leaf.value),
        Kind::Fork(fork) => {
            let direction = finder.direction(fork.split.column);
            let Fork { left, right, .. } = fork.as_mut();
            let (left_bounds, right_bounds) = bounds.split(direction, mean(left), mean(right));
            project(left, finder, left_bounds);
            project(right, finder, right_bounds);
        }
    }
}

/// The mean value of the leaves, by their rows.
fn mean(limb: &mut Limb) -> f64 {
    let (sum, count) = limb
        .leaves()
        .into_iter()
        .fold((0.0, 0.0), |(sum, count), (sums, leaf)| {
            let Sums { count: rows, .. } = sums;
            (sum + leaf.value * rows as f64, count + rows as f64)
        });
    sum / f64::max(count, 1.0)
}
