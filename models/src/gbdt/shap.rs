//! What each column contributes to a prediction: exact Shapley values of trees.
//!
//! Lundberg, Erion, Lee: Consistent Individualized Feature Attribution for Tree Ensembles (2018), algorithm 2: columns
//! that are not looked at are averaged over by the training rows that went either way.

use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;

use super::fitted::FittedGbdt;
use super::tree::{Branch, Part, Tree};
use crate::Result;

impl FittedGbdt {
    /// The contributions of every column to the scores of rows, before margins, link and sorting.
    ///
    /// # Shapes
    /// `values` is rows x columns; the result rows x outputs x (columns + 1), where the last entry is the expected score.
    /// The entries of a row and an output sum up to its score.
    ///
    /// # Errors
    /// Another number of columns.
    pub fn shap(&self, values: ArrayView2<'_, f32>) -> Result<Array3<f64>> {
        self.check(values.ncols())?;
        let columns = self.columns();
        let mut contributions = Array3::zeros((values.nrows(), self.outputs(), columns + 1));
        let rows = contributions
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(values.axis_iter(Axis(0)).into_par_iter());
        rows.for_each(|(mut contributions, row)| {
            let row = row.to_vec();
            for (output, mut contributions) in self.ensembles().iter().zip(contributions.rows_mut()) {
                let mut sums = vec![0.0; columns];
                let mut expected = output.base;
                for tree in &output.trees {
                    expected += mean(tree, 0);
                    let walk = Walk { tree, row: &row };
                    walk.descend(0, &Path::default(), Step::START, &mut sums);
                }
                sums.push(expected);
                contributions
                    .iter_mut()
                    .zip(sums)
                    .for_each(|(kept, value)| *kept = value);
            }
        });
        Ok(contributions)
    }
}

/// The mean value of the leaves below a node, by the rows that went there.
fn mean(tree: &Tree, place: usize) -> f64 {
    match &tree.nodes[place].part {
        Part::Leaf(value) => f64::from(*value),
        Part::Branch(branch) => {
            let [left, right] = shares(tree, branch);
            left * mean(tree, branch.left) + right * mean(tree, branch.right)
        }
    }
}

/// The shares of the rows that went left and right.
fn shares(tree: &Tree, branch: &Branch) -> [f64; 2] {
    let [left, right] = [branch.left, branch.right].map(|child| tree.nodes[child].cover);
    if left + right > 0.0 {
        [left / (left + right), right / (left + right)]
    } else {
        [0.5, 0.5]
    }
}

/// A column that a path has looked at.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// None for the root, where nothing has been looked at.
    column: Option<usize>,
    /// The share of rows that go this way when the column is averaged over.
    unknown: f64,
    /// Whether the row goes this way: 1 or 0.
    known: f64,
    /// The weight of all sets of as many known columns as there are steps before.
    weight: f64,
}

impl Step {
    const START: Self = Self {
        column: None,
        unknown: 1.0,
        known: 1.0,
        weight: 0.0,
    };
}

/// The distinct columns between the root and a node.
#[derive(Debug, Clone, Default)]
struct Path(Vec<Step>);

impl Path {
    /// EXTEND of the paper.
    fn extend(&mut self, step: Step) {
        let length = self.0.len();
        let weight = if length == 0 { 1.0 } else { 0.0 };
        self.0.push(Step { weight, ..step });
        let size = (length + 1) as f64;
        for place in (0..length).rev() {
            let weight = self.0[place].weight;
            self.0[place + 1].weight += step.known * weight * (place + 1) as f64 / size;
            self.0[place].weight = step.unknown * weight * (length - place) as f64 / size;
        }
    }

    /// The weights of the path without the step at `removed`, in the order of set sizes.
    fn weights_without(&self, removed: usize) -> Vec<f64> {
        let last = self.0.len() - 1;
        let size = self.0.len() as f64;
        let Step { unknown, known, .. } = self.0[removed];
        let mut weights = vec![0.0; last];
        let mut next = self.0[last].weight;
        for place in (0..last).rev() {
            if known == 0.0 {
                weights[place] = self.0[place].weight * size / (unknown * (last - place) as f64);
            } else {
                weights[place] = next * size / ((place + 1) as f64 * known);
                next = self.0[place].weight - weights[place] * unknown * (last - place) as f64 / size;
            }
        }
        weights
    }

    /// UNWIND of the paper.
    fn unwind(&mut self, removed: usize) {
        let weights = self.weights_without(removed);
        self.0.remove(removed);
        self.0
            .iter_mut()
            .zip(weights)
            .for_each(|(step, weight)| step.weight = weight);
    }
}

/// A row on its way through a tree.
struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f32],
}

