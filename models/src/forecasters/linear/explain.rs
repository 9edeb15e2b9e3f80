//! What each column moved a forecast by: its coefficient times its value.
//!
//! ```text
//! median = level + scale (sum of (g(column) + series(column)) column)
//! base   = level + scale (g(constant) + series(constant))
//! ```

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arterial_datasets::feature::Wanted;
use arterial_datasets::panel::Panel;
use ndarray::{Array1, s};

use super::FittedLinear;
use super::predict::Step;
use crate::Result;
use crate::explanation::{Contribution, Explanation, Place};
use crate::forecasters::deviation::{Anchor, OWN, SERIES_COLUMNS, check, column_names};
use crate::profile::day_type;

/// The column that is always 1.
const CONSTANT: usize = OWN - 1;

pub(super) fn explain(
    model: &FittedLinear,
    panel: &Panel,
    origin: usize,
    places: &[Place],
) -> Result<Vec<Explanation>> {
    let (origins, width) = ([origin], panel.series().len());
    let wanted = Wanted {
        origins: &origins,
        horizon: model.settings.task.horizon,
    };
    let features = model.features.prepare_for(panel, &model.state, wanted)?;
    let anchor = Anchor::new(&model.profile, None, panel, &origins, model.settings.task.horizon)?;
    let recent = anchor.recent(&origins);
    let names = column_names(&model.settings.columns, &model.settings.flags);
    let mut steps = BTreeMap::new();
    let mut explanations = Vec::with_capacity(places.len());
    for place in places {
        let (step, matrix) = match steps.entry(place.step) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let matrix = features.matrix(&origins, place.step)?;
                check(&matrix, &model.settings.columns, 1, width)?;
                unknown.insert((model.step(place.step), matrix))
            }
        };
        let seen = recent.slice(s![0, place.series, ..]);
        let mut own = [0.0; OWN];
        anchor.fill(
            seen.as_slice().unwrap_or(&[]),
            origin,
            place.step,
            place.series,
            &mut own,
        );
        let mut scaled = vec![0.0; model.scaler.width()];
        model
            .scaler
            .fill(&matrix.values.row(place.series), place.series, &mut scaled);
        let columns: Vec<f64> = own.iter().chain(&scaled).copied().collect();
        let target = origin + place.step;
        let coefficients = coefficients(step, day_type(anchor.slot(target).weekday), place.series);
        let scale = model.profile.scale[place.series];
        let amount = |column: usize| scale * coefficients[column] * columns[column];
        let others = names.iter().enumerate().filter(|(column, _)| *column != CONSTANT);
        let contribution = |(column, feature): (usize, &String)| Contribution {
            feature: feature.clone(),
            value: columns[column],
            amount: amount(column),
        };
        explanations.push(Explanation {
            base: anchor.level(target, place.series) + amount(CONSTANT),
            contributions: others.map(contribution).collect(),
        });
    }
    Ok(explanations)
}

/// The coefficient of each column on that type of day, the series' own terms with those of all.
fn coefficients(step: &Step, day_type: usize, series: usize) -> Array1<f64> {
    let mut coefficients = step.common.row(day_type).to_owned();
    for (column, term) in SERIES_COLUMNS.iter().zip(step.series.row(series)) {
        coefficients[*column] += term;
    }
    coefficients
}
