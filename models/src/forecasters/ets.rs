//! `ets`: exponential smoothing with additive error, damped additive trend and additive season, in state-space form.
//!
//! ```text
//! y(t) = l(t-1) + phi b(t-1) + s(k(t)) + e(t)
//! l(t) = l(t-1) + phi b(t-1) + alpha e(t)
//! b(t) = phi b(t-1) + alpha beta e(t)
//! s(k(t)) = s(k(t)) + gamma (1 - alpha) e(t)
//! y(t+h) = l(t) + (phi + ... + phi^h) b(t) + s(k(t+h))
//! ```
//!
//! `k` is the slot of the local week. The season starts from the training part's weekly profile. A missing value
//! moves nothing but the damping of the trend. Source: Hyndman, Koehler, Ord, Snyder: Forecasting with exponential
//! smoothing (2008), model ETS(A,Ad,A).

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::forecaster::require_rows;
use crate::minimise::minimise;
use crate::profile::{self, Profile};
use crate::scope::Scope;
use crate::season::{LocalClock, Slot};
use crate::{FittedForecaster, Forecaster, Outlook, Progress, Result, Task};

const NAME: &str = "ets";
/// The most training rows that parameters are chosen on, the newest ones: four weeks of five minutes.
const ROWS_TO_CHOOSE: usize = 8064;
/// How often the error is computed for each series.
const EVALUATIONS: usize = 60;
/// alpha, beta, gamma, phi where the search starts, and the edges of its first simplex.
const START: [f64; 4] = [0.5, 0.02, 0.02, 0.9];
const SPANS: [f64; 4] = [0.3, 0.1, 0.1, -0.3];

/// The kind: it learns the weekly season, and four smoothing parameters for each series.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ets;

/// Filters each series up to the origin and goes on from there; a series without a value up to the origin is refused.
#[derive(Debug, Clone)]
pub struct FittedEts {
    settings: Settings,
    profile: Profile,
    /// Series x (alpha, beta, gamma, phi).
    smoothing: Array2<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scope: Scope,
    task: Task,
}

/// Level, trend and season of one series.
struct State {
    level: f64,
    trend: f64,
    season: Vec<f64>,
}

impl State {
    fn new(season: Vec<f64>) -> Self {
        Self {
            level: f64::NAN,
            trend: 0.0,
            season,
        }
    }

    /// Takes in `value` at the slot `place` of the season.
    fn update(&mut self, [alpha, beta, gamma, phi]: [f64; 4], place: usize, value: f64) {
        let before = self.level + phi * self.trend;
        self.trend *= phi;
        if !value.is_finite() {
            if !before.is_nan() {
                self.level = before;
            }
            return;
        }
        if before.is_nan() {
            self.level = value - self.season[place];
            return;
        }
        let error = value - before - self.season[place];
        self.level = before + alpha * error;
        self.trend += alpha * beta * error;
        self.season[place] += gamma * (1.0 - alpha) * error;
    }
}

/// phi + phi^2 + ... + phi^steps.
fn damping(phi: f64, steps: usize) -> f64 {
    (1..=steps).rev().fold(0.0, |sum, _| phi * (1.0 + sum))
}

/// The slots of rows as places in a season of a week.
fn places(slots: &[Slot], slots_per_day: usize) -> Vec<usize> {
    slots
        .iter()
        .map(|slot| slot.weekday * slots_per_day + slot.slot)
        .collect()
}

/// The season of `series` that the profile says: level less mean, by place in the week.
fn season(profile: &Profile, series: usize) -> Vec<f64> {
    let levels = profile.level.index_axis(Axis(2), series);
    levels.iter().map(|level| level - profile.mean[series]).collect()
}

