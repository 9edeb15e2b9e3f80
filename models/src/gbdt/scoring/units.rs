//! Splits taken together: from the leaves up, each unit says of a row which leaf below it is the row's.
//!
//! A split chooses between the leaf numbers of its two sides. Three splits, a parent and both children, choose between four without
//! putting what the children chose aside, and two leaves are numbers that follow each other.

use super::block::{BlockNode, MOST_LEAVES};

/// Bytes are compared with their signs: half of their range is added to both sides, four times.
const HALF: u32 = 0x8080_8080;

/// What a split asks about a row: whether its code, turned, is above the highest one that goes left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    /// Its codes among those that the tree looks at: first those of its sets, then those of the columns.
    pub(super) codes: u32,
    /// What is added to a code before it is compared with its sign, four times.
    pub(super) turn: u32,
    /// The highest code that goes left, with its sign, four times.
    pub(super) highest: u32,
}

impl Question {
    fn of(node: &BlockNode, sets: usize) -> Self {
        Self {
            codes: match node.set {
                0 => node.column + sets as u32,
                set => u32::from(set) - 1,
            },
            turn: node.turn ^ HALF,
            highest: node.highest ^ HALF,
        }
    }
}

/// What a side of a split says: the leaf found by the unit at a place, or a leaf itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Unit(u8),
    Leaf(u8),
}

/// Splits that are worked on together; they stand at the place of the uppermost one, which asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A split over two leaves, of which `first` is the left one.
    Pair { place: u8, ask: Question, first: u8 },
    /// Three splits over four leaves.
    Four { place: u8, ask: [Question; 3], first: u8 },
    /// A split over anything else.
    One { place: u8, ask: Question, sides: [Side; 2] },
    /// Three splits over four other units.
    Three {
        place: u8,
        ask: [Question; 3],
        below: [u8; 4],
    },
}

/// The units of a tree whose splits come level by level, those that others ask before these; none of a tree with more leaves than a byte
/// numbers.
pub(super) fn units(nodes: &[BlockNode], sets: usize) -> Vec<Unit> {
    if nodes.len() >= MOST_LEAVES {
        return Vec::new();
    }
    let mut units: Vec<Option<Unit>> = vec![None; nodes.len()];
    for (place, node) in nodes.iter().enumerate().rev() {
        let sides = node
            .children()
            .map(|child| match usize::from(child).checked_sub(nodes.len()) {
                None => Side::Unit(child as u8),
                Some(leaf) => Side::Leaf(leaf as u8),
            });
        units[place] = Some(unit(place as u8, Question::of(node, sets), sides, &mut units));
    }
    let mut units: Vec<Unit> = units.into_iter().rev().flatten().collect();
    // Those over leaves ask nobody: kind by kind, so that the processor foresees what comes next.
    units.sort_by_key(|unit| match unit {
        Unit::Pair { .. } => 0,
        Unit::Four { .. } => 1,
        Unit::One { .. } | Unit::Three { .. } => 2,
    });
    units
}

/// The unit of the split at `place`; the units below it may become part of it.
fn unit(place: u8, ask: Question, sides: [Side; 2], units: &mut [Option<Unit>]) -> Unit {
    let (left, right) = match sides {
        [Side::Leaf(first), Side::Leaf(_)] => return Unit::Pair { place, ask, first },
        [Side::Unit(left), Side::Unit(right)] => (usize::from(left), usize::from(right)),
        _ => return Unit::One { place, ask, sides },
    };
    let unit = match (units[left], units[right]) {
        (Some(Unit::Pair { ask: one, first, .. }), Some(Unit::Pair { ask: other, .. })) => {
            let ask = [ask, one, other];
            Unit::Four { place, ask, first }
        }
        (
            Some(Unit::One {
                ask: one,
                sides: [Side::Unit(a), Side::Unit(b)],
                ..
            }),
            Some(Unit::One {
                ask: other,
                sides: [Side::Unit(c), Side::Unit(d)],
                ..
            }),
        ) => {
            let ask = [ask, one, other];
            let below = [a, b, c, d];
            Unit::Three { place, ask, below }
        }
        _ => return Unit::One { place, ask, sides },
    };
    (units[left], units[right]) = (None, None);
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::scoring::{BlockTree, CodeTest, Outline};

    /// A tree in which a node is a leaf from `leaves` on; the children of node n are 2 n and 2 n + 1.
    fn tree(is_leaf: impl Fn(usize) -> bool) -> BlockTree {
        BlockTree::new(1_usize, &mut |node: usize| {
            if is_leaf(node) {
                return Outline::Leaf(node as f32);
            }
            Outline::Split {
                column: 0,
                test: CodeTest::Above {
                    code: 3,
                    missing_left: false,
                },
                left: 2 * node,
                right: 2 * node + 1,
            }
        })
    }

    /// How many units of each kind there are: pairs, fours, ones, threes.
    fn kinds(units: &[Unit]) -> [usize; 4] {
        let mut kinds = [0; 4];
        for unit in units {
            let kind = match unit {
                Unit::Pair { .. } => 0,
                Unit::Four { .. } => 1,
                Unit::One { .. } => 2,
                Unit::Three { .. } => 3,
            };
            kinds[kind] += 1;
        }
        kinds
    }

    #[test]
    fn complete_trees_are_cut_into_threes() {
        for (depth, expected) in [
            (0, [0, 0, 0, 0]),
            (1, [1, 0, 0, 0]),
            (2, [0, 1, 0, 0]),
            (3, [0, 2, 1, 0]),
            (4, [0, 4, 0, 1]),
            (6, [0, 16, 0, 5]),
            (8, [0, 64, 0, 21]),
        ] {
            let tree = tree(|node| node >= 1 << depth);
            assert_eq!(kinds(&units(&tree.nodes, 0)), expected, "{depth}");
        }
    }

    #[test]
    fn every_split_asks_once_and_behind_those_below_it() {
        let trees = [
            tree(|node| node >= 64),
            tree(|node| node >= 256),
            tree(|node| node >= 100 || node % 5 == 3),
            tree(|node| node > 1 && !node.is_power_of_two() || node > 1 << 20),
        ];
        for tree in trees {
            let mut is_known = vec![false; tree.nodes.len()];
            let mut asked = 0;
            for unit in units(&tree.nodes, 0) {
                let (place, questions, below) = match unit {
                    Unit::Pair { place, .. } => (place, 1, Vec::new()),
                    Unit::Four { place, .. } => (place, 3, Vec::new()),
                    Unit::One { place, sides, .. } => {
                        let place_of = |side| {
                            if let Side::Unit(place) = side {
                                Some(place)
                            } else {
                                None
                            }
                        };
                        (place, 1, sides.into_iter().filter_map(place_of).collect())
                    }
                    Unit::Three { place, below, .. } => (place, 3, below.to_vec()),
                };
                assert!(below.iter().all(|below| is_known[usize::from(*below)]));
                is_known[usize::from(place)] = true;
                asked += questions;
            }
            assert_eq!(asked, tree.nodes.len());
            assert!(is_known[0]);
        }
    }
}
