//! `gbdt`: gradient-boosted trees on the feature set.
//!
//! Like `linear` it learns the target's deviation from the usual level at the target's own slot of the week, in units of
//! the series' usual deviation. Boosting starts from the last deviation, decayed by a weight for each step ahead, and the
//! trees learn what is left:
//!
//! ```text
//! (y(o+h) - level(o+h)) / scale = w(h) last(o) + trees(x(o, h), h) + e        minimise sum of scale |e|
//! ```
//!
//! Other trees do the same for the 10 % and the 90 % quantile, by pinball loss: the spread that intervals are calibrated
//! on. Neighbouring steps ahead share their trees, which are told the step. How many trees there are is chosen by rows
//! that come after those that they were grown on; then they are grown again on all.

mod explain;
mod fit;
mod grow;
mod predict;

use std::sync::Arc;

use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState};
use arterial_datasets::panel::Panel;
use ndarray::Array1;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::fit::Stop;
use self::grow::{Group, Rounds};
use super::deviation::{LOOK_BACK, Scaler, check_features, history, rows};
use crate::artefact::{Parts, from_exact, to_exact};
use crate::explanation::{Explanation, Place};
use crate::forecaster::{check_head, check_places, choose_and_refit, require_rows};
use crate::gbdt::{FittedGbdt, GbdtSettings, SavedGbdt};
use crate::profile::Profile;
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

const NAME: &str = "gbdt";

/// The kind, with the feature set that it eats.
#[derive(Clone)]
pub struct GradientBoosted {
    features: Arc<dyn FeatureSet>,
}

/// Trees for each group of steps ahead. A series without a single value in training is refused.
pub struct FittedGradientBoosted {
    settings: Settings,
    features: Arc<dyn FeatureSet>,
    state: FeatureState,
    profile: Profile,
    scaler: Scaler,
    /// What is left of the last deviation at each step ahead.
    decay: Array1<f64>,
    groups: Vec<Group>,
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
    /// How many trees each group has.
    rounds: Vec<Rounds>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: Settings,
    state: Value,
    groups: Vec<[GbdtSettings; 2]>,
}

impl GradientBoosted {
    /// The kind that eats `features`.
    #[must_use]
    pub fn new(features: Arc<dyn FeatureSet>) -> Self {
        Self { features }
    }
}

impl Forecaster for GradientBoosted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, task.horizon + LOOK_BACK, training)
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        choose_and_refit(self, training, task, progress)
    }

    fn fit_choosing(
        &self,
        training: &Panel,
        validation: usize,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        check_head(self, training, validation, task)?;
        let stop = Stop::Validation(validation);
        Ok(Box::new(fit::fit(&self.features, training, &stop, task, progress)?))
    }

    fn refit(
        &self,
        chosen: &Parts,
        training: &Panel,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        let settings = chosen.settings::<Saved>(NAME)?.settings;
        settings.check(settings.rounds.len())?;
        if settings.task.horizon != task.horizon {
            return Err(Error::invalid(
                "horizon",
                task.horizon,
                settings.task.horizon.to_string(),
            ));
        }
        let stop = Stop::At(&settings.rounds);
        Ok(Box::new(fit::fit(&self.features, training, &stop, task, progress)?))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let Saved {
            settings,
            state,
            groups,
        } = parts.settings(NAME)?;
        check_features(&settings.features, &self.features.id())?;
        settings.check(groups.len())?;
        let clock = LocalClock::new(&settings.scope.timezone, settings.scope.step)?;
        let series = settings.scope.series.len();
        let scaler = Scaler::load(parts, series, settings.columns.len(), settings.flags.clone())?;
        let groups: Vec<Group> = groups
            .into_iter()
            .enumerate()
            .map(|(number, group)| load_group(parts, number, group, rows::width(&scaler)))
            .collect::<Result<_>>()?;
        Ok(Box::new(FittedGradientBoosted {
            profile: Profile::load(parts, clock.slots_per_day(), series)?,
            scaler,
            decay: parts.shaped("decay", &[settings.task.horizon])?,
            groups,
            features: Arc::clone(&self.features),
            state: FeatureState(from_exact(state)),
            settings,
        }))
    }
}

/// The names that the arrays of a group's median and tails begin with.
fn prefixes(number: usize) -> [String; 2] {
    ["median", "tails"].map(|part| format!("group{number}.{part}."))
}

/// The trees of group `number` over `columns` columns.
fn load_group(parts: &Parts, number: usize, settings: [GbdtSettings; 2], columns: usize) -> Result<Group> {
    let [median, tails] = prefixes(number);
    let [of_median, of_tails] = settings;
    Ok(Group {
        median: load_trees(parts, &median, of_median, (columns, 1))?,
        tails: load_trees(parts, &tails, of_tails, (columns, 2))?,
    })
}

/// The trees whose arrays begin with `prefix`, of `shape` columns and outputs.
fn load_trees(parts: &Parts, prefix: &str, settings: GbdtSettings, shape: (usize, usize)) -> Result<FittedGbdt> {
    let names = parts.tensors.keys().filter_map(|name| name.strip_prefix(prefix));
    let arrays = names
        .map(|name| Ok((name.to_owned(), parts.array(&format!("{prefix}{name}"))?)))
        .collect::<Result<_>>()?;
    let trees = FittedGbdt::load(&SavedGbdt { settings, arrays })?;
    if (trees.columns(), trees.outputs()) != shape {
        return Err(Error::malformed("parameters.json", "trees do not fit the columns"));
    }
    Ok(trees)
}

impl Settings {
    /// Checks what a file may have wrong.
    fn check(&self, groups: usize) -> Result<()> {
        self.task.check()?;
        let rising = self.ends.windows(2).all(|pair| pair[0] < pair[1]);
        let whole =
            self.ends.len() == groups && self.rounds.len() == groups && self.ends.last() == Some(&self.task.horizon);
        if !rising || !whole || self.flags.iter().any(|flag| *flag >= self.columns.len()) {
            return Err(Error::malformed(
                "parameters.json",
                "groups or flags do not fit the horizon and the columns",
            ));
        }
        Ok(())
    }
}

impl FittedForecaster for FittedGradientBoosted {
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

    fn explain(&self, panel: &Panel, origin: usize, places: &[Place]) -> Result<Vec<Explanation>> {
        self.settings.scope.check(panel, &[origin])?;
        check_places(places, panel.series().len(), self.horizon())?;
        explain::explain(self, panel, origin, places)
    }

    fn save(&self) -> Result<Parts> {
        let groups: Vec<[SavedGbdt; 2]> = self
            .groups
            .iter()
            .map(|group| [group.median.save(), group.tails.save()])
            .collect();
        let saved = Saved {
            settings: self.settings.clone(),
            state: to_exact(self.state.0.clone()),
            groups: groups
                .iter()
                .map(|group| group.each_ref().map(|trees| trees.settings.clone()))
                .collect(),
        };
        let mut parts = Parts::new(NAME, &saved)?.with("decay", &self.decay);
        for (number, group) in groups.iter().enumerate() {
            for (prefix, trees) in prefixes(number).iter().zip(group) {
                for (name, array) in &trees.arrays {
                    parts = parts.with(&format!("{prefix}{name}"), array);
                }
            }
        }
        Ok(self.scaler.save(self.profile.save(parts)))
    }
}
