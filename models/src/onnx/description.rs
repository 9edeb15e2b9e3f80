//! What a network reads and answers: written by whoever trained it, as JSON beside the ONNX file.
//!
//! ```json
//! {
//!   "step": "5m",
//!   "context": 12,
//!   "horizon": 12,
//!   "scaling": "per_series",
//!   "input": {
//!     "name": "window",
//!     "axes": ["batch", "time", "channel"],
//!     "channels": ["target", "mask", "time_of_day"],
//!     "missing": "zero"
//!   },
//!   "output": { "name": "forecast", "axes": ["batch", "time", "quantile"], "quantiles": [0.1, 0.5, 0.9] }
//! }
//! ```

use std::collections::BTreeMap;

use arterial_datasets::time::Duration;
use serde::{Deserialize, Serialize};

use super::axes::{self, Axis};
use super::scaling::{Scale, Scaling};
use crate::scope::Scope;
use crate::{Error, Quantile, Result};

/// The most rows of a context and steps of a horizon.
const MOST_STEPS: usize = 10_000;
/// The most channels of an input.
const MOST_CHANNELS: usize = 64;
/// The name by which messages call the file.
const FILE: &str = "description.json";

/// What a network reads and answers, and in which units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The time between rows that it was trained for, such as `5m`; panels of another step are refused.
    pub step: Duration,
    /// Rows that it reads, up to and including the origin: 1 to 10,000.
    pub context: usize,
    /// Steps ahead that it answers, all at once: 1 to 10,000.
    pub horizon: usize,
    /// How the target is brought to the units of the network.
    pub scaling: Scaling,
    /// What goes in.
    pub input: Input,
    /// What comes out.
    pub output: Output,
}

/// The input of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The tensor's name in the ONNX file.
    pub name: String,
    /// The order of its axes: `batch` and `time`; `series` where the network reads all series at once, otherwise each
    /// series is a window of its own; `channel`, which may be left out where there is one channel.
    pub axes: Vec<Axis>,
    /// What stands in each channel: 1 to 64, `target` among them.
    pub channels: Vec<Channel>,
    /// What the target channel holds where a value is missing.
    pub missing: Missing,
    /// How covariates among the channels are brought to the units of the network, by their names; those without a scale
    /// are left as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scales: BTreeMap<String, Scale>,
}

/// What a channel of the input holds at a row. Clock times are those of the panel's zone, cut into slots of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The target, scaled.
    Target,
    /// 1 where the target was seen, 0 where it is missing.
    Mask,
    /// The slot of the day as a fraction of the day: from 0, below 1.
    TimeOfDay,
    /// The sine of the time of day, one turn a day.
    TimeOfDaySine,
    /// The cosine of the time of day, one turn a day.
    TimeOfDayCosine,
    /// The day of the week by the calendar: Monday 0 to Sunday 6.
    DayOfWeek,
    /// The day of the week as a fraction of the week: Monday 0, Tuesday 1/7 and so on.
    DayOfWeekFraction,
    /// 1 on holidays, otherwise 0; 0 where the panel knows none.
    IsHoliday,
    /// The covariate of that name, scaled where the input has a scale for it.
    Covariate(String),
}

/// What the target channel holds where a value is missing. A series without any value in its context gets no forecast,
/// whatever stands here. A missing value of a covariate is 0 in the units of the network, the last one with `last`, and
/// refused with `refuse`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Missing {
    /// 0 in the units of the network: with scaling, the mean.
    Zero,
    /// The last value seen before it in the context, 0 in the units of the network where there is none.
    Last,
    /// A number in the unit of the target, scaled like any other of its values.
    Value(f64),
    /// Nothing: windows with gaps get no forecast.
    Refuse,
}

/// The output of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The tensor's name in the ONNX file.
    pub name: String,
    /// The order of its axes: `batch` and `time`; `series` exactly where the input has it; `quantile` exactly where
    /// there are quantiles; `channel` for an axis of length 1.
    pub axes: Vec<Axis>,
    /// The quantiles that are answered, increasing and with 0.5 among them; none (the default) where the answer is the
    /// forecast itself. With 0.1 and 0.9 among them, intervals start from the network's own.
    #[serde(default)]
    pub quantiles: Vec<Quantile>,
    /// Whether answers are in the units of the network, to be scaled back (the default), or in the unit of the target.
    #[serde(default = "yes")]
    pub scaled: bool,
}

