//! How much each column has helped.

use ndarray::Array1;

use super::fitted::FittedGbdt;
use super::tree::Tree;

impl FittedGbdt {
    /// The gain of all splits by each column, over all trees and outputs.
    ///
    /// # Shapes
    /// One number for each column, in the unit of the loss; 0 where a column is never looked at.
    pub fn importance(&self) -> Array1<f64> {
        let mut importance = Array1::zeros(self.columns());
        let trees = self.ensembles().iter().flat_map(|output| &output.trees);
        for branch in trees.flat_map(Tree::branches) {
            importance[branch.column] += branch.gain;
        }
        importance
    }
}
