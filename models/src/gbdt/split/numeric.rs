//! Splits of bins in a given order: the sums left of every border and the gains there.

use super::gain::{Bounds, Rule, Total};
use crate::gbdt::histogram::Cell;
use crate::gbdt::simd::vectorised;

/// Bins of a column in the order in which they are split.
pub(crate) const BINS: usize = 256;
/// Numbers that are compared at once.
const LANES: usize = 8;

/// The sums of all bins up to each one.
pub(crate) struct Prefix {
    first: [f64; BINS],
    second: [f64; BINS],
    count: [f64; BINS],
    gains: [f64; BINS],
    /// How many bins there are.
    bins: usize,
}

/// The best place of an order of bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Best {
    /// The last bin that goes left.
    pub(crate) place: usize,
    /// The scaled scores of both sides together.
    pub(crate) score: f64,
}

/// What both sides of a split share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf {
    pub(crate) total: Total,
    pub(crate) bounds: Bounds,
    /// Whether the weight must rise (1) or fall (-1) along the order.
    pub(crate) direction: i8,
    /// Whether any column of the tree must.
    pub(crate) is_monotone: bool,
}

impl Prefix {
    /// Room for one column.
    pub(crate) fn new() -> Self {
        Self {
            first: [0.0; BINS],
            second: [0.0; BINS],
            count: [0.0; BINS],
            gains: [0.0; BINS],
            bins: 0,
        }
    }

    /// Sums `cells` in their order.
    pub(crate) fn fill<C: Cell>(&mut self, cells: impl Iterator<Item = C>) {
        let mut running = [C::default(); BINS];
        let mut sum = C::default();
        self.bins = 0;
        for (place, cell) in running.iter_mut().zip(cells) {
            sum = sum.plus(cell);
            *place = sum;
            self.bins += 1;
        }
        C::unpack(
            &running[..self.bins],
            &mut self.first,
            &mut self.second,
            &mut self.count,
        );
    }

    /// The best of the first `places` places, where `extra` (missing values) goes left as well; none where no score is
    /// above `to_beat`.
    pub(crate) fn best(&mut self, rule: &Rule, leaf: &Leaf, extra: Total, places: usize, to_beat: f64) -> Option<Best> {
        let places = places.min(self.bins);
        if leaf.is_monotone {
            self.bounded_gains(rule, leaf, extra, places);
        } else {
            gains(self, rule, leaf.total, extra, places);
        }
        let gains = &self.gains[..places];
        let score = largest(gains);
        if score <= to_beat {
            return None;
        }
        let place = gains.iter().position(|gain| *gain >= score)?;
        Some(Best { place, score })
    }

    /// Gains where weights are bounded: slower, and only used for monotone trees.
    fn bounded_gains(&mut self, rule: &Rule, leaf: &Leaf, extra: Total, places: usize) {
        for place in 0..places {
            let left = Total {
                first: self.first[place] + extra.first,
                second: self.second[place] + extra.second,
                count: self.count[place] + extra.count,
            };
            let right = Total {
                first: leaf.total.first - left.first,
                second: leaf.total.second - left.second,
                count: leaf.total.count - left.count,
            };
            let weights = [left, right].map(|side| leaf.bounds.clamp(rule.weight(side)));
            let wrong = (weights[1] - weights[0]) * f64::from(leaf.direction) < 0.0;
            self.gains[place] = if wrong || !fits(rule, left) || !fits(rule, right) {
                f64::NEG_INFINITY
            } else {
                rule.score_of(left, weights[0]) + rule.score_of(right, weights[1])
            };
        }
    }
}

fn fits(rule: &Rule, side: Total) -> bool {
    side.count >= rule.min_count && side.second >= rule.min_weight
}

vectorised! {
    /// The scores of both sides of each place, minus infinity where a side is too small.
    fn gains(prefix: &mut Prefix, rule: &Rule, total: Total, extra: Total, places: usize) = gains_body;
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "branches would keep the loop from being vectorised"
)]
#[inline(always)]
fn gains_body(prefix: &mut Prefix, rule: &Rule, total: Total, extra: Total, places: usize) {
    let (first, second, count) = (
        &prefix.first[..places],
        &prefix.second[..places],
        &prefix.count[..places],
    );
    let gains = &mut prefix.gains[..places];
    for place in 0..places {
        let (left_first, left_second) = (first[place] + extra.first, second[place] + extra.second);
        let (right_first, right_second) = (total.first - left_first, total.second - left_second);
        let left_count = count[place] + extra.count;
        let score = rule.score_both([left_first, right_first], [left_second, right_second]);
        let fits = (left_count >= rule.min_count)
            & (total.count - left_count >= rule.min_count)
            & (left_second >= rule.min_weight)
            & (right_second >= rule.min_weight);
        gains[place] = if fits { score } else { f64::NEG_INFINITY };
    }
}

vectorised! {
    /// The largest gain, minus infinity where there is none.
    fn largest(gains: &[f64]) -> f64 = largest_body;
}

#[inline(always)]
fn largest_body(gains: &[f64]) -> f64 {
    let larger = |one: f64, other: f64| if other > one { other } else { one };
    let mut best = [f64::NEG_INFINITY; LANES];
    let (chunks, rest) = gains.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            best[lane] = larger(best[lane], chunk[lane]);
        }
    }
    best.iter()
        .chain(rest)
        .fold(f64::NEG_INFINITY, |one, other| larger(one, *other))
}
