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
//! `k` is the slot of the local week. The season starts from the training part's weekly profile, follows the values to the end
//! of that part, and then stands still until the model is fitted again. Level and trend are filtered from about a week before
//! each origin, so that a service which holds no more forecasts what a backtest measures. A missing value moves nothing but the
//! damping of the trend. Source: Hyndman, Koehler, Ord, Snyder: Forecasting with exponential smoothing (2008), model
//! ETS(A,Ad,A).

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Axis, aview1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::forecaster::{go_on, require_rows};
use crate::minimise::minimise;
use crate::profile::{self, Profile};
use crate::scope::Scope;
use crate::season::{LocalClock, Slot, WEEK};
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

const NAME: &str = "ets";
/// The most training rows that parameters are chosen on, the newest ones: four weeks of five minutes.
const ROWS_TO_CHOOSE: usize = 8064;
/// How often the error is computed for each series.
const EVALUATIONS: usize = 60;
/// alpha, beta, gamma, phi where the search starts, and the edges of its first simplex.
const START: [f64; 4] = [0.5, 0.02, 0.02, 0.9];
const SPANS: [f64; 4] = [0.3, 0.1, 0.1, -0.3];
/// Days that are filtered before that of the origin.
const DAYS: usize = 7;

/// The kind: it learns the weekly season, and four smoothing parameters for each series.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ets;

/// Filters each series up to the origin and goes on from there; a series without a value in what is filtered is refused.
#[derive(Debug, Clone)]
pub struct FittedEts {
    settings: Settings,
    /// The season at the end of training: series x place in the week.
    season: Array2<f64>,
    /// Series x (alpha, beta, gamma, phi).
    smoothing: Array2<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scope: Scope,
    task: Task,
}

/// Level and trend of one series.
struct State {
    level: f64,
    trend: f64,
}

impl State {
    /// Nothing was seen yet.
    const START: Self = Self {
        level: f64::NAN,
        trend: 0.0,
    };

    /// Takes in `value` at a slot where the season is `season`, and gives how far it was off; 0 where nothing was expected or
    /// nothing was seen.
    fn update(&mut self, [alpha, beta, _, phi]: [f64; 4], season: f64, value: f64) -> f64 {
        let before = self.level + phi * self.trend;
        self.trend *= phi;
        if !value.is_finite() {
            if !before.is_nan() {
                self.level = before;
            }
            return 0.0;
        }
        if before.is_nan() {
            self.level = value - season;
            return 0.0;
        }
        let error = value - before - season;
        self.level = before + alpha * error;
        self.trend += alpha * beta * error;
        error
    }

