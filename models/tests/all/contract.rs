//! What every kind of model promises, over the whole list.

mod below_zero;
mod cancelling;
mod extents;
mod forged;
mod long_day;
mod reading;
mod small;
mod units;

use std::sync::Arc;

use arterial_datasets::panel::Panel;
use arterial_models::artefact::Files;
use arterial_models::explanation::Place;
use arterial_models::forecasters::{Neural, by_name, list};
use arterial_models::neural::{Kind, Lstm, Transformer};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Error, FittedForecaster, Forecaster, Quantile, Silent, Task};
use ndarray::{Array2, Array3, s};

use crate::support::{Lags, panel, panel_of};

const ROWS: usize = 14 * 96;

/// Every kind there is; the slowest ones in small, as the contract does not depend on their size.
fn kinds() -> Vec<Box<dyn Forecaster>> {
    let mut kinds = list(Arc::new(Lags));
    let lstm = Kind::Lstm(Lstm {
        hidden: 8,
        ..Lstm::default()
    });
    let transformer = Kind::Transformer(Transformer {
        width: 8,
        heads: 2,
        hidden: 16,
        temporal_layers: 1,
        spatial_layers: 1,
    });
    for (name, kind) in [("lstm", lstm), ("transformer", transformer)] {
        kinds.retain(|known| known.name() != name);
        kinds.push(Box::new(Neural::new(name, kind, 4, 3000)));
    }
    kinds.push(Box::new(crate::onnx::persistence()));
    kinds.push(Box::new(crate::trees::persistence()));
    kinds
}

fn task(horizon: usize) -> Task {
    Task {
        context: 12,
        horizon,
        seed: 1,
    }
}

fn fit(kind: &dyn Forecaster, panel: &Panel, horizon: usize) -> Box<dyn FittedForecaster> {
    kind.fit(panel, &task(horizon), &Silent)
        .unwrap_or_else(|error| panic!("{}: {error}", kind.name()))
}

fn bits(values: &Array3<f64>) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn quantiles() -> Vec<Quantile> {
    [0.05, 0.1, 0.5, 0.9, 0.95]
        .map(|value| Quantile::try_from(value).unwrap())
        .to_vec()
}

#[test]
fn a_saved_model_forecasts_the_same_bits() {
    let panel = panel(ROWS + 96, 3, 0.05);
    for kind in kinds() {
        let training = panel.rows(0..ROWS);
        let pipeline = Pipeline::fit(kind.as_ref(), &training, 0, &task(4), &Silent).unwrap();
        let files = pipeline.files().unwrap();
        let again = Pipeline::load(&files, &kinds()).unwrap();
        let origins = [ROWS - 1, ROWS + 40, ROWS + 95];
        let one = pipeline.forecast(&panel, &origins, &quantiles()).unwrap();
        let other = again.forecast(&panel, &origins, &quantiles()).unwrap();
        let same = one
            .values
            .iter()
            .zip(&other.values)
            .all(|(one, other)| one.to_bits() == other.to_bits());
        assert!(same, "{}", kind.name());
        assert_eq!(again.files().unwrap(), files, "{}", kind.name());
        assert_eq!(again.name(), kind.name());
    }
}

#[test]
fn the_same_seed_gives_the_same_files_at_any_number_of_threads() {
    let panel = panel(ROWS, 3, 0.05);
    for kind in kinds() {
        let files = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let parts = pool.install(|| fit(kind.as_ref(), &panel, 4).save().unwrap());
            Files::of(&parts).unwrap()
        });
        assert!(files[0] == files[1], "{}", kind.name());
    }
}

