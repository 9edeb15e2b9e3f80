//! One series, a thousand of them, hours without any value.

use arterial_datasets::panel::Panel;
use arterial_models::pipeline::Pipeline;
use ndarray::{Array4, s};

use super::small::{FITTED, HORIZON, fit, small};
use super::{kinds, quantiles};
use crate::support::{panel, panel_of};

fn from_the_end(pipeline: &Pipeline, panel: &Panel) -> Array4<f64> {
    let forecasts = pipeline.forecast(panel, &[panel.steps() - 1], &quantiles());
    forecasts.unwrap().values
}

#[test]
fn one_series_alone_is_forecast() {
    let alone = panel(FITTED, 1, 0.0);
    for kind in kinds() {
        let values = from_the_end(&fit(kind.as_ref(), &alone), &alone);
        assert_eq!(values.dim(), (1, 1, HORIZON, 5), "{}", kind.name());
        let sensible = values.iter().all(|value| (20.0..90.0).contains(value));
        assert!(sensible, "{}: {values}", kind.name());
    }
}

#[test]
fn of_a_thousand_series_each_has_its_own_forecast() {
    // Two days, and levels that are one apart from series to series.
    let many = panel(2 * 96, 1000, 0.0);
    let quick = [
        "persistence",
        "seasonal-naive",
        "weekly-profile",
        "ets",
        "network",
        "trees",
    ];
    for kind in kinds().iter().filter(|kind| quick.contains(&kind.name())) {
        let values = from_the_end(&fit(kind.as_ref(), &many), &many);
        assert_eq!(values.dim(), (1, 1000, HORIZON, 5), "{}", kind.name());
        for ((_, series, _, _), value) in values.indexed_iter() {
            let off = value - 60.0 - series as f64;
            assert!(off.abs() < 40.0, "{}: {value} of series {series}", kind.name());
        }
    }
}

#[test]
fn behind_hours_without_any_value_a_forecast_is_sensible_or_refused() {
    let small = small();
    let mut values = small.panel.target().to_owned();
    let origin = FITTED + 60;
    values.slice_mut(s![origin + 1 - 32..=origin, 0]).fill(f64::NAN);
    let silent = panel_of(values, "15m").rows(0..origin + 1);
    for (kind, pipeline) in small.kinds.iter().zip(&small.pipelines) {
        let values = from_the_end(pipeline, &silent);
        let repeats = ["persistence", "network", "trees"].contains(&kind.name());
        for ((_, series, _, _), value) in values.indexed_iter() {
            let is_refused = repeats && series == 0;
            assert!(
                (20.0..90.0).contains(value) || is_refused && value.is_nan(),
                "{}: {value} of series {series}",
                kind.name()
            );
        }
    }
}
