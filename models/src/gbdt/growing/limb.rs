//! A tree while it grows: codes in place of values, and for each leaf the rows that are in it.

use std::ops::Range;

use crate::gbdt::histogram::Sums;
use crate::gbdt::scoring::{BlockTree, CodeTest, Outline};
use crate::gbdt::split::{Bounds, Rule, Split, Test};
use crate::gbdt::tree::{Branch, Condition, Missing, Node, Part, Tree};

/// A leaf, or a split with what grows from it.
#[derive(Debug)]
pub(crate) struct Limb {
    pub(crate) sums: Sums,
    pub(crate) kind: Kind,
}

/// See [`Limb`].
#[derive(Debug)]
pub(crate) enum Kind {
    Leaf(Leaf),
    Fork(Box<Fork>),
}

/// A leaf and its rows.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Where its rows stand among those of the tree; only kept up where leaf values are fitted to rows.
    pub(crate) rows: Range<usize>,
    pub(crate) bounds: Bounds,
    /// What it adds to a score, before shrinkage.
    pub(crate) value: f64,
}

/// A split and both sides of it.
#[derive(Debug)]
pub(crate) struct Fork {
    pub(crate) split: Split,
    pub(crate) left: Limb,
    pub(crate) right: Limb,
}

impl Limb {
    /// A leaf without a value yet.
    pub(crate) fn leaf(rows: Range<usize>, sums: Sums, bounds: Bounds) -> Self {
        Self {
            sums,
            kind: Kind::Leaf(Leaf {
                rows,
                bounds,
                value: 0.0,
            }),
        }
    }

    /// The leaves from left to right, each with its sums.
    pub(crate) fn leaves(&mut self) -> Vec<(Sums, &mut Leaf)> {
        let mut leaves = Vec::new();
        self.collect(&mut leaves);
        leaves
    }

    fn collect<'a>(&'a mut self, leaves: &mut Vec<(Sums, &'a mut Leaf)>) {
        match &mut self.kind {
            Kind::Leaf(leaf) => leaves.push((self.sums, leaf)),
            Kind::Fork(fork) => {
                fork.left.collect(leaves);
                fork.right.collect(leaves);
            }
        }
    }

    /// Whether nothing has grown.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::Leaf(_))
    }

    /// The tree in the words of its table.
    pub(crate) fn tree(&self, rule: &Rule) -> Tree {
        let mut tree = Tree { nodes: Vec::new() };
        self.write(rule, &mut tree);
        tree
    }

    fn write(&self, rule: &Rule, tree: &mut Tree) -> usize {
        let place = tree.nodes.len();
        let cover = rule.cover(self.sums);
        let fork = match &self.kind {
            Kind::Leaf(leaf) => {
                let part = Part::Leaf(leaf.value as f32);
                tree.nodes.push(Node { cover, part });
                return place;
            }
            Kind::Fork(fork) => fork,
        };
        tree.nodes.push(Node {
            cover,
            part: Part::Leaf(0.0),
        });
        let left = fork.left.write(rule, tree);
        let right = fork.right.write(rule, tree);
        let (condition, missing_left) = condition(&fork.split.test);
        tree.nodes[place].part = Part::Branch(Branch {
            column: fork.split.column,
            condition,
            missing_left,
            gain: fork.split.gain,
            left,
            right,
        });
        place
    }

    /// The tree over the codes of the table that it grows on.
    pub(crate) fn block_tree(&self) -> BlockTree {
        BlockTree::new(self, &mut |limb: &Self| match &limb.kind {
            Kind::Leaf(leaf) => Outline::Leaf(leaf.value as f32),
            Kind::Fork(fork) => Outline::Split {
                column: fork.split.column,
                test: match fork.split.test {
                    Test::Numeric { code, missing_left, .. } => CodeTest::Above { code, missing_left },
                    Test::Categorical { .. } => CodeTest::Within(fork.split.right_codes()),
                },
                left: &fork.left,
                right: &fork.right,
            },
        })
    }
}

fn condition(test: &Test) -> (Condition, bool) {
    match test {
        Test::Numeric {
            threshold,
            missing_left,
            ..
        } => {
            let missing = Missing::Nan;
            let threshold = *threshold;
            (Condition::Numeric { threshold, missing }, *missing_left)
        }
        Test::Categorical { categories, .. } => {
            let left = categories.clone();
            (Condition::Categorical { left }, false)
        }
    }
}
