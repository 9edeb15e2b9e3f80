//! Forecasting with a fitted network.

use arterial_datasets::panel::Panel;
use ndarray::{Array3, Array4};

use super::FittedNeural;
use super::view::View;
use crate::forecaster::go_on;
use crate::forecasters::deviation::Anchor;
use crate::{Outlook, Progress, Result};

/// Windows times series that are forecast at once.
const TOKENS: usize = 8192;

pub(super) fn predict(
    model: &FittedNeural,
    panel: &Panel,
    origins: &[usize],
    progress: &dyn Progress,
) -> Result<Outlook> {
    let (width, horizon) = (panel.series().len(), model.settings.task.horizon);
    let mut points = Array3::from_elem((origins.len(), width, horizon), f64::NAN);
    let mut spread = Array4::from_elem((origins.len(), width, horizon, 2), f64::NAN);
    if !origins.is_empty() {
        let anchor = Anchor::new(&model.profile, None, panel, origins, horizon)?;
        let view = View {
            profile: &model.profile,
            anchor: &anchor,
            panel,
            covariates: &model.covariates,
            neighbours: &model.neighbours,
            decay: &model.decay,
            context: model.settings.task.context,
            varies: &model.varies,
        };
        let all: Vec<usize> = (0..width).collect();
        let at_once = (TOKENS / width.max(1)).max(1);
        for (index, chunk) in origins.chunks(at_once).enumerate() {
            go_on(progress)?;
            let batch = view.batch(chunk, &all, false);
            let quantiles = model.network.predict(&batch)?;
            for (at, origin) in chunk.iter().enumerate() {
                for series in 0..width {
                    let scale = model.profile.scale[series];
                    for step in 0..horizon {
                        let base = f64::from(batch.base[(at, series, step)]);
                        let [low, median, high] = [0, 1, 2].map(|level| {
                            let learned = f64::from(quantiles[(at, series, step, level)]) - base;
                            scale * (base + model.varies[series] * learned)
                        });
                        let row = index * at_once + at;
                        points[(row, series, step)] = anchor.level(origin + step + 1, series) + median;
                        spread[(row, series, step, 0)] = median - low;
                        spread[(row, series, step, 1)] = high - median;
                    }
                }
            }
        }
    }
    Ok(Outlook {
        points,
        spread: Some(spread),
    })
}
