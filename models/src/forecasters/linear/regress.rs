//! Ridge regression for the median: least squares, reweighted until each row weighs by the inverse of its error.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::forecaster::go_on;
use crate::linear_algebra::solve;
use crate::{Progress, Result};

/// Rows of one partial sum. Partial sums are added in the order of the rows, whoever computed them.
const CHUNK: usize = 2048;
/// Errors below this many usual deviations weigh alike.
const FLAT: f64 = 0.1;

/// Rows to fit on, each with a target and a weight.
pub(super) struct Rows<'a> {
    pub(super) columns: ArrayView2<'a, f64>,
    pub(super) target: &'a [f64],
    pub(super) weight: &'a [f64],
}

impl Rows<'_> {
    /// Target less what `coefficients` say.
    pub(super) fn errors(&self, coefficients: &Array1<f64>) -> Vec<f64> {
        let chunks = self.columns.axis_chunks_iter(Axis(0), CHUNK).into_par_iter();
        let said: Vec<Array1<f64>> = chunks.map(|rows| rows.dot(coefficients)).collect();
        let said = said.iter().flat_map(|chunk| chunk.iter());
        self.target
            .iter()
            .zip(said)
            .map(|(target, said)| target - said)
            .collect()
    }

    /// The weights of the next round.
    pub(super) fn reweighted(&self, errors: &[f64]) -> Vec<f64> {
        self.weight
            .iter()
            .zip(errors)
            .map(|(weight, error)| weight / error.abs().max(FLAT))
            .collect()
    }

    /// The coefficients that minimise the weighted absolute errors plus `penalty` times their squares (both in units
    /// of the summed weights), after `rounds` rounds from `start` or from least squares.
    ///
    /// # Errors
    /// Columns that are not finite; [`Error::Cancelled`](crate::Error::Cancelled) soon after `progress` says so.
    pub(super) fn fit(
        &self,
        penalty: &[f64],
        start: Option<&Array1<f64>>,
        rounds: usize,
        progress: &dyn Progress,
    ) -> Result<Array1<f64>> {
        let mut coefficients = match start {
            Some(start) => start.clone(),
            None => self.least_squares(penalty, self.weight)?,
        };
        for _ in 0..rounds {
            go_on(progress)?;
            let weight = self.reweighted(&self.errors(&coefficients));
            coefficients = self.least_squares(penalty, &weight)?;
        }
        Ok(coefficients)
    }

    fn least_squares(&self, penalty: &[f64], weight: &[f64]) -> Result<Array1<f64>> {
        let width = self.columns.ncols();
        let chunks: Vec<usize> = (0..self.target.len()).step_by(CHUNK).collect();
        let partial = |from: &usize| self.partial_sums(*from..(from + CHUNK).min(self.target.len()), weight);
        let partial: Vec<(Array2<f64>, Array1<f64>)> = chunks.par_iter().map(partial).collect();
        let mut matrix = Array2::zeros((width, width));
        let mut right = Array1::zeros(width);
        for (one_matrix, one_right) in &partial {
            matrix += one_matrix;
            right += one_right;
        }
        let total: f64 = weight.iter().sum();
        for (place, penalty) in penalty.iter().enumerate() {
            matrix[(place, place)] += total.max(1.0) * penalty;
        }
        solve(matrix, &right)
    }

    fn partial_sums(&self, rows: std::ops::Range<usize>, weight: &[f64]) -> (Array2<f64>, Array1<f64>) {
        let columns = self.columns.slice(s![rows.clone(), ..]);
        let mut weighted = columns.to_owned();
        for (mut row, weight) in weighted.outer_iter_mut().zip(&weight[rows.clone()]) {
            row *= *weight;
        }
        let target = ndarray::aview1(&self.target[rows]);
        (weighted.t().dot(&columns), weighted.t().dot(&target))
    }
}
