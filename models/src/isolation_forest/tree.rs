//! A grown tree as arrays.

use super::path_length::average_path_length;

/// One column's part in the projection of an extended split: `weight * (value - centre)`; nothing where the value is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Component {
    pub(super) column: u16,
    /// 0 where the split needs no further column.
    pub(super) weight: f64,
    pub(super) centre: f64,
}

/// What is known of a row at a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    /// The row has no value in any column that the split looks at.
    Unknown,
}

/// A complete tree: the root is node 1, the children of node `i` are nodes `2 i` and `2 i + 1`. Splits stand at the nodes before
/// `2^levels`, path lengths at the leaves behind. Where a branch ended early its leftmost leaf is reached by splits that send
/// everything left.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) levels: u32,
    /// How many columns a split looks at.
    pub(super) components: usize,
    /// What each split compares with: rows with more go right. One a node; the first stands for nothing.
    pub(super) offset: Vec<f64>,
    /// The column that each split looks at; nothing where it looks at several.
    pub(super) column: Vec<u16>,
    /// `components` a node; empty where each split looks at one column.
    pub(super) planes: Vec<Component>,
    /// The share of the training rows at each node that went left.
    pub(super) left_share: Vec<f64>,
    /// The path length of each leaf.
    pub(super) path: Vec<f64>,
    /// The mean path length of the training rows that came to each node, leaves included.
    pub(super) mean: Vec<f64>,
}

impl Tree {
    /// How many levels of splits a tree of that many rows has: ceil(log2(rows)), the average depth beyond which nobody is strange.
    pub(super) fn levels_for(rows: usize) -> u32 {
        rows.next_power_of_two().trailing_zeros().max(1)
    }

    /// A tree whose every split sends everything left, to be filled.
    pub(super) fn blank(levels: u32, components: usize) -> Self {
        let nodes = 1_usize << levels;
        let nothing = Component {
            column: 0,
            weight: 0.0,
            centre: 0.0,
        };
        let planes = if components > 1 { nodes * components } else { 0 };
        Self {
            levels,
            components,
            offset: vec![f64::MAX; nodes],
            column: vec![0; nodes],
            planes: vec![nothing; planes],
            left_share: vec![1.0; nodes],
            path: vec![0.0; nodes],
            mean: Vec::new(),
        }
    }

    /// Ends a branch at `node`, at depth `depth`, with `rows` training rows.
    pub(super) fn end(&mut self, node: usize, depth: u32, rows: usize) {
        let width = 1 << (self.levels - depth);
        let first = node * width - self.path.len();
        self.path[first..first + width].fill(f64::from(depth) + average_path_length(rows));
    }

    /// Fills in what follows from splits and leaves once all of them stand.
    pub(super) fn finish(mut self) -> Self {
        let nodes = self.offset.len();
        self.mean = vec![0.0; 2 * nodes];
        self.mean[nodes..].copy_from_slice(&self.path);
        for node in (1..nodes).rev() {
            let share = self.left_share[node];
            self.mean[node] = share * self.mean[2 * node] + (1.0 - share) * self.mean[2 * node + 1];
        }
        self
    }

    /// Whether a branch ends at `node`: behind the last level, or at a split that sends everything left.
    pub(super) fn is_leaf(&self, node: usize) -> bool {
        self.offset.get(node).is_none_or(|offset| *offset >= f64::MAX)
    }

    /// The path length of the leftmost leaf below `node`.
    pub(super) fn first_path(&self, node: usize) -> f64 {
        let mut leaf = node;
        while leaf < self.path.len() {
            leaf *= 2;
        }
        self.path[leaf - self.path.len()]
    }

    /// The components of the split at `node`, where splits look at several columns.
    pub(super) fn plane(&self, node: usize) -> &[Component] {
        &self.planes[node * self.components..][..self.components]
    }

    /// Where a row goes at `node`.
    pub(super) fn side(&self, node: usize, row: impl Fn(u16) -> f64) -> Side {
        let value = if self.components == 1 {
            row(self.column[node])
        } else {
            projection(self.plane(node), row)
        };
        side_of(value, self.offset[node])
    }
}

/// Where `value` lies against `offset`.
pub(super) fn side_of(value: f64, offset: f64) -> Side {
    if value.is_nan() {
        Side::Unknown
    } else if value > offset {
        Side::Right
    } else {
        Side::Left
    }
}

/// The weighted sum over the columns of a plane that the row has a value in; NaN where it has none of them.
pub(super) fn projection(plane: &[Component], row: impl Fn(u16) -> f64) -> f64 {
    let mut sum = f64::NAN;
    for component in plane {
        let term = component.weight * (row(component.column) - component.centre);
        if component.weight != 0.0 && !term.is_nan() {
            sum = if sum.is_nan() { term } else { sum + term };
        }
    }
    sum
}
