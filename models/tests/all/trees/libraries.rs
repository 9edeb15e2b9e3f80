//! Forecasts equal what the libraries predicted for the same rows. The files are those of `gbdt/fixtures`.

use arterial_datasets::panel::{Attributes, Panel};
use arterial_models::trees::{ImportedTrees, ModelFile};
use arterial_models::{Forecaster, Silent, Task};
use ndarray::{Array2, ArrayView1, s};
use serde_json::{Map, Value, json};

use super::parse;
use crate::gbdt::import::{fixture, numbers};
use crate::support::panel_of;

/// The row of the panel that is forecast from.
const ORIGIN: usize = 7;
/// Of numbers only, three columns.
const NUMBERS: [&str; 11] = [
    "xgboost_regression.model",
    "xgboost_regression.ubj",
    "xgboost_poisson.model",
    "xgboost_logistic.model",
    "xgboost_dart.model",
    "lightgbm_regression.txt",
    "lightgbm_zero_as_missing.txt",
    "lightgbm_no_missing.txt",
    "lightgbm_poisson.txt",
    "lightgbm_binary.txt",
    "lightgbm_forest.txt",
];
/// With two more columns, of categories.
const CATEGORIES: [&str; 2] = ["xgboost_categories.model", "lightgbm_categories.txt"];

fn answers() -> Value {
    serde_json::from_slice(&fixture("answers.json")).unwrap()
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

/// Forecasts one step with `file`, whose columns are `features`, and compares.
fn forecasts_as_there(file: &str, features: &Value) {
    let answers = answers();
    let panel = panel(&numbers(&answers["rows"]));
    let name = file.split('.').next().unwrap();
    let expected = numbers(&answers["predictions"][name]);
    let description = json!({
        "step": "15m", "horizon": 1, "strategy": "direct", "features": features, "output": "value"
    });
    let bytes = fixture(file);
    let name = file.into();
    let trees = ImportedTrees::new(parse(&description).unwrap(), &[ModelFile { name, bytes }]).unwrap();
    let task = Task {
        context: 1,
        horizon: 1,
        seed: 1,
    };
    let fitted = trees.fit(&panel, &task, &Silent).unwrap();
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
    let codes = codes(&numbers(&answers()["rows"]).column(3));
    let features = json!([{"lag": 0}, {"lag": 1}, {"lag": 2}, {"series": codes}, {"static": "code"}]);
    for file in CATEGORIES {
        forecasts_as_there(file, &features);
    }
}
