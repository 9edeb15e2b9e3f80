//! `isolation-forest` for series: values, short lags and changes of each column in one forest.

use ndarray::{Array1, Array2, ArrayView1};

use super::view::View;
use super::{Model, Refitted, SPEAKS_AFTER, as_table};
use crate::Result;
use crate::detector::{SeriesDetector, Watch};
use crate::isolation_forest::{Forest, ForestParameters};

/// The score of the average row.
const AVERAGE: f64 = 0.5;
/// Less above it is rounding.
const LEAST: f64 = 1e-6;

/// The kind: each row with the two before it, and the changes over one and over four rows. Neighbouring values go together, so that what
/// is strange lies off the diagonals: the forest is fully extended.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeriesIsolationForest;

impl SeriesDetector for SeriesIsolationForest {
    fn name(&self) -> &'static str {
        Forest::KIND
    }

    fn warm_up(&self) -> u64 {
        SPEAKS_AFTER
    }

    fn start(&self, columns: &[String], seed: u64) -> Result<Box<dyn Watch>> {
        Ok(Box::new(Refitted::<Forest>::start(
            columns,
            seed,
            View::new(3, &[1, 4]),
        )?))
    }
}

impl Model for Forest {
    const KIND: &'static str = "isolation-forest";
    const WIDEST_VIEW: usize = Self::MOST_COLUMNS;

    fn fit(rows: Array2<f64>, seed: u64) -> Result<Self> {
        let parameters = ForestParameters {
            extension: rows.ncols(),
            ..ForestParameters::default()
        };
        Self::fit(parameters, rows.view(), seed)
    }

    fn strangeness(&self, row: ArrayView1<'_, f64>) -> Result<f64> {
        // Rows up to the average one are all alike, so that rounding in a constant series is no surprise.
        Ok((self.score(as_table(row).view())?[0] - AVERAGE).max(LEAST))
    }

    fn shares(&self, row: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        Self::shares(self, row)
    }
}
