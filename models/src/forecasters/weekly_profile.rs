//! `weekly-profile`: the usual level at the target's slot of the local week.

use arterial_datasets::panel::Panel;
use ndarray::{Array3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::forecaster::require_rows;
use crate::profile::{self, Profile};
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Task};

const NAME: &str = "weekly-profile";

/// The kind: it learns the mean of each slot of the week, shrunk towards its day type and its slot of the day, and
/// smoothed over neighbouring slots.
#[derive(Debug, Clone, Copy, Default)]
pub struct WeeklyProfile;

/// Forecasts the usual level, whatever was seen last; a series without a single value in training is refused.
#[derive(Debug, Clone)]
pub struct FittedWeeklyProfile {
    settings: Settings,
    profile: Profile,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scope: Scope,
    task: Task,
}

impl Forecaster for WeeklyProfile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, 2, training)
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        let (profile, _) = profile::learn(training, progress)?;
        let settings = Settings {
            scope: Scope::of(training),
            task: *task,
        };
        Ok(Box::new(FittedWeeklyProfile { settings, profile }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let settings: Settings = parts.settings(NAME)?;
        settings.task.check()?;
        let clock = LocalClock::new(&settings.scope.timezone, settings.scope.step)?;
        let profile = Profile::load(parts, clock.slots_per_day(), settings.scope.series.len())?;
        Ok(Box::new(FittedWeeklyProfile { settings, profile }))
    }
}

impl FittedForecaster for FittedWeeklyProfile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &Scope {
        &self.settings.scope
    }

    fn horizon(&self) -> usize {
        self.settings.task.horizon
    }

    fn history(&self) -> usize {
        1
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.settings.scope.check(panel, origins)?;
        let clock = LocalClock::of(panel)?;
        let mut forecasts = Array3::zeros((origins.len(), panel.series().len(), self.horizon()));
        let pairs = forecasts.axis_iter_mut(Axis(0)).into_par_iter().zip(origins);
        pairs.try_for_each(|(mut block, &origin)| {
            let slots = clock.slots(panel, origin + 1..origin + 1 + self.horizon())?;
            for ((series, step), value) in block.indexed_iter_mut() {
                *value = self.profile.level(slots[step], series);
            }
            Ok::<(), Error>(())
        })?;
        Ok(forecasts.into())
    }

    fn save(&self) -> Result<Parts> {
        Ok(self.profile.save(Parts::new(NAME, &self.settings)?))
    }
}
