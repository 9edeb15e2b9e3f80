//! A regression tree in the words of the table it was fitted on: thresholds and categories.

use super::binning::category;

/// Which values count as missing at a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Missing {
    /// NaN.
    Nan,
    /// NaN and zero (anything within 1e-35 of it).
    NanAndZero,
    /// Nothing: NaN stands for zero.
    Nothing,
}

/// The largest size of a value that [`Missing::NanAndZero`] takes for zero.
const ZERO: f32 = 1e-35;

impl Missing {
    /// The value with NaN in place of whatever is missing, and without NaN where nothing is.
    #[inline(always)]
    pub(crate) fn apply(self, value: f32) -> f32 {
        match self {
            Self::NanAndZero if value.abs() <= ZERO => f32::NAN,
            Self::Nothing if value.is_nan() => 0.0,
            _ => value,
        }
    }
}

/// How a split looks at its column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// Values up to the threshold go left.
    Numeric { threshold: f32, missing: Missing },
    /// These categories, increasing, go left and all others right.
    Categorical { left: Vec<u32> },
}

/// A split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Branch {
    pub(crate) column: usize,
    pub(crate) condition: Condition,
    /// Whether missing values go left.
    pub(crate) missing_left: bool,
    /// By how much it lowered the loss.
    pub(crate) gain: f64,
    /// The places of its children among the tree's nodes, both behind its own.
    pub(crate) left: usize,
    pub(crate) right: usize,
}

impl Branch {
    /// Whether a value of its column goes left.
    pub(crate) fn goes_left(&self, value: f32) -> bool {
        match &self.condition {
            Condition::Numeric { threshold, missing } => {
                let value = missing.apply(value);
                if value.is_nan() {
                    self.missing_left
                } else {
                    value <= *threshold
                }
            }
            Condition::Categorical { .. } if value.is_nan() => self.missing_left,
            Condition::Categorical { left } => {
                category(value).is_some_and(|category| left.binary_search(&category).is_ok())
            }
        }
    }
}

/// A leaf or a split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Leaf(f32),
    Branch(Branch),
}

/// A node with the weight of the training rows that came through it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) cover: f64,
    pub(crate) part: Part,
}

/// A tree: the root first, children behind their parents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

impl Tree {
    /// Its splits.
    pub(crate) fn branches(&self) -> impl Iterator<Item = &Branch> {
        self.nodes.iter().filter_map(|node| match &node.part {
            Part::Branch(branch) => Some(branch),
            Part::Leaf(_) => None,
        })
    }
}

/// The most nodes of a tree: children are pointed to by 16 bits.
const MOST_NODES: usize = 1 << 16;
/// The most splits between the root and a leaf.
const DEEPEST: usize = 1024;

impl Tree {
    /// Checks that the nodes form one tree over `columns` columns, with every parent before its children.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        if self.nodes.is_empty() || self.nodes.len() > MOST_NODES {
            return Err(format!(
                "a tree has {} nodes, expected 1 to {MOST_NODES}",
                self.nodes.len()
            ));
        }
        // How far below the root each node is, as far as its parent has been seen.
        let mut depths: Vec<Option<usize>> = vec![None; self.nodes.len()];
        depths[0] = Some(0);
        for (place, node) in self.nodes.iter().enumerate() {
            let Some(depth) = depths[place] else {
                return Err(format!("node {place} hangs from no node before it"));
            };
            let Part::Branch(branch) = &node.part else { continue };
            branch.check(columns)?;
            if depth == DEEPEST {
                return Err(format!("a tree is deeper than {DEEPEST} splits"));
            }
            for child in [branch.left, branch.right] {
                match depths.get_mut(child) {
                    Some(below @ None) if child > place => *below = Some(depth + 1),
                    _ => return Err(format!("node {place} points to {child}, which cannot be its child")),
                }
            }
        }
        Ok(())
    }
}

impl Branch {
    fn check(&self, columns: usize) -> Result<(), String> {
        if self.column >= columns {
            return Err(format!("a split looks at column {} of {columns}", self.column));
        }
        match &self.condition {
            Condition::Numeric { threshold, .. } if threshold.is_nan() => Err("a threshold is not a number".into()),
            Condition::Categorical { left } if !left.is_sorted_by(|one, next| one < next) => {
                Err("the categories of a split do not increase".into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(children: [(usize, usize); 3]) -> Tree {
        let node = |part| Node { cover: 1.0, part };
        let mut nodes: Vec<Node> = children
            .into_iter()
            .map(|(left, right)| {
                let condition = Condition::Categorical { left: vec![1, 4] };
                node(Part::Branch(Branch {
                    column: 1,
                    condition,
                    missing_left: true,
                    gain: 0.0,
                    left,
                    right,
                }))
            })
            .collect();
        nodes.extend([0.0; 4].map(|value| node(Part::Leaf(value))));
        Tree { nodes }
    }

    #[test]
    fn links_that_make_no_tree_are_refused() {
        assert_eq!(tree([(1, 2), (3, 4), (5, 6)]).check(2), Ok(()));
        for links in [
            [(1, 2), (3, 4), (5, 5)],
            [(1, 2), (0, 4), (5, 6)],
            [(1, 2), (1, 4), (5, 6)],
            [(1, 2), (3, 4), (5, 7)],
        ] {
            assert!(tree(links).check(2).is_err(), "{links:?}");
        }
        assert!(tree([(1, 2), (3, 4), (5, 6)]).check(1).is_err());
    }

    #[test]
    fn a_category_is_looked_up_by_its_whole_part() {
        let tree = tree([(1, 2), (3, 4), (5, 6)]);
        let Part::Branch(branch) = &tree.nodes[0].part else {
            unreachable!()
        };
        let left = [1.0, 4.7, 2.0, -0.5, -1.0, f32::NAN, 1e30].map(|value| branch.goes_left(value));
        assert_eq!(left, [true, true, false, false, false, true, false]);
    }
}
