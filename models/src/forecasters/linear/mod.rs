//! `linear`: ridge regression on the feature set, one for each step ahead, for the median.
//!
//! What is regressed is the target's deviation from the usual level at the target's own slot of the week, in units of
//! the series' usual deviation: so a series far from its usual level returns to it as fast as the data say, and the
//! value itself is in reach of the same columns. Columns are
//! - the anchor's: recent deviations, their means, the way the usual level goes, the usual spread ([`deviation`](super::deviation)),
//! - the feature set's, each relative to its own mean and spread in that series, with a flag where it is often missing.
//!
//! ```text
//! (y(o+h) - level(o+h)) / scale = x(o, h) (g(h, day type) + series(h)) + e
//! minimise sum of w |e|  + penalty |g|^2       by iteratively reweighted least squares
//! ```
//!
//! Beyond twelve steps ahead, coefficients are fitted at some steps and interpolated between them. The penalty is the
//! one that errs least on the last fifth of the training part.

mod explain;
mod fit;
mod penalty;
mod predict;
mod regress;
mod sample;

use std::sync::Arc;

use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState};
use arterial_datasets::panel::Panel;
use ndarray::{Array3, s};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::deviation::{LOOK_BACK, OWN, SERIES_TERMS, Scaler, check_features, history};
use crate::artefact::{Parts, from_exact, to_exact};
use crate::explanation::{Explanation, Place};
use crate::forecaster::{check_places, require_rows};
use crate::profile::Profile;
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

const NAME: &str = "linear";

/// The kind, with the feature set that it eats.
#[derive(Clone)]
pub struct Linear {
    features: Arc<dyn FeatureSet>,
}

/// Coefficients for each step ahead. A series without a single value in training is refused.
pub struct FittedLinear {
    settings: Settings,
    features: Arc<dyn FeatureSet>,
    state: FeatureState,
    profile: Profile,
    scaler: Scaler,
    /// Knot x day type x column.
    coefficients: Array3<f64>,
    /// Knot x series x term.
    series_terms: Array3<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scope: Scope,
    task: Task,
    features: FeatureSetId,
    /// The set's columns.
    columns: Vec<String>,
    /// Which of them have a flag.
    flags: Vec<usize>,
    /// The steps ahead that have coefficients, increasing.
    knots: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: Settings,
    state: Value,
}

impl Linear {
    /// The kind that eats `features`.
    #[must_use]
    pub fn new(features: Arc<dyn FeatureSet>) -> Self {
        Self { features }
    }
}

impl Forecaster for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, 2 * task.horizon + LOOK_BACK, training)
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        Ok(Box::new(fit::fit(&self.features, training, task, progress)?))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let Saved { settings, state } = parts.settings(NAME)?;
        check_features(&settings.features, &self.features.id())?;
        settings.check()?;
        let clock = LocalClock::new(&settings.scope.timezone, settings.scope.step)?;
        let series = settings.scope.series.len();
        let width = OWN + settings.columns.len() + settings.flags.len();
        Ok(Box::new(FittedLinear {
            profile: Profile::load(parts, clock.slots_per_day(), series)?,
            scaler: Scaler::load(parts, series, settings.columns.len(), settings.flags.clone())?,
            coefficients: parts.shaped("coefficients", &[settings.knots.len(), 2, width])?,
            series_terms: parts.shaped("series_terms", &[settings.knots.len(), series, SERIES_TERMS])?,
            features: Arc::clone(&self.features),
            state: FeatureState(from_exact(state)),
            settings,
        }))
    }
}

impl Settings {
    /// Checks what a file may have wrong.
    fn check(&self) -> Result<()> {
        self.task.check()?;
        let rising = self.knots.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = self.knots.first() == Some(&1) && self.knots.last() == Some(&self.task.horizon);
        if !rising || !whole || self.flags.iter().any(|flag| *flag >= self.columns.len()) {
            return Err(Error::malformed(
                "parameters.json",
                "knots or flags do not fit the horizon and the columns",
            ));
        }
        Ok(())
    }
}

impl FittedForecaster for FittedLinear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &Scope {
        &self.settings.scope
    }

    fn horizon(&self) -> usize {
        self.settings.task.horizon
    }

    /// Eight weeks and a day: the longest that features look back.
    fn history(&self) -> usize {
        history(&self.profile)
    }

    fn feature_set(&self) -> Option<FeatureSetId> {
        Some(self.settings.features.clone())
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.forecast_while(panel, origins, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        self.settings.scope.check(panel, origins)?;
        Ok(predict::predict(self, panel, origins, progress)?.into())
    }

    fn explain(&self, panel: &Panel, origin: usize, places: &[Place]) -> Result<Vec<Explanation>> {
        self.settings.scope.check(panel, &[origin])?;
        check_places(places, panel.series().len(), self.horizon())?;
        explain::explain(self, panel, origin, places)
    }

    fn save(&self) -> Result<Parts> {
        let saved = Saved {
            settings: self.settings.clone(),
            state: to_exact(self.state.0.clone()),
        };
        let parts = Parts::new(NAME, &saved)?
            .with("coefficients", &self.coefficients.slice(s![.., .., ..]))
            .with("series_terms", &self.series_terms);
        Ok(self.scaler.save(self.profile.save(parts)))
    }
}
