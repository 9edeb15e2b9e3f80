//! Trees that smartcore grows and that are kept here as plain arrays: checked when loaded, and walked in parallel.

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::Deserialize;
use smartcore::ensemble::extra_trees_regressor::{ExtraTreesRegressor, ExtraTreesRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::artefact::Parts;
use crate::{Error, Progress, Result};

/// Trees of a forest.
const TREES: usize = 50;
/// Trees that are grown one after the other; such parcels are grown in parallel.
const PARCEL: usize = 5;
/// The fewest rows of a leaf.
const LEAST_LEAF: usize = 20;
/// One in so many columns is tried at each split.
const TRIED_SHARE: usize = 3;

/// The nodes of all trees of a forest. A branch leads to two neighbouring nodes behind it, a leaf nowhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trees {
    /// The root of each tree.
    roots: Vec<u32>,
    /// The column that a branch asks for.
    column: Vec<u32>,
    /// The threshold of a branch, up to which it leads to the first of its nodes; what a leaf says.
    value: Vec<f64>,
    /// The first node that a branch leads to; 0 for a leaf.
    next: Vec<u32>,
}

type Grown = ExtraTreesRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>>;

/// smartcore keeps its nodes to itself. They come out through serde as values, not as text, so with every bit.
#[derive(Deserialize)]
struct GrownForest {
    forest_regressor: GrownTrees,
}

#[derive(Deserialize)]
struct GrownTrees {
    trees: Vec<GrownTree>,
}

#[derive(Deserialize)]
struct GrownTree {
    nodes: Vec<GrownNode>,
}

#[derive(Deserialize)]
struct GrownNode {
    output: f64,
    split_feature: u32,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

impl Trees {
    /// Grows trees that say `target` from `columns` (row x column), where each row counts as much as its weight. The
    /// same seed gives the same trees at any number of threads.
    ///
    /// # Errors
    /// No rows, or the wish to stop.
    pub(super) fn grow(
        columns: &ArrayView2<'_, f32>,
        target: &ArrayView1<'_, f32>,
        weight: &[f32],
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let (rows, width) = columns.dim();
        if rows == 0 {
            return Ok(Self::nothing());
        }
        let by_column = columns.t().iter().copied().collect();
        let matrix = DenseMatrix::new(rows, width, by_column, true).map_err(|error| failed(&error))?;
        let target: Vec<f64> = target.iter().copied().map(f64::from).collect();
        let weight: Vec<f64> = weight.iter().copied().map(f64::from).collect();
        let grow = |parcel: usize| {
            if progress.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let parameters = ExtraTreesRegressorParameters::default()
                .with_n_trees(PARCEL)
                .with_min_samples_leaf(LEAST_LEAF)
                .with_m(width.div_ceil(TRIED_SHARE))
                .with_seed(seed.wrapping_add((parcel * PARCEL) as u64));
            let grown: Grown = ExtraTreesRegressor::fit_with_weights(&matrix, &target, &weight, parameters)
                .map_err(|error| failed(&error))?;
            Ok(serde_json::from_value::<GrownForest>(serde_json::to_value(&grown)?)?)
        };
        let grown: Vec<GrownForest> = (0..TREES / PARCEL).into_par_iter().map(grow).collect::<Result<_>>()?;
        let mut trees = Self::empty();
        for tree in grown.iter().flat_map(|forest| &forest.forest_regressor.trees) {
            trees.add(&tree.nodes);
        }
        Ok(trees)
    }

    fn empty() -> Self {
        Self {
            roots: Vec::new(),
            column: Vec::new(),
            value: Vec::new(),
            next: Vec::new(),
        }
    }

    /// One leaf that expects nothing, where there is nothing to learn from.
    fn nothing() -> Self {
        Self {
            roots: vec![0],
            column: vec![0],
            value: vec![0.0],
            next: vec![0],
        }
    }

    /// Adds a tree, level by level, so that the two nodes of a branch are neighbours.
    fn add(&mut self, nodes: &[GrownNode]) {
        self.roots.push(self.value.len() as u32);
        let mut level = vec![0];
        let base = self.value.len();
        let mut waiting = 1;
        while !level.is_empty() {
            let mut below = Vec::new();
            for place in level {
                let node: &GrownNode = &nodes[place];
                let children = node.true_child.zip(node.false_child).zip(node.split_value);
                self.column.push(node.split_feature);
                self.value
                    .push(children.map_or(node.output, |(_, threshold)| threshold));
                self.next.push(children.map_or(0, |_| (base + waiting) as u32));
                if let Some(((first, second), _)) = children {
                    below.extend([first, second]);
                    waiting += 2;
                }
            }
            level = below;
        }
    }

    /// The mean of what the trees say to each row of `columns`.
    pub(super) fn predict(&self, columns: &ArrayView2<'_, f32>) -> Vec<f64> {
        let rows = columns.axis_iter(Axis(0)).into_par_iter();
        rows.map(|row| {
            let said: f64 = self.roots.iter().map(|root| self.leaf(*root, &row)).sum();
            said / self.roots.len() as f64
        })
        .collect()
    }

