//! Descriptions that are taken, and those that are refused by the field that is wrong.

use arterial_models::onnx::{Description, ImportedNetwork};
use serde_json::{Value, json};

use super::fixture;

pub fn lstm() -> Value {
    json!({
        "step": "15m",
        "context": 12,
        "horizon": 4,
        "scaling": "per_series",
        "input": {
            "name": "window",
            "axes": ["batch", "time", "channel"],
            "channels": ["target", "mask", "time_of_day"],
            "missing": "zero"
        },
        "output": { "name": "forecast", "axes": ["batch", "time"] }
    })
}

pub fn parse(description: &Value) -> Result<Description, arterial_models::Error> {
    Description::parse(&serde_json::to_vec(description).unwrap())
}

/// The message about the LSTM's description where `value` stands at `path`.
fn refusal(path: &str, value: Value) -> String {
    let mut description = lstm();
    *description.pointer_mut(path).unwrap() = value;
    parse(&description).unwrap_err().to_string()
}

#[test]
fn a_description_comes_back_from_what_it_is_written_as() {
    let mut with_weather = lstm();
    with_weather["input"]["channels"] = json!(["target", {"covariate": "rain"}, "is_holiday"]);
    with_weather["input"]["scales"] = json!({"rain": {"mean": 0.5, "deviation": 2.0}});
    for description in [lstm(), with_weather] {
        let description = parse(&description).unwrap();
        let written = serde_json::to_vec(&description).unwrap();
        assert_eq!(Description::parse(&written).unwrap(), description);
    }
}

#[test]
fn a_wrong_field_is_named() {
    let cases = [
        ("/context", json!(0), "`context` is `0`"),
        ("/horizon", json!(10_001), "`horizon` is `10001`"),
        (
            "/scaling",
            json!({"given": {"mean": 0.0, "deviation": 0.0}}),
            "`scaling.given`",
        ),
        ("/input/axes", json!(["batch", "channel"]), "`input.axes`"),
        ("/input/axes", json!(["batch", "time", "quantile"]), "`input.axes`"),
        ("/input/axes", json!(["batch", "time"]), "`input.channels`"),
        ("/input/channels", json!(["mask", "time_of_day"]), "`input.channels`"),
        (
            "/input",
            json!({
                "name": "window", "axes": ["batch", "time", "channel"], "missing": "zero",
                "channels": ["target", {"covariate": "rain"}], "scales": {"wind": {"mean": 0.0, "deviation": 1.0}}
            }),
            "`input.scales` is `wind`",
        ),
        ("/output/axes", json!(["batch", "time", "series"]), "`output.axes`"),
        ("/output/axes", json!(["batch", "time", "quantile"]), "`output.axes`"),
    ];
    for (path, value, expected) in cases {
        let message = refusal(path, value);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn quantiles_must_increase_and_hold_the_median() {
    for quantiles in [
        json!([0.1, 0.9]),
        json!([0.9, 0.5]),
        json!([0.5, 0.5]),
        json!([0.5, 1.0]),
    ] {
        let mut description = lstm();
        description["output"] =
            json!({"name": "forecast", "axes": ["batch", "time", "quantile"], "quantiles": quantiles});
        let message = parse(&description).unwrap_err().to_string();
        assert!(message.contains("quantile"), "{message}");
    }
}

#[test]
fn an_unknown_missing_or_mistyped_field_is_named() {
    let message = refusal("/input/channels", json!(["target", "colour"]));
    assert!(message.contains("colour"), "{message}");
    let mut description = lstm();
    description["speed"] = json!(1);
    assert!(parse(&description).unwrap_err().to_string().contains("speed"));
    let mut description = lstm();
    description.as_object_mut().unwrap().remove("step");
    assert!(parse(&description).unwrap_err().to_string().contains("step"));
}

#[test]
fn names_that_the_network_does_not_have_are_refused() {
    for (path, field) in [("/input/name", "`input.name`"), ("/output/name", "`output.name`")] {
        let mut description = lstm();
        *description.pointer_mut(path).unwrap() = json!("elsewhere");
        let error = ImportedNetwork::new(fixture("lstm.onnx"), parse(&description).unwrap());
        let message = error.err().unwrap().to_string();
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn a_batch_that_is_not_free_is_refused() {
    let mut description = lstm();
    description["input"]["axes"] = json!(["batch", "time"]);
    description["input"]["channels"] = json!(["target"]);
    let error = ImportedNetwork::new(fixture("fixed-batch.onnx"), parse(&description).unwrap());
    let message = error.err().unwrap().to_string();
    assert!(message.contains("batch") && message.contains("[1, 12]"), "{message}");
}