fn yes() -> bool {
    true
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
        for (field, value) in [("context", self.context), ("horizon", self.horizon)] {
            if value == 0 || value > MOST_STEPS {
                return Err(Error::invalid(
                    field,
                    value,
                    format!("a whole number from 1 to {MOST_STEPS}"),
                ));
            }
        }
        self.scaling.check()?;
        self.input.check()?;
        self.output.check(self.reads_all_series())
    }

    /// Whether all series go in at once.
    pub(super) fn reads_all_series(&self) -> bool {
        self.input.axes.contains(&Axis::Series)
    }
}

impl Input {
    fn check(&self) -> Result<()> {
        axes::check(
            "input.axes",
            &self.axes,
            &[Axis::Batch, Axis::Time, Axis::Series, Axis::Channel],
        )?;
        let count = self.channels.len();
        let written = || format!("{:?}", self.channels);
        if count > MOST_CHANNELS || !self.channels.contains(&Channel::Target) {
            let accepted = format!("1 to {MOST_CHANNELS} channels, `target` among them");
            return Err(Error::invalid("input.channels", written(), accepted));
        }
        if count > 1 && !self.axes.contains(&Axis::Channel) {
            let accepted = "one channel, because `input.axes` has no `channel`";
            return Err(Error::invalid("input.channels", written(), accepted));
        }
        self.check_scales()?;
        match self.missing {
            Missing::Value(value) if !value.is_finite() => {
                Err(Error::invalid("input.missing", value, "a finite number"))
            }
            _ => Ok(()),
        }
    }

    fn check_scales(&self) -> Result<()> {
        for (name, scale) in &self.scales {
            scale.check(&format!("input.scales.{name}"))?;
            if !self.covariates().any(|covariate| covariate == name) {
                let accepted = "the names of covariates among `input.channels`";
                return Err(Error::invalid("input.scales", name, accepted));
            }
        }
        Ok(())
    }

    fn covariates(&self) -> impl Iterator<Item = &String> {
        self.channels.iter().filter_map(|channel| match channel {
            Channel::Covariate(name) => Some(name),
            _ => None,
        })
    }

    /// Where the panels of `scope` have the covariates that are read, by their names.
    ///
    /// # Errors
    /// A covariate that they do not have.
    pub(super) fn sources(&self, scope: &Scope) -> Result<BTreeMap<String, usize>> {
        let source = |name: &String| {
            let channel = scope.covariate("input.channels".into(), name);
            channel.map(|channel| (name.clone(), channel))
        };
        self.covariates().map(source).collect()
    }
}

impl Output {
    fn check(&self, all_series: bool) -> Result<()> {
        let mut accepted = vec![Axis::Batch, Axis::Time];
        if all_series {
            accepted.push(Axis::Series);
        }
        accepted.push(if self.quantiles.is_empty() {
            Axis::Channel
        } else {
            Axis::Quantile
        });
        axes::check("output.axes", &self.axes, &accepted)?;
        for (needed, axis) in [(all_series, Axis::Series), (self.quantiles.len() > 1, Axis::Quantile)] {
            if needed && !self.axes.contains(&axis) {
                let accepted = format!("{} among them", axes::written(&[axis]));
                return Err(Error::invalid("output.axes", axes::written(&self.axes), accepted));
            }
        }
        let increasing = self.quantiles.windows(2).all(|pair| pair[0] < pair[1]);
        if increasing && (self.quantiles.is_empty() || self.place_of(Quantile::MEDIAN).is_some()) {
            return Ok(());
        }
        let levels: Vec<f64> = self.quantiles.iter().map(|quantile| f64::from(*quantile)).collect();
        Err(Error::invalid(
            "output.quantiles",
            format!("{levels:?}"),
            "increasing, with 0.5 among them",
        ))
    }

    /// The position of `quantile` among those that are answered.
    pub(super) fn place_of(&self, quantile: Quantile) -> Option<usize> {
        self.quantiles.iter().position(|other| *other == quantile)
    }
}
