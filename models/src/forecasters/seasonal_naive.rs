//! `seasonal-naive`: what was seen at the same local clock time a season ago.

use arterial_datasets::panel::Panel;
use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::scope::Scope;
use crate::season::{LocalClock, WEEK};
use crate::{FittedForecaster, Forecaster, Outlook, Progress, Result, Task};

const NAME: &str = "seasonal-naive";
/// How many weeks back a value is looked for, beside those that the horizon reaches.
const WEEKS: usize = 4;

/// The kind: it learns whether the season is a day or a week.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeasonalNaive;

/// The value at the same local clock time one season before the target.
///
/// Where that value is missing or lies behind the origin, the next older one is taken: for a weekly season two, three
/// and four weeks ago and then one to seven days ago; for a daily season two to seven days ago and then two, three and
/// four weeks ago. Where none of them was seen, the forecast is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedSeasonalNaive {
    scope: Scope,
    task: Task,
    weekly: bool,
}

impl Forecaster for SeasonalNaive {
    fn name(&self) -> &'static str {
        NAME
    }

    /// The season is a week where the training part holds at least two and a week errs less there than a day.
    fn fit(&self, training: &Panel, task: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        Ok(Box::new(FittedSeasonalNaive {
            scope: Scope::of(training),
            task: *task,
            weekly: weekly_is_better(training)?,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let fitted: FittedSeasonalNaive = parts.settings(NAME)?;
        fitted.task.check()?;
        Ok(Box::new(fitted))
    }
}

/// Compares both seasons on the rows that have a row a week before them.
fn weekly_is_better(training: &Panel) -> Result<bool> {
    let clock = LocalClock::of(training)?;
    let week = WEEK * clock.slots_per_day();
    if training.steps() < 2 * week {
        return Ok(false);
    }
    let target = training.target();
    let mut errors = [0.0, 0.0];
    for row in week..training.steps() {
        let sources = [1, WEEK].map(|days| row_before(&clock, training, row, days));
        let [Some(day), Some(week)] = sources else { continue };
        for series in 0..target.ncols() {
            let now = target[(row, series)];
            let both = [now - target[(day, series)], now - target[(week, series)]];
            if both.iter().all(|error| error.is_finite()) {
                errors[0] += both[0].abs();
                errors[1] += both[1].abs();
            }
        }
    }
    Ok(errors[1] < errors[0])
}

/// The row at the same local clock time `days` days before `row`, where the panel has one.
fn row_before(clock: &LocalClock, panel: &Panel, row: usize, days: usize) -> Option<usize> {
    let instant = clock.days_before(panel.time(row), days).ok()?;
    usize::try_from((instant.0 - panel.start().0).div_euclid(panel.step().0)).ok()
}

impl FittedSeasonalNaive {
    /// How many weeks back values are looked for.
    fn weeks(&self, slots_per_day: usize) -> usize {
        WEEKS + (self.task.horizon - 1) / (WEEK * slots_per_day)
    }

    /// How many days back values are looked for, best first.
    fn days(&self, slots_per_day: usize) -> Vec<usize> {
        let weeks = (1..=self.weeks(slots_per_day)).map(|week| week * WEEK);
        let days = 1..=WEEK;
        if self.weekly {
            weeks.chain(days).collect()
        } else {
            days.chain(weeks.skip(1)).collect()
        }
    }

    /// The rows that may stand for the target row `row`, best first; some may lie behind the origin.
    fn sources(&self, clock: &LocalClock, panel: &Panel, row: usize) -> Vec<usize> {
        let days = self.days(clock.slots_per_day());
        days.iter()
            .filter_map(|&days| row_before(clock, panel, row, days))
            .collect()
    }
}

fn first_seen(target: &ArrayView2<'_, f64>, sources: &[usize], origin: usize, series: usize) -> f64 {
    let seen = sources
        .iter()
        .filter(|&&row| row <= origin)
        .map(|&row| target[(row, series)]);
    seen.into_iter().find(|value| !value.is_nan()).unwrap_or(f64::NAN)
}

impl FittedForecaster for FittedSeasonalNaive {
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
        let slots = LocalClock::new(&self.scope.timezone, self.scope.step).map_or(1, |clock| clock.slots_per_day());
        // A day more, because a clock change may push a source back by an hour.
        (self.weeks(slots) * WEEK + 1) * slots
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.scope.check(panel, origins)?;
        let clock = LocalClock::of(panel)?;
        let target = panel.target();
        let horizon = self.task.horizon;
        let (Some(&first), Some(&last)) = (origins.iter().min(), origins.iter().max()) else {
            return Ok(Array3::zeros((0, target.ncols(), horizon)).into());
        };
        let rows: Vec<usize> = (first + 1..=last + horizon).collect();
        let sources: Vec<Vec<usize>> = rows.par_iter().map(|&row| self.sources(&clock, panel, row)).collect();
        let mut forecasts = Array3::from_elem((origins.len(), target.ncols(), horizon), f64::NAN);
        let pairs = forecasts.axis_iter_mut(Axis(0)).into_par_iter().zip(origins);
        pairs.for_each(|(mut block, &origin)| {
            for ((series, step), value) in block.indexed_iter_mut() {
                *value = first_seen(&target, &sources[origin + step - first], origin, series);
            }
        });
        Ok(forecasts.into())
    }

    fn save(&self) -> Result<Parts> {
        Parts::new(NAME, self)
    }
}
