//! A target that training never saw below zero, in frost.

use arterial_models::forecasters::Persistence;
use ndarray::{Array2, Axis, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::quantiles;
use super::small::{FITTED, fit};
use crate::support::panel_of;

/// The place of the median among the quantiles.
const MEDIAN: usize = 2;

#[test]
fn forecasts_follow_the_target_below_zero_as_long_as_they_read_it_there() {
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let mut values = Array2::from_shape_fn((FITTED + 96, 2), |_| random.random_range(0.0..4.0));
    // The first series alone, for an hour.
    values.slice_mut(s![FITTED + 20..FITTED + 24, 0]).fill(-5.0);
    let panel = panel_of(values, "15m");
    let pipeline = fit(&Persistence, &panel.rows(0..FITTED));
    let [warm, frost, later] = [FITTED + 19, FITTED + 20, FITTED + 24 + pipeline.history()];
    let origins = [warm, frost, later];
    let outlook = pipeline.outlook(&panel, &origins).unwrap();
    let series = pipeline.around(&panel, &origins, &outlook, &quantiles());
    let series = series.unwrap().values;
    for (at, origin) in [(0, warm), (2, later)] {
        let never = series.index_axis(Axis(0), at).iter().all(|value| *value >= 0.0);
        assert!(never, "from {origin}: {series}");
    }
    let median = series[(1, 0, 0, MEDIAN)];
    assert!(
        (median + 5.0).abs() < 1e-12 && series[(1, 0, 0, 0)] < median,
        "{series}"
    );
    assert!(
        series.slice(s![1, 1, .., ..]).iter().all(|value| *value >= 0.0),
        "{series}"
    );
    let areas = pipeline.forecast_areas(&panel, &origins, &outlook, &quantiles());
    let areas = areas.unwrap().unwrap().forecasts.values;
    let mean = f64::midpoint(median, series[(1, 1, 0, MEDIAN)]);
    assert!((areas[(1, 0, 0, MEDIAN)] - mean).abs() < 1e-12, "{areas}");
    assert!(
        areas.slice(s![0, .., .., ..]).iter().all(|value| *value >= 0.0),
        "{areas}"
    );
    let least = pipeline.least_of_areas(&panel, &origins);
    assert_eq!(
        least.iter().map(|least| *least < 0.0).collect::<Vec<_>>(),
        [false, true, false]
    );
}
