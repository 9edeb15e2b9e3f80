//! `autoencoder`: how badly a network that learned the usual rows gives a row back.
//!
//! The engine is [`crate::neural::Autoencoder`]. It sees the inverse hyperbolic sine of each value in robust units, which is the value itself near
//! the median and its logarithm far off, so that a few wild values do not rule what is learned. A row is as strange as the mean over its
//! columns of the squared error in units of what is usual for the column.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the two-dimensional kind"
)]

use ndarray::{Array1, Array2, ArrayView2};

use super::scale::RobustScale;
use super::training::begin;
use crate::artefact::Parts;
use crate::detector::{FittedTableDetector, Table, TableDetector};
use crate::neural::Autoencoder as Network;
use crate::{Progress, Result};

const NAME: &str = "autoencoder";
/// The most steps of a training.
const STEPS: usize = 3000;

/// The kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Autoencoder;

#[derive(Debug, Clone)]
struct FittedAutoencoder {
    columns: Vec<String>,
    scale: RobustScale,
    network: Network,
}

impl TableDetector for Autoencoder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Table, seed: u64, progress: &dyn Progress) -> Result<Box<dyn FittedTableDetector>> {
        let columns = begin(training, NAME, progress)?;
        let scale = RobustScale::learn(training.values().view());
        let network = Network::fit(scale.squash(training.values().view()).view(), STEPS, seed, progress)?;
        Ok(Box::new(FittedAutoencoder {
            columns,
            scale,
            network,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedTableDetector>> {
        let columns: Vec<String> = parts.part("columns", "columns")?.settings("columns")?;
        let network = Network::load(&parts.part("network", "network")?, "network")?;
        if parts.kind != NAME || columns.len() != network.columns() {
            return Err(crate::Error::malformed(
                "parameters.json",
                "the names do not fit the columns of the network",
            ));
        }
        Ok(Box::new(FittedAutoencoder {
            scale: RobustScale::load(&parts.part("scale", "scale")?, columns.len())?,
            columns,
            network,
        }))
    }
}

impl FittedAutoencoder {
    fn errors(&self, values: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.network.errors(self.scale.squash(values).view())
    }
}

impl FittedTableDetector for FittedAutoencoder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn strangeness_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        let errors = self.errors(rows)?;
        Ok(errors.rows().into_iter().map(|row| mean_error(row.iter())).collect())
    }

    fn shares_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut shares = self.errors(rows)?;
        for mut row in shares.rows_mut() {
            row.mapv_inplace(|error| if error.is_nan() { 0.0 } else { error });
            let sum = row.sum();
            if sum > 0.0 {
                row /= sum;
            }
        }
        Ok(shares)
    }

    fn save(&self) -> Result<Parts> {
        let scale = self.scale.save(Parts::new("scale", &serde_json::Map::new())?);
        let inner = [
            ("columns", Parts::new("columns", &self.columns)?),
            ("scale", scale),
            ("network", self.network.save("network")?),
        ];
        Parts::of(NAME, inner.map(|(name, parts)| (name.to_owned(), parts)))
    }
}

/// The mean over the known columns; 1, which is usual, where nothing is known.
fn mean_error<'a>(errors: impl Iterator<Item = &'a f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for error in errors.filter(|error| !error.is_nan()) {
        sum += error;
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 1.0 }
}