impl Walk<'_> {
    fn descend(&self, place: usize, path: &Path, step: Step, sums: &mut [f64]) {
        let mut path = path.clone();
        path.extend(step);
        let branch = match &self.tree.nodes[place].part {
            Part::Leaf(value) => return add(&path, f64::from(*value), sums),
            Part::Branch(branch) => branch,
        };
        let goes_left = branch.goes_left(self.row[branch.column]);
        let shares = shares(self.tree, branch);
        let (mut unknown, mut known) = (1.0, 1.0);
        // A column that the path has looked at before counts once, with both looks taken together.
        if let Some(before) = path.0.iter().position(|step| step.column == Some(branch.column)) {
            (unknown, known) = (path.0[before].unknown, path.0[before].known);
            path.unwind(before);
        }
        for (child, share, is_taken) in [
            (branch.left, shares[0], goes_left),
            (branch.right, shares[1], !goes_left),
        ] {
            let step = Step {
                column: Some(branch.column),
                unknown: unknown * share,
                known: if is_taken { known } else { 0.0 },
                weight: 0.0,
            };
            // What neither this row nor any training row has reached contributes nothing.
            if step.unknown > 0.0 || step.known > 0.0 {
                self.descend(child, &path, step, sums);
            }
        }
    }
}

fn add(path: &Path, value: f64, sums: &mut [f64]) {
    for (place, step) in path.0.iter().enumerate() {
        let Some(column) = step.column else { continue };
        let weight: f64 = path.weights_without(place).iter().sum();
        sums[column] += weight * (step.known - step.unknown) * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::fitted::{Ensemble, Link, Precision};
    use crate::gbdt::save::GbdtSettings;
    use crate::gbdt::tree::{Condition, Missing, Node};

    fn branch(column: usize, threshold: f32, left: usize, right: usize) -> Part {
        Part::Branch(Branch {
            column,
            condition: Condition::Numeric {
                threshold,
                missing: Missing::Nan,
            },
            missing_left: true,
            gain: 1.0,
            left,
            right,
        })
    }

    /// Looks at column 0 twice on one path.
    fn tree() -> Tree {
        let parts = [
            (100.0, branch(0, 0.5, 1, 4)),
            (60.0, branch(1, 0.0, 2, 3)),
            (45.0, Part::Leaf(1.0)),
            (15.0, Part::Leaf(-2.0)),
            (40.0, branch(2, 1.0, 5, 8)),
            (30.0, branch(0, 0.75, 6, 7)),
            (10.0, Part::Leaf(4.0)),
            (20.0, Part::Leaf(8.0)),
            (10.0, Part::Leaf(0.5)),
        ];
        Tree {
            nodes: parts.into_iter().map(|(cover, part)| Node { cover, part }).collect(),
        }
    }

    /// The mean over what is not known, by its definition.
    fn expectation(tree: &Tree, place: usize, row: &[f32], known: usize) -> f64 {
        match &tree.nodes[place].part {
            Part::Leaf(value) => f64::from(*value),
            Part::Branch(branch) if known >> branch.column & 1 == 1 => {
                let child = if branch.goes_left(row[branch.column]) {
                    branch.left
                } else {
                    branch.right
                };
                expectation(tree, child, row, known)
            }
            Part::Branch(branch) => {
                let [left, right] = shares(tree, branch);
                left * expectation(tree, branch.left, row, known) + right * expectation(tree, branch.right, row, known)
            }
        }
    }

    fn shapley(tree: &Tree, row: &[f32], column: usize) -> f64 {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let others = (0..8_usize).filter(|set| set >> column & 1 == 0);
        others
            .map(|set| {
                let size = set.count_ones();
                let weight = factorial(size) * factorial(2 - size) / factorial(3);
                weight * (expectation(tree, 0, row, set | 1 << column) - expectation(tree, 0, row, set))
            })
            .sum()
    }

    #[test]
    fn contributions_are_shapley_values_and_sum_up_to_the_score() {
        let output = Ensemble {
            base: 3.0,
            trees: vec![tree()],
        };
        let model = FittedGbdt::new(
            GbdtSettings {
                columns: 3,
                levels: 1,
                link: Link::Identity,
                precision: Precision::Double,
            },
            vec![output],
        );
        for row in [
            [0.0, 1.0, 0.0],
            [0.6, -1.0, 0.0],
            [0.9, 0.0, 2.0],
            [0.9, 1.0, 0.5],
            [f32::NAN, f32::NAN, 0.0],
        ] {
            let values = ndarray::arr2(&[row]);
            let contributions = model.shap(values.view()).unwrap();
            for column in 0..3 {
                let expected = shapley(&tree(), &row, column);
                assert!(
                    (contributions[(0, 0, column)] - expected).abs() < 1e-12,
                    "{row:?} {column}"
                );
            }
            let score = model.predict(values.view(), None).unwrap()[(0, 0)];
            assert!((contributions.sum() - f64::from(score)).abs() < 1e-6);
        }
    }
}
