//! `autoencoder` for series: windows of rows that a network learns to give back.

use ndarray::{Array1, Array2, ArrayView1};

use super::view::View;
use super::{Model, Refitted, SPEAKS_AFTER, as_table};
use crate::detector::{SeriesDetector, Watch};
use crate::detectors::scale::RobustScale;
use crate::neural::Autoencoder;
use crate::{Result, Silent};

/// Rows of a window.
const WINDOW: usize = 8;
/// Steps of a training: it happens while the stream waits.
const STEPS: usize = 600;

/// A smaller error, in units of the usual one, is no error.
const LEAST_ERROR: f64 = 0.1;

/// The kind: the network gives back windows of eight rows, and a row is as strange as its own part in its window, in units of the error that is
/// usual for each column.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeriesAutoencoder;

/// A network with the scale of its windows.
struct Windows {
    scale: RobustScale,
    network: Autoencoder,
}

impl SeriesDetector for SeriesAutoencoder {
    fn name(&self) -> &'static str {
        Windows::KIND
    }

    fn warm_up(&self) -> u64 {
        SPEAKS_AFTER
    }

    fn start(&self, columns: &[String], seed: u64) -> Result<Box<dyn Watch>> {
        Ok(Box::new(Refitted::<Windows>::start(
            columns,
            seed,
            View::new(WINDOW, &[]),
        )?))
    }
}

impl Model for Windows {
    const KIND: &'static str = "autoencoder";
    const WIDEST_VIEW: usize = Autoencoder::MOST_COLUMNS;

    fn fit(rows: Array2<f64>, seed: u64) -> Result<Self> {
        let scale = RobustScale::learn(rows.view());
        let network = Autoencoder::fit(scale.squash(rows.view()).view(), STEPS, seed, &Silent)?;
        Ok(Self { scale, network })
    }

    fn strangeness(&self, row: ArrayView1<'_, f64>) -> Result<f64> {
        let known = row.iter().step_by(WINDOW).filter(|value| !value.is_nan()).count();
        // Errors far below the usual one are all alike: what is left of a constant series is rounding.
        Ok((self.shares(row)?.sum() / known.max(1) as f64).max(LEAST_ERROR))
    }

    fn shares(&self, row: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        let errors = self.network.errors(self.scale.squash(as_table(row).view()).view())?;
        // The newest value of each column stands first; the others have been judged before.
        let newest = |(place, error): (usize, &f64)| {
            let counts = place.is_multiple_of(WINDOW) && !error.is_nan();
            if counts { *error } else { 0.0 }
        };
        Ok(errors.row(0).iter().enumerate().map(newest).collect())
    }
}
