//! A fitted model with its intervals: one thing to fit, to keep and to ask, the same for training and serving.

use arterial_datasets::feature::FeatureSetId;
use arterial_datasets::panel::Panel;
use ndarray::Array2;

use crate::areas::{AreaForecasts, Areas};
use crate::artefact::{Files, Parts};
use crate::conformal::Calibration;
use crate::explanation::{Explanation, Place};
use crate::forecaster::{check_head, go_on, require_rows};
use crate::forecasters::by_name;
use crate::held_out::HeldOut;
use crate::onnx::{self, SavedNetwork};
use crate::scope::Scope;
use crate::support::{Read, Support};
use crate::trees::{self, SavedTrees};
use crate::{
    Error, FittedForecaster, Forecaster, Outlook, Progress, Quantile, QuantileForecasts, Result, Silent, Task,
};

/// The share of the training part that serves for calibration where there is no validation part.
const CALIBRATION_SHARE: usize = 5;

/// The parts of a pipeline.
const MODEL: &str = "model";
const CALIBRATION: &str = "calibration";
const SUPPORT: &str = "support";
const AREAS: &str = "areas";

/// A fitted model, its feature set and its intervals, those of its series and those of the areas that they make.
pub struct Pipeline {
    fitted: Box<dyn FittedForecaster>,
    calibration: Calibration,
    support: Support,
    areas: Option<Areas>,
}

impl Pipeline {
    /// Checks what is known before [`Pipeline::fit`] takes its time: whether each part has rows enough, and what `kind` says
    /// of the data.
    ///
    /// # Errors
    /// As [`Pipeline::fit`], which begins with this.
    pub fn check(kind: &dyn Forecaster, training: &Panel, validation: usize, task: &Task) -> Result<()> {
        task.check()?;
        let tail = calibration_rows(training, validation, task);
        require_rows(kind.name(), tail + task.horizon + 1, training)?;
        let head = training.steps() - tail;
        check_head(kind, training, tail, task).map_err(|error| before_calibration(head, tail, error))
    }

    /// Fits `kind` on `training`, whose last `validation` rows are the validation part (0 where there is none).
    ///
    /// The kind is fitted on the rows before the calibration part and chooses by the calibration part what it leaves to
    /// the data; its residuals there make the intervals; and then it is fitted again on all of `training` with what it
    /// chose. The calibration part is the validation part or, where that is shorter than two horizons, the last fifth of
    /// `training` (at least two horizons).
    ///
    /// # Errors
    /// Too few rows, or values that the kind cannot be fitted on; [`Error::Cancelled`] soon after `progress` says so.
    pub fn fit(
        kind: &dyn Forecaster,
        training: &Panel,
        validation: usize,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Self> {
        Self::check(kind, training, validation, task)?;
        go_on(progress)?;
        let tail = calibration_rows(training, validation, task);
        let head = training.steps() - tail;
        let partial = kind.fit_choosing(training, tail, task, progress);
        let partial = partial.map_err(|error| before_calibration(head, tail, error))?;
        let origins: Vec<usize> = (head - 1..training.steps() - 1).collect();
        let support = Support::of(training);
        let held_out = HeldOut::of(partial.as_ref(), &support, training, &origins, progress);
        let calibrated = held_out.and_then(|held_out| calibrate(&held_out));
        let (calibration, areas) = calibrated.map_err(|error| of(kind, error))?;
        go_on(progress)?;
        let fitted = kind.refit(&partial.save()?, training, task, progress)?;
        Ok(Self {
            fitted,
            calibration,
            support,
            areas: Some(areas),
        })
    }

    /// The name of the kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.fitted.name()
    }

