//! Forecasting with fitted coefficients.

use arterial_datasets::feature::FeatureMatrix;
use arterial_datasets::feature::Wanted;
use arterial_datasets::panel::Panel;
use ndarray::{Array1, Array2, Array3, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use super::FittedLinear;
use crate::forecaster::go_on;
use crate::forecasters::deviation::{Anchor, OWN, SERIES_COLUMNS, check, prepare};
use crate::profile::day_type;
use crate::{Error, Progress, Result};

/// Origins whose features are held at once.
const CHUNK: usize = 64;

/// The coefficients of one step ahead.
pub(super) struct Step {
    ahead: usize,
    /// Day type x column.
    pub(super) common: Array2<f64>,
    /// Series x term.
    pub(super) series: Array2<f64>,
}

pub(super) fn predict(
    model: &FittedLinear,
    panel: &Panel,
    origins: &[usize],
    progress: &dyn Progress,
) -> Result<Array3<f64>> {
    let width = panel.series().len();
    let horizon = model.settings.task.horizon;
    let mut forecasts = Array3::from_elem((origins.len(), width, horizon), f64::NAN);
    if origins.is_empty() {
        return Ok(forecasts);
    }
    let wanted = Wanted { origins, horizon };
    let features = prepare(&model.features, panel, &model.state, Some(wanted), progress)?;
    if features.columns() != model.settings.columns {
        return Err(Error::invalid(
            "features",
            "other columns",
            model.settings.columns.join(", "),
        ));
    }
    let anchor = Anchor::new(&model.profile, None, panel, origins, horizon)?;
    let steps: Vec<Step> = (1..=horizon).map(|step| model.step(step)).collect();
    for (index, chunk) in origins.chunks(CHUNK).enumerate() {
        let recent = anchor.recent(chunk);
        let from = index * CHUNK;
        let mut block = forecasts.slice_mut(s![from..from + chunk.len(), .., ..]);
        for step in &steps {
            go_on(progress)?;
            let matrix = features.matrix(chunk, step.ahead)?;
            check(&matrix, &model.settings.columns, chunk.len(), width)?;
            let out = block.slice_mut(s![.., .., step.ahead - 1]);
            model.fill(&anchor, &recent, &matrix, chunk, step, out);
        }
    }
    Ok(forecasts)
}

impl FittedLinear {
    /// The coefficients `step` ahead, between those of the knots around it.
    pub(super) fn step(&self, step: usize) -> Step {
        let knots = &self.settings.knots;
        let above = knots.partition_point(|knot| *knot < step).min(knots.len() - 1);
        let below = if knots[above] > step { above - 1 } else { above };
        let span = (knots[above] - knots[below]).max(1);
        let share = (step - knots[below]) as f64 / span as f64;
        let between = |values: &Array3<f64>| {
            let [below, above] = [below, above].map(|knot| values.index_axis(Axis(0), knot));
            &below * (1.0 - share) + &above * share
        };
        Step {
            ahead: step,
            common: between(&self.coefficients),
            series: between(&self.series_terms),
        }
    }

    /// Fills origin x series for one step ahead.
    fn fill(
        &self,
        anchor: &Anchor<'_>,
        recent: &Array3<f64>,
        matrix: &FeatureMatrix,
        origins: &[usize],
        step: &Step,
        mut out: ArrayViewMut2<'_, f64>,
    ) {
        let width = out.ncols();
        out.axis_iter_mut(Axis(0))
            .into_par_iter()
            .enumerate()
            .for_each(|(at, mut row)| {
                let target = origins[at] + step.ahead;
                let common = step.common.row(day_type(anchor.slot(target).weekday));
                let mut own = [0.0; OWN];
                let mut columns = Array1::zeros(OWN + self.scaler.width());
                for (series, value) in row.iter_mut().enumerate() {
                    let seen = recent.slice(s![at, series, ..]);
                    anchor.fill(
                        seen.as_slice().unwrap_or(&[]),
                        origins[at],
                        step.ahead,
                        series,
                        &mut own,
                    );
                    let filled = columns.as_slice_mut().unwrap_or(&mut []);
                    filled[..OWN].copy_from_slice(&own);
                    self.scaler
                        .fill(&matrix.values.row(at * width + series), series, &mut filled[OWN..]);
                    let terms = SERIES_COLUMNS.iter().zip(step.series.row(series));
                    let alone: f64 = terms.map(|(column, term)| own[*column] * term).sum();
                    let deviation = common.dot(&columns) + alone;
                    *value = anchor.level(target, series) + self.profile.scale[series] * deviation;
                }
            });
    }
}
