//! What each column moved a forecast by: the trees' exact Shapley values, and the decayed last deviation that they start from.
//!
//! ```text
//! median = level + scale (expected + sum of shapley(column) + w(h) last)
//! base   = level + scale expected
//! ```

use std::collections::BTreeMap;

use arterial_datasets::feature::Wanted;
use arterial_datasets::panel::Panel;
use ndarray::s;

use super::FittedGradientBoosted;
use crate::Result;
use crate::explanation::{Contribution, Explanation, Place};
use crate::forecasters::deviation::rows::{self, Ground};
use crate::forecasters::deviation::{Anchor, LAST, column_names};

pub(super) fn explain(
    model: &FittedGradientBoosted,
    panel: &Panel,
    origin: usize,
    places: &[Place],
) -> Result<Vec<Explanation>> {
    let origins = [origin];
    let wanted = Wanted {
        origins: &origins,
        horizon: model.settings.task.horizon,
    };
    let features = model.features.prepare_for(panel, &model.state, wanted)?;
    let anchor = Anchor::new(&model.profile, None, panel, &origins, model.settings.task.horizon)?;
    let ground = Ground {
        profile: &model.profile,
        anchor: &anchor,
        features: features.as_ref(),
        names: &model.settings.columns,
        scaler: &model.scaler,
        target: panel.target(),
        outages: None,
    };
    let recent = anchor.recent(&origins);
    let mut names = column_names(&model.settings.columns, &model.settings.flags);
    names.push("windows_ahead".into());
    let mut found = BTreeMap::new();
    for (step, asked) in by_step(places) {
        let rows: Vec<rows::Place> = asked
            .iter()
            .map(|&at| rows::Place::complete(0, places[at].series))
            .collect();
        let columns = ground.columns(&origins, &recent, step, &rows)?;
        let shares = model.group(step).median.shap(columns.view())?;
        for (row, at) in asked.into_iter().enumerate() {
            let series = places[at].series;
            let scale = model.profile.scale[series];
            let shares = shares.slice(s![row, 0, ..]);
            let start = f64::from(columns[(row, LAST)] * model.decay[step - 1] as f32);
            let contribution = |(column, feature): (usize, &String)| Contribution {
                feature: feature.clone(),
                value: f64::from(columns[(row, column)]),
                amount: scale * (shares[column] + if column == LAST { start } else { 0.0 }),
            };
            let explanation = Explanation {
                base: anchor.level(origin + step, series) + scale * shares[names.len()],
                contributions: names.iter().enumerate().map(contribution).collect(),
            };
            found.insert(at, explanation);
        }
    }
    Ok(found.into_values().collect())
}

/// The positions of `places` by their step ahead.
fn by_step(places: &[Place]) -> BTreeMap<usize, Vec<usize>> {
    let mut steps: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        steps.entry(place.step).or_default().push(at);
    }
    steps
}
