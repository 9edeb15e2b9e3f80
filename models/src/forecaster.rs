//! The contract of every forecaster: fitting returns a new type, so an unfitted model cannot predict.

use std::path::Path;

use arterial_datasets::feature::FeatureSetId;
use arterial_datasets::panel::Panel;
use ndarray::{Array3, Array4, Zip, s};
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::explanation::{Explanation, Place};
use crate::neural::Device;
use crate::scope::Scope;
use crate::{Error, Result};

/// A fraction strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Quantile(f64);

impl TryFrom<f64> for Quantile {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(Error::invalid("quantile", value, "a fraction strictly between 0 and 1"))
        }
    }
}

impl From<Quantile> for f64 {
    fn from(quantile: Quantile) -> Self {
        quantile.0
    }
}

impl Quantile {
    /// The middle.
    pub const MEDIAN: Self = Self(0.5);

    /// The two quantiles between which a central interval of `level` percent lies: 80 gives 0.1 and 0.9.
    ///
    /// # Errors
    /// A level that is not strictly between 0 and 100.
    pub fn of_level(level: f64) -> Result<(Self, Self)> {
        if level > 0.0 && level < 100.0 {
            let tail = (100.0 - level) / 200.0;
            Ok((Self(tail), Self(1.0 - tail)))
        } else {
            Err(Error::invalid(
                "level",
                level,
                "a percentage strictly between 0 and 100",
            ))
        }
    }
}

/// What is asked of a forecaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Rows up to and including the origin that a network reads and persistence looks back through; lags and
    /// profiles may read any row up to the origin. At least 1.
    pub context: usize,
    /// Steps ahead, all at once; 1 is the row behind the origin. At least 1.
    pub horizon: usize,
    /// Where every random choice starts.
    pub seed: u64,
}

impl Task {
    /// Checks the ranges.
    ///
    /// # Errors
    /// A context or a horizon of zero.
    pub fn check(&self) -> Result<()> {
        for (field, value) in [("context", self.context), ("horizon", self.horizon)] {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1"));
            }
        }
        Ok(())
    }
}

/// How far a fit has come; a front end shows it, and may ask for its end.
pub trait Progress: Send + Sync {
    /// `done` of `total` units of work, with a word on what is going on.
    fn report(&self, done: u64, total: u64, message: &str);

    /// Whether to stop: the fit then ends within a second with [`Error::Cancelled`].
    fn is_cancelled(&self) -> bool {
        false
    }

    /// A folder where long fits keep their state, so that after a crash they go on where they were; none where nobody
    /// would resume them. Whoever gives it sees to it that it is used for the same data, protocol and seed alone.
    fn workplace(&self) -> Option<&Path> {
        None
    }
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _done: u64, _total: u64, _message: &str) {}
}

/// A kind of model that can be fitted, or loaded from the parts of an artefact.
pub trait Forecaster: Send + Sync {
    /// The name on the command line, such as `seasonal-naive`.
    fn name(&self) -> &'static str;

    /// SHA-256 of what it was imported from; none of a kind that learns everything from data and task.
    fn imported(&self) -> Option<&str> {
        None
    }

    /// Where it is fitted: on the CPU, but for networks that were told otherwise. Another device is another model in its last digits.
    fn device(&self) -> Device {
        Device::Cpu
    }

    /// Checks what is known before a fit takes its time: whether `training` has rows enough, and is what the kind is for. Every fit
    /// begins with it.
    ///
    /// # Errors
    /// As [`Forecaster::fit`].
    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(self.name(), 1, training)
    }

    /// Fits on `training`, whose last rows may serve as validation where the kind needs some.
    /// Nothing outside `training` is read, and on the CPU the same seed gives the same model at any number of threads.
    ///
    /// # Errors
    /// Too few rows for the task, or values that the kind cannot be fitted on.
    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>>;

    /// Fits on the rows of `training` before its last `validation` ones. By those a kind chooses what it leaves to the
    /// data: how many trees, how many epochs, which weights.
    ///
    /// # Errors
    /// As [`Forecaster::fit`].
    fn fit_choosing(
        &self,
        training: &Panel,
        validation: usize,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        self.fit(&training.rows(0..training.steps() - validation), task, progress)
    }

    /// Fits on all of `training` with what the model saved in `chosen` chose.
    ///
    /// # Errors
    /// As [`Forecaster::fit`]; parts of another kind.
    fn refit(
        &self,
        chosen: &Parts,
        training: &Panel,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        let _ = chosen;
        self.fit(training, task, progress)
    }

    /// Puts a fitted model together again: it forecasts bit for bit what the saved one did.
    ///
    /// # Errors
    /// Parts of another kind or of another feature set, or parts that do not fit each other.
    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>>;
}

/// A fitted model: forecasts every series of a panel.
pub trait FittedForecaster: Send + Sync {
    /// The name of the kind.
    fn name(&self) -> &'static str;

    /// What it was fitted on; other panels are refused.
    fn scope(&self) -> &Scope;

    /// The most steps ahead that it was fitted for.
    fn horizon(&self) -> usize;

    /// How many rows up to and including the origin it reads. With fewer it forecasts less well or refuses.
    fn history(&self) -> usize;

    /// The feature set that it eats, where it eats one.
    fn feature_set(&self) -> Option<FeatureSetId> {
        None
    }

    /// Forecasts from each of `origins`, the position of the last row that may be read.
    ///
    /// # Errors
    /// A panel with other series, step or zone than the fitted one, or an origin outside of it.
    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook>;

