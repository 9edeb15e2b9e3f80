//! Forecasting with grown trees.

use arterial_datasets::feature::Wanted;
use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Array4, s};

use super::FittedGradientBoosted;
use super::grow::Group;
use crate::forecaster::go_on;
use crate::forecasters::deviation::rows::{Ground, Place, origins_at_once};
use crate::forecasters::deviation::{Anchor, LAST, prepare};
use crate::{Outlook, Progress, Result};

/// How many mean deviations the 10 % and the 90 % quantile lie from the median: 1.606 in a normal distribution, 1.609 in
/// one of Laplace.
const USUAL_TAIL: f64 = 1.6;

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
                    let target = chunk[at] + step;
                    points[place] = anchor.level(target, series) + scale * median;
                    let least = least_tail(&anchor, recent[(at, series, LAST)], target, series);
                    let distances = [median - low, high - median].map(|distance| scale * distance.max(0.0));
                    let distances = distances.map(|distance| distance.max(least));
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

/// How far the tails lie from the median at least, by the `last` deviation: where nothing was seen of late, the truth may lie
/// as far off as it usually does, whatever the trees make of the zeros that stand for what is missing.
fn least_tail(anchor: &Anchor<'_>, last: f64, target: usize, series: usize) -> f64 {
    if last.is_nan() {
        USUAL_TAIL * anchor.spread(target, series)
    } else {
        0.0
    }
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
        let places: Vec<Place> = (0..origins.len() * series)
            .map(|row| Place::complete(row / series, row % series))
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
