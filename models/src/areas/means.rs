//! Means over the members of areas.

use ndarray::{Array3, ArrayView3, Axis};
use rayon::prelude::*;

use super::Area;

/// The means over the members of each area that have a value (origins x series x steps): origins x areas x steps, NaN where
/// none has.
pub(super) fn of(areas: &[Area], values: ArrayView3<'_, f64>) -> Array3<f64> {
    let (origins, _, steps) = values.dim();
    let mut means = Array3::zeros((origins, areas.len(), steps));
    let blocks = means.axis_iter_mut(Axis(0)).into_par_iter();
    blocks.zip(values.axis_iter(Axis(0))).for_each(|(mut block, values)| {
        for ((area, step), mean) in block.indexed_iter_mut() {
            let seen = areas[area].members.iter().map(|&member| values[(member, step)]);
            let (sum, count) = seen
                .filter(|value| value.is_finite())
                .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            *mean = sum / count;
        }
    });
    means
}

/// How many members of each area have a value.
pub(super) fn counts(areas: &[Area], values: ArrayView3<'_, f64>) -> Array3<usize> {
    let (origins, _, steps) = values.dim();
    Array3::from_shape_fn((origins, areas.len(), steps), |(at, area, step)| {
        let members = areas[area].members.iter();
        members
            .filter(|&&member| values[(at, member, step)].is_finite())
            .count()
    })
}
