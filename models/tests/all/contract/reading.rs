//! What forecasts read: nothing behind the origin, and nothing before the history that they say.

use arterial_datasets::panel::Panel;
use arterial_models::pipeline::Pipeline;
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::small::{FITTED, fit, small};
use super::{kinds, quantiles};
use crate::support::panel_of;

/// The bits of all that is forecast from one origin: of the series, and of the areas that they make.
fn bits(pipeline: &Pipeline, panel: &Panel, origin: usize) -> Vec<u64> {
    let outlook = pipeline.outlook(panel, &[origin]).unwrap();
    let of_series = pipeline.around(panel, &[origin], &outlook, &quantiles()).unwrap();
    let of_areas = pipeline.forecast_areas(panel, &[origin], &outlook, &quantiles());
    let of_areas = of_areas.unwrap().unwrap().forecasts;
    let values = [of_series, of_areas].map(|forecasts| forecasts.values);
    let values = values.iter().flatten();
    values.map(|value| value.to_bits()).collect()
}

#[test]
fn a_future_in_another_order_changes_neither_medians_nor_quantiles() {
    let small = small();
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for origin in [FITTED - 1, FITTED + 40] {
        let mut order: Vec<usize> = (0..small.panel.steps()).collect();
        order[origin + 1..].shuffle(&mut random);
        let shuffled = panel_of(small.panel.target().select(Axis(0), &order), "15m");
        for (kind, pipeline) in small.kinds.iter().zip(&small.pipelines) {
            let same = bits(pipeline, &small.panel, origin) == bits(pipeline, &shuffled, origin);
            assert!(same, "{} from {origin}", kind.name());
        }
    }
}

/// Rows of training: 32 days of twelve rows, enough that other days are looked at.
const TRAINING: usize = 32 * 12;

/// Two series with a shape of twelve rows and disturbances that last, longer than any kind looks back behind their training.
fn long() -> Array2<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(13);
    let mut disturbance = [0.0, 0.0];
    Array2::from_shape_fn((3 * TRAINING, 2), |(row, series)| {
        let last = &mut disturbance[series];
        *last = 0.8 * *last + random.random_range(-1.0..1.0);
        60.0 - 2.0 * (row % 12) as f64 + series as f64 + *last
    })
}

#[test]
fn a_panel_of_the_history_is_forecast_like_the_whole() {
    let values = long();
    for kind in kinds() {
        // What was trained elsewhere was trained for quarters of an hour.
        let is_imported = ["network", "trees"].contains(&kind.name());
        let whole = panel_of(values.clone(), if is_imported { "15m" } else { "2h" });
        let pipeline = fit(kind.as_ref(), &whole.rows(0..TRAINING));
        for origin in [2 * TRAINING, 3 * TRAINING - 7, 3 * TRAINING - 1] {
            let cut = whole.rows(origin + 1 - pipeline.history()..origin + 1);
            let expected = pipeline.forecast(&whole, &[origin], &quantiles()).unwrap().values;
            let found = pipeline.forecast(&cut, &[pipeline.history() - 1], &quantiles());
            let found = found.unwrap().values;
            for (found, expected) in found.iter().zip(&expected) {
                let same = (found - expected).abs() < 1e-6;
                assert!(same, "{} from {origin}: {found}, not {expected}", kind.name());
            }
        }
    }
}
