//! How a tree of any kind becomes a [`BlockTree`]: splits level by level, leaves from left to right.
//!
//! A split depends on its parent alone, so that those of a level can be worked on at the same time.

use super::block::{BlockNode, BlockTree, Comparison};
use crate::gbdt::split::CodeSet;

/// What a node is.
pub(crate) enum Outline<N> {
    /// A leaf with its value.
    Leaf(f32),
    /// A split by a column of codes, and both sides of it.
    Split {
        column: usize,
        test: CodeTest,
        left: N,
        right: N,
    },
}

/// What goes right.
pub(crate) enum CodeTest {
    /// Codes above this one; missing ones as said.
    Above { code: u8, missing_left: bool },
    /// The codes of a set.
    Within(CodeSet),
}

/// A split on its way into the layout: where it stands below the root, and what it links to.
struct Draft {
    depth: usize,
    left: Link,
    right: Link,
    node: BlockNode,
}

/// A split by its place among the drafts, or a leaf by its number.
#[derive(Clone, Copy)]
enum Link {
    Split(usize),
    Leaf(usize),
}

impl BlockTree {
    /// Lays out everything below `root`; `open` says what a node is.
    pub(crate) fn new<N>(root: N, open: &mut impl FnMut(N) -> Outline<N>) -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            sets: Vec::new(),
            values: Vec::new(),
        };
        let mut drafts = Vec::new();
        tree.draft(root, 0, &mut drafts, open);
        tree.order(&drafts);
        tree
    }

    /// Walks the tree, left before right: leaves get their values and splits their drafts.
    fn draft<N>(
        &mut self,
        node: N,
        depth: usize,
        drafts: &mut Vec<Draft>,
        open: &mut impl FnMut(N) -> Outline<N>,
    ) -> Link {
        let (column, test, left, right) = match open(node) {
            Outline::Leaf(value) => {
                self.values.push(value);
                return Link::Leaf(self.values.len() - 1);
            }
            Outline::Split {
                column,
                test,
                left,
                right,
            } => (column, test, left, right),
        };
        let node = BlockNode::new(column, self.comparison(test));
        let place = drafts.len();
        // Stands for the leaf that the children will push; both links are set below.
        let nowhere = Link::Leaf(0);
        drafts.push(Draft {
            depth,
            left: nowhere,
            right: nowhere,
            node,
        });
        let leaves = self.values.len();
        let left = self.draft(left, depth + 1, drafts, open);
        drafts[place].node.left_leaves = (self.values.len() - leaves) as u16;
        let right = self.draft(right, depth + 1, drafts, open);
        (drafts[place].left, drafts[place].right) = (left, right);
        Link::Split(place)
    }

    fn comparison(&mut self, test: CodeTest) -> Comparison {
        match test {
            CodeTest::Above { code, missing_left } => Comparison::Above { code, missing_left },
            CodeTest::Within(set) => {
                self.sets.push(set);
                Comparison::Within(self.sets.len() - 1)
            }
        }
    }

    /// Sorts the splits by depth and translates their links.
    fn order(&mut self, drafts: &[Draft]) {
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        order.sort_by_key(|&draft| drafts[draft].depth);
        let mut places = vec![0; drafts.len()];
        order
            .iter()
            .enumerate()
            .for_each(|(place, &draft)| places[draft] = place);
        let translate = |link: Link| match link {
            Link::Split(draft) => places[draft] as u16,
            Link::Leaf(leaf) => (drafts.len() + leaf) as u16,
        };
        let ordered = order.into_iter().map(|draft| {
            let Draft { left, right, node, .. } = drafts[draft];
            node.linked(translate(left), translate(right), drafts.len())
        });
        self.nodes = ordered.collect();
    }
}
