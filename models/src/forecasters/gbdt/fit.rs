//! Fitting: the usual week, how fast deviations decay, the number of trees, and then the trees.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;
use arterial_datasets::panel::Panel;
use ndarray::{Array1, Array2, Axis};

use super::rows::{Ground, Rows};
use super::{FittedGradientBoosted, Settings};
use crate::forecasters::deviation::{Anchor, LOOK_BACK, Learned, Scaler, spread, training_origins};
use crate::gbdt::{Binning, Dataset, Examples, FittedGbdt, Gbdt, GbdtParameters, Objective};
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Progress, Result, Task};

/// The rows that a group of steps learns from, about.
const MOST_ROWS: usize = 120_000;
/// Origins that are used at least, however many series there are.
const FEWEST_ORIGINS: usize = 256;
/// Trees where there is too little to choose their number by.
const FEW_DATA_ROUNDS: usize = 60;
/// Trees grown on all rows for each that the part of them could bear.
const MORE_ROWS_MORE_TREES: f64 = 1.1;

fn parameters(rounds: usize, seed: u64) -> GbdtParameters {
    GbdtParameters {
        objective: Objective::AbsoluteError,
        rounds,
        learning_rate: 0.06,
        max_leaves: 31,
        min_child_samples: 60,
        row_fraction: 0.8,
        column_fraction: 0.4,
        early_stopping_rounds: 40,
        seed,
        ..GbdtParameters::default()
    }
}

/// The last step of each group: 3, 6, 12, 24 and so on, and the horizon.
fn ends(horizon: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = std::iter::successors(Some(3), |end| Some(end * 2))
        .take_while(|end| *end < horizon)
        .collect();
    ends.push(horizon);
    ends
}

/// The steps of each group.
fn groups(ends: &[usize]) -> Vec<RangeInclusive<usize>> {
    let first = std::iter::once(1).chain(ends.iter().map(|end| end + 1));
    first.zip(ends).map(|(first, end)| first..=*end).collect()
}

/// How many origins are wanted, and of how many rows one is kept.
fn wanted(series: usize) -> (usize, usize) {
    let origins = (MOST_ROWS / series.max(1)).max(FEWEST_ORIGINS);
    (origins, (origins * series).div_ceil(2 * MOST_ROWS).max(1))
}

/// Fits on all of `training`.
pub(super) fn fit(
    features: &Arc<dyn FeatureSet>,
    training: &Panel,
    task: &Task,
    progress: &dyn Progress,
) -> Result<FittedGradientBoosted> {
    let ends = ends(task.horizon);
    let total = ends.len() as u64 + 1;
    progress.report(0, total, "choosing the number of trees");
    let rounds = choose_rounds(features, training, task, &ends)?;
    let learned = Learned::of(features, training)?;
    let series = training.series().len();
    let (count, thin) = wanted(series);
    let origins = training_origins(training, task.horizon, count)?;
    let anchor = Anchor::new(&learned.profile, Some(&learned.own_day), training, &origins, task.horizon)?;
    let scaler = Scaler::learn(&learned.features.matrix(&origins, 1)?, series);
    let ground = Ground {
        profile: &learned.profile,
        anchor: &anchor,
        features: learned.features.as_ref(),
        names: learned.features.columns(),
        scaler: &scaler,
        target: training.target(),
    };
    let mut decay = Array1::zeros(task.horizon);
    let mut fitted = Vec::with_capacity(ends.len());
    for (number, steps) in groups(&ends).into_iter().enumerate() {
        progress.report(number as u64 + 1, total, "growing trees");
        let rows = ground.rows(&origins, steps, thin)?;
        note_decay(&rows, &mut decay);
        fitted.push(grow(&rows, None, &decay, parameters(rounds[number], task.seed))?);
    }
    progress.report(total, total, "fitted");
    let settings = Settings {
        scope: Scope::of(training),
        task: *task,
        features: features.id(),
        columns: learned.features.columns().to_vec(),
        flags: scaler.flags().to_vec(),
        ends,
    };
    let Learned { profile, state, .. } = learned;
    Ok(FittedGradientBoosted {
        settings,
        features: Arc::clone(features),
        state,
        profile,
        scaler,
        decay,
        groups: fitted,
    })
}