    /// What it was fitted on; other panels are refused.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.fitted.scope()
    }

    /// The most steps ahead that it was fitted for.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.fitted.horizon()
    }

    /// How many rows up to and including the origin it reads.
    #[must_use]
    pub fn history(&self) -> usize {
        self.fitted.history()
    }

    /// The feature set that it eats, where it eats one.
    #[must_use]
    pub fn feature_set(&self) -> Option<FeatureSetId> {
        self.fitted.feature_set()
    }

    /// What the model says by itself, with medians that the target can take.
    ///
    /// # Errors
    /// A panel of another scope, or an origin outside of it.
    pub fn outlook(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.outlook_while(panel, origins, &Silent)
    }

    /// The same, given up soon after `progress` says so.
    ///
    /// # Errors
    /// As [`Pipeline::outlook`]; [`Error::Cancelled`].
    pub fn outlook_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        let mut outlook = self.fitted.forecast_while(panel, origins, progress)?;
        self.support.bring_into(&mut outlook, &self.read(panel, origins));
        Ok(outlook)
    }

    /// What forecasts from `origins` read of `panel`.
    fn read<'a>(&self, panel: &'a Panel, origins: &'a [usize]) -> Read<'a> {
        Read {
            panel,
            origins,
            history: self.history(),
        }
    }

    /// Quantile forecasts from each of `origins`; the median is the point forecast.
    ///
    /// # Errors
    /// A panel of another scope, an origin outside of it, or quantiles that do not increase.
    pub fn forecast(&self, panel: &Panel, origins: &[usize], quantiles: &[Quantile]) -> Result<QuantileForecasts> {
        self.around(panel, origins, &self.outlook(panel, origins)?, quantiles)
    }

    /// [`Pipeline::forecast`], given up soon after `progress` says so.
    ///
    /// # Errors
    /// As [`Pipeline::forecast`]; [`Error::Cancelled`].
    pub fn forecast_while(
        &self,
        panel: &Panel,
        origins: &[usize],
        quantiles: &[Quantile],
        progress: &dyn Progress,
    ) -> Result<QuantileForecasts> {
        self.around(
            panel,
            origins,
            &self.outlook_while(panel, origins, progress)?,
            quantiles,
        )
    }

    /// What moved the medians at `places`, forecast from the row at `origin`, before they are kept within what the target can be.
    ///
    /// # Errors
    /// A panel of another scope, an origin or a place outside of it; [`Error::Unexplained`] by a kind that cannot say.
    pub fn explain(&self, panel: &Panel, origin: usize, places: &[Place]) -> Result<Vec<Explanation>> {
        self.fitted.explain(panel, origin, places)
    }

    /// Quantile forecasts around what [`Pipeline::outlook`] gave for the same origins.
    ///
    /// # Errors
    /// Quantiles that do not increase, or an outlook of another shape.
    pub fn around(
        &self,
        panel: &Panel,
        origins: &[usize],
        outlook: &Outlook,
        quantiles: &[Quantile],
    ) -> Result<QuantileForecasts> {
        let mut forecasts = self.calibration.apply(panel, origins, outlook, quantiles)?;
        let read = self.read(panel, origins);
        self.support.bound(&mut forecasts.values, outlook, &read);
        Ok(forecasts)
    }

    /// The zones and the city that its series make; none in models saved before areas were forecast.
    #[must_use]
    pub fn areas(&self) -> Option<&Areas> {
        self.areas.as_ref()
    }

    /// The least value that forecasts of the areas from each of `origins` may have (origins x areas, in the order of [`Areas::list`]): 0
    /// where no member was ever seen below, in training or in what the forecast reads, otherwise minus infinity.
    #[must_use]
    pub fn least_of_areas(&self, panel: &Panel, origins: &[usize]) -> Array2<f64> {
        let least = self.support.least(&self.read(panel, origins));
        let list = self.areas.as_ref().map_or(&[][..], Areas::list);
        Array2::from_shape_fn((origins.len(), list.len()), |(at, area)| {
            let members = list[area].members.iter().map(|&member| least[(at, member)]);
            members.fold(0.0, f64::min)
        })
    }

    /// Quantile forecasts of the zones and the city from what [`Pipeline::outlook`] gave of their members for the same origins;
    /// none in models saved before areas were forecast. The median is the mean of the members' medians.
    ///
    /// # Errors
    /// Quantiles that do not increase, or an outlook of another shape.
    pub fn forecast_areas(
        &self,
        panel: &Panel,
        origins: &[usize],
        outlook: &Outlook,
        quantiles: &[Quantile],
    ) -> Result<Option<AreaForecasts>> {
        let forecast = |areas: &Areas| {
            let least = self.least_of_areas(panel, origins);
            areas.forecast(panel, origins, outlook, quantiles, &least)
        };
        self.areas.as_ref().map(forecast).transpose()
    }

    /// What whoever judges the model has to know of how it was fitted; mostly nothing.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.fitted.notes()
    }

    /// The files of the artefact.
    ///
    /// # Errors
    /// Parameters that cannot be written, or that are too large.
    pub fn files(&self) -> Result<Files> {
        let model = self.fitted.save()?;
        let calibration = self.calibration.save()?;
        let kind = model.kind.clone();
        let support = self.support.save()?;
        let mut parts = vec![(MODEL, model), (CALIBRATION, calibration), (SUPPORT, support)];
        if let Some(areas) = &self.areas {
            parts.push((AREAS, areas.save()?));
        }
        let named = parts.into_iter().map(|(name, part)| (name.to_owned(), part));
        Files::of(&Parts::of(&kind, named)?)
    }

    /// Loads what [`Pipeline::files`] wrote; `kinds` is the list of forecasters, beside which imported models are known.
    ///
    /// # Errors
    /// Malformed or too large files, a kind that is not in the list, another feature set than the fitted one.
    pub fn load(files: &Files, kinds: &[Box<dyn Forecaster>]) -> Result<Self> {
        let parts = files.parts()?;
        match parts.kind.as_str() {
            onnx::NAME => Self::of_parts(&parts, &SavedNetwork),
            trees::NAME => Self::of_parts(&parts, &SavedTrees),
            name => Self::of_parts(&parts, by_name(kinds, name)?),
        }
    }

    /// The same of a model that is known to be of `kind`.
    ///
    /// # Errors
    /// As [`Pipeline::load`]; files of another kind.
    pub fn load_as(files: &Files, kind: &dyn Forecaster) -> Result<Self> {
        Self::of_parts(&files.parts()?, kind)
    }

    fn of_parts(parts: &Parts, kind: &dyn Forecaster) -> Result<Self> {
        let fitted = kind.load(&parts.part(MODEL, &parts.kind)?)?;
        let calibration = parts.part(CALIBRATION, "conformal")?;
        let (scope, horizon) = (fitted.scope(), fitted.horizon());
        let calibration = Calibration::load(&calibration, scope, scope.series.len(), horizon)?;
        // Models saved before forecasts were bounded have no such part.
        let support = match parts.parameters.get(SUPPORT) {
            Some(_) => Support::load(&parts.part(SUPPORT, SUPPORT)?, scope.series.len())?,
            None => Support::unknown(scope.series.len()),
        };
        // Models saved before areas were forecast have none.
        let areas = match parts.parameters.get(AREAS) {
            Some(_) => Some(Areas::load(&parts.part(AREAS, AREAS)?, scope, horizon)?),
            None => None,
        };
        Ok(Self {
            fitted,
            calibration,
            support,
            areas,
        })
    }
}

