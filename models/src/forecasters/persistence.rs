//! `persistence`: the last value seen within the context, for every step ahead.

use arterial_datasets::panel::Panel;
use ndarray::{Array3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::scope::Scope;
use crate::{FittedForecaster, Forecaster, Outlook, Progress, Result, Task};

const NAME: &str = "persistence";

/// The kind: nothing is learned.
#[derive(Debug, Clone, Copy, Default)]
pub struct Persistence;

/// Repeats the last value within the context; where there is none, the forecast is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedPersistence {
    scope: Scope,
    task: Task,
}

impl Forecaster for Persistence {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Panel, task: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        Ok(Box::new(FittedPersistence {
            scope: Scope::of(training),
            task: *task,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let fitted: FittedPersistence = parts.settings(NAME)?;
        fitted.task.check()?;
        Ok(Box::new(fitted))
    }
}

impl FittedForecaster for FittedPersistence {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn horizon(&self) -> usize {
        self.task.horizon
    }

    fn history(&self) -> usize {
        self.task.context
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.scope.check(panel, origins)?;
        let target = panel.target();
        let mut forecasts = Array3::from_elem((origins.len(), target.ncols(), self.task.horizon), f64::NAN);
        let pairs = forecasts.axis_iter_mut(Axis(0)).into_par_iter().zip(origins);
        pairs.for_each(|(mut rows, &origin)| {
            let first = (origin + 1).saturating_sub(self.task.context);
            for (series, mut row) in rows.outer_iter_mut().enumerate() {
                let last = (first..=origin)
                    .rev()
                    .map(|at| target[(at, series)])
                    .find(|value| !value.is_nan());
                row.fill(last.unwrap_or(f64::NAN));
            }
        });
        Ok(forecasts.into())
    }

    fn save(&self) -> Result<Parts> {
        Parts::new(NAME, self)
    }
}
