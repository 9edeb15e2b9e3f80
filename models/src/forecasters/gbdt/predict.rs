//! Forecasting with grown trees.

use arterial_datasets::feature::Wanted;
use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Array4, s};

use super::FittedGradientBoosted;
use super::grow::Group;
use crate::forecaster::go_on;
use crate::forecasters::deviation::rows::{Ground, origins_at_once};
use crate::forecasters::deviation::{Anchor, LAST};
use crate::{Outlook, Progress, Result};

pub(super) fn predict(
    model: &FittedGradientBoosted,
    panel: &Panel,
    origins: &[usize],
    progress: &dyn Progress,
) -> Result<Outlook> {
    let (width, horizon) = (panel.series().len(), model.settings.task.horizon);
    let mut points = Array3::from_elem((origins.len(), width, horizon), f64::NAN);
    let mut spread = Array4::from_elem((origins.len(), width, horizon, 2), f64::NAN);
    let at_once = origins_at_once(width);
    if !origins.is_empty() {
        let wanted = Wanted { origins, horizon };
        let features = model.features.prepare_for(panel, &model.state, wanted)?;
        let anchor = Anchor::new(&model.profile, None, panel, origins, horizon)?;
        let ground = Ground {
            profile: &model.profile,
            anchor: &anchor,
            features: features.as_ref(),
            names: &model.settings.columns,
            scaler: &model.scaler,
            target: panel.target(),
        };
        for (index, chunk) in origins.chunks(at_once).enumerate() {
            let from = index * at_once;
            let recent = anchor.recent(chunk);
            for step in 1..=horizon {
                go_on(progress)?;
                let deviations = model.deviations(&ground, chunk, &recent, step)?;
                for (row, deviations) in deviations.outer_iter().enumerate() {
                    let (at, series) = (row / width, row % width);
                    let scale = model.profile.scale[series];
                    let [low, median, high] = [0, 1, 2].map(|output| f64::from(deviations[output]));
                    let place = (from + at, series, step - 1);
                    points[place] = anchor.level(chunk[at] + step, series) + scale * median;
                    let distances = [median - low, high - median].map(|distance| scale * distance.max(0.0));
                    let mut spread = spread.slice_mut(s![place.0, place.1, place.2, ..]);
                    spread.iter_mut().zip(distances).for_each(|(to, from)| *to = from);
                }
            }
        }
    }
    Ok(Outlook {
        points,
        spread: Some(spread),
    })
}

impl FittedGradientBoosted {
    /// The trees for the target `step` rows ahead.
    pub(super) fn group(&self, step: usize) -> &Group {
        &self.groups[self.settings.ends.partition_point(|end| *end < step)]
    }

    /// The deviation `step` rows ahead of each of `origins` and each series, in this order, in usual deviations: row x
    /// (10 % quantile, median, 90 % quantile).
    fn deviations(
        &self,
        ground: &Ground<'_>,
        origins: &[usize],
        recent: &Array3<f64>,
        step: usize,
    ) -> Result<Array2<f32>> {
        let series = ground.target.ncols();
        let places: Vec<(usize, usize)> = (0..origins.len() * series)
            .map(|row| (row / series, row % series))
            .collect();
        let columns = ground.columns(origins, recent, step, &places)?;
        let decay = self.decay[step - 1] as f32;
        let starts = columns.slice(s![.., LAST..=LAST]).mapv(|last| last * decay);
        let group = self.group(step);
        let medians = group.median.predict(columns.view(), Some(starts.view()))?;
        let tails = group.tails.predict(columns.view(), Some(starts.view()))?;
        let mut deviations = Array2::zeros((places.len(), 3));
        deviations.column_mut(0).assign(&tails.column(0));
        deviations.column_mut(1).assign(&medians.column(0));
        deviations.column_mut(2).assign(&tails.column(1));
        Ok(deviations)
    }
}
