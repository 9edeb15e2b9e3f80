//! A small network that learns to give back its input through a narrow middle: rows that it cannot give back are unlike those
//! that it learned from.
//!
//! ```text
//! code = tanh(W₂ᵀ·tanh(W₁ᵀ·x + b₁) + b₂),   x' = W₄ᵀ·tanh(W₃ᵀ·code + b₃) + b₄
//! ```
//!
//! Sakurada, Yairi, "Anomaly Detection Using Autoencoders with Nonlinear Dimensionality Reduction", MLSDA 2014. While it learns, a part of
//! each row is hidden from it (Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008), so that it learns how
//! columns follow from each other and knows what to do where values are missing.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the two-dimensional kind"
)]

mod forward;
mod train;

#[cfg(test)]
mod tests;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::layout::{Layout, map};
use crate::artefact::Parts;
use crate::{Error, Progress, Result};

/// Squared errors below are taken for this much: no column is known better than to a thirtieth of its unit.
const LEAST_ERROR: f64 = 1e-3;
/// The most columns: the network grows with their square.
const MOST_COLUMNS: usize = 4096;

/// How wide a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Widths {
    columns: usize,
    hidden: usize,
    code: usize,
}

/// A trained autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoencoder {
    widths: Widths,
    parameters: Vec<f32>,
    /// The mean squared error of each column on rows that it did not learn from.
    usual: Array1<f64>,
}

impl Widths {
    /// The middle has a third of the columns, so that it cannot pass them on one by one.
    fn of(columns: usize) -> Self {
        Self {
            columns,
            hidden: (2 * columns).clamp(8, 128),
            code: columns.div_ceil(3),
        }
    }

    fn layout(self) -> Layout {
        let maps = [
            map("encoder.0", self.columns, self.hidden),
            map("encoder.1", self.hidden, self.code),
            map("decoder.0", self.code, self.hidden),
            map("decoder.1", self.hidden, self.columns),
        ];
        Layout::new(maps.into_iter().flatten().collect())
    }
}

impl Autoencoder {
    /// The most columns.
    pub const MOST_COLUMNS: usize = MOST_COLUMNS;

    /// Learns from `rows`, rows x columns in units of their columns, where NaN is missing. A fifth of the rows is held back and
    /// says when to stop, after `most_steps` steps at the latest. The same seed gives the same network at any number of threads.
    ///
    /// # Errors
    /// Fewer than two rows, no column or more than 4,096, the wish to stop, or a loss that is no number.
    pub fn fit(rows: ArrayView2<'_, f32>, most_steps: usize, seed: u64, progress: &dyn Progress) -> Result<Self> {
        let (count, columns) = rows.dim();
        if count < 2 {
            return Err(Error::NotEnoughData {
                what: "an autoencoder".into(),
                needed: 2,
                got: count,
            });
        }
        if !(1..=MOST_COLUMNS).contains(&columns) {
            let accepted = format!("1 to {MOST_COLUMNS} for an autoencoder");
            return Err(Error::invalid("number of columns", columns, accepted));
        }
        train::train(rows, most_steps, seed, progress)
    }

    /// The number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.widths.columns
    }

    /// The squared error of each value in units of what is usual for its column: 1 is usual, NaN where the value is missing.
    ///
    /// # Shapes
    /// rows x columns, as `rows`.
    ///
    /// # Errors
    /// Another number of columns than it learned from.
    pub fn errors(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        if rows.ncols() != self.widths.columns {
            let accepted = format!("{}, as the autoencoder learned from", self.widths.columns);
            return Err(Error::invalid("number of columns", rows.ncols(), accepted));
        }
        let mut errors = forward::squared_errors(self.widths, &self.parameters, rows);
        errors.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut errors| {
            for (error, usual) in errors.iter_mut().zip(&self.usual) {
                *error /= usual.max(LEAST_ERROR);
            }
        });
        Ok(errors)
    }

    /// The network as parts of kind `kind`.
    ///
    /// # Errors
    /// Parameters that cannot be written.
    pub fn save(&self, kind: &str) -> Result<Parts> {
        let parameters: Array1<f64> = self.parameters.iter().copied().map(f64::from).collect();
        Ok(Parts::new(kind, &self.widths)?
            .with("parameters", &parameters)
            .with("usual", &self.usual))
    }

    /// Puts a network together again.
    ///
    /// # Errors
    /// Parts of another kind, and arrays that are missing, of another shape or no numbers.
    pub fn load(parts: &Parts, kind: &str) -> Result<Self> {
        let widths: Widths = parts.settings(kind)?;
        if widths.columns > MOST_COLUMNS || widths != Widths::of(widths.columns) {
            return Err(Error::malformed(
                "parameters.json",
                "the widths are not those of an autoencoder",
            ));
        }
        let parameters: Array1<f64> = parts.shaped("parameters", &[widths.layout().len()])?;
        let usual: Array1<f64> = parts.shaped("usual", &[widths.columns])?;
        let sound = parameters.iter().all(|value| value.is_finite()) && usual.iter().all(|error| *error >= 0.0);
        if !sound {
            return Err(Error::malformed(
                "tensors.safetensors",
                "`parameters` or `usual` hold no numbers",
            ));
        }
        Ok(Self {
            widths,
            parameters: parameters.iter().map(|value| *value as f32).collect(),
            usual,
        })
    }
}
