//! Columns in units of their own spread, by statistics that a few strange rows do not move.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the two-dimensional kind"
)]

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::artefact::Parts;
use crate::{Error, Result};

/// The interquartile range of a standard normal variable.
const NORMAL_RANGE: f64 = 1.349;

/// Centre and unit of each column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RobustScale {
    centre: Array1<f64>,
    unit: Array1<f64>,
}

impl RobustScale {
    /// Learns from `values`, rows x columns, where NaN is missing: the median and the interquartile range over 1.349, which is the
    /// standard deviation of normal numbers. Where the middle half of a column is one value the unit is its standard deviation,
    /// where all of it is, the size of that value, and 1 for zeros or nothing at all.
    pub(super) fn learn(values: ArrayView2<'_, f64>) -> Self {
        let columns: Vec<_> = values.axis_iter(Axis(1)).collect();
        let learned: Vec<(f64, f64)> = columns.into_par_iter().map(centre_and_unit).collect();
        Self {
            centre: learned.iter().map(|(centre, _)| *centre).collect(),
            unit: learned.iter().map(|(_, unit)| *unit).collect(),
        }
    }

    /// `values` in units of their columns; missing stays missing, and nothing becomes infinite.
    pub(super) fn apply(&self, values: ArrayView2<'_, f64>) -> Array2<f32> {
        let mut scaled = Array2::zeros(values.raw_dim());
        for (mut scaled, row) in scaled.rows_mut().into_iter().zip(values.rows()) {
            for (((scaled, value), centre), unit) in scaled.iter_mut().zip(row).zip(&self.centre).zip(&self.unit) {
                *scaled = bounded((value - centre) / unit);
            }
        }
        scaled
    }

    /// The inverse hyperbolic sine of each scaled value: the value itself near the median, its logarithm far off, so that a few wild
    /// values do not rule what is learned.
    pub(super) fn squash(&self, values: ArrayView2<'_, f64>) -> Array2<f32> {
        let mut scaled = self.apply(values);
        scaled.mapv_inplace(f32::asinh);
        scaled
    }

    pub(super) fn save(&self, parts: Parts) -> Parts {
        parts.with("centre", &self.centre).with("unit", &self.unit)
    }

    /// # Errors
    /// Arrays that are missing or hold other than finite centres and positive units for `columns` columns.
    pub(super) fn load(parts: &Parts, columns: usize) -> Result<Self> {
        let scale = Self {
            centre: parts.shaped("centre", &[columns])?,
            unit: parts.shaped("unit", &[columns])?,
        };
        let sound = scale.centre.iter().all(|value| value.is_finite()) && scale.unit.iter().all(|unit| *unit > 0.0);
        if sound {
            return Ok(scale);
        }
        Err(Error::malformed(
            "tensors.safetensors",
            "`centre` and `unit` are no scale of columns",
        ))
    }
}

/// Squares and sums of numbers up to this size are finite in 32 bits.
const FARTHEST: f64 = 1e15;

fn bounded(value: f64) -> f32 {
    // `clamp` leaves NaN, which is missing, as it is.
    value.clamp(-FARTHEST, FARTHEST) as f32
}

fn centre_and_unit(column: ArrayView1<'_, f64>) -> (f64, f64) {
    let mut values: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let mut quantile = |share: f64| {
        let place = ((values.len() - 1) as f64 * share).round() as usize;
        *values.select_nth_unstable_by(place, f64::total_cmp).1
    };
    let (low, median, high) = (quantile(0.25), quantile(0.5), quantile(0.75));
    let range = high / NORMAL_RANGE - low / NORMAL_RANGE;
    let size = if median == 0.0 { 1.0 } else { median.abs() };
    let candidates = [range, deviation(&values), size];
    let unit = candidates.into_iter().find(|unit| *unit > 0.0 && unit.is_finite());
    (median, unit.unwrap_or(1.0))
}

/// The standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / count).sum::<f64>();
    let square = values
        .iter()
        .map(|value| (value - mean) * (value - mean) / count)
        .sum::<f64>();
    square.sqrt()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_few_wild_values_do_not_move_the_scale() {
        let mut column: Vec<f64> = (0..101).map(f64::from).collect();
        column[100] = 1e9;
        let (centre, unit) = centre_and_unit(Array1::from(column).view());
        assert!((centre - 50.0).abs() < 1e-12);
        assert!((unit - 50.0 / NORMAL_RANGE).abs() < 1e-12);
    }

    #[test]
    fn columns_without_spread_have_a_unit_nevertheless() {
        let mostly_zero = Array1::from_shape_fn(100, |row| if row < 10 { 1.0 } else { 0.0 });
        assert!((centre_and_unit(mostly_zero.view()).1 - 0.3).abs() < 1e-12);
        assert_eq!(centre_and_unit(array![7.0, 7.0, 7.0].view()), (7.0, 7.0));
        assert_eq!(centre_and_unit(array![0.0, f64::NAN].view()), (0.0, 1.0));
        assert_eq!(centre_and_unit(array![f64::NAN].view()), (0.0, 1.0));
    }

    #[test]
    fn the_largest_numbers_stay_finite() {
        let values = array![[f64::MAX], [f64::MIN], [0.0], [1.0]];
        let scale = RobustScale::learn(values.view());
        assert!(scale.apply(values.view()).iter().all(|value| value.is_finite()));
    }
}
