//! Splits of categories: in the order of their mean gradients, the best subset is a run from one end.
//!
//! Fisher, W. D.: On Grouping for Maximum Homogeneity (1958) shows it for squared error.

use super::gain::{Rule, Total};
use super::numeric::{Best, Leaf, Prefix};
use super::{Split, Test};
use crate::gbdt::binning::{Categories, MISSING};
use crate::gbdt::histogram::{Cell, Sums};

const NOTHING: Total = Total {
    first: 0.0,
    second: 0.0,
    count: 0.0,
};

/// The best split of a categorical column; missing values are one more category.
pub(crate) fn best<C: Cell>(
    cells: &[C; 256],
    known: &Categories,
    rule: &Rule,
    leaf: &Leaf,
    room: &mut Prefix,
    to_beat: f64,
) -> Option<(Split, f64)> {
    let mut order: Vec<(f64, u8, C)> = Vec::new();
    for code in (0..known.count()).chain([usize::from(MISSING)]) {
        let sums = cells[code].sums();
        if sums.count > 0 {
            let place = sums.first as f64 / (sums.second as f64 + rule.smoothing);
            order.push((place, code as u8, cells[code]));
        }
    }
    order.sort_by(|one, other| one.0.total_cmp(&other.0));
    room.fill(order.iter().map(|(_, _, cell)| *cell));
    let leaf = Leaf { direction: 0, ..*leaf };
    let Best { place, score } = room.best(&rule.smoothed(), &leaf, NOTHING, order.len().saturating_sub(1), to_beat)?;
    let (low, high) = order.split_at(place + 1);
    // Unseen categories go where missing values go, and that is always to the right.
    let has_missing = |side: &[(f64, u8, C)]| side.iter().any(|(_, code, _)| *code == MISSING);
    let (left, right) = if has_missing(low) { (high, low) } else { (low, high) };
    let split = Split {
        column: 0,
        test: Test::Categorical {
            categories: codes(left)
                .iter()
                .map(|code| known.category(usize::from(*code)))
                .collect(),
            left: codes(left),
        },
        gain: 0.0,
        left: sums(left),
        right: sums(right),
    };
    Some((split, score))
}

fn codes<C>(side: &[(f64, u8, C)]) -> Vec<u8> {
    let mut codes: Vec<u8> = side.iter().map(|(_, code, _)| *code).collect();
    codes.sort_unstable();
    codes
}

fn sums<C: Cell>(side: &[(f64, u8, C)]) -> Sums {
    side.iter()
        .fold(C::default(), |sum, (_, _, cell)| sum.plus(*cell))
        .sums()
}