/// The number of trees of each group that errs least on the last fifth of `training`, grown on the rest.
fn choose_rounds(
    features: &Arc<dyn FeatureSet>,
    training: &Panel,
    task: &Task,
    ends: &[usize],
) -> Result<Vec<usize>> {
    let tail = training.steps() / 5;
    let head = training.steps() - tail;
    if tail < task.horizon + 1 || head < 2 * task.horizon + LOOK_BACK {
        return Ok(vec![FEW_DATA_ROUNDS; ends.len()]);
    }
    let early = training.rows(0..head);
    let learned = Learned::of(features, &early)?;
    let series = training.series().len();
    let (count, thin) = wanted(series);
    let fitted_on = training_origins(&early, task.horizon, count)?;
    let slots = LocalClock::of(training)?.slots_per_day();
    let judged_on = spread(head - 1..training.steps() - 1, count, slots);
    let anchor = Anchor::new(&learned.profile, Some(&learned.own_day), &early, &fitted_on, task.horizon)?;
    let scaler = Scaler::learn(&learned.features.matrix(&fitted_on, 1)?, series);
    let ground = Ground {
        profile: &learned.profile,
        anchor: &anchor,
        features: learned.features.as_ref(),
        names: learned.features.columns(),
        scaler: &scaler,
        target: early.target(),
    };
    let later = features.prepare(training, &learned.state)?;
    let later_anchor = Anchor::new(&learned.profile, None, training, &judged_on, task.horizon)?;
    let judge = Ground {
        anchor: &later_anchor,
        features: later.as_ref(),
        target: training.target(),
        ..ground
    };
    let mut decay = Array1::zeros(task.horizon);
    let mut rounds = Vec::with_capacity(ends.len());
    for steps in groups(ends) {
        let rows = ground.rows(&fitted_on, steps.clone(), thin)?;
        let judged = judge.rows(&judged_on, steps, thin)?;
        note_decay(&rows, &mut decay);
        let parameters = parameters(GbdtParameters::default().rounds, task.seed);
        let best = grow(&rows, Some(&judged), &decay, parameters)?.trees();
        let best = best.first().copied().unwrap_or_default();
        rounds.push(((best as f64 * MORE_ROWS_MORE_TREES) as usize).max(1));
    }
    tracing::debug!(?rounds, "numbers of trees chosen");
    Ok(rounds)
}

/// Notes what is left of the last deviation at each step of `rows`: the weight of least squares, between 0 and 1.
fn note_decay(rows: &Rows, decay: &mut Array1<f64>) {
    let mut sums = vec![(0.0, 0.0); decay.len()];
    for (at, step) in rows.step.iter().enumerate() {
        let (last, weight) = (f64::from(rows.last[(at, 0)]), f64::from(rows.weight[at]));
        let sum = &mut sums[step - 1];
        sum.0 += weight * last * f64::from(rows.deviation[at]);
        sum.1 += weight * last * last;
    }
    for (decay, (product, square)) in decay.iter_mut().zip(sums) {
        if square > 0.0 {
            *decay = (product / square).clamp(0.0, 1.0);
        }
    }
}

/// Where boosting starts: the last deviation, decayed.
pub(super) fn margins(last: &Array2<f32>, steps: impl Iterator<Item = usize>, decay: &Array1<f64>) -> Array2<f32> {
    let mut margins = last.clone();
    for (mut row, step) in margins.axis_iter_mut(Axis(0)).zip(steps) {
        row *= decay[step - 1] as f32;
    }
    margins
}

fn grow(
    rows: &Rows,
    judged: Option<&Rows>,
    decay: &Array1<f64>,
    parameters: GbdtParameters,
) -> Result<FittedGbdt> {
    let seed = parameters.seed;
    let binning = Binning {
        seed,
        ..Binning::default()
    };
    let columns = Dataset::of(rows.columns.view(), &binning)?;
    let starts = margins(&rows.last, rows.step.iter().copied(), decay);
    let training = Examples {
        weights: Some(rows.weight.view()),
        margins: Some(starts.view()),
        ..Examples::new(&columns, rows.deviation.view().insert_axis(Axis(1)))
    };
    let gbdt = Gbdt::new(parameters)?;
    let Some(judged) = judged.filter(|judged| !judged.step.is_empty()) else {
        return gbdt.fit(&training, None, &());
    };
    let mut judged_columns = Dataset::new(Arc::clone(columns.binner()));
    judged_columns.append(judged.columns.view())?;
    let judged_starts = margins(&judged.last, judged.step.iter().copied(), decay);
    let validation = Examples {
        weights: Some(judged.weight.view()),
        margins: Some(judged_starts.view()),
        ..Examples::new(&judged_columns, judged.deviation.view().insert_axis(Axis(1)))
    };
    gbdt.fit(&training, Some(&validation), &())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_every_step_once_up_to_the_horizon() {
        for horizon in [1, 2, 3, 4, 12, 13, 72] {
            let steps: Vec<usize> = groups(&ends(horizon)).into_iter().flatten().collect();
            assert_eq!(steps, (1..=horizon).collect::<Vec<_>>());
        }
        assert_eq!(ends(24), [3, 6, 12, 24]);
    }
}
