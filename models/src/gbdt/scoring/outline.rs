//! How a tree of any kind becomes a [`BlockTree`]: splits level by level, leaves from left to right.
//!
//! A split depends on its parent alone, so that those of a level can be worked on at the same time.

use super::block::{BlockNode, BlockTree, CodeTest};

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

/// A split on its way into the layout: where it stands below the root, and what it links to.
struct Draft {
    depth: usize,
    column: usize,
    test: CodeTest,
    left_leaves: usize,
    children: [Link; 2],
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
        let mut tree = Self::default();
        let mut drafts = Vec::new();
        tree.draft(root, 0, &mut drafts, open);
        tree.order(&drafts);
        #[cfg(target_arch = "x86_64")]
        tree.unite();
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
        let (place, leaves) = (drafts.len(), self.values.len());
        drafts.push(Draft {
            depth,
            column,
            test,
            left_leaves: 0,
            // Until the children have been walked.
            children: [Link::Leaf(0); 2],
        });
        let left = self.draft(left, depth + 1, drafts, open);
        drafts[place].left_leaves = self.values.len() - leaves;
        let right = self.draft(right, depth + 1, drafts, open);
        drafts[place].children = [left, right];
        Link::Split(place)
    }

    /// Sorts the splits by depth and translates their links.
    fn order(&mut self, drafts: &[Draft]) {
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        order.sort_by_key(|&draft| drafts[draft].depth);
        let mut places = vec![0; drafts.len()];
        for (place, &draft) in order.iter().enumerate() {
            places[draft] = place;
        }
        for Draft {
            column,
            test,
            left_leaves,
            children,
            ..
        } in order.into_iter().map(|draft| &drafts[draft])
        {
            let children = children.map(|link| match link {
                Link::Split(draft) => places[draft] as u16,
                Link::Leaf(leaf) => (drafts.len() + leaf) as u16,
            });
            self.push(BlockNode::new(*column, children, *left_leaves, drafts.len()), test);
        }
    }
}
