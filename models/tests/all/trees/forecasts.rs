//! Forecasting with imported trees.

use arterial_datasets::panel::{CityMeans, Panel};
use arterial_models::pipeline::Pipeline;
use arterial_models::trees::SavedTrees;
use arterial_models::{FittedForecaster, Forecaster, Silent, Task};
use ndarray::{Array2, Array3, s};
use serde_json::{Value, json};

use super::{constant, import, persistence, recursive, stump};
use crate::support::{panel, panel_of};

const ROWS: usize = 14 * 96;

fn task(horizon: usize) -> Task {
    Task {
        context: 3,
        horizon,
        seed: 1,
    }
}

fn fit(description: &Value, models: &[String], panel: &Panel, horizon: usize) -> Box<dyn FittedForecaster> {
    let trees = import(description, models).unwrap();
    trees.fit(panel, &task(horizon), &Silent).unwrap()
}

/// The medians from the last row of a series that is `value` all the time.
fn medians(description: &Value, models: &[String], value: f64, horizon: usize) -> Vec<f64> {
    let panel = panel_of(Array2::from_elem((40, 1), value), "15m");
    let points: Array3<f64> = fit(description, models, &panel, horizon)
        .forecast(&panel, &[39])
        .unwrap()
        .points;
    points.slice(s![0, 0, ..]).to_vec()
}

#[test]
fn each_step_is_asked_of_its_own_model() {
    let description = json!({
        "step": "15m", "horizon": 3, "strategy": "direct", "features": [{"lag": 0}], "output": "value",
        "models": [{"file": "c", "step": 3}, {"file": "a", "step": 1}, {"file": "b", "step": 2}]
    });
    let models = [30.0, 10.0, 20.0].map(|value| constant(1, value));
    assert_eq!(medians(&description, &models, 5.0, 3), [10.0, 20.0, 30.0]);
    assert_eq!(medians(&description, &models, 5.0, 2), [10.0, 20.0]);
}

#[test]
fn one_model_is_told_the_step() {
    let description = json!({
        "step": "15m", "horizon": 4, "strategy": "direct", "features": [{"lag": 0}, "horizon"], "output": "value"
    });
    let models = [stump(2, 1, 2.5, [10.0, 20.0])];
    assert_eq!(medians(&description, &models, 5.0, 4), [10.0, 10.0, 20.0, 20.0]);
}

#[test]
fn a_recursive_model_reads_what_it_forecast() {
    let models = [stump(1, 0, 10.5, [1.0, -1.0])];
    assert_eq!(medians(&recursive(), &models, 9.0, 4), [10.0, 11.0, 10.0, 11.0]);
}

#[test]
fn a_change_is_added_to_the_last_value_and_refused_where_that_is_missing() {
    let mut values = Array2::from_elem((40, 2), 30.0);
    values[(39, 1)] = f64::NAN;
    let panel = panel_of(values, "15m");
    let mut description = recursive();
    description["features"] = json!([{"lag": 0}, {"lag": 1}]);
    let fitted = fit(&description, &[constant(2, 1.5)], &panel, 2);
    let points = fitted.forecast(&panel, &[39]).unwrap().points;
    assert_eq!(points.slice(s![0, 0, ..]).to_vec(), [31.5, 33.0]);
    assert!(points.slice(s![0, 1, ..]).iter().all(|value| value.is_nan()));
}

#[test]
fn a_missing_value_takes_the_way_of_missing_values() {
    let mut values = Array2::from_elem((40, 1), 30.0);
    values[(39, 0)] = f64::NAN;
    let panel = panel_of(values, "15m");
    let description = json!({
        "step": "15m", "horizon": 1, "strategy": "direct", "features": [{"lag": 0}, {"lag": 1}], "output": "value"
    });
    let models = [stump(2, 0, 10.0, [7.0, 8.0])];
    let points = fit(&description, &models, &panel, 1).forecast(&panel, &[38, 39]);
    let points = points.unwrap().points;
    assert_eq!(points.iter().copied().collect::<Vec<f64>>(), [8.0, 7.0]);
}

#[test]
fn a_covariate_is_read_as_known_at_the_origin_and_stands_in_the_scope() {
    let plain = panel_of(Array2::from_elem((40, 1), 30.0), "15m");
    let means = CityMeans {
        covariate: "weather.precipitation_mm".parse().unwrap(),
        window: "15m".parse().unwrap(),
        means: (0..40)
            .map(|row| (plain.time(row), if row < 38 { 0.0 } else { 9.0 }))
            .collect(),
    };
    let rainy = plain.clone().with_covariate(&means);
    let description = json!({
        "step": "15m", "horizon": 1, "strategy": "direct", "output": "value",
        "features": [{"lag": 0}, {"covariate": "weather.precipitation_mm", "lag": 0}]
    });
    let models = [stump(2, 1, 5.0, [7.0, 8.0])];
    let fitted = fit(&description, &models, &rainy, 1);
    let points = fitted.forecast(&rainy, &[38, 39]).unwrap().points;
    assert_eq!(points.iter().copied().collect::<Vec<f64>>(), [7.0, 8.0]);
    assert_eq!(fitted.scope().covariates, rainy.channels()[1..]);
    let dry = fitted.forecast(&plain, &[39]).unwrap_err().to_string();
    assert!(dry.contains("covariates"), "{dry}");
    let unknown = import(&description, &models).unwrap().fit(&plain, &task(1), &Silent);
    let message = unknown.err().unwrap().to_string();
    assert!(message.contains("a covariate of the panel: there is none"), "{message}");
    let mut older = description;
    older["features"][1]["lag"] = json!(6);
    assert_eq!(fit(&older, &models, &rainy, 1).history(), 7);
}

