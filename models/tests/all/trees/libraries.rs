//! Forecasts equal what the libraries predicted for the same rows. The files are those of `gbdt/fixtures`.

use arterial_datasets::panel::{Attributes, Panel};
use arterial_models::trees::{ImportedTrees, ModelFile, SavedTrees};
use arterial_models::{FittedForecaster, Forecaster, Silent, Task};
use ndarray::{Array2, ArrayView1, s};
use serde_json::{Map, Value, json};

use super::parse;
use crate::gbdt::import::{fixture, numbers, predictions};
use crate::support::panel_of;

/// The row of the panel that is forecast from.
const ORIGIN: usize = 7;
/// Of numbers only, three columns.
const NUMBERS: [&str; 13] = [
    "xgboost_regression.model",
    "xgboost_regression.ubj",
    "xgboost_poisson.model",
    "xgboost_logistic.model",
    "xgboost_dart.model",
    "xgboost17_dart.model",
    "xgboost17_forest.model",
    "lightgbm_regression.txt",
    "lightgbm_zero_as_missing.txt",
    "lightgbm_no_missing.txt",
    "lightgbm_poisson.txt",
    "lightgbm_binary.txt",
    "lightgbm_forest.txt",
];
/// With two more columns, of categories.
const CATEGORIES: [&str; 5] = [
    "xgboost_categories.model",
    "xgboost17_categories.model",
    "xgboost17_categories.ubj",
    "xgboost21_categories.ubj",
    "lightgbm_categories.txt",
];

/// The rows that the libraries were asked.
fn rows() -> Array2<f64> {
    let answers: Value = serde_json::from_slice(&fixture("answers.json")).unwrap();
    numbers(&answers["rows"])
}

/// A series for each of `rows`: its newest three values are the first three columns, its attribute `code` is the last.
fn panel(rows: &Array2<f64>) -> Panel {
    let mut values = Array2::from_elem((ORIGIN + 1, rows.nrows()), f64::NAN);
    for lag in 0..3 {
        values.row_mut(ORIGIN - lag).assign(&rows.column(lag));
    }
    panel_of(values, "15m").with_attributes(Attributes {
        names: vec!["code".into()],
        values: rows.slice(s![.., 4..]).to_owned(),
    })
}

/// The fourth column by the names of the series; a missing one stands in a row without any value.
fn codes(column: &ArrayView1<'_, f64>) -> Map<String, Value> {
    let code = |(series, code): (usize, &f64)| (format!("s{series}"), json!(code.max(0.0)));
    column.iter().enumerate().map(code).collect()
}

/// The models in `file` that `description` says, on `panel`.
fn fit(file: &str, description: &Value, panel: &Panel) -> Box<dyn FittedForecaster> {
    let bytes = fixture(file);
    let name = file.into();
    let trees = ImportedTrees::new(parse(description).unwrap(), &[ModelFile { name, bytes }]).unwrap();
    let task = Task {
        context: 1,
        horizon: 1,
        seed: 1,
    };
    trees.fit(panel, &task, &Silent).unwrap()
}

/// Forecasts one step with `file`, whose columns are `features`, and compares.
fn forecasts_as_there(file: &str, features: &Value) {
    let panel = panel(&rows());
    let expected = predictions(file.split('.').next().unwrap());
    let description = json!({
        "step": "15m", "horizon": 1, "strategy": "direct", "features": features, "output": "value"
    });
    let fitted = fit(file, &description, &panel);
    let points = fitted.forecast(&panel, &[ORIGIN]).unwrap().points;
    let scale = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for (series, found) in points.slice(s![0, .., 0]).indexed_iter() {
        if panel.target().column(series).iter().all(|value| value.is_nan()) {
            assert!(found.is_nan(), "{file}: nothing of row {series} is there");
            continue;
        }
        let expected = expected[(series, 0)];
        assert!(
            (found - expected).abs() <= 1e-6 * scale,
            "{file}, row {series}: {found} {expected}"
        );
    }
}

#[test]
fn models_of_both_libraries_forecast_what_they_predict_there() {
    for file in NUMBERS {
        forecasts_as_there(file, &json!([{"lag": 0}, {"lag": 1}, {"lag": 2}]));
    }
}

#[test]
fn categories_are_told_by_series_and_by_attribute() {
    let codes = codes(&rows().column(3));
    let features = json!([{"lag": 0}, {"lag": 1}, {"lag": 2}, {"series": codes}, {"static": "code"}]);
    for file in CATEGORIES {
        forecasts_as_there(file, &features);
    }
}

#[test]
fn outputs_of_one_file_are_models_of_their_own() {
    let (panel, file) = (panel(&rows()), "xgboost21_quantiles.model");
    let description = json!({
        "step": "15m", "horizon": 1, "strategy": "direct", "output": "value",
        "features": [{"lag": 0}, {"lag": 1}, {"lag": 2}],
        "models": [
            {"file": file, "output": 1}, {"file": file, "output": 0, "quantile": 0.1},
            {"file": file, "output": 2, "quantile": 0.9}
        ]
    });
    let fitted = fit(file, &description, &panel);
    let outlook = fitted.forecast(&panel, &[ORIGIN]).unwrap();
    let expected = predictions("xgboost21_quantiles");
    let spread = outlook.spread.as_ref().unwrap();
    let is_close = |found: f64, expected: f64| (found - expected).abs() < 1e-5;
    for (series, median) in outlook.points.slice(s![0, .., 0]).indexed_iter() {
        if median.is_nan() {
            continue;
        }
        let [low, middle, high] = [0, 1, 2].map(|output| expected[(series, output)]);
        assert!(is_close(*median, middle), "row {series}: {median} {middle}");
        assert!(
            is_close(spread[(0, series, 0, 0)], (middle - low).max(0.0)),
            "row {series}"
        );
        assert!(
            is_close(spread[(0, series, 0, 1)], (high - middle).max(0.0)),
            "row {series}"
        );
    }
    let again = SavedTrees.load(&fitted.save().unwrap()).unwrap();
    let bits = |fitted: &dyn FittedForecaster| {
        let outlook = fitted.forecast(&panel, &[ORIGIN]).unwrap();
        let values = outlook.points.iter().chain(outlook.spread.as_ref().unwrap());
        values.map(|value| value.to_bits()).collect::<Vec<u64>>()
    };
    assert_eq!(bits(&*again), bits(&*fitted));
}
