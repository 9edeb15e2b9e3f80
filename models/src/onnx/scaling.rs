//! Units of the target to units of the network, and back: `(value - mean) / deviation`.

use std::collections::BTreeMap;

use arterial_datasets::panel::Panel;
use ndarray::{Array1, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::{Error, Result};

/// How the target is brought to the units of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scaling {
    /// Not at all.
    None,
    /// By the mean and the standard deviation of each series, learned from the panel that the network is imported with.
    PerSeries,
    /// By one mean and deviation for all series.
    Given(Scale),
    /// By a mean and deviation for each series, by its name.
    GivenPerSeries(BTreeMap<String, Scale>),
}

/// A mean and a deviation, in the unit of the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// What becomes 0: a finite number.
    pub mean: f64,
    /// What becomes 1 above the mean: a finite number above 0.
    pub deviation: f64,
}

/// A scale for each series of a panel; NaN where a series has none, which is then refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scales {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Scaling {
    /// Checks the ranges of given numbers.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::None | Self::PerSeries => Ok(()),
            Self::Given(scale) => scale.check("scaling.given"),
            Self::GivenPerSeries(scales) => scales
                .iter()
                .try_for_each(|(series, scale)| scale.check(&format!("scaling.given_per_series.{series}"))),
        }
    }

    /// The scales of the series of `panel`.
    ///
    /// # Errors
    /// A series that no scale is given for.
    pub(super) fn learn(&self, panel: &Panel) -> Result<Scales> {
        let scales: Vec<Scale> = match self {
            Self::None => vec![Scale::UNIT; panel.series().len()],
            Self::Given(scale) => vec![*scale; panel.series().len()],
            Self::PerSeries => panel
                .target()
                .axis_iter(Axis(1))
                .map(|values| Scale::of(&values))
                .collect(),
            Self::GivenPerSeries(given) => {
                let of = |series: &String| given.get(series).copied().ok_or_else(|| no_scale(series));
                panel.series().iter().map(of).collect::<Result<_>>()?
            }
        };
        Ok(Scales {
            mean: scales.iter().map(|scale| scale.mean).collect(),
            deviation: scales.iter().map(|scale| scale.deviation).collect(),
        })
    }
}

fn no_scale(series: &str) -> Error {
    Error::invalid(
        "scaling.given_per_series",
        format!("nothing for `{series}`"),
        "a scale for each series",
    )
}

impl Scale {
    /// That of values which stay as they are.
    pub(super) const UNIT: Self = Self {
        mean: 0.0,
        deviation: 1.0,
    };

    /// `value` in units of the network.
    pub(super) fn apply(self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }

    /// Checks the ranges; `field` is where they stand.
    pub(super) fn check(self, field: &str) -> Result<()> {
        if self.mean.is_finite() && self.deviation.is_finite() && self.deviation > 0.0 {
            return Ok(());
        }
        let found = format!("mean {}, deviation {}", self.mean, self.deviation);
        Err(Error::invalid(field, found, "finite numbers, the deviation above 0"))
    }

    /// The scale of the values seen; a series that never varies keeps its unit.
    fn of(values: &ArrayView1<'_, f64>) -> Self {
        let seen: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let count = seen.len() as f64;
        let mean = seen.iter().sum::<f64>() / count;
        let variance = seen.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt();
        Self {
            mean,
            deviation: if deviation <= 1e-9 * mean.abs() { 1.0 } else { deviation },
        }
    }
}

impl Scales {
    /// Whether `series` has a scale.
    pub(super) fn knows(&self, series: usize) -> bool {
        self.mean[series].is_finite() && self.deviation[series].is_finite()
    }

    /// `value` of `series` in units of the network.
    pub(super) fn apply(&self, value: f64, series: usize) -> f64 {
        (value - self.mean[series]) / self.deviation[series]
    }

    /// `value` of `series` in the unit of the target.
    pub(super) fn undo(&self, value: f64, series: usize) -> f64 {
        value * self.deviation[series] + self.mean[series]
    }

    pub(super) fn save(&self, parts: Parts) -> Parts {
        parts.with("mean", &self.mean).with("deviation", &self.deviation)
    }

    pub(super) fn load(parts: &Parts, series: usize) -> Result<Self> {
        Ok(Self {
            mean: parts.shaped("mean", &[series])?,
            deviation: parts.shaped("deviation", &[series])?,
        })
    }
}