/// How many rows at the end of `training` calibrate the intervals.
fn calibration_rows(training: &Panel, validation: usize, task: &Task) -> usize {
    match validation {
        rows if rows >= 2 * task.horizon => rows,
        _ => (training.steps() / CALIBRATION_SHARE).max(2 * task.horizon),
    }
}

/// The intervals of the series and of the areas that they make.
fn calibrate(held_out: &HeldOut<'_>) -> Result<(Calibration, Areas)> {
    let errors = held_out.outlook.errors(held_out.panel, &held_out.origins);
    let areas = Areas::fit(held_out, &errors)?;
    let calibration = Calibration::fit(held_out.panel, &held_out.origins, &held_out.outlook, errors)?;
    Ok((calibration, areas))
}

/// Says of which rows there are too few, where they are the `head` of those that were given: the others calibrate.
fn before_calibration(head: usize, tail: usize, error: Error) -> Error {
    match error {
        Error::NotEnoughData { what, needed, got } if got == head => Error::NotEnoughData {
            what: format!(
                "{what}, fitted on {head} of {} rows as the last {tail} calibrate its intervals,",
                head + tail
            ),
            needed,
            got,
        },
        other => other,
    }
}

/// Says which kind the data do not suffice for.
fn of(kind: &dyn Forecaster, error: Error) -> Error {
    match error {
        Error::NotEnoughData { what, needed, got } => Error::NotEnoughData {
            what: format!("`{}`, {what},", kind.name()),
            needed,
            got,
        },
        other => other,
    }
}
