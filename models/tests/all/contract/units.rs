//! The unit of a target changes nothing but the unit of its forecasts.

use std::f64::consts::TAU;
use std::sync::Arc;

use arterial_datasets::panel::Panel;
use arterial_models::forecasters::{by_name, list};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::quantiles;
use super::small::{FITTED, fit, small};
use crate::support::{Lags, panel_of};

const MILES: f64 = 0.621_371_192_237;

fn in_units(panel: &Panel, unit: f64) -> Panel {
    panel_of(panel.target().mapv(|value| unit * value), "15m")
}

#[test]
fn kilometres_or_miles_an_hour_give_the_same_forecasts() {
    let small = small();
    let origins = [FITTED - 1, FITTED + 10, FITTED + 90];
    // A half scales every number exactly: whatever had a unit of its own would show in the last bit. In miles rounding differs, and
    // with it a few splits of trees.
    for (unit, tolerance) in [(0.5, 0.0), (MILES, 5e-3)] {
        let scaled = in_units(&small.panel, unit);
        for (kind, known) in small.kinds.iter().zip(&small.pipelines) {
            let pipeline = fit(kind.as_ref(), &scaled.rows(0..FITTED));
            let expected = known.forecast(&small.panel, &origins, &quantiles()).unwrap().values;
            let found = pipeline.forecast(&scaled, &origins, &quantiles()).unwrap().values;
            for (found, expected) in found.iter().zip(&expected) {
                let found = found / unit;
                let same = (found - expected).abs() <= tolerance * expected.abs();
                assert!(
                    same || found.is_nan() && expected.is_nan(),
                    "{} in units of {unit}: {found}, not {expected}",
                    kind.name()
                );
            }
        }
    }
}

#[test]
fn medians_of_small_whole_numbers_are_whole_and_in_other_units_within_a_half_of_that() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let counts = Array2::from_shape_fn((FITTED + 1, 2), |(row, _)| {
        let usual: f64 = 5.0 + 4.0 * (TAU * row as f64 / 96.0).sin();
        (usual + random.random_range(-1.0..1.0)).round()
    });
    let counts = panel_of(counts, "15m");
    let scaled = in_units(&counts, MILES);
    let kinds = list(Arc::new(Lags));
    for name in ["weekly-profile", "ets", "linear"] {
        let kind = by_name(&kinds, name).unwrap();
        let medians = |panel: &Panel| {
            let pipeline = fit(kind, &panel.rows(0..FITTED));
            pipeline.outlook(panel, &[FITTED]).unwrap().points
        };
        for (whole, other) in medians(&counts).iter().zip(&medians(&scaled)) {
            assert!(whole.fract().abs() < 1e-12, "{name}: {whole}");
            assert!((whole - other / MILES).abs() < 0.5 + 1e-6, "{name}: {whole}, {other}");
        }
    }
}