    fn leaf(&self, root: u32, row: &ArrayView1<'_, f32>) -> f64 {
        let mut node = root as usize;
        while self.next[node] != 0 {
            let up_to = f64::from(row[self.column[node] as usize]) <= self.value[node];
            node = self.next[node] as usize + usize::from(!up_to);
        }
        self.value[node]
    }

    pub(super) fn save(&self, parts: Parts, prefix: &str) -> Parts {
        let numbers = |values: &[u32]| values.iter().copied().map(f64::from).collect::<Array1<f64>>();
        parts
            .with(&format!("{prefix}roots"), &numbers(&self.roots))
            .with(&format!("{prefix}column"), &numbers(&self.column))
            .with(&format!("{prefix}value"), &Array1::from(self.value.clone()))
            .with(&format!("{prefix}next"), &numbers(&self.next))
    }

    /// # Errors
    /// Arrays that are missing or of different lengths, and nodes that lead backwards, outside or to columns that are
    /// not there.
    pub(super) fn load(parts: &Parts, prefix: &str, columns: usize) -> Result<Self> {
        let numbers = |name: &str| -> Result<Vec<u32>> {
            let array: Array1<f64> = parts.array(&format!("{prefix}{name}"))?;
            // Whatever is no whole number of the range becomes another one here, which the check below or a digest finds.
            Ok(array.into_iter().map(|value| value as u32).collect())
        };
        let value: Array1<f64> = parts.array(&format!("{prefix}value"))?;
        let trees = Self {
            roots: numbers("roots")?,
            column: numbers("column")?,
            value: value.to_vec(),
            next: numbers("next")?,
        };
        if trees.is_sound(columns) {
            return Ok(trees);
        }
        let message = format!("the trees of `{prefix}` do not lead from their roots to leaves");
        Err(Error::malformed("tensors.safetensors", message))
    }

    fn is_sound(&self, columns: usize) -> bool {
        let nodes = self.value.len();
        let forward =
            |(node, next): (usize, &u32)| *next == 0 || (*next as usize > node && (*next as usize) + 1 < nodes);
        !self.roots.is_empty()
            && [self.column.len(), self.next.len()] == [nodes; 2]
            && self.roots.iter().all(|root| (*root as usize) < nodes)
            && self.column.iter().all(|column| (*column as usize) < columns)
            && self.next.iter().enumerate().all(forward)
    }
}

fn failed(error: &smartcore::error::Failed) -> Error {
    Error::invalid(
        "rows of the forest",
        error,
        "rows with finite numbers and positive weights",
    )
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::Silent;

    fn table() -> (Array2<f32>, Array1<f32>) {
        let columns = Array2::from_shape_fn((400, 3), |(row, column)| ((row * (7 + 6 * column)) % 101) as f32);
        let target = columns
            .outer_iter()
            .map(|row| if row[0] > 50.0 { 3.0 } else { row[1] / 101.0 })
            .collect();
        (columns, target)
    }

    fn grown(seed: u64) -> Trees {
        let (columns, target) = table();
        Trees::grow(&columns.view(), &target.view(), &[1.0; 400], seed, &Silent).unwrap()
    }

    #[test]
    fn trees_say_what_smartcore_says() {
        let (columns, target) = table();
        let parameters = ExtraTreesRegressorParameters::default()
            .with_n_trees(TREES)
            .with_min_samples_leaf(LEAST_LEAF)
            .with_m(1)
            .with_seed(5);
        let matrix = DenseMatrix::new(400, 3, columns.t().iter().copied().collect(), true).unwrap();
        let target: Vec<f64> = target.iter().copied().map(f64::from).collect();
        let whole: Grown = ExtraTreesRegressor::fit_with_weights(&matrix, &target, &[1.0; 400], parameters).unwrap();
        let expected = whole.predict(&matrix).unwrap();
        for (got, expected) in grown(5).predict(&columns.view()).iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn loaded_trees_are_the_saved_ones() {
        let trees = grown(5);
        let parts = trees.save(Parts::new("forest", &()).unwrap(), "group0.");
        assert_eq!(Trees::load(&parts, "group0.", 3).unwrap(), trees);
        assert_ne!(grown(6), trees);
    }

    #[test]
    fn trees_that_lead_in_circles_are_refused() {
        let mut trees = grown(5);
        let branch = trees.next.iter().rposition(|next| *next != 0).unwrap();
        trees.next[branch] = 1;
        let parts = trees.save(Parts::new("forest", &()).unwrap(), "group0.");
        assert!(Trees::load(&parts, "group0.", 3).is_err());
        assert!(Trees::load(&grown(5).save(parts, "group0."), "group0.", 2).is_err());
    }

    #[test]
    fn nothing_is_expected_where_nothing_was_seen() {
        let trees = Trees::grow(&Array2::zeros((0, 3)).view(), &Array1::zeros(0).view(), &[], 1, &Silent).unwrap();
        let said = trees.predict(&array![[1.0, 2.0, 3.0]].view());
        assert_eq!(said, [0.0]);
    }
}
