//! Forecasting with imported networks.

use arterial_datasets::panel::{CityMeans, Holidays, Panel};
use arterial_models::artefact::{Files, Parts};
use arterial_models::onnx::{ImportedNetwork, SavedNetwork};
use arterial_models::pipeline::Pipeline;
use arterial_models::{FittedForecaster, Forecaster, Silent, Task};
use ndarray::{Array2, array, s};
use serde_json::{Value, json};

use super::description::{lstm, parse};
use super::fixture;
use crate::support::{panel, panel_of};

const ROWS: usize = 14 * 96;

/// The last value for up to 72 steps.
pub fn persistence() -> ImportedNetwork {
    let mut description = lstm();
    description["horizon"] = json!(72);
    description["scaling"] = json!("none");
    description["input"]["axes"] = json!(["batch", "time"]);
    description["input"]["channels"] = json!(["target"]);
    description["input"]["missing"] = json!("last");
    import("persistence.onnx", &description)
}

fn import(name: &str, description: &Value) -> ImportedNetwork {
    ImportedNetwork::new(fixture(name), parse(description).unwrap()).unwrap()
}

fn mixing(missing: &str) -> ImportedNetwork {
    let mut description = lstm();
    description["scaling"] = json!("none");
    description["input"] = json!({"name": "city", "axes": ["batch", "time", "series", "channel"], "channels": ["target"], "missing": missing});
    description["output"]["axes"] = json!(["batch", "time", "series"]);
    import("mixing.onnx", &description)
}

fn task(horizon: usize) -> Task {
    Task {
        context: 3,
        horizon,
        seed: 1,
    }
}

fn fit(kind: &dyn Forecaster, panel: &Panel) -> Box<dyn FittedForecaster> {
    kind.fit(panel, &task(4), &Silent).unwrap()
}

#[test]
fn each_series_is_scaled_by_its_own_mean_and_deviation() {
    let panel = panel(ROWS, 3, 0.0);
    let mut faster = panel.target().to_owned();
    faster.column_mut(1).mapv_inplace(|value| 1.609 * value + 7.0);
    let faster = panel_of(faster, "15m");
    let network = import("lstm.onnx", &lstm());
    let origins = [20, ROWS - 1];
    let plain = fit(&network, &panel).forecast(&panel, &origins).unwrap().points;
    let scaled = fit(&network, &faster).forecast(&faster, &origins).unwrap().points;
    for ((at, series, step), value) in plain.indexed_iter() {
        let expected = if series == 1 { 1.609 * value + 7.0 } else { *value };
        assert!((scaled[(at, series, step)] - expected).abs() < 1e-4);
    }
}

#[test]
fn a_network_that_repeats_forecasts_the_last_value() {
    let panel = panel(ROWS, 3, 0.0);
    let origins = [11, 700, ROWS - 1];
    let points = fit(&persistence(), &panel).forecast(&panel, &origins).unwrap().points;
    for ((at, series, _), value) in points.indexed_iter() {
        assert!((value - panel.target()[(origins[at], series)]).abs() < 1e-4);
    }
}

#[test]
fn all_series_go_in_at_once_where_the_network_has_an_axis_for_them() {
    let mut values = Array2::from_elem((40, 4), 10.0);
    values.row_mut(39).assign(&array![10.0, 20.0, 30.0, 40.0]);
    let panel = panel_of(values, "15m");
    let points = fit(&mixing("zero"), &panel).forecast(&panel, &[39]).unwrap().points;
    for (value, expected) in points.slice(s![0, .., 3]).iter().zip([13.75, 21.25, 28.75, 36.25]) {
        assert!((value - expected).abs() < 1e-5);
    }
}

#[test]
fn a_missing_value_becomes_what_the_description_says() {
    let mut values = Array2::from_elem((40, 1), 30.0);
    values[(39, 0)] = f64::NAN;
    let panel = panel_of(values, "15m");
    for (missing, expected) in [
        (json!("zero"), 0.0),
        (json!("last"), 30.0),
        (json!({"value": 5.0}), 5.0),
    ] {
        let mut description = lstm();
        description["horizon"] = json!(72);
        description["scaling"] = json!("none");
        description["input"]["axes"] = json!(["batch", "time"]);
        description["input"]["channels"] = json!(["target"]);
        description["input"]["missing"] = missing;
        let points = fit(&import("persistence.onnx", &description), &panel)
            .forecast(&panel, &[39])
            .unwrap()
            .points;
        assert!((points[(0, 0, 0)] - expected).abs() < 1e-5);
    }
    let points = fit(&mixing("refuse"), &panel)
        .forecast(&panel, &[38, 39])
        .unwrap()
        .points;
    assert!((points[(0, 0, 0)] - 30.0).abs() < 1e-5 && points[(1, 0, 0)].is_nan());
}

