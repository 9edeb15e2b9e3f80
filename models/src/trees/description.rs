//! What the models read and answer: written by whoever trained them, as JSON beside their files.
//!
//! ```json
//! {
//!   "step": "5m",
//!   "horizon": 12,
//!   "strategy": "direct",
//!   "features": [{ "lag": 0 }, { "lag": 1 }, { "mean": [0, 11] }, "minute_of_day", "day_of_week", "horizon"],
//!   "time_of": "target",
//!   "output": "value"
//! }
//! ```

use arterial_datasets::time::Duration;
use serde::{Deserialize, Serialize};

use super::feature::Feature;
use crate::{Error, Quantile, Result};

/// The most steps of a horizon.
const MOST_STEPS: usize = 1_000;
/// The most columns.
const MOST_FEATURES: usize = 10_000;
/// The name by which messages call the file.
const FILE: &str = "description.json";

/// What the models read and answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The time between rows that they were trained for, such as `5m`; panels of another step are refused.
    pub step: Duration,
    /// Steps ahead that they answer: 1 to 1,000.
    pub horizon: usize,
    /// How they reach further than one step.
    pub strategy: Strategy,
    /// What stands in the columns, in the order of the models.
    pub features: Vec<Feature>,
    /// The names that the columns had in training; where a file has names, too, both are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Which row the features of time are of; needed where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_of: Option<TimeOf>,
    /// What a prediction means.
    pub output: Output,
    /// The models, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Model>,
}

/// How models reach further than one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Each step is asked of the model that is listed for it or, where no steps are listed, of one model that reads `horizon`.
    Direct,
    /// One model forecasts one step, and its forecasts stand in for the values that the next steps read.
    Recursive,
}

/// Which row the features of time are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeOf {
    /// The row that is forecast.
    Target,
    /// The last row whose value is read.
    Origin,
}

/// What a prediction means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The value that is forecast.
    Value,
    /// How far it will be from the last value, that of lag 0; there is no forecast where that is missing.
    Change,
}

/// One of several models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its file, which several models may stand in.
    pub file: String,
    /// Which of the outputs of the file it is, 0 first; needed where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<usize>,
    /// The step that it answers, 1 first; every step where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The quantile that it was trained for: 0.5, the forecast itself (the default), or 0.1 and 0.9, from which intervals then
    /// start.
    #[serde(default = "median")]
    pub quantile: Quantile,
}

fn median() -> Quantile {
    Quantile::MEDIAN
}

impl Description {
    /// Reads and checks the description in `json`.
    ///
    /// # Errors
    /// JSON that is malformed, or has missing or unknown fields; a field out of its range.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let description: Self =
            serde_json::from_slice(json).map_err(|error| Error::malformed(FILE, error.to_string()))?;
        description.check()?;
        Ok(description)
    }

    /// Checks the ranges, and that the parts fit each other.
    ///
    /// # Errors
    /// The field that is wrong, and what it accepts.
    pub fn check(&self) -> Result<()> {
        if self.horizon == 0 || self.horizon > MOST_STEPS {
            let accepted = format!("a whole number from 1 to {MOST_STEPS}");
            return Err(Error::invalid("horizon", self.horizon, accepted));
        }
        self.check_features()?;
        self.check_time()?;
        self.check_strategy()
    }

    /// How many rows up to and including the origin are read.
    pub(super) fn history(&self) -> usize {
        let reach = self.features.iter().map(Feature::reach);
        reach.max().unwrap_or(0) + 1
    }

    /// The files of the models, each once, in the order in which they are listed first; none where no model is listed.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        for model in &self.models {
            if !files.contains(&model.file.as_str()) {
                files.push(&model.file);
            }
        }
        files
    }

    fn check_features(&self) -> Result<()> {
        let count = self.features.len();
        if count > MOST_FEATURES {
            let accepted = format!("at most {MOST_FEATURES} features");
            return Err(Error::invalid("features", format!("{count} features"), accepted));
        }
        if !self.features.iter().any(|feature| feature.lags().is_some()) {
            let accepted = "at least one `lag`, `mean`, `std`, `min` or `max` among them";
            return Err(Error::invalid("features", "without any value", accepted));
        }
        for (column, feature) in self.features.iter().enumerate() {
            feature.check(column)?;
        }
        if self.names.is_empty() || self.names.len() == count {
            return Ok(());
        }
        let found = format!("{} names", self.names.len());
        let accepted = format!("{count}, one for each feature");
        Err(Error::invalid("names", found, accepted))
    }

    fn check_time(&self) -> Result<()> {
        match self.features.iter().position(Feature::is_of_time) {
            Some(column) if self.time_of.is_none() => Err(Error::invalid(
                "time_of",
                "missing",
                format!("target or origin, as features[{column}] tells a time"),
            )),
            _ => Ok(()),
        }
    }

    fn check_strategy(&self) -> Result<()> {
        let reads_horizon = self.features.contains(&Feature::Horizon);
        let lists_steps = self.models.iter().any(|model| model.step.is_some());
        match self.strategy {
            Strategy::Direct if self.horizon > 1 && !reads_horizon && !lists_steps => Err(Error::invalid(
                "strategy",
                "direct",
                "`models` listed by `step`, or `horizon` among the features; or recursive",
            )),
            Strategy::Recursive if reads_horizon || lists_steps => Err(Error::invalid(
                "strategy",
                "recursive",
                "direct, where models are listed by `step` or read `horizon`",
            )),
            _ => Ok(()),
        }
    }
}
