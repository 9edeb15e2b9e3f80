//! Forecasting with grown trees.

use arterial_datasets::feature::Wanted;
use arterial_datasets::panel::Panel;
use ndarray::Array3;

use super::FittedForest;
use crate::forecaster::go_on;
use crate::forecasters::deviation::rows::{Ground, Place, origins_at_once};
use crate::forecasters::deviation::{Anchor, LAST, prepare};
use crate::{Outlook, Progress, Result};

pub(super) fn predict(
    model: &FittedForest,
    panel: &Panel,
    origins: &[usize],
    progress: &dyn Progress,
) -> Result<Outlook> {
    let (width, horizon) = (panel.series().len(), model.settings.task.horizon);
    let mut points = Array3::from_elem((origins.len(), width, horizon), f64::NAN);
    if origins.is_empty() {
        return Ok(points.into());
    }
    let wanted = Wanted { origins, horizon };
    let features = prepare(&model.features, panel, &model.state, Some(wanted), progress)?;
    let anchor = Anchor::new(&model.profile, None, panel, origins, horizon)?;
    let ground = Ground {
        profile: &model.profile,
        anchor: &anchor,
        features: features.as_ref(),
        names: &model.settings.columns,
        scaler: &model.scaler,
        target: panel.target(),
        outages: None,
    };
    let at_once = origins_at_once(width);
    for (index, chunk) in origins.chunks(at_once).enumerate() {
        let recent = anchor.recent(chunk);
        for step in 1..=horizon {
            go_on(progress)?;
            let deviations = model.deviations(&ground, chunk, &recent, step)?;
            for (row, deviation) in deviations.into_iter().enumerate() {
                let (at, series) = (row / width, row % width);
                let level = anchor.level(chunk[at] + step, series);
                points[(index * at_once + at, series, step - 1)] = level + model.profile.scale[series] * deviation;
            }
        }
    }
    Ok(points.into())
}

impl FittedForest {
    /// The deviation `step` rows ahead of each of `origins` and each series, in this order, in usual deviations.
    fn deviations(
        &self,
        ground: &Ground<'_>,
        origins: &[usize],
        recent: &Array3<f64>,
        step: usize,
    ) -> Result<Vec<f64>> {
        let series = ground.target.ncols();
        let places: Vec<Place> = (0..origins.len() * series)
            .map(|row| Place::complete(row / series, row % series))
            .collect();
        let columns = ground.columns(origins, recent, step, &places)?;
        let decay = self.decay[step - 1] as f32;
        let group = &self.groups[self.settings.ends.partition_point(|end| *end < step)];
        let left = group.predict(&columns.view());
        let starts = columns.column(LAST).mapv(|last| f64::from(last * decay));
        Ok(left.into_iter().zip(starts).map(|(left, start)| start + left).collect())
    }
}
