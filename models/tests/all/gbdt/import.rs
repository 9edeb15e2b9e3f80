//! Models of other libraries predict here what they predict there. `fixtures/make.py` and `make_older.py` wrote the files.

use std::path::PathBuf;

use arterial_models::gbdt::{FittedGbdt, Rounds};
use ndarray::Array2;
use proptest::prelude::*;

const XGBOOST: [&str; 6] = ["regression", "poisson", "logistic", "quantiles", "dart", "categories"];
const LIGHTGBM: [&str; 7] = [
    "regression",
    "zero_as_missing",
    "no_missing",
    "poisson",
    "binary",
    "forest",
    "categories",
];
/// Of releases 1.7 and 2.1 of `XGBoost`.
const OLDER: [&str; 6] = [
    "xgboost17_categories.model",
    "xgboost17_categories.ubj",
    "xgboost17_dart.model",
    "xgboost17_forest.model",
    "xgboost21_categories.ubj",
    "xgboost21_quantiles.model",
];

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/all/gbdt/fixtures")
            .join(name),
    )
    .unwrap()
}

pub fn numbers(rows: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<Option<f64>>> = serde_json::from_value(rows.clone()).unwrap();
    let columns = rows[0].len();
    let values = rows
        .into_iter()
        .flatten()
        .map(|value| value.unwrap_or(f64::NAN))
        .collect();
    Array2::from_shape_vec((Vec::len(&values) / columns, columns), values).unwrap()
}

/// What the library predicted with the model `name` for the rows of `answers.json`.
pub fn predictions(name: &str) -> Array2<f64> {
    let read = |file| -> serde_json::Value { serde_json::from_slice(&fixture(file)).unwrap() };
    match read("older.json").get(name) {
        Some(rows) => numbers(rows),
        None => numbers(&read("answers.json")["predictions"][name]),
    }
}

fn predicts_as_there(name: &str, model: &FittedGbdt) {
    let answers: serde_json::Value = serde_json::from_slice(&fixture("answers.json")).unwrap();
    let rows = numbers(&answers["rows"]).mapv(|value| value as f32);
    let rows = rows.slice(ndarray::s![.., ..model.columns()]);
    let expected = predictions(name);
    let predictions = model.predict(rows, None).unwrap();
    assert_eq!(predictions.dim(), expected.dim(), "{name}");
    let scale = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for (row, (found, expected)) in predictions.iter().zip(&expected).enumerate() {
        assert!(
            (f64::from(*found) - expected).abs() <= 1e-6 * scale,
            "{name}, row {row}: {found} {expected}"
        );
    }
    assert_eq!(
        FittedGbdt::load(&model.save()).unwrap().predict(rows, None).unwrap(),
        predictions
    );
}

#[test]
fn xgboost_models_predict_as_in_xgboost() {
    for name in XGBOOST {
        let model = FittedGbdt::from_xgboost(&fixture(&format!("xgboost_{name}.model")), Rounds::All).unwrap();
        predicts_as_there(&format!("xgboost_{name}"), &model);
    }
    let binary = FittedGbdt::from_xgboost(&fixture("xgboost_regression.ubj"), Rounds::All).unwrap();
    predicts_as_there("xgboost_regression", &binary);
}

#[test]
fn xgboost_models_of_older_releases_predict_as_there() {
    for file in OLDER {
        let model = FittedGbdt::from_xgboost(&fixture(file), Rounds::Best).unwrap();
        predicts_as_there(file.split('.').next().unwrap(), &model);
    }
}

#[test]
fn lightgbm_models_predict_as_in_lightgbm() {
    for name in LIGHTGBM {
        let model = FittedGbdt::from_lightgbm(&fixture(&format!("lightgbm_{name}.txt"))).unwrap();
        predicts_as_there(&format!("lightgbm_{name}"), &model);
    }
}

