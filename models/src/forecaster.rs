//! The contract of every forecaster: fitting returns a new type, so an unfitted model cannot predict.

use arterial_datasets::panel::Panel;
use ndarray::{Array3, Array4};

use crate::Result;

/// A fraction strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Quantile(f64);

impl TryFrom<f64> for Quantile {
    type Error = crate::Error;

    fn try_from(value: f64) -> Result<Self> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(crate::Error::invalid("quantile", value, "a fraction strictly between 0 and 1"))
        }
    }
}

impl From<Quantile> for f64 {
    fn from(quantile: Quantile) -> Self {
        quantile.0
    }
}

/// What is asked of a forecaster.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Rows that a network reads; lags and profiles may read any row before the origin.
    pub context: usize,
    /// Steps ahead, all at once.
    pub horizon: usize,
    /// Which origins training may use: `first..=last` such that `origin + horizon` lies in the training part.
    pub seed: u64,
}

/// How far a fit has come; a front end shows it.
pub trait Progress: Send + Sync {
    /// `done` of `total` units of work, with a word on what is going on.
    fn report(&self, done: u64, total: u64, message: &str);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _done: u64, _total: u64, _message: &str) {}
}

/// A kind of model that can be fitted.
pub trait Forecaster: Send + Sync {
    /// The name on the command line, such as `seasonal-naive`.
    fn name(&self) -> &'static str;

    /// Fits on `training`, whose last rows may serve as validation where the kind needs some.
    ///
    /// # Errors
    /// Too few rows for the task, or values that the kind cannot be fitted on.
    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>>;
}

/// A fitted model: forecasts every series of a panel.
pub trait FittedForecaster: Send + Sync {
    /// The name of the kind.
    fn name(&self) -> &'static str;

    /// The most steps ahead that it was fitted for.
    fn horizon(&self) -> usize;

    /// Point forecasts (medians) from each of `origins`, the position of the last row that may be read.
    ///
    /// # Shapes
    /// origins x series x horizon; NaN where the forecast is refused for want of data.
    ///
    /// # Errors
    /// A panel with other series than the fitted ones, or an origin outside of it.
    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Array3<f64>>;

    /// The parameters, for the artefact.
    ///
    /// # Errors
    /// Parameters that cannot be written.
    fn save(&self) -> Result<crate::artefact::Parts>;
}

/// Quantile forecasts.
///
/// # Shapes
/// `values` is origins x series x horizon x quantile, non-decreasing along the last axis.
#[derive(Debug, Clone)]
pub struct QuantileForecasts {
    /// The quantiles, increasing.
    pub quantiles: Vec<Quantile>,
    /// The forecasts; NaN where refused.
    pub values: Array4<f64>,
}