#[test]
fn quantiles_never_cross_and_the_median_is_the_point_forecast() {
    let panel = panel(ROWS + 96, 3, 0.05);
    let origins: Vec<usize> = (ROWS - 1..ROWS + 90).collect();
    for kind in kinds() {
        let pipeline = Pipeline::fit(kind.as_ref(), &panel.rows(0..ROWS), 0, &task(4), &Silent).unwrap();
        let points = pipeline.outlook(&panel, &origins).unwrap().points;
        let forecasts = pipeline.forecast(&panel, &origins, &quantiles()).unwrap();
        for lane in forecasts.values.lanes(ndarray::Axis(3)) {
            let refused = lane.iter().all(|value| value.is_nan());
            let rising = lane.windows(2).into_iter().all(|pair| pair[0] <= pair[1]);
            assert!(refused || rising, "{}: {lane}", kind.name());
        }
        assert_eq!(
            bits(&forecasts.values.slice(s![.., .., .., 2]).to_owned()),
            bits(&points),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn an_explanation_adds_up_to_the_median_or_is_refused_by_name() {
    let panel = panel(ROWS + 96, 3, 0.05);
    let mut explained = Vec::new();
    for kind in kinds() {
        let fitted = fit(kind.as_ref(), &panel.rows(0..ROWS), 4);
        let places: Vec<Place> = [(0, 1), (2, 4), (1, 2), (2, 1)]
            .map(|(series, step)| Place { series, step })
            .to_vec();
        match fitted.explain(&panel, ROWS + 40, &places) {
            Err(error) => assert!(
                matches!(&error, Error::Unexplained(name) if name == kind.name()),
                "{error}"
            ),
            Ok(explanations) => {
                let points = fitted.forecast(&panel, &[ROWS + 40]).unwrap().points;
                for (place, explanation) in places.iter().zip(&explanations) {
                    let median = points[(0, place.series, place.step - 1)];
                    let sum = explanation.median();
                    assert!(
                        (median - sum).abs() < 1e-4 * median.abs().max(1.0),
                        "{}: {median} is explained as {sum}",
                        kind.name()
                    );
                    assert!(explanation.contributions.iter().any(|one| one.amount.abs() > 1e-9));
                }
                let beyond = fitted.explain(&panel, ROWS + 40, &[Place { series: 0, step: 5 }]);
                assert!(beyond.unwrap_err().to_string().contains("a step from 1 to 4"));
                explained.push(kind.name());
            }
        }
    }
    explained.sort_unstable();
    assert_eq!(explained, ["gbdt", "linear"]);
}

#[test]
fn intervals_hold_about_as_often_as_they_say() {
    let panel = panel(ROWS + 7 * 96, 4, 0.0);
    let origins: Vec<usize> = (ROWS - 1..ROWS + 7 * 96 - 5).collect();
    let target = panel.target();
    for kind in kinds() {
        let pipeline = Pipeline::fit(kind.as_ref(), &panel.rows(0..ROWS), 0, &task(4), &Silent).unwrap();
        let (low, high) = Quantile::of_level(80.0).unwrap();
        let forecasts = pipeline.forecast(&panel, &origins, &[low, high]).unwrap();
        let (mut held, mut all) = (0.0, 0.0);
        for ((at, series, step, _), low) in forecasts.values.slice(s![.., .., .., ..1]).indexed_iter() {
            let truth = target[(origins[at] + step + 1, series)];
            all += 1.0;
            held += f64::from(u8::from(
                *low <= truth && truth <= forecasts.values[(at, series, step, 1)],
            ));
        }
        let cover: f64 = held / all;
        assert!((0.70..0.92).contains(&cover), "{}: {cover}", kind.name());
    }
}

#[test]
fn rows_behind_the_origin_are_never_read() {
    let panel = panel(ROWS + 96, 3, 0.05);
    let origins = [ROWS + 5, ROWS + 30];
    let mut values = panel.target().to_owned();
    values.slice_mut(s![origins[1] + 1.., ..]).fill(1e9);
    let garbage = panel_of(values.clone(), "15m");
    values.slice_mut(s![origins[1] + 1.., ..]).fill(f64::NAN);
    let nothing = panel_of(values, "15m");
    let cut = panel.rows(0..origins[1] + 1);
    for kind in kinds() {
        let fitted = fit(kind.as_ref(), &panel.rows(0..ROWS), 8);
        let expected = bits(&fitted.forecast(&panel, &origins).unwrap().points);
        for other in [&garbage, &nothing, &cut] {
            assert!(
                bits(&fitted.forecast(other, &origins).unwrap().points) == expected,
                "{}",
                kind.name()
            );
        }
    }
}

#[test]
fn one_origin_alone_is_forecast_as_among_many() {
    let panel = panel(ROWS + 96, 3, 0.05);
    let many: Vec<usize> = (ROWS - 1..ROWS + 90).rev().collect();
    for kind in kinds() {
        let fitted = fit(kind.as_ref(), &panel.rows(0..ROWS), 4);
        let all = fitted.forecast(&panel, &many).unwrap().points;
        let alone = fitted.forecast(&panel, &many[70..71]).unwrap().points;
        assert_eq!(
            bits(&all.slice(s![70..71, .., ..]).to_owned()),
            bits(&alone),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn gaps_in_the_input_are_no_reason_to_fail() {
    let panel = panel(ROWS, 3, 0.4);
    for kind in kinds() {
        let fitted = fit(kind.as_ref(), &panel.rows(0..ROWS - 96), 4);
        let forecasts = fitted.forecast(&panel, &[ROWS - 50, ROWS - 1]).unwrap().points;
        let sensible = forecasts
            .iter()
            .all(|value| value.is_nan() || (0.0..120.0).contains(value));
        assert!(
            sensible && forecasts.iter().any(|value| value.is_finite()),
            "{}: {forecasts}",
            kind.name()
        );
    }
}

#[test]
fn a_series_without_any_value_is_refused_and_the_others_are_not() {
    let mut values = panel(ROWS, 3, 0.0).target().to_owned();
    values.column_mut(1).fill(f64::NAN);
    let panel = panel_of(values, "15m");
    for kind in kinds() {
        let pipeline = Pipeline::fit(kind.as_ref(), &panel, 0, &task(4), &Silent).unwrap();
        let forecasts = pipeline.forecast(&panel, &[ROWS - 1], &quantiles()).unwrap().values;
        assert!(
            forecasts.slice(s![.., 1, .., ..]).iter().all(|value| value.is_nan()),
            "{}",
            kind.name()
        );
        assert!(
            forecasts.slice(s![.., 0, .., ..]).iter().all(|value| value.is_finite()),
            "{}",
            kind.name()
        );
        assert!(
            forecasts.slice(s![.., 2, .., ..]).iter().all(|value| value.is_finite()),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn a_series_without_any_value_changes_neither_the_forecasts_nor_the_intervals_of_the_others() {
    // Few enough rows that a little more of anything would show.
    let alone = panel(3 * 96, 1, 0.02);
    let values = Array2::from_shape_fn((alone.steps(), 3), |(row, series)| match series {
        1 => alone.target()[(row, 0)],
        _ => f64::NAN,
    });
    let beside = panel_of(values, "15m");
    let origins: Vec<usize> = (alone.steps() - 40..alone.steps()).collect();
    let kinds = list(Arc::new(Lags));
    for name in ["persistence", "seasonal-naive", "weekly-profile", "linear"] {
        let kind = by_name(&kinds, name).unwrap();
        let forecast = |panel: &Panel, series: usize| {
            let pipeline = Pipeline::fit(kind, panel, 0, &task(4), &Silent).unwrap();
            let forecasts = pipeline.forecast(panel, &origins, &quantiles()).unwrap().values;
            forecasts.slice(s![.., series, .., ..]).to_owned()
        };
        let (alone, beside) = (forecast(&alone, 0), forecast(&beside, 1));
        for (place, expected) in alone.indexed_iter() {
            let found = beside[place];
            let same = expected.is_nan() && found.is_nan() || (expected - found).abs() < 1e-6;
            assert!(same, "{name} at {place:?}: {found}, alone {expected}");
        }
    }
}

#[test]
fn a_constant_series_stays_constant() {
    let panel = panel_of(Array2::from_elem((ROWS, 2), 42.0), "15m");
    for kind in kinds() {
        let pipeline = Pipeline::fit(kind.as_ref(), &panel, 0, &task(4), &Silent).unwrap();
        let forecasts = pipeline.forecast(&panel, &[ROWS - 1], &quantiles()).unwrap();
        let near = forecasts.values.iter().all(|value: &f64| (value - 42.0).abs() < 1e-6);
        assert!(near, "{}: {}", kind.name(), forecasts.values);
    }
}

#[test]
fn horizons_of_one_step_and_of_seventy_two_have_their_shape() {
    let panel = panel(ROWS, 2, 0.02);
    for kind in kinds() {
        for horizon in [1, 72] {
            let fitted = fit(kind.as_ref(), &panel, horizon);
            let forecasts = fitted.forecast(&panel, &[ROWS - 2, ROWS - 1]).unwrap().points;
            assert_eq!(forecasts.dim(), (2, 2, horizon), "{}", kind.name());
            assert_eq!(fitted.horizon(), horizon);
        }
    }
}

#[test]
fn a_history_that_is_too_short_is_refused_clearly() {
    let panel = panel(6, 2, 0.0);
    for kind in kinds() {
        let error = Pipeline::fit(kind.as_ref(), &panel, 0, &task(12), &Silent)
            .err()
            .unwrap();
        assert!(
            matches!(error, Error::NotEnoughData { got: 6, .. }),
            "{}: {error}",
            kind.name()
        );
    }
}

#[test]
fn kinds_that_there_are_too_few_rows_for_say_so_before_anything_is_fitted() {
    let panel = panel(30, 2, 0.0);
    let kinds = kinds();
    let check = |kind: &dyn Forecaster| Pipeline::check(kind, &panel, 0, &task(8));
    let refused: Vec<&str> = kinds
        .iter()
        .map(AsRef::as_ref)
        .filter(|kind: &&dyn Forecaster| check(*kind).is_err())
        .map(Forecaster::name)
        .collect();
    let expected = [
        "linear",
        "forest",
        "gbdt",
        "stid",
        "ensemble",
        "lstm",
        "transformer",
        "network",
    ];
    assert_eq!(refused, expected);
    let error = check(kinds.iter().find(|kind| kind.name() == "gbdt").unwrap().as_ref()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "gbdt, fitted on 14 of 30 rows as the last 16 calibrate its intervals, needs at least 20 rows, there are 14"
    );
}

#[test]
fn rows_that_calibrate_are_told_of_where_too_few_are_left_to_fit_on() {
    let kinds = kinds();
    let linear = kinds.iter().find(|kind| kind.name() == "linear").unwrap();
    let error = Pipeline::fit(linear.as_ref(), &panel(10, 2, 0.0), 0, &task(3), &Silent)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "linear, fitted on 4 of 10 rows as the last 6 calibrate its intervals, needs at least 18 rows, there are 4"
    );
}

#[test]
fn the_first_row_is_forecast_from_or_refused_never_made_up() {
    let panel = panel(ROWS, 2, 0.0);
    for kind in kinds() {
        let forecasts = fit(kind.as_ref(), &panel, 4).forecast(&panel, &[0]).unwrap().points;
        let sensible = forecasts
            .iter()
            .all(|value| value.is_nan() || (20.0..80.0).contains(value));
        assert!(sensible, "{}: {forecasts}", kind.name());
    }
}

#[test]
fn another_panel_is_refused_by_what_differs() {
    let training = panel(ROWS, 2, 0.0);
    let wider = panel(ROWS, 3, 0.0);
    let faster = panel_of(training.target().to_owned(), "5m");
    for kind in kinds() {
        let fitted = fit(kind.as_ref(), &training, 4);
        for (other, what) in [(&wider, "series"), (&faster, "step")] {
            let error = fitted.forecast(other, &[0]).unwrap_err();
            assert!(
                error.to_string().contains(what) && error.is_bad_input(),
                "{}: {error}",
                kind.name()
            );
        }
        assert!(
            fitted
                .forecast(&training, &[ROWS])
                .unwrap_err()
                .to_string()
                .contains("origin")
        );
    }
}

#[test]
fn an_unknown_kind_is_refused_with_the_names_there_are() {
    let error = by_name(&kinds(), "oracle").err().unwrap().to_string();
    for kind in kinds() {
        assert!(error.contains(kind.name()), "{error}");
    }
}

#[test]
fn a_task_of_zero_steps_is_refused() {
    for kind in kinds() {
        assert!(
            kind.fit(&panel(ROWS, 1, 0.0), &task(0), &Silent).is_err(),
            "{}",
            kind.name()
        );
    }
}
