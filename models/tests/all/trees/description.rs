//! Descriptions that are taken, and those that are refused by the field that is wrong.

use arterial_models::trees::{Description, ImportedTrees, ModelFile};
use serde_json::{Value, json};

use super::{constant, import, parse, refusal, stump};
use crate::gbdt::import::fixture;

/// One model that reads the step ahead.
fn with_horizon() -> Value {
    json!({
        "step": "15m",
        "horizon": 4,
        "strategy": "direct",
        "features": [{"lag": 0}, {"mean": [0, 3]}, "minute_of_day", {"series": {"s0": 0.1}}, "horizon"],
        "names": ["now", "mean", "minute", "series", "ahead"],
        "time_of": "target",
        "output": "value"
    })
}

/// A model a step, for two steps.
fn by_step() -> Value {
    json!({
        "step": "15m",
        "horizon": 2,
        "strategy": "direct",
        "features": [{"lag": 0}],
        "output": "value",
        "models": [{"file": "h1.txt", "step": 1}, {"file": "h2.txt", "step": 2}]
    })
}

/// The message about `description` where `value` stands at `path`.
fn refused(mut description: Value, path: &str, value: Value) -> String {
    *description.pointer_mut(path).unwrap() = value;
    parse(&description).unwrap_err().to_string()
}

#[test]
fn a_description_comes_back_from_what_it_is_written_as() {
    for description in [with_horizon(), by_step()] {
        let description = parse(&description).unwrap();
        let written = serde_json::to_vec(&description).unwrap();
        assert_eq!(Description::parse(&written).unwrap(), description);
    }
}

