//! Chooses the penalty on the set's columns.

use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;
use arterial_datasets::panel::Panel;

use super::fit::{Step, fit_step};
use super::sample::{Ground, Sample, wanted};
use crate::forecasters::deviation::{Anchor, LOOK_BACK, Learned, Outages, Scaler, prepare, spread, training_origins};
use crate::season::LocalClock;
use crate::{Progress, Result, Task};

/// Penalties that are tried, in units of the summed weights; the first one where there is too little to choose by.
const PENALTIES: [f64; 3] = [1e-3, 1e-5, 1e-1];

/// The penalty that errs least on the last fifth of `training`, fitted on the rest.
pub(super) fn choose_penalty(
    features: &Arc<dyn FeatureSet>,
    training: &Panel,
    task: &Task,
    progress: &dyn Progress,
) -> Result<f64> {
    let tail = training.steps() / 5;
    let head = training.steps() - tail;
    if tail < task.horizon + 1 || head < 2 * task.horizon + LOOK_BACK {
        return Ok(PENALTIES[0]);
    }
    let early = training.rows(0..head);
    let learned = Learned::of(features, &early, progress)?;
    let wanted = wanted(learned.profile.known().len());
    let fitted_on = training_origins(&early, task.horizon, wanted)?;
    let anchor = Anchor::new(
        &learned.profile,
        Some(&learned.own_day),
        &early,
        &fitted_on,
        task.horizon,
    )?;
    let lost = learned.features.recent();
    let scaler = Scaler::learn(&learned.features.matrix(&fitted_on, 1)?, &learned.profile, &lost);
    let outages = Outages::new(task.seed, anchor.slots_per_day(), lost);
    let ground = Ground {
        profile: &learned.profile,
        anchor: &anchor,
        features: learned.features.as_ref(),
        scaler: &scaler,
        target: early.target(),
        outages: outages.as_ref(),
    };
    let judged_on = spread(
        head - 1..training.steps() - 1,
        wanted,
        LocalClock::of(training)?.slots_per_day(),
    );
    let later = prepare(features, training, &learned.state, None, progress)?;
    let later_anchor = Anchor::new(&learned.profile, None, training, &judged_on, task.horizon)?;
    let judge = Ground {
        anchor: &later_anchor,
        features: later.as_ref(),
        target: training.target(),
        outages: None,
        ..ground
    };
    let recent = [anchor.recent(&fitted_on), later_anchor.recent(&judged_on)];
    let mut errors = [0.0; PENALTIES.len()];
    for step in [task.horizon.div_ceil(3), task.horizon] {
        let sample = ground.sample(&fitted_on, &recent[0], step)?;
        let judged = judge.sample(&judged_on, &recent[1], step)?;
        let mut before = None;
        for (penalty, sum) in PENALTIES.iter().zip(&mut errors) {
            let fitted = fit_step(&sample, *penalty, before.as_ref(), progress)?;
            *sum += error(&judged, &fitted);
            before = Some(fitted.all);
        }
    }
    tracing::debug!(?errors, penalties = ?PENALTIES, "penalties tried");
    let best = errors.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    Ok(PENALTIES[best.map_or(0, |(index, _)| index)])
}

/// The summed absolute error in the unit of the target, up to a factor.
fn error(judged: &Sample, fitted: &Step) -> f64 {
    let kinds = fitted.kinds.iter().enumerate().map(|(kind, coefficients)| {
        let rows = judged.rows_of(kind);
        let errors = rows.errors(coefficients);
        errors
            .iter()
            .zip(rows.weight)
            .map(|(error, weight)| error.abs() * weight)
            .sum::<f64>()
    });
    kinds.sum()
}
