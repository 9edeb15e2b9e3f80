//! `forest`: extremely randomised trees (Geurts, Ernst and Wehenkel, *Extremely randomized trees*, 2006) on the feature
//! set, grown by smartcore.
//!
//! A baseline beside `gbdt`: the same columns, the same start from the decayed last deviation, and the mean of many deep
//! trees with random thresholds for what is left. It expects the mean where the others expect the median.
//!
//! ```text
//! (y(o+h) - level(o+h)) / scale = w(h) last(o) + mean of trees(x(o, h), h) + e
//! ```

mod fit;
mod predict;
mod trees;

use std::sync::Arc;

use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState};
use arterial_datasets::panel::Panel;
use ndarray::Array1;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::trees::Trees;
use super::deviation::{LOOK_BACK, Scaler, check_features, history, rows};
use crate::artefact::{Parts, from_exact, to_exact};
use crate::forecaster::require_rows;
use crate::profile::Profile;
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

const NAME: &str = "forest";

/// The kind, with the feature set that it eats.
#[derive(Clone)]
pub struct Forest {
    features: Arc<dyn FeatureSet>,
}

/// Trees for each group of steps ahead. A series without a single value in training is refused.
pub struct FittedForest {
    settings: Settings,
    features: Arc<dyn FeatureSet>,
    state: FeatureState,
    profile: Profile,
    scaler: Scaler,
    /// What is left of the last deviation at each step ahead.
    decay: Array1<f64>,
    /// The trees of each group of steps.
    groups: Vec<Trees>,
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
    /// The last step ahead of each group, increasing.
    ends: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: Settings,
    state: Value,
}

impl Forest {
    /// The kind that eats `features`.
    #[must_use]
    pub fn new(features: Arc<dyn FeatureSet>) -> Self {
        Self { features }
    }
}

impl Forecaster for Forest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, task.horizon + LOOK_BACK, training)
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
        let scaler = Scaler::load(parts, series, settings.columns.len(), settings.flags.clone())?;
        let columns = rows::width(&scaler);
        let group = |number| Trees::load(parts, &prefix(number), columns);
        Ok(Box::new(FittedForest {
            profile: Profile::load(parts, clock.slots_per_day(), series)?,
            scaler,
            decay: parts.shaped("decay", &[settings.task.horizon])?,
            groups: (0..settings.ends.len()).map(group).collect::<Result<_>>()?,
            features: Arc::clone(&self.features),
            state: FeatureState(from_exact(state)),
            settings,
        }))
    }
}

/// What the names of the arrays of group `number` begin with.
fn prefix(number: usize) -> String {
    format!("group{number}.")
}

impl Settings {
    /// Checks what a file may have wrong.
    fn check(&self) -> Result<()> {
        self.task.check()?;
        let rising = self.ends.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = self.ends.last() == Some(&self.task.horizon);
        if !rising || !whole || self.flags.iter().any(|flag| *flag >= self.columns.len()) {
            return Err(Error::malformed(
                "parameters.json",
                "groups or flags do not fit the horizon and the columns",
            ));
        }
        Ok(())
    }
}

impl FittedForecaster for FittedForest {
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
        predict::predict(self, panel, origins, progress)
    }

    fn save(&self) -> Result<Parts> {
        let saved = Saved {
            settings: self.settings.clone(),
            state: to_exact(self.state.0.clone()),
        };
        let mut parts = Parts::new(NAME, &saved)?.with("decay", &self.decay);
        for (number, trees) in self.groups.iter().enumerate() {
            parts = trees.save(parts, &prefix(number));
        }
        Ok(self.scaler.save(self.profile.save(parts)))
    }
}