fn edited(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(fixture(name)).unwrap();
    assert!(text.contains(from), "{name} has no {from}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn what_is_not_supported_is_named() {
    let refusal = |fitted: arterial_models::Result<FittedGbdt>| fitted.unwrap_err().to_string();
    let ranking = edited("xgboost_regression.model", "reg:squarederror", "rank:ndcg");
    assert!(
        refusal(FittedGbdt::from_xgboost(&ranking, Rounds::Best))
            .contains("named `rank:ndcg`, known: reg:squarederror")
    );
    let linear = edited(
        "xgboost_regression.model",
        "\"name\":\"gbtree\"",
        "\"name\":\"gblinear\"",
    );
    for linear in [linear, fixture("xgboost32_linear.model")] {
        let message = refusal(FittedGbdt::from_xgboost(&linear, Rounds::Best));
        assert!(message.contains("named `gblinear`, known: gbtree, dart"), "{message}");
    }
    for file in ["xgboost21_vectors.model", "xgboost32_vectors.model"] {
        let message = refusal(FittedGbdt::from_xgboost(&fixture(file), Rounds::Best));
        let expected = "named `multi_output_tree`, known: one_output_per_tree";
        assert!(message.contains(expected), "{message}");
    }
    let ranking = edited(
        "lightgbm_regression.txt",
        "objective=regression",
        "objective=lambdarank",
    );
    assert!(refusal(FittedGbdt::from_lightgbm(&ranking)).contains("`lambdarank`"));
    let root = edited(
        "lightgbm_regression.txt",
        "objective=regression",
        "objective=regression sqrt",
    );
    assert!(refusal(FittedGbdt::from_lightgbm(&root)).contains("regression sqrt"));
    let linear = edited("lightgbm_regression.txt", "is_linear=0", "is_linear=1");
    assert!(refusal(FittedGbdt::from_lightgbm(&linear)).contains("linear models"));
}

#[test]
fn foreign_and_cut_off_files_are_refused_with_a_reason() {
    let refusal = |fitted: arterial_models::Result<FittedGbdt>| fitted.unwrap_err().to_string();
    assert!(refusal(FittedGbdt::from_lightgbm(b"PK\x03\x04")).contains("first line"));
    assert!(refusal(FittedGbdt::from_xgboost(b"tree\nversion=v4\n", Rounds::All)).contains("unknown marker"));
    assert!(refusal(FittedGbdt::from_xgboost(b"{\"learner\": {}}", Rounds::All)).contains("missing field"));
    let whole = fixture("lightgbm_regression.txt");
    assert!(refusal(FittedGbdt::from_lightgbm(&whole[..whole.len() - 20])).contains("cut off"));
}

#[test]
fn links_in_a_circle_are_refused() {
    let text = String::from_utf8(fixture("lightgbm_regression.txt")).unwrap();
    let links = text.lines().find(|line| line.starts_with("left_child=")).unwrap();
    let children = links.split_once('=').unwrap().1.split(' ').count();
    let circle = text.replacen(links, &format!("left_child={}", vec!["0"; children].join(" ")), 1);
    let message = FittedGbdt::from_lightgbm(circle.as_bytes()).unwrap_err().to_string();
    assert!(message.contains("two links lead to node 0"), "{message}");
}

#[test]
fn a_model_that_was_stopped_early_is_cut_at_its_best_round() {
    let file = edited(
        "xgboost_regression.model",
        "\"attributes\":{}",
        "\"attributes\":{\"best_iteration\":\"1\"}",
    );
    assert_eq!(FittedGbdt::from_xgboost(&file, Rounds::Best).unwrap().trees(), [2]);
    assert_eq!(FittedGbdt::from_xgboost(&file, Rounds::All).unwrap().trees(), [4]);
}

#[test]
fn a_round_of_an_older_release_has_all_of_its_trees() {
    let file = "xgboost17_forest.model";
    assert_eq!(
        FittedGbdt::from_xgboost(&fixture(file), Rounds::Best).unwrap().trees(),
        [4]
    );
    let first = edited(file, "\"best_iteration\":\"1\"", "\"best_iteration\":\"0\"");
    assert_eq!(FittedGbdt::from_xgboost(&first, Rounds::Best).unwrap().trees(), [2]);
}

#[test]
fn a_threshold_that_is_no_number_is_refused_by_its_node() {
    let text = String::from_utf8(fixture("xgboost_regression.model")).unwrap();
    let (before, conditions) = text.split_once("\"split_conditions\":[").unwrap();
    let (_, behind) = conditions.split_once(',').unwrap();
    let file = format!("{before}\"split_conditions\":[NaN,{behind}");
    let refused = FittedGbdt::from_xgboost(file.as_bytes(), Rounds::All);
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("tree 0: `split_conditions` of node 0 is NaN"),
        "{message}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        file in prop::sample::select(vec![
            "xgboost_regression.ubj", "xgboost_categories.model", "xgboost_dart.model", "lightgbm_categories.txt",
            "lightgbm_forest.txt", "xgboost17_categories.model", "xgboost17_categories.ubj",
        ]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = fixture(file);
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if is_cut {
            bytes.truncate(length.index(bytes.len()));
        }
        let fitted = [FittedGbdt::from_xgboost(&bytes, Rounds::Best), FittedGbdt::from_lightgbm(&bytes)];
        for model in fitted.into_iter().flatten() {
            let row = vec![0.5; model.columns()];
            prop_assert_eq!(model.predict_row(&row, &[]).unwrap().len(), model.outputs());
        }
    }
}