    /// The same, given up soon after `progress` says so. A kind that is quick asks only before it begins.
    ///
    /// # Errors
    /// As [`FittedForecaster::forecast`]; [`Error::Cancelled`].
    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        go_on(progress)?;
        self.forecast(panel, origins)
    }

    /// What moved the medians at `places`, forecast from the row at `origin`.
    ///
    /// # Errors
    /// As [`FittedForecaster::forecast`], a place outside of the panel or beyond the horizon; [`Error::Unexplained`] by a kind
    /// that cannot say.
    fn explain(&self, panel: &Panel, origin: usize, places: &[Place]) -> Result<Vec<Explanation>> {
        let _ = (panel, origin, places);
        Err(Error::Unexplained(self.name().into()))
    }

    /// What whoever judges the model has to know of how it was fitted; mostly nothing.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The parameters, for the artefact.
    ///
    /// # Errors
    /// Parameters that cannot be written.
    fn save(&self) -> Result<Parts>;
}

/// What a model says by itself, before its intervals are calibrated.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Medians: origins x series x horizon, in the unit of the target; NaN where refused for want of data.
    pub points: Array3<f64>,
    /// How far below and above its median the model expects the truth, as the distances to its own 10 % and 90 %
    /// quantiles: origins x series x horizon x 2, not negative. Models that do not know have none.
    pub spread: Option<Array4<f64>>,
}

impl From<Array3<f64>> for Outlook {
    fn from(points: Array3<f64>) -> Self {
        Self { points, spread: None }
    }
}

impl Outlook {
    /// Truth less median of what was forecast from `origins` of `panel`: origins x series x horizon, NaN where either is missing or lies
    /// behind the panel's end.
    #[must_use]
    pub fn errors(&self, panel: &Panel, origins: &[usize]) -> Array3<f64> {
        let target = panel.target();
        let mut errors = Array3::from_elem(self.points.dim(), f64::NAN);
        Zip::indexed(&mut errors)
            .and(&self.points)
            .par_for_each(|(at, series, step), error, point| {
                if let Some(truth) = target.get((origins[at] + step + 1, series)) {
                    *error = truth - point;
                }
            });
        errors
    }

    /// The forecasts from the origins at `range`.
    #[must_use]
    pub fn of_origins(&self, range: std::ops::Range<usize>) -> Self {
        let spread = self.spread.as_ref();
        Self {
            points: self.points.slice(s![range.clone(), .., ..]).to_owned(),
            spread: spread.map(|spread| spread.slice(s![range, .., .., ..]).to_owned()),
        }
    }
}

/// Quantile forecasts.
///
/// # Shapes
/// `values` is origins x series x horizon x quantile, non-decreasing along the last axis.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileForecasts {
    /// The quantiles, increasing.
    pub quantiles: Vec<Quantile>,
    /// The forecasts; NaN where refused, and then for every quantile.
    pub values: Array4<f64>,
}

/// Ends work that nobody waits for any more.
///
/// # Errors
/// [`Error::Cancelled`] where `progress` says so.
pub(crate) fn go_on(progress: &dyn Progress) -> Result<()> {
    if progress.is_cancelled() {
        return Err(Error::Cancelled);
    }
    Ok(())
}

/// Checks that `places` lie in a panel of `series` series and within `horizon` steps.
///
/// # Errors
/// The first that does not.
pub(crate) fn check_places(places: &[Place], series: usize, horizon: usize) -> Result<()> {
    let inside = |place: &&Place| place.series < series && (1..=horizon).contains(&place.step);
    match places.iter().find(|place| !inside(place)) {
        None => Ok(()),
        Some(place) => Err(Error::invalid(
            "place",
            format!("series {}, step {}", place.series, place.step),
            format!("a series below {series} and a step from 1 to {horizon}"),
        )),
    }
}

/// The share of the rows that choose what a kind leaves to the data, where a caller names none.
const VALIDATION_SHARE: usize = 5;

/// Fits a kind that chooses by rows which it is not fitted on, where no such rows were named: it chooses by the last fifth
/// of `training` (at least one horizon), and is then fitted again on all of it.
///
/// # Errors
/// As [`Forecaster::fit`].
pub(crate) fn choose_and_refit(
    kind: &dyn Forecaster,
    training: &Panel,
    task: &Task,
    progress: &dyn Progress,
) -> Result<Box<dyn FittedForecaster>> {
    task.check()?;
    let validation = (training.steps() / VALIDATION_SHARE).max(task.horizon);
    require_rows(kind.name(), validation + task.horizon, training)?;
    let chosen = kind.fit_choosing(training, validation, task, progress)?.save()?;
    kind.refit(&chosen, training, task, progress)
}

/// Checks the rows of `training` before its last `validation` ones, which `kind` is to be fitted on.
///
/// # Errors
/// As [`Forecaster::check`].
pub(crate) fn check_head(kind: &dyn Forecaster, training: &Panel, validation: usize, task: &Task) -> Result<()> {
    kind.check(&training.rows(0..training.steps().saturating_sub(validation)), task)
}

/// Checks that a forecaster has rows enough to be fitted.
///
/// # Errors
/// Fewer than `needed` rows.
pub(crate) fn require_rows(what: &str, needed: usize, panel: &Panel) -> Result<()> {
    if panel.steps() < needed {
        return Err(Error::NotEnoughData {
            what: what.into(),
            needed,
            got: panel.steps(),
        });
    }
    Ok(())
}
