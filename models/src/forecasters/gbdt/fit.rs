//! Fitting: the usual week, how fast deviations decay, and the trees.

use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;
use arterial_datasets::panel::Panel;

use super::grow::{Group, Judge, Rounds, grow};
use super::{FittedGradientBoosted, Settings};
use crate::forecasters::deviation::rows::Ground;
use crate::forecasters::deviation::{
    Anchor, Learned, Outages, Scaler, decays, ends, groups, prepare, spread, training_origins, wanted,
};
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Progress, Result, Task};

/// The rows that a group of steps learns from, about.
const MOST_ROWS: usize = 120_000;

/// How many trees there are to be.
pub(super) enum Stop<'a> {
    /// As many as err least on the last rows of the panel, which are not fitted on; so many there are.
    Validation(usize),
    /// This many for each group of steps.
    At(&'a [Rounds]),
}

/// Fits on `panel` up to where `stop` says.
pub(super) fn fit(
    features: &Arc<dyn FeatureSet>,
    panel: &Panel,
    stop: &Stop<'_>,
    task: &Task,
    progress: &dyn Progress,
) -> Result<FittedGradientBoosted> {
    let ends = ends(task.horizon);
    let total = ends.len() as u64 + 1;
    progress.report(0, total, "preparing features");
    let judged = match stop {
        Stop::Validation(rows) => *rows,
        Stop::At(_) => 0,
    };
    let training = panel.rows(0..panel.steps() - judged);
    let learned = Learned::of(features, &training, progress)?;
    let (count, thin) = wanted(MOST_ROWS, learned.profile.known().len(), task.horizon);
    let origins = training_origins(&training, task.horizon, count)?;
    let anchor = Anchor::new(
        &learned.profile,
        Some(&learned.own_day),
        &training,
        &origins,
        task.horizon,
    )?;
    let recent = learned.features.recent();
    let scaler = Scaler::learn(&learned.features.matrix(&origins, 1)?, &learned.profile, &recent);
    let outages = Outages::new(task.seed, anchor.slots_per_day(), recent);
    let ground = Ground {
        profile: &learned.profile,
        anchor: &anchor,
        features: learned.features.as_ref(),
        names: learned.features.columns(),
        scaler: &scaler,
        target: training.target(),
        outages: outages.as_ref(),
    };
    let slots = LocalClock::of(panel)?.slots_per_day();
    let judged_on = spread(training.steps() - 1..panel.steps() - 1, count, slots);
    let later = match stop {
        Stop::Validation(_) => Some(prepare(features, panel, &learned.state, None, progress)?),
        Stop::At(_) => None,
    };
    let later_anchor = Anchor::new(&learned.profile, None, panel, &judged_on, task.horizon)?;
    let judge = later.as_ref().map(|later| Ground {
        anchor: &later_anchor,
        features: later.as_ref(),
        target: panel.target(),
        outages: None,
        ..ground
    });
    let decay = decays(&anchor, &learned.profile, &training, &origins, task.horizon);
    let mut grown: Vec<Group> = Vec::with_capacity(ends.len());
    for (number, steps) in groups(&ends).into_iter().enumerate() {
        progress.report(number as u64 + 1, total, "growing trees");
        let rows = ground.rows(&origins, steps.clone(), thin, progress)?;
        let judged_rows = judge.map(|judge| judge.rows(&judged_on, steps, thin, progress));
        let judged_rows = judged_rows.transpose()?;
        let judge = match (stop, &judged_rows) {
            (Stop::At(rounds), _) => Judge::Rounds(rounds[number]),
            (Stop::Validation(_), rows) => Judge::Rows(rows.as_ref()),
        };
        grown.push(grow(&rows, &judge, &decay, task.seed, progress)?);
    }
    progress.report(total, total, "fitted");
    let settings = Settings {
        scope: Scope::of(&training),
        task: *task,
        features: features.id(),
        columns: learned.features.columns().to_vec(),
        flags: scaler.flags().to_vec(),
        rounds: grown.iter().map(Group::rounds).collect(),
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
        groups: grown,
    })
}
