//! Fitting: the usual week, the features, the penalty, and then the coefficients of each step ahead.

use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;
use arterial_datasets::panel::Panel;
use ndarray::{Array1, Array2, Array3, Axis, s};

use super::penalty::choose_penalty;
use super::sample::{Ground, Sample, wanted};
use super::{FittedLinear, Settings};
use crate::forecaster::go_on;
use crate::forecasters::deviation::{
    Anchor, Learned, OWN, Outages, SERIES_COLUMNS, SERIES_TERMS, Scaler, training_origins,
};
use crate::linear_algebra::solve;
use crate::profile::Profile;
use crate::scope::Scope;
use crate::{Progress, Result, Task};

/// The penalty on the anchor's columns.
const ANCHOR_PENALTY: f64 = 1e-6;
/// Rounds of reweighting from least squares, and from the coefficients of the step before.
const ROUNDS: usize = 4;
const FURTHER_ROUNDS: usize = 2;
/// A day type has coefficients of its own where it has so many rows a column.
const ROWS_A_COLUMN: usize = 50;
/// How strongly a series' own terms are held at 0, in units of what the average series knows.
const SERIES_PENALTY: f64 = 1.0;

/// Fits on all of `training`.
pub(super) fn fit(
    features: &Arc<dyn FeatureSet>,
    training: &Panel,
    task: &Task,
    progress: &dyn Progress,
) -> Result<FittedLinear> {
    let knots = knots(task.horizon);
    let total = knots.len() as u64 + 1;
    progress.report(0, total, "choosing the penalty");
    let penalty = choose_penalty(features, training, task, progress)?;
    let learned = Learned::of(features, training, progress)?;
    let width = training.series().len();
    let origins = training_origins(training, task.horizon, wanted(learned.profile.known().len()))?;
    let anchor = Anchor::new(
        &learned.profile,
        Some(&learned.own_day),
        training,
        &origins,
        task.horizon,
    )?;
    let recent = anchor.recent(&origins);
    let lost = learned.features.recent();
    let scaler = Scaler::learn(&learned.features.matrix(&origins, 1)?, &learned.profile, &lost);
    let outages = Outages::new(task.seed, anchor.slots_per_day(), lost);
    let ground = Ground {
        profile: &learned.profile,
        anchor: &anchor,
        features: learned.features.as_ref(),
        scaler: &scaler,
        target: training.target(),
        outages: outages.as_ref(),
    };
    let mut coefficients = Array3::zeros((knots.len(), 2, OWN + scaler.width()));
    let mut series_terms = Array3::zeros((knots.len(), width, SERIES_TERMS));
    let mut before: Option<Array1<f64>> = None;
    for (knot, &step) in knots.iter().enumerate() {
        progress.report(knot as u64 + 1, total, "fitting each step ahead");
        go_on(progress)?;
        let sample = ground.sample(&origins, &recent, step)?;
        let fitted = fit_step(&sample, penalty, before.as_ref(), progress)?;
        series_terms
            .index_axis_mut(Axis(0), knot)
            .assign(&fit_series(&sample, &fitted, &learned.profile)?);
        coefficients.slice_mut(s![knot, 0, ..]).assign(&fitted.kinds[0]);
        coefficients.slice_mut(s![knot, 1, ..]).assign(&fitted.kinds[1]);
        before = Some(fitted.all);
    }
    progress.report(total, total, "fitted");
    let settings = Settings {
        scope: Scope::of(training),
        task: *task,
        features: features.id(),
        columns: learned.features.columns().to_vec(),
        flags: scaler.flags().to_vec(),
        knots,
    };
    let Learned { profile, state, .. } = learned;
    let features = Arc::clone(features);
    Ok(FittedLinear {
        settings,
        features,
        state,
        profile,
        scaler,
        coefficients,
        series_terms,
    })
}

/// The steps that have coefficients: each up to 12, then fewer and fewer, and the last one.
fn knots(horizon: usize) -> Vec<usize> {
    let mut knots: Vec<usize> = (1..=horizon.min(12)).collect();
    while let Some(&last) = knots.last()
        && last < horizon
    {
        knots.push((last + last / 6).min(horizon));
    }
    knots
}

fn penalties(penalty: f64, width: usize) -> Vec<f64> {
    let mut all = vec![penalty; width];
    all[..OWN].fill(ANCHOR_PENALTY);
    all
}

/// Coefficients of all rows, and of each day type.
pub(super) struct Step {
    pub(super) all: Array1<f64>,
    pub(super) kinds: [Array1<f64>; 2],
}

/// Fits one step ahead, going on from the coefficients `before` where there are some.
///
/// # Errors
/// Columns that are not finite; [`Error::Cancelled`](crate::Error::Cancelled) soon after `progress` says so.
pub(super) fn fit_step(
    sample: &Sample,
    penalty: f64,
    before: Option<&Array1<f64>>,
    progress: &dyn Progress,
) -> Result<Step> {
    let penalties = penalties(penalty, sample.columns.ncols());
    let rounds = if before.is_some() { FURTHER_ROUNDS } else { ROUNDS };
    let all = sample.rows().fit(&penalties, before, rounds, progress)?;
    let mut kinds = [all.clone(), all.clone()];
    for (kind, coefficients) in kinds.iter_mut().enumerate() {
        let rows = sample.rows_of(kind);
        let other = sample.target.len() - rows.target.len();
        if other > 0 && rows.target.len() >= ROWS_A_COLUMN * all.len() {
            *coefficients = rows.fit(&penalties, Some(&all), FURTHER_ROUNDS, progress)?;
        }
    }
    Ok(Step { all, kinds })
}

/// What each series deviates from the common coefficients: series x term.
fn fit_series(sample: &Sample, step: &Step, profile: &Profile) -> Result<Array2<f64>> {
    let width = profile.mean.len();
    let mut errors = sample.rows_of(0).errors(&step.kinds[0]);
    errors.extend(sample.rows_of(1).errors(&step.kinds[1]));
    let weight = sample.rows().reweighted(&errors);
    let mut matrices = vec![Array2::<f64>::zeros((SERIES_TERMS, SERIES_TERMS)); width];
    let mut rights = vec![Array1::<f64>::zeros(SERIES_TERMS); width];
    for (at, series) in sample.series.iter().enumerate() {
        let columns = SERIES_COLUMNS.map(|column| sample.columns[(at, column)]);
        for (one, left) in columns.iter().enumerate() {
            rights[*series][one] += weight[at] * left * errors[at];
            for (other, right) in columns.iter().enumerate() {
                matrices[*series][(one, other)] += weight[at] * left * right;
            }
        }
    }
    let mut held = Array1::<f64>::zeros(SERIES_TERMS);
    for matrix in &matrices {
        held += &matrix.diag();
    }
    held *= SERIES_PENALTY / profile.known().len().max(1) as f64;
    let mut terms = Array2::zeros((width, SERIES_TERMS));
    for (series, (mut matrix, right)) in matrices.into_iter().zip(&rights).enumerate() {
        for (place, held) in held.iter().enumerate() {
            // A column that no series has any value in still needs a pivot.
            matrix[(place, place)] += held.max(1e-9);
        }
        terms.row_mut(series).assign(&solve(matrix, right)?);
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knots_begin_at_one_and_end_at_the_horizon() {
        assert_eq!(knots(1), [1]);
        assert_eq!(knots(13), (1..=13).collect::<Vec<_>>());
        let far = knots(72);
        assert_eq!((far[0], far[far.len() - 1]), (1, 72));
        assert!(
            far.windows(2).all(|pair| pair[0] < pair[1]) && far.len() < 30,
            "{far:?}"
        );
    }
}