#[test]
fn models_of_the_tails_become_the_spread() {
    let panel = panel_of(Array2::from_elem((40, 1), 30.0), "15m");
    let description = json!({
        "step": "15m", "horizon": 2, "strategy": "recursive", "features": [{"lag": 0}], "output": "change",
        "models": [{"file": "low", "quantile": 0.1}, {"file": "middle"}, {"file": "high", "quantile": 0.9}]
    });
    let models = [-4.0, 1.0, 3.0].map(|value| constant(1, value));
    let outlook = fit(&description, &models, &panel, 2).forecast(&panel, &[39]).unwrap();
    assert_eq!(outlook.points.iter().copied().collect::<Vec<f64>>(), [31.0, 32.0]);
    let spread = outlook.spread.unwrap();
    assert_eq!(spread.iter().copied().collect::<Vec<f64>>(), [5.0, 2.0, 5.0, 2.0]);
}

#[test]
fn models_and_description_travel_in_the_artefact() {
    let panel = panel(ROWS, 2, 0.05);
    let description = json!({
        "step": "15m", "horizon": 4, "strategy": "direct", "time_of": "origin", "output": "change",
        "features": [
            {"lag": 0}, {"mean": [1, 3]}, "time_of_day", {"series": {"s0": 53.719_284_610_000_03, "s1": -0.1}},
            "horizon"
        ],
        "models": [{"file": "low", "quantile": 0.1}, {"file": "middle"}, {"file": "high", "quantile": 0.9}]
    });
    let models = [
        stump(5, 4, 2.5, [-2.1, -3.3]),
        stump(5, 3, 0.0, [0.1, -0.7]),
        stump(5, 2, 0.5, [1.9, 2.3]),
    ];
    let trees = import(&description, &models).unwrap();
    let pipeline = Pipeline::fit(&trees, &panel, 0, &task(3), &Silent).unwrap();
    let files = pipeline.files().unwrap();
    let kinds: Vec<Box<dyn Forecaster>> = Vec::new();
    let again = Pipeline::load(&files, &kinds).unwrap();
    let origins: Vec<usize> = (ROWS - 90..ROWS).collect();
    let bits = |pipeline: &Pipeline| {
        let outlook = pipeline.outlook(&panel, &origins).unwrap();
        let spread = outlook.spread.unwrap();
        let values = outlook.points.iter().chain(&spread);
        values.map(|value| value.to_bits()).collect::<Vec<u64>>()
    };
    assert!(bits(&again) == bits(&pipeline));
    assert_eq!(again.files().unwrap(), files);
    assert_eq!((again.name(), again.horizon(), again.history()), ("trees", 3, 4));
}

#[test]
fn other_files_and_other_descriptions_are_told_apart() {
    let digest = |description: &Value, value: f64| {
        let trees = import(description, &[constant(1, value)]).unwrap();
        trees.imported().unwrap().to_owned()
    };
    let mut shorter = recursive();
    shorter["horizon"] = json!(4);
    let digests = [
        digest(&recursive(), 0.0),
        digest(&recursive(), 1.0),
        digest(&shorter, 0.0),
    ];
    assert!(digests[0] != digests[1] && digests[0] != digests[2], "{digests:?}");
    assert_eq!(digest(&recursive(), 0.0), digests[0]);
}

#[test]
fn what_does_not_fit_the_trees_is_refused_by_name() {
    let faster = panel_of(panel(ROWS, 2, 0.0).target().to_owned(), "5m");
    let panel = panel(ROWS, 2, 0.0);
    let refusal = |kind: &dyn Forecaster, panel: &Panel, horizon| {
        kind.fit(panel, &task(horizon), &Silent).err().unwrap().to_string()
    };
    let trees = persistence();
    assert!(refusal(&trees, &faster, 4).contains("`step` is `5m`, accepted: 15m"));
    assert!(refusal(&trees, &panel, 73).contains("`horizon` is `73`, accepted: 1 to 72"));
    assert!(refusal(&SavedTrees, &panel, 4).contains("files of XGBoost or LightGBM"));
    let mut description = recursive();
    description["features"] = json!([{"lag": 0}, {"series": {"s0": 1}}]);
    let coded = import(&description, &[constant(2, 0.0)]).unwrap();
    assert!(refusal(&coded, &panel, 4).contains("nothing for `s1`"));
    description["features"] = json!([{"lag": 0}, {"static": "lanes"}]);
    let lanes = import(&description, &[constant(2, 0.0)]).unwrap();
    assert!(refusal(&lanes, &panel, 4).contains("`lanes`, accepted: a static attribute of the series: there is none"));
}
