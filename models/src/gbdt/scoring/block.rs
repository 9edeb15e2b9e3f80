//! A tree over codes, laid out so that sixty-four rows fall through it together.

use super::fall::{Room, fall};
use super::pick::add_values;
#[cfg(target_arch = "x86_64")]
use super::units::{Unit, units};
use crate::gbdt::binning::{BLOCK, BLOCKS, Sheet};
use crate::gbdt::split::CodeSet;

/// The most leaves of a tree that blocks fall through: leaves are numbered in a byte.
pub(crate) const MOST_LEAVES: usize = 256;
/// Where the rows of leaves are put, which nobody looks at: a tree has one split less than it has leaves.
const NOWHERE: u8 = u8::MAX;
/// Four times a byte: vectors are filled from 32 bits at once.
const FOUR_TIMES: u32 = 0x0101_0101;

/// The codes of a sheet of rows in every column.
pub(crate) type Codes<'a> = [&'a Sheet];

/// What goes right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CodeTest {
    /// Codes above this one; missing ones as said.
    Above { code: u8, missing_left: bool },
    /// The codes of a set.
    Within(CodeSet),
}

/// A split of a [`BlockTree`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlockNode {
    pub(crate) column: u32,
    /// Codes are turned by one where missing values go left, so that theirs, the highest, becomes the lowest. Four times.
    pub(crate) turn: u32,
    /// The highest code, turned, that goes left. Four times.
    pub(crate) highest: u32,
    /// The number of leaves on the left. Four times.
    pub(crate) left_leaves: u32,
    /// The codes that go right instead, by their place among the sets of the tree plus one; 0 where codes are compared.
    pub(crate) set: u16,
    /// Children among the splits, or, from the number of splits on, leaves.
    left: u16,
    right: u16,
    /// Where the rows of the children are put.
    pub(crate) left_mask: u8,
    pub(crate) right_mask: u8,
}

/// A tree over codes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct BlockTree {
    /// The splits, level by level.
    pub(crate) nodes: Vec<BlockNode>,
    pub(crate) sets: Vec<CodeSet>,
    /// The leaves from left to right.
    pub(crate) values: Vec<f32>,
    /// The splits as they are worked on from the leaves up.
    #[cfg(target_arch = "x86_64")]
    pub(super) units: Vec<Unit>,
}

impl BlockNode {
    /// A split with `left_leaves` leaves on its left, linked to `children` in a tree of `splits` splits.
    pub(crate) fn new(column: usize, [left, right]: [u16; 2], left_leaves: usize, splits: usize) -> Self {
        let mask = |child: u16| {
            if usize::from(child) < splits {
                child.min(NOWHERE.into()) as u8
            } else {
                NOWHERE
            }
        };
        Self {
            column: column as u32,
            turn: 0,
            highest: 0,
            left_leaves: FOUR_TIMES * u32::from(left_leaves as u8),
            set: 0,
            left,
            right,
            left_mask: mask(left),
            right_mask: mask(right),
        }
    }

    /// The children among the splits, or, from the number of splits on, leaves.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn children(&self) -> [u16; 2] {
        [self.left, self.right]
    }

    fn goes_right(&self, code: u8, sets: &[CodeSet]) -> bool {
        match self.set {
            0 => code.wrapping_add(self.turn as u8) > self.highest as u8,
            set => sets[usize::from(set) - 1].contains(code),
        }
    }
}

impl BlockTree {
    /// Appends a split that `test` decides on.
    pub(crate) fn push(&mut self, node: BlockNode, test: &CodeTest) {
        let mut node = node;
        match test {
            CodeTest::Above { code, missing_left } => {
                let turn = u8::from(*missing_left);
                node.turn = FOUR_TIMES * u32::from(turn);
                node.highest = FOUR_TIMES * u32::from(code.wrapping_add(turn));
            }
            CodeTest::Within(set) => {
                self.sets.push(*set);
                node.set = self.sets.len() as u16;
            }
        }
        self.nodes.push(node);
    }

    /// Takes splits together, once all of them are there.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn unite(&mut self) {
        self.units = units(&self.nodes, self.sets.len());
    }

    /// Adds the value of its leaf to each row of the first blocks of a sheet, as many as there are scores of.
    pub(crate) fn add(&self, columns: &Codes<'_>, room: &mut Room, scores: &mut [[f64; BLOCK]]) {
        if self.values.len() > MOST_LEAVES {
            for (block, scores) in scores.iter_mut().enumerate() {
                for (lane, score) in scores.iter_mut().enumerate() {
                    *score += f64::from(self.value(|column| columns[column][block][lane]));
                }
            }
            return;
        }
        let mut leaves = [[0; BLOCK]; BLOCKS];
        let leaves = &mut leaves[..scores.len()];
        self.leaves(columns, room, leaves);
        for (scores, leaves) in scores.iter_mut().zip(leaves) {
            add_values(&self.values, leaves, scores);
        }
    }

    /// Finds the number of its leaf, from left to right, for each row of the first blocks of a sheet; the tree has at most 256 leaves.
    pub(crate) fn leaves(&self, columns: &Codes<'_>, room: &mut Room, leaves: &mut [[u8; BLOCK]]) {
        fall(self, columns, room, leaves);
    }

    /// The value of the leaf that a single row falls into, given its codes.
    #[inline]
    pub(crate) fn value(&self, code: impl Fn(usize) -> u8) -> f32 {
        let mut place = 0;
        while let Some(node) = self.nodes.get(place) {
            let goes_right = node.goes_right(code(node.column as usize), &self.sets);
            place = usize::from(if goes_right { node.right } else { node.left });
        }
        self.values[place - self.nodes.len()]
    }
}
