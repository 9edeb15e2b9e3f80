//! The extents of a network: what a window holds and what is forecast from it.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The extents that all windows of a network share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Series that the network knows, each with an embedding of its own; from 1.
    pub series: usize,
    /// Steps up to the origin that are read; from 1.
    pub context: usize,
    /// Numbers of each step: the scaled value, the mask (1 = seen), then time features and covariates; from 2.
    pub channels: usize,
    /// Covariates of each step ahead that are known at the origin; from 0.
    pub known: usize,
    /// Steps ahead, all at once; from 1.
    pub horizon: usize,
    /// Slots that a day is cut into; from 1.
    pub slots_per_day: usize,
    /// The quantiles that are forecast: fractions strictly between 0 and 1, increasing, from one to 64 of them.
    pub quantiles: Vec<f32>,
}

impl Shape {
    /// Checks each extent against its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first one outside of it.
    pub fn check(&self) -> Result<()> {
        let least = [
            ("series", self.series, 1),
            ("context", self.context, 1),
            ("channels", self.channels, 2),
            ("horizon", self.horizon, 1),
            ("slots_per_day", self.slots_per_day, 1),
        ];
        for (field, value, least) in least {
            in_range(field, value, least, 1_000_000)?;
        }
        in_range("known", self.known, 0, 1_000_000)?;
        in_range("number of quantiles", self.quantiles.len(), 1, 64)?;
        let between = |level: &f32| *level > 0.0 && *level < 1.0;
        if !self.quantiles.iter().all(between) || !self.quantiles.is_sorted_by(|left, right| left < right) {
            let found = format!("{:?}", self.quantiles);
            return Err(Error::invalid(
                "quantiles",
                found,
                "increasing fractions strictly between 0 and 1",
            ));
        }
        Ok(())
    }

    /// Numbers of the context of one series in one window.
    pub(super) fn context_length(&self) -> usize {
        self.context * self.channels
    }

    /// Known covariates of one series in one window.
    pub(super) fn known_length(&self) -> usize {
        self.horizon * self.known
    }

    /// Numbers that the network gives for one series in one window.
    pub(super) fn output_length(&self) -> usize {
        self.horizon * self.quantiles.len()
    }
}

/// A whole number within its range.
///
/// # Errors
/// [`Error::Invalid`] when it is not.
pub(super) fn in_range(field: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::invalid(field, value, format!("{least} to {most}")))
    }
}