/// Tells the channels of the last row, one a step: the target, the temperature in its units, and whether it is a holiday.
fn last_row(missing: &str) -> ImportedNetwork {
    let mut description = lstm();
    description["horizon"] = json!(3);
    description["scaling"] = json!("none");
    description["input"]["channels"] = json!(["target", {"covariate": "weather.temperature_celsius"}, "is_holiday"]);
    description["input"]["scales"] = json!({"weather.temperature_celsius": {"mean": 10.0, "deviation": 2.0}});
    description["input"]["missing"] = json!(missing);
    import("last-row.onnx", &description)
}

/// Forty rows of 30, and the temperature of the first `windows` windows, which is 14.
fn tempered(windows: usize) -> Panel {
    let plain = panel_of(Array2::from_elem((40, 1), 30.0), "15m");
    let means = CityMeans {
        covariate: "weather.temperature_celsius".parse().unwrap(),
        window: "15m".parse().unwrap(),
        means: (0..windows).map(|row| (plain.time(row), 14.0)).collect(),
    };
    plain.with_covariate(&means)
}

#[test]
fn covariates_and_holidays_are_channels() {
    let holiday: jiff::civil::Date = "2026-03-20".parse().unwrap();
    let holidays: Holidays = [holiday].into_iter().collect();
    let task = task(3);
    for (windows, missing, expected) in [
        (40, "zero", [30.0, 2.0, 1.0]),
        (30, "zero", [30.0, 0.0, 1.0]),
        (30, "last", [30.0, 2.0, 1.0]),
        (30, "refuse", [f64::NAN; 3]),
    ] {
        let panel = tempered(windows).with_holidays(holidays.clone());
        let fitted = last_row(missing).fit(&panel, &task, &Silent).unwrap();
        let points = fitted.forecast(&panel, &[39]).unwrap().points;
        let is_same =
            |(found, expected): (&f64, &f64)| (found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-6;
        assert!(
            points.iter().zip(&expected).all(is_same),
            "{windows} {missing}: {points}"
        );
    }
    let plain = panel_of(Array2::from_elem((40, 1), 30.0), "15m");
    let refused = last_row("zero").fit(&plain, &task, &Silent).err().unwrap().to_string();
    assert!(
        refused.contains("`input.channels` is `weather.temperature_celsius`") && refused.contains("there is none"),
        "{refused}"
    );
}

#[test]
fn a_day_of_the_week_is_that_of_the_calendar_on_holidays_too() {
    let holiday: jiff::civil::Date = "2026-03-20".parse().unwrap();
    let mut description = lstm();
    description["horizon"] = json!(3);
    description["scaling"] = json!("none");
    description["input"]["channels"] = json!(["target", "day_of_week", "is_holiday"]);
    let network = import("last-row.onnx", &description);
    let plain = panel_of(Array2::from_elem((40, 1), 30.0), "15m");
    for (panel, expected) in [
        (plain.clone(), [30.0, 4.0, 0.0]),
        (plain.with_holidays([holiday].into_iter().collect()), [30.0, 4.0, 1.0]),
    ] {
        let fitted = network.fit(&panel, &task(3), &Silent).unwrap();
        let points = fitted.forecast(&panel, &[39]).unwrap().points;
        assert_eq!(points.iter().copied().collect::<Vec<f64>>(), expected);
    }
}

#[test]
fn a_series_without_a_value_in_its_context_is_refused() {
    let mut values = Array2::from_elem((40, 3), 30.0);
    values.slice_mut(s![20.., 1]).fill(f64::NAN);
    let panel = panel_of(values, "15m");
    for network in [persistence(), mixing("last")] {
        let points = fit(&network, &panel).forecast(&panel, &[5, 39]).unwrap().points;
        assert!(
            points.slice(s![0, .., ..]).iter().all(|value| value.is_nan()),
            "the context is too short"
        );
        assert!(points.slice(s![1, 1, ..]).iter().all(|value| value.is_nan()));
        assert!(points.slice(s![1, 0, ..]).iter().all(|value| value.is_finite()));
    }
}

#[test]
fn quantiles_of_the_network_become_its_spread() {
    let panel = panel(ROWS, 2, 0.05);
    let mut description = lstm();
    description["output"] =
        json!({"name": "forecast", "axes": ["batch", "time", "quantile"], "quantiles": [0.1, 0.5, 0.9]});
    let outlook = fit(&import("transformer.onnx", &description), &panel)
        .forecast(&panel, &[ROWS - 1])
        .unwrap();
    assert!(outlook.points.iter().all(|value| value.is_finite()));
    let spread = outlook.spread.unwrap();
    assert_eq!(spread.dim(), (1, 2, 4, 2));
    assert!(spread.iter().all(|distance| *distance > 0.0));
}

#[test]
fn a_window_is_answered_the_same_bits_wherever_it_stands_among_others() {
    let panel = panel(ROWS, 5, 0.05);
    let mut quantiles = lstm();
    quantiles["output"] =
        json!({"name": "forecast", "axes": ["batch", "time", "quantile"], "quantiles": [0.1, 0.5, 0.9]});
    for network in [
        import("lstm.onnx", &lstm()),
        import("transformer.onnx", &quantiles),
        mixing("zero"),
    ] {
        let fitted = fit(&network, &panel);
        let many: Vec<usize> = (ROWS - 40..ROWS).collect();
        let all = fitted.forecast(&panel, &many).unwrap();
        for (at, origin) in many.iter().enumerate() {
            assert_eq!(fitted.forecast(&panel, &[*origin]).unwrap(), all.of_origins(at..at + 1));
        }
    }
}

#[test]
fn network_and_description_travel_in_the_artefact() {
    let panel = panel(ROWS, 3, 0.05);
    let mut description = lstm();
    description["scaling"] = json!({"given": {"mean": 53.719_284_610_000_03, "deviation": 20.261_437_95}});
    let network = import("lstm.onnx", &description);
    let pipeline = Pipeline::fit(&network, &panel, 0, &task(3), &Silent).unwrap();
    let files = pipeline.files().unwrap();
    let kinds: Vec<Box<dyn Forecaster>> = vec![Box::new(SavedNetwork)];
    let again = Pipeline::load(&files, &kinds).unwrap();
    let origins = [ROWS - 2, ROWS - 1];
    assert_eq!(
        again.outlook(&panel, &origins).unwrap(),
        pipeline.outlook(&panel, &origins).unwrap()
    );
    assert_eq!(again.files().unwrap(), files);
    assert_eq!(again.horizon(), 3);
}

#[test]
fn a_saved_network_whose_bytes_were_changed_is_refused() {
    let panel = panel(ROWS, 2, 0.0);
    let mut parts = fit(&persistence(), &panel).save().unwrap();
    parts = parts.with_bytes("network", b"something else");
    let again: Parts = Files::of(&parts).unwrap().parts().unwrap();
    assert!(SavedNetwork.load(&again).err().unwrap().is_refusal());
}

#[test]
fn other_files_and_other_descriptions_are_told_apart() {
    let digest = |name: &str, description: &Value| import(name, description).imported().unwrap().to_owned();
    let mut given = lstm();
    given["scaling"] = json!("none");
    let mut quantiles = lstm();
    quantiles["output"] =
        json!({"name": "forecast", "axes": ["batch", "time", "quantile"], "quantiles": [0.1, 0.5, 0.9]});
    let digests = [
        digest("lstm.onnx", &lstm()),
        digest("lstm.onnx", &given),
        digest("transformer.onnx", &quantiles),
    ];
    for (place, one) in digests.iter().enumerate() {
        assert!(!digests[..place].contains(one), "{place}");
    }
    assert_eq!(digest("lstm.onnx", &lstm()), digests[0]);
}

#[test]
fn what_does_not_fit_the_network_is_refused_by_name() {
    let faster = panel_of(panel(ROWS, 2, 0.0).target().to_owned(), "5m");
    let panel = panel(ROWS, 2, 0.0);
    let network = import("lstm.onnx", &lstm());
    let refusal = |kind: &dyn Forecaster, panel: &Panel, horizon| {
        kind.fit(panel, &task(horizon), &Silent).err().unwrap().to_string()
    };
    assert!(refusal(&network, &faster, 4).contains("`step` is `5m`"));
    assert!(refusal(&network, &panel, 5).contains("`horizon` is `5`"));
    assert!(refusal(&SavedNetwork, &panel, 4).contains("ONNX file and its description"));
    let mut description = lstm();
    description["context"] = json!(24);
    assert!(refusal(&import("lstm.onnx", &description), &panel, 4).contains("[*, 12, 3]"));
    let mut description = lstm();
    description["horizon"] = json!(6);
    assert!(refusal(&import("lstm.onnx", &description), &panel, 4).contains("6 steps"));
    let mut description = lstm();
    description["scaling"] = json!({"given_per_series": {"s0": {"mean": 1.0, "deviation": 1.0}}});
    assert!(refusal(&import("lstm.onnx", &description), &panel, 4).contains("`s1`"));
}
