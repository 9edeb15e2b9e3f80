//! What the network makes of rows, one by one: the same bits whatever rows stand beside them.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::Widths;

/// The squared difference of each value to what the network gives back; NaN where the value is missing.
pub(super) fn squared_errors(widths: Widths, parameters: &[f32], rows: ArrayView2<'_, f32>) -> Array2<f64> {
    let mut errors = Array2::zeros(rows.raw_dim());
    let pairs = errors
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(rows.axis_iter(Axis(0)).into_par_iter());
    pairs.for_each(|(mut errors, row)| {
        let given_back = reconstruct(widths, parameters, row);
        for ((error, value), given_back) in errors.iter_mut().zip(row).zip(given_back) {
            let difference = f64::from(*value) - f64::from(given_back);
            *error = difference * difference;
        }
    });
    errors
}

/// What the network gives back for a row, in which missing values stand as zeros.
pub(super) fn reconstruct(widths: Widths, parameters: &[f32], row: ArrayView1<'_, f32>) -> Vec<f32> {
    let known = |value: &f32| if value.is_nan() { 0.0 } else { *value };
    let mut values: Vec<f32> = row.iter().map(known).collect();
    let ends = [widths.hidden, widths.code, widths.hidden, widths.columns];
    let mut rest = parameters;
    for (layer, outputs) in ends.into_iter().enumerate() {
        let (weights, behind) = rest.split_at(values.len() * outputs);
        let (bias, behind) = behind.split_at(outputs);
        values = linear(&values, weights, bias);
        if layer + 1 < ends.len() {
            for value in &mut values {
                *value = value.tanh();
            }
        }
        rest = behind;
    }
    values
}

/// `x · weights + bias`, with `weights` inputs x outputs.
fn linear(values: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
    let mut sums = bias.to_vec();
    for (value, weights) in values.iter().zip(weights.chunks_exact(bias.len())) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += value * weight;
        }
    }
    sums
}
