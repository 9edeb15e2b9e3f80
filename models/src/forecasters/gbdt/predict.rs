//! Forecasting with grown trees.

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Axis, s};

use super::FittedGradientBoosted;
use super::fit::margins;
use super::rows::Ground;
use crate::Result;
use crate::forecasters::deviation::{Anchor, LAST};

/// Origins whose features are held at once.
const CHUNK: usize = 64;

pub(super) fn predict(model: &FittedGradientBoosted, panel: &Panel, origins: &[usize]) -> Result<Array3<f64>> {
    let width = panel.series().len();
    let horizon = model.settings.task.horizon;
    let mut forecasts = Array3::from_elem((origins.len(), width, horizon), f64::NAN);
    if origins.is_empty() {
        return Ok(forecasts);
    }
    let features = model.features.prepare(panel, &model.state)?;
    let anchor = Anchor::new(&model.profile, None, panel, origins, horizon)?;
    let ground = Ground {
        profile: &model.profile,
        anchor: &anchor,
        features: features.as_ref(),
        names: &model.settings.columns,
        scaler: &model.scaler,
        target: panel.target(),
    };
    for (index, chunk) in origins.chunks(CHUNK).enumerate() {
        let recent = anchor.recent(chunk);
        for step in 1..=horizon {
            let columns = ground.columns(chunk, &recent, step)?;
            let last: Array2<f32> = columns.slice(s![.., LAST..=LAST]).to_owned();
            let starts = margins(&last, std::iter::repeat(step), &model.decay);
            let group = model.settings.ends.partition_point(|end| *end < step);
            let deviations = model.groups[group].predict(columns.view(), Some(starts.view()))?;
            let from = index * CHUNK;
            let mut block = forecasts.slice_mut(s![from..from + chunk.len(), .., step - 1]);
            for (at, mut row) in block.axis_iter_mut(Axis(0)).enumerate() {
                for (series, value) in row.iter_mut().enumerate() {
                    let level = anchor.level(chunk[at] + step, series);
                    *value = level + model.profile.scale[series] * f64::from(deviations[(at * width + series, 0)]);
                }
            }
        }
    }
    Ok(forecasts)
}