#[test]
fn a_wrong_field_is_named() {
    let cases = [
        ("/horizon", json!(0), "`horizon` is `0`"),
        ("/horizon", json!(1001), "`horizon` is `1001`"),
        ("/features/0", json!({"lag": 10_001}), "`features[0].lag` is `10001`"),
        ("/features/1", json!({"mean": [3, 0]}), "`features[1].mean` is `[3, 0]`"),
        ("/features/1", json!({"std": [3, 3]}), "`features[1].std` is `[3, 3]`"),
        (
            "/features/1",
            json!({"max": [0, 10_001]}),
            "`features[1].max` is `[0, 10001]`",
        ),
        (
            "/features/1",
            json!({"covariate": "rain", "lag": 10_001}),
            "`features[1].lag` is `10001`",
        ),
        (
            "/features/1",
            json!({"covariate": "rain", "ahead": 0}),
            "`features[1].ahead` is `0`",
        ),
        ("/features", json!(["horizon"]), "at least one `lag`, `mean`, `std`"),
        ("/names", json!(["now"]), "`names` is `1 names`"),
        ("/time_of", json!(null), "`time_of` is `missing`"),
        ("/strategy", json!("recursive"), "`strategy` is `recursive`"),
        ("/features/4", json!("month"), "`strategy` is `direct`"),
    ];
    for (path, value, expected) in cases {
        let message = refused(with_horizon(), path, value);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_covariate_has_a_name_and_one_row() {
    let feature = |feature: Value| {
        let mut description = with_horizon();
        description["features"][1] = feature;
        parse(&description)
    };
    for mut covariate in [json!({"lag": 0}), json!({"ahead": 2}), json!({"at": "target"})] {
        covariate["covariate"] = json!("rain");
        let written = serde_json::to_value(feature(covariate.clone()).unwrap()).unwrap();
        assert_eq!(written["features"][1], covariate);
    }
    let refusal = |covariate: Value| feature(covariate).unwrap_err().to_string();
    for rows in [
        json!({"covariate": "rain"}),
        json!({"covariate": "rain", "lag": 0, "ahead": 1}),
    ] {
        let message = refusal(rows);
        assert!(message.contains("the covariate `rain` needs one of"), "{message}");
    }
    let message = refusal(json!({"covariate": "rain", "offset": 1}));
    assert!(message.contains("offset") && message.contains("`ahead`"), "{message}");
    let message = refusal(json!({"covariate": "rain", "at": "origin"}));
    assert!(message.contains("origin") && message.contains("`target`"), "{message}");
}

#[test]
fn an_unknown_key_is_named_with_those_that_are_known() {
    let message = refused(with_horizon(), "/features/2", json!("weather"));
    assert!(
        message.contains("weather") && message.contains("`day_of_week`"),
        "{message}"
    );
    let message = refused(with_horizon(), "/output", json!("ratio"));
    assert!(message.contains("ratio") && message.contains("`change`"), "{message}");
    let mut description = with_horizon();
    description["scaling"] = json!("none");
    let message = parse(&description).unwrap_err().to_string();
    assert!(
        message.contains("scaling") && message.contains("`features`"),
        "{message}"
    );
    let mut description = by_step();
    description["models"][0]["horizon"] = json!(1);
    let message = parse(&description).unwrap_err().to_string();
    assert!(
        message.contains("horizon") && message.contains("`quantile`"),
        "{message}"
    );
}

#[test]
fn a_step_has_one_model_and_no_more() {
    let models = [constant(1, 10.0), constant(1, 20.0)];
    assert!(import(&by_step(), &models).is_ok());
    let cases = [
        ("/models/1/step", json!(1), "several models for step 1 and quantile 0.5"),
        ("/horizon", json!(3), "no model for step 3 and quantile 0.5"),
        ("/models/1/step", json!(3), "`models[1].step` is `3`"),
        (
            "/models/1",
            json!({"file": "x", "step": 2, "quantile": 0.2}),
            "`models[1].quantile` is `0.2`",
        ),
        (
            "/models/1",
            json!({"file": "x", "step": 1, "quantile": 0.1}),
            "no model for step 2 and quantile 0.1",
        ),
    ];
    for (path, value, expected) in cases {
        let mut description = by_step();
        *description.pointer_mut(path).unwrap() = value;
        let message = refusal(&description, &models);
        assert!(message.contains(expected), "{message}");
    }
    let message = refusal(&by_step(), &models[..1]);
    assert!(
        message.contains("`models` is `2 files in the description`, accepted: 1"),
        "{message}"
    );
}

#[test]
fn a_file_of_one_output_has_no_other() {
    let models = [constant(1, 10.0), constant(1, 20.0)];
    let mut description = by_step();
    description["models"][1]["output"] = json!(0);
    assert!(import(&description, &models).is_ok());
    description["models"][1]["output"] = json!(1);
    let message = refusal(&description, &models);
    assert!(
        message.contains("`models[1].output` is `1`, accepted: a whole number from 0 to 0, as `h2.txt` has"),
        "{message}"
    );
}

#[test]
fn steps_may_stand_in_one_file() {
    let mut description = by_step();
    description["models"][1]["file"] = json!("h1.txt");
    assert!(import(&description, &[constant(1, 10.0)]).is_ok());
}

#[test]
fn columns_that_the_model_does_not_have_are_refused_with_both_numbers() {
    let message = refusal(&with_horizon(), &[constant(3, 0.0)]);
    assert!(
        message.contains("`5 features`") && message.contains("3 features, as many as `m0.txt` reads"),
        "{message}"
    );
}

#[test]
fn names_are_compared_where_both_have_them() {
    let model = stump(5, 4, 2.5, [1.0, 2.0]);
    assert!(import(&with_horizon(), std::slice::from_ref(&model)).is_ok());
    let named = model.replace("Column_0 Column_1 Column_2", "now mean hour");
    let message = refusal(&with_horizon(), &[named]);
    assert!(
        message.contains("`names[2]` is `minute`") && message.contains("`hour`"),
        "{message}"
    );
}

#[test]
fn a_damaged_a_foreign_and_a_several_valued_file_are_refused_by_name() {
    let refusal = |bytes: Vec<u8>| {
        let description = json!({
            "step": "15m", "horizon": 1, "strategy": "direct", "output": "value",
            "features": [{"lag": 0}, {"lag": 1}, {"lag": 2}]
        });
        let name = "city.model".into();
        let trees = ImportedTrees::new(parse(&description).unwrap(), &[ModelFile { name, bytes }]);
        trees.err().unwrap().to_string()
    };
    let whole = fixture("lightgbm_regression.txt");
    let message = refusal(whole[..whole.len() - 20].to_vec());
    assert!(
        message.contains("`city.model` is malformed") && message.contains("cut off"),
        "{message}"
    );
    let message = refusal(b"PK\x03\x04".to_vec());
    assert!(
        message.contains("`city.model`") && message.contains("it is neither"),
        "{message}"
    );
    let message = refusal(b"{\"learner\": {}}".to_vec());
    assert!(
        message.contains("`city.model` is malformed: missing field"),
        "{message}"
    );
    let message = refusal(fixture("xgboost_quantiles.model"));
    assert!(
        message.contains("`city.model` with 2 outputs") && message.contains("the `output` that it is, from 0 to 1"),
        "{message}"
    );
}