/// The mean absolute error over `values` at the first, a middle and the last step ahead.
fn error_ahead(parameters: [f64; 4], values: &[f64], places: &[usize], season: &[f64], horizon: usize) -> f64 {
    let allowed = [0.0..=1.0, 0.0..=1.0, 0.0..=0.5, 0.0..=0.98];
    if parameters
        .iter()
        .zip(&allowed)
        .any(|(value, range)| !range.contains(value))
    {
        return f64::INFINITY;
    }
    let steps = [1, horizon.div_ceil(2), horizon];
    let factors = steps.map(|step| damping(parameters[3], step));
    let mut state = State::new(season.to_vec());
    let (mut sum, mut count) = (0.0, 0.0);
    for (row, value) in values.iter().enumerate() {
        state.update(parameters, places[row], *value);
        for (step, factor) in steps.iter().zip(factors) {
            let Some(truth) = values.get(row + step) else { continue };
            let error = truth - state.level - factor * state.trend - state.season[places[row + step]];
            if error.is_finite() {
                sum += error.abs();
                count += 1.0;
            }
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

impl Forecaster for Ets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        task.check()?;
        require_rows(NAME, task.horizon + 2, training)?;
        let (profile, _) = profile::learn(training)?;
        progress.report(1, 2, "the season is learned, smoothing follows");
        let clock = LocalClock::of(training)?;
        let first = training.steps().saturating_sub(ROWS_TO_CHOOSE);
        let places = places(&clock.slots(training, first..training.steps())?, clock.slots_per_day());
        let target = training.target();
        let mut smoothing = Array2::zeros((target.ncols(), START.len()));
        let rows = smoothing.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
        rows.for_each(|(series, mut row)| {
            let values: Vec<f64> = target.column(series).iter().skip(first).copied().collect();
            let season = season(&profile, series);
            let best = minimise(START, SPANS, EVALUATIONS, |parameters| {
                error_ahead(*parameters, &values, &places, &season, task.horizon)
            });
            row.iter_mut().zip(best).for_each(|(kept, value)| *kept = value);
        });
        progress.report(2, 2, "smoothing is chosen");
        let settings = Settings {
            scope: Scope::of(training),
            task: *task,
        };
        Ok(Box::new(FittedEts {
            settings,
            profile,
            smoothing,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let settings: Settings = parts.settings(NAME)?;
        let clock = LocalClock::new(&settings.scope.timezone, settings.scope.step)?;
        let series = settings.scope.series.len();
        Ok(Box::new(FittedEts {
            profile: Profile::load(parts, clock.slots_per_day(), series)?,
            smoothing: parts.shaped("smoothing", &[series, START.len()])?,
            settings,
        }))
    }
}

impl FittedEts {
    /// Filters one series and writes a forecast whenever an origin is passed: origin x step, in the order of `origins`.
    fn series(&self, series: usize, values: &[f64], places: &[usize], origins: &[usize]) -> Array2<f64> {
        let parameters = std::array::from_fn(|index| self.smoothing[(series, index)]);
        let horizon = self.horizon();
        let factors: Vec<f64> = (1..=horizon).map(|step| damping(parameters[3], step)).collect();
        let mut order: Vec<usize> = (0..origins.len()).collect();
        order.sort_by_key(|&index| origins[index]);
        let mut state = State::new(season(&self.profile, series));
        let mut forecasts = Array2::from_elem((origins.len(), horizon), f64::NAN);
        let mut next = 0;
        for index in order {
            let origin = origins[index];
            while next <= origin {
                state.update(parameters, places[next], values[next]);
                next += 1;
            }
            for (step, value) in forecasts.row_mut(index).iter_mut().enumerate() {
                *value = state.level + factors[step] * state.trend + state.season[places[origin + step + 1]];
            }
        }
        forecasts
    }
}

impl FittedForecaster for FittedEts {
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
        2 * self.profile.level.dim().1
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.settings.scope.check(panel, origins)?;
        let clock = LocalClock::of(panel)?;
        let target = panel.target();
        let last = origins.iter().max().map_or(0, |origin| origin + 1);
        let places = places(&clock.slots(panel, 0..last + self.horizon())?, clock.slots_per_day());
        let mut forecasts = Array3::zeros((origins.len(), target.ncols(), self.horizon()));
        let blocks = forecasts.axis_iter_mut(Axis(1)).into_par_iter().enumerate();
        blocks.for_each(|(series, mut block)| {
            let values: Vec<f64> = target.column(series).iter().take(last).copied().collect();
            block.assign(&self.series(series, &values, &places, origins));
        });
        Ok(forecasts.into())
    }

    fn save(&self) -> Result<Parts> {
        let parts = Parts::new(NAME, &self.settings)?.with("smoothing", &self.smoothing);
        Ok(self.profile.save(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damping_is_the_sum_of_powers() {
        assert!((damping(0.5, 3) - 0.875).abs() < 1e-12);
        assert!(damping(0.9, 0).abs() < 1e-12);
    }

    #[test]
    fn a_missing_value_leaves_the_level_where_the_trend_takes_it() {
        let mut state = State {
            level: 10.0,
            trend: 2.0,
            season: vec![0.0],
        };
        state.update([0.5, 0.1, 0.1, 0.5], 0, f64::NAN);
        assert_eq!((state.level, state.trend), (11.0, 1.0));
    }
}
