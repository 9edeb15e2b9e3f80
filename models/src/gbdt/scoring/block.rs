//! Sixty-four rows fall through a tree together: no branch, no gather, every step a few vector instructions.
//!
//! Each split compares the codes of all rows of the block and hands the rows that have come to it on to its children.
//! A row that goes right skips the leaves on the left, so that the sum of what it skips is the number of its leaf.

use crate::gbdt::binning::BLOCK;
use crate::gbdt::simd::vectorised;
use crate::gbdt::split::CodeSet;

/// The most leaves of a tree that blocks fall through: leaves are numbered in a byte.
const MOST_LEAVES: usize = 256;
/// Where the rows of leaves are put, which nobody looks at: a tree has one split less than it has leaves.
const NOWHERE: u8 = u8::MAX;

/// The codes of a block in every column.
pub(crate) type Codes<'a> = [&'a [u8; BLOCK]];

/// What a split compares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Comparison {
    /// Codes above `code` go right. Where missing values go left, codes are turned by one, so that theirs is the lowest.
    Above { code: u8, missing_left: bool },
    /// The codes of a set go right, by its place among the sets of the tree.
    Within(usize),
}

/// A split of a [`BlockTree`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockNode {
    comparison: Comparison,
    column: u32,
    /// Children among the splits, or, from the number of splits on, leaves.
    left: u16,
    right: u16,
    /// The number of leaves on the left.
    pub(crate) left_leaves: u16,
    /// Where the rows of the children are put.
    left_mask: u8,
    right_mask: u8,
}

impl BlockNode {
    /// A split that is not linked to its children yet.
    pub(crate) fn new(column: usize, comparison: Comparison) -> Self {
        Self {
            comparison,
            column: column as u32,
            left: 0,
            right: 0,
            left_leaves: 0,
            left_mask: NOWHERE,
            right_mask: NOWHERE,
        }
    }

    /// The split linked to its children, in a tree of `splits` splits.
    pub(crate) fn linked(self, left: u16, right: u16, splits: usize) -> Self {
        let mask = |child: u16| {
            if usize::from(child) < splits {
                child.min(NOWHERE.into()) as u8
            } else {
                NOWHERE
            }
        };
        Self {
            left,
            right,
            left_mask: mask(left),
            right_mask: mask(right),
            ..self
        }
    }
}

/// A tree over codes, laid out for the cache.
#[derive(Debug, Clone)]
pub(crate) struct BlockTree {
    /// The splits, level by level.
    pub(crate) nodes: Vec<BlockNode>,
    pub(crate) sets: Vec<CodeSet>,
    /// The leaves from left to right.
    pub(crate) values: Vec<f32>,
}

/// Room for the rows that have come to each split: all bits of a row's byte set, or none.
pub(crate) type Masks = [[u8; BLOCK]; MOST_LEAVES];

/// Empty [`Masks`].
pub(crate) fn masks() -> Box<Masks> {
    Box::new([[0; BLOCK]; MOST_LEAVES])
}

impl BlockTree {
    /// Adds the value of its leaf to each row of a block.
    pub(crate) fn add(&self, columns: &Codes<'_>, masks: &mut Masks, scores: &mut [f64; BLOCK]) {
        if self.values.len() > MOST_LEAVES {
            for (lane, score) in scores.iter_mut().enumerate() {
                *score += f64::from(self.value(|column| columns[column][lane]));
            }
            return;
        }
        let mut leaves = [0; BLOCK];
        fall(self, columns, masks, &mut leaves);
        for (score, leaf) in scores.iter_mut().zip(leaves) {
            *score += f64::from(self.values[usize::from(leaf)]);
        }
    }

    /// The value of the leaf that a single row falls into, given its codes.
    #[inline]
    pub(crate) fn value(&self, code: impl Fn(usize) -> u8) -> f32 {
        let mut place = 0;
        while let Some(node) = self.nodes.get(place) {
            let code = code(node.column as usize);
            let goes_right = match node.comparison {
                Comparison::Above {
                    code: highest,
                    missing_left,
                } => {
                    let turn = u8::from(missing_left);
                    code.wrapping_add(turn) > highest.wrapping_add(turn)
                }
                Comparison::Within(set) => self.sets[set].contains(code),
            };
            place = usize::from(if goes_right { node.right } else { node.left });
        }
        self.values[place - self.nodes.len()]
    }
}

vectorised! {
    /// Finds the leaf of every row of a block.
    fn fall(tree: &BlockTree, columns: &Codes<'_>, masks: &mut Masks, leaves: &mut [u8; BLOCK]) = fall_body;
}

#[inline(always)]
fn fall_body(tree: &BlockTree, columns: &Codes<'_>, masks: &mut Masks, leaves: &mut [u8; BLOCK]) {
    masks[0] = [u8::MAX; BLOCK];
    for (place, node) in (0_u8..).zip(&tree.nodes) {
        let codes = columns[node.column as usize];
        let beyond = match node.comparison {
            Comparison::Above { code, missing_left } => above(codes, code, u8::from(missing_left)),
            Comparison::Within(set) => within(codes, &tree.sets[set]),
        };
        let here = masks[usize::from(place)];
        let (mut left, mut right) = ([0; BLOCK], [0; BLOCK]);
        for lane in 0..BLOCK {
            left[lane] = here[lane] & !beyond[lane];
            right[lane] = here[lane] & beyond[lane];
            leaves[lane] = leaves[lane].wrapping_add(right[lane] & node.left_leaves as u8);
        }
        masks[usize::from(node.left_mask)] = left;
        masks[usize::from(node.right_mask)] = right;
    }
}

#[inline(always)]
fn above(codes: &[u8; BLOCK], code: u8, turn: u8) -> [u8; BLOCK] {
    let highest = code.wrapping_add(turn);
    let mut beyond = [0; BLOCK];
    for lane in 0..BLOCK {
        beyond[lane] = if codes[lane].wrapping_add(turn) > highest {
            u8::MAX
        } else {
            0
        };
    }
    beyond
}

#[inline(always)]
fn within(codes: &[u8; BLOCK], set: &CodeSet) -> [u8; BLOCK] {
    let mut beyond = [0; BLOCK];
    for lane in 0..BLOCK {
        beyond[lane] = if set.contains(codes[lane]) { u8::MAX } else { 0 };
    }
    beyond
}
