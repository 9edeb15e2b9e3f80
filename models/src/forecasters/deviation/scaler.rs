//! The feature set's columns, brought to one scale: relative to their own mean and spread in each series.

use arterial_datasets::feature::{FeatureMatrix, RecentColumns};
use ndarray::{Array2, ArrayView1};

use crate::artefact::Parts;
use crate::profile::Profile;
use crate::{Error, Result};

/// Values beyond this many spreads count as this many, so that one odd reading cannot carry a forecast away.
const MOST: f64 = 6.0;
/// Columns that are missing in a share of the rows between this and its opposite get a flag.
const MISSING: f64 = 0.01;

/// Mean and inverse spread of each column in each series; a column that does not vary in a series is 0 there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaler {
    /// Series x column.
    mean: Array2<f64>,
    /// Series x column.
    inverse: Array2<f64>,
    flags: Vec<usize>,
}

impl Scaler {
    /// Learns the scales from the rows of `matrix`, whose series have the usual week `profile`. Of a series without values every row
    /// lacks the same, which says nothing of the others: what is often missing is counted without them. What an outage leaves
    /// without a value, `recent`, is told of even where nothing was missing.
    pub(crate) fn learn(matrix: &FeatureMatrix, profile: &Profile, recent: &RecentColumns) -> Self {
        let (series, columns) = (profile.mean.len(), matrix.columns.len());
        let mut count = Array2::<f64>::zeros((series, columns));
        let mut mean = Array2::<f64>::zeros((series, columns));
        let mut squares = Array2::<f64>::zeros((series, columns));
        for (row, at) in matrix.values.outer_iter().zip(&matrix.series) {
            for (column, value) in row.iter().enumerate() {
                let value = f64::from(*value);
                if value.is_finite() {
                    let place = (*at as usize, column);
                    count[place] += 1.0;
                    let from_mean = value - mean[place];
                    mean[place] += from_mean / count[place];
                    squares[place] += from_mean * (value - mean[place]);
                }
            }
        }
        let mut inverse = Array2::zeros((series, columns));
        for (place, out) in inverse.indexed_iter_mut() {
            let spread = (squares[place] / f64::max(count[place], 1.0)).sqrt();
            // The features are 32-bit: a smaller spread than this is rounding.
            *out = if spread > 1e-5 * mean[place].abs() && spread > 1e-12 {
                1.0 / spread
            } else {
                0.0
            };
        }
        let known = profile.known();
        let rows = (matrix.values.nrows() / series.max(1) * known.len()).max(1) as f64;
        let seen: Vec<f64> = (0..columns)
            .map(|column| known.iter().map(|series| count[(*series, column)]).sum())
            .collect();
        let firsts = [&recent.own, &recent.others].map(|columns| columns.first().copied());
        let mut flags: Vec<usize> = firsts.into_iter().flatten().collect();
        for column in 0..columns {
            let missing = 1.0 - seen[column] / rows;
            // Columns that are missing together tell it once.
            let told = flags
                .iter()
                .any(|flag: &usize| seen[*flag].to_bits() == seen[column].to_bits());
            if missing > MISSING && missing < 1.0 - MISSING && !told {
                flags.push(column);
            }
        }
        Self { mean, inverse, flags }
    }

    /// The columns that have a flag.
    pub(crate) fn flags(&self) -> &[usize] {
        &self.flags
    }

    /// How many columns come out: the set's and the flags.
    pub(crate) fn width(&self) -> usize {
        self.mean.ncols() + self.flags.len()
    }

    /// Scales the features of `series`; a missing one is at its mean and its flag, if it has one, is 1.
    pub(crate) fn fill(&self, features: &ArrayView1<'_, f32>, series: usize, row: &mut [f64]) {
        let columns = features.len();
        let means = self.mean.row(series);
        let inverses = self.inverse.row(series);
        for (column, value) in features.iter().enumerate() {
            let scaled = (f64::from(*value) - means[column]) * inverses[column];
            row[column] = if scaled.is_nan() {
                0.0
            } else {
                scaled.clamp(-MOST, MOST)
            };
        }
        for (index, flag) in self.flags.iter().enumerate() {
            row[columns + index] = f64::from(u8::from(!features[*flag].is_finite()));
        }
    }

    pub(crate) fn save(&self, parts: Parts) -> Parts {
        parts
            .with("features.mean", &self.mean)
            .with("features.inverse", &self.inverse)
    }

    pub(crate) fn load(parts: &Parts, series: usize, columns: usize, flags: Vec<usize>) -> Result<Self> {
        Ok(Self {
            mean: parts.shaped("features.mean", &[series, columns])?,
            inverse: parts.shaped("features.inverse", &[series, columns])?,
            flags,
        })
    }
}

/// Checks that a matrix has one row for each origin and series, in that order, and the columns `columns`.
pub(crate) fn check(matrix: &FeatureMatrix, columns: &[String], origins: usize, series: usize) -> Result<()> {
    let shape = matrix.values.dim();
    let ordered = matrix
        .series
        .iter()
        .enumerate()
        .all(|(row, at)| *at as usize == row % series.max(1));
    if matrix.columns != columns || shape != (origins * series, columns.len()) || !ordered {
        return Err(Error::invalid(
            "features",
            format!("{} x {} columns", shape.0, shape.1),
            format!("{origins} origins x {series} series in this order and the columns that the set announced"),
        ));
    }
    Ok(())
}