    /// The same at the slot `place` of a season that follows the values.
    fn follow(&mut self, parameters: [f64; 4], season: &mut [f64], place: usize, value: f64) {
        let [alpha, _, gamma, _] = parameters;
        let error = self.update(parameters, season[place], value);
        season[place] += gamma * (1.0 - alpha) * error;
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

/// The season that the profile says: level less mean, by series and place in the week.
fn seasons(profile: &Profile) -> Array2<f64> {
    let (days, slots, series) = profile.level.dim();
    Array2::from_shape_fn((series, days * slots), |(series, place)| {
        profile.level[(place / slots, place % slots, series)] - profile.mean[series]
    })
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
    let (mut state, mut season) = (State::START, season.to_vec());
    let (mut sum, mut count) = (0.0, 0.0);
    for (row, value) in values.iter().enumerate() {
        state.follow(parameters, &mut season, places[row], *value);
        for (step, factor) in steps.iter().zip(factors) {
            let Some(truth) = values.get(row + step) else { continue };
            let error = truth - state.level - factor * state.trend - season[places[row + step]];
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

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, task.horizon + 2, training)
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        let (profile, _) = profile::learn(training, progress)?;
        progress.report(1, 2, "the season is learned, smoothing follows");
        let clock = LocalClock::of(training)?;
        let first = training.steps().saturating_sub(ROWS_TO_CHOOSE);
        let places = places(&clock.slots(training, first..training.steps())?, clock.slots_per_day());
        let target = training.target();
        let mut seasons = seasons(&profile);
        let mut smoothing = Array2::<f64>::zeros((target.ncols(), START.len()));
        let rows = smoothing.axis_iter_mut(Axis(0)).into_par_iter();
        let rows = rows.zip(seasons.axis_iter_mut(Axis(0))).enumerate();
        rows.try_for_each(|(series, (mut row, mut kept))| {
            go_on(progress)?;
            let values: Vec<f64> = target.column(series).iter().skip(first).copied().collect();
            let mut season = kept.to_vec();
            let best = minimise(START, SPANS, EVALUATIONS, |parameters| {
                error_ahead(*parameters, &values, &places, &season, task.horizon)
            });
            let mut state = State::START;
            for (value, place) in values.iter().zip(&places) {
                state.follow(best, &mut season, *place, *value);
            }
            row.assign(&aview1(&best));
            kept.assign(&aview1(&season));
            Ok::<(), Error>(())
        })?;
        progress.report(2, 2, "smoothing is chosen");
        let settings = Settings {
            scope: Scope::of(training),
            task: *task,
        };
        Ok(Box::new(FittedEts {
            settings,
            season: seasons,
            smoothing,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let settings: Settings = parts.settings(NAME)?;
        settings.task.check()?;
        let slots = LocalClock::new(&settings.scope.timezone, settings.scope.step)?.slots_per_day();
        let series = settings.scope.series.len();
        let season = match parts.tensors.get("season") {
            Some(_) => parts.shaped("season", &[series, WEEK * slots])?,
            // Models saved before the season was kept have the profile that it starts from.
            None => seasons(&Profile::load(parts, slots, series)?),
        };
        Ok(Box::new(FittedEts {
            season,
            smoothing: parts.shaped("smoothing", &[series, START.len()])?,
            settings,
        }))
    }
}

impl FittedEts {
    fn slots_per_day(&self) -> usize {
        self.season.ncols() / WEEK
    }

    /// The row at which filtering begins for a forecast from `origin`: a week before its day. Days are counted in rows since 1970,
    /// so that their origins have one beginning, wherever the panel's is.
    fn first(&self, panel: &Panel, origin: usize) -> usize {
        let day = self.slots_per_day();
        let row = panel.time(origin).0.div_euclid(panel.step().0);
        let into_day = row.rem_euclid(day as i64) as usize;
        origin.saturating_sub(into_day + DAYS * day)
    }

    /// Filters one series and writes a forecast whenever an origin is passed: origin x step, in the order of `origins`, each of
    /// which comes with the row at which filtering begins.
    fn series(&self, series: usize, values: &[f64], places: &[usize], origins: &[(usize, usize)]) -> Array2<f64> {
        let parameters = std::array::from_fn(|index| self.smoothing[(series, index)]);
        let (season, horizon) = (self.season.row(series), self.horizon());
        let factors: Vec<f64> = (1..=horizon).map(|step| damping(parameters[3], step)).collect();
        let mut order: Vec<usize> = (0..origins.len()).collect();
        order.sort_by_key(|&index| origins[index].1);
        let mut forecasts = Array2::from_elem((origins.len(), horizon), f64::NAN);
        let (mut state, mut begun, mut next) = (State::START, None, 0);
        for index in order {
            let (first, origin) = origins[index];
            if begun != Some(first) {
                (state, begun, next) = (State::START, Some(first), first);
            }
            while next <= origin {
                state.update(parameters, season[places[next]], values[next]);
                next += 1;
            }
            for (step, value) in forecasts.row_mut(index).iter_mut().enumerate() {
                *value = state.level + factors[step] * state.trend + season[places[origin + step + 1]];
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
        (DAYS + 1) * self.slots_per_day()
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.forecast_while(panel, origins, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        self.settings.scope.check(panel, origins)?;
        let clock = LocalClock::of(panel)?;
        let target = panel.target();
        let last = origins.iter().max().map_or(0, |origin| origin + 1);
        let places = places(&clock.slots(panel, 0..last + self.horizon())?, clock.slots_per_day());
        let begun = |&origin: &usize| (self.first(panel, origin), origin);
        let begun: Vec<(usize, usize)> = origins.iter().map(begun).collect();
        let mut forecasts = Array3::zeros((origins.len(), target.ncols(), self.horizon()));
        let blocks = forecasts.axis_iter_mut(Axis(1)).into_par_iter().enumerate();
        blocks.try_for_each(|(series, mut block)| {
            go_on(progress)?;
            let values: Vec<f64> = target.column(series).iter().take(last).copied().collect();
            block.assign(&self.series(series, &values, &places, &begun));
            Ok::<(), Error>(())
        })?;
        Ok(forecasts.into())
    }

    fn save(&self) -> Result<Parts> {
        let parts = Parts::new(NAME, &self.settings)?;
        Ok(parts.with("season", &self.season).with("smoothing", &self.smoothing))
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};

    use super::*;

    /// Ten days of hours with a daily shape that grows.
    fn panel() -> Panel {
        let target = Channel {
            name: "value".into(),
            role: ChannelRole::Target,
        };
        let value = |row: usize| 50.0 + (1.0 + row as f64 / 240.0) * (row % 24) as f64;
        let values = Array3::from_shape_fn((240, 1, 1), |(row, _, _)| value(row));
        let start = "2026-02-02T00:00:00Z".parse().unwrap();
        Panel::new(
            start,
            "1h".parse().unwrap(),
            "UTC",
            vec!["a".into()],
            vec![target],
            values,
        )
        .unwrap()
    }

    fn fitted(panel: &Panel) -> Box<dyn FittedForecaster> {
        let task = Task {
            context: 12,
            horizon: 4,
            seed: 1,
        };
        Ets.fit(panel, &task, &Silent).unwrap()
    }

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
        };
        let error = state.update([0.5, 0.1, 0.1, 0.5], 0.0, f64::NAN);
        assert_eq!((state.level, state.trend, error), (11.0, 1.0, 0.0));
    }

    #[test]
    fn a_forecast_reads_eight_days_at_most_and_the_same_ones_wherever_the_panel_begins() {
        let panel = panel();
        let fitted = fitted(&panel);
        assert_eq!(fitted.history(), 8 * 24);
        for origin in 200..230 {
            let whole = fitted.forecast(&panel, &[origin]).unwrap().points;
            let cut = panel.rows(origin + 1 - fitted.history()..origin + 1);
            let part = fitted.forecast(&cut, &[cut.steps() - 1]).unwrap().points;
            assert!(whole == part, "{origin}: {whole} {part}");
        }
    }

    #[test]
    fn a_model_saved_before_the_season_was_kept_has_that_of_its_profile() {
        let panel = panel();
        let mut parts = fitted(&panel).save().unwrap();
        parts.tensors.remove("season").unwrap();
        let refusal = Ets.load(&parts).err().unwrap().to_string();
        assert!(refusal.contains("`profile.level` is missing"), "{refusal}");
        let (profile, _) = profile::learn(&panel, &Silent).unwrap();
        let old = Ets.load(&profile.save(parts)).unwrap();
        let points = old.forecast(&panel, &[239]).unwrap().points;
        assert!(points.iter().all(|point| (0.0..150.0).contains(point)), "{points}");
    }
}
