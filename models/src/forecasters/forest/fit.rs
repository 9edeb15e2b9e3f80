//! Fitting: the usual week, how fast deviations decay, and the trees.

use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;
use arterial_datasets::panel::Panel;

use super::trees::Trees;
use super::{FittedForest, Settings};
use crate::forecasters::deviation::rows::Ground;
use crate::forecasters::deviation::{Anchor, Learned, Outages, Scaler, decays, ends, groups, training_origins, wanted};
use crate::scope::Scope;
use crate::{Progress, Result, Task};

/// The rows that a group of steps learns from, about: more make the trees deeper, hardly better, and slow.
const MOST_ROWS: usize = 20_000;

/// Fits on all of `training`.
pub(super) fn fit(
    features: &Arc<dyn FeatureSet>,
    training: &Panel,
    task: &Task,
    progress: &dyn Progress,
) -> Result<FittedForest> {
    let ends = ends(task.horizon);
    let total = ends.len() as u64 + 1;
    progress.report(0, total, "preparing features");
    let learned = Learned::of(features, training, progress)?;
    let (count, thin) = wanted(MOST_ROWS, learned.profile.known().len(), task.horizon);
    let origins = training_origins(training, task.horizon, count)?;
    let (profile, own_day) = (&learned.profile, Some(&learned.own_day));
    let anchor = Anchor::new(profile, own_day, training, &origins, task.horizon)?;
    let recent = learned.features.recent();
    let scaler = Scaler::learn(&learned.features.matrix(&origins, 1)?, profile, &recent);
    let outages = Outages::new(task.seed, anchor.slots_per_day(), recent);
    let ground = Ground {
        profile,
        anchor: &anchor,
        features: learned.features.as_ref(),
        names: learned.features.columns(),
        scaler: &scaler,
        target: training.target(),
        outages: outages.as_ref(),
    };
    let decay = decays(&anchor, profile, training, &origins, task.horizon);
    let mut grown = Vec::with_capacity(ends.len());
    for (number, steps) in groups(&ends).into_iter().enumerate() {
        progress.report(number as u64 + 1, total, "growing trees");
        let rows = ground.rows(&origins, steps, thin, progress)?;
        let left = rows.targets() - rows.starts(&decay);
        grown.push(Trees::grow(
            &rows.columns()?,
            &left.column(0),
            &rows.weight,
            task.seed,
            progress,
        )?);
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
    Ok(FittedForest {
        settings,
        features: Arc::clone(features),
        state,
        profile,
        scaler,
        decay,
        groups: grown,
    })
}
