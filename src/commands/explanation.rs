//! What moved a forecast, for people and programs.

use std::fmt::Write;

use arterial_proto::v1;
use serde_json::{Value, json};

/// As JSON.
pub fn document(explanation: &v1::Explanation) -> Value {
    if !explanation.refusal.is_empty() {
        return json!({"refusal": explanation.refusal});
    }
    let contribution =
        |one: &v1::Contribution| json!({"feature": one.feature, "value": one.value, "amount": one.amount});
    json!({
        "base": explanation.base,
        "contributions": explanation.contributions.iter().map(contribution).collect::<Vec<_>>(),
        "others": explanation.others,
    })
}

/// As a sum, a line each.
pub fn text(forecast: &v1::Forecast, explanation: &v1::Explanation) -> String {
    let mut text = format!("\n{}  {} min ahead", forecast.key, forecast.horizon_minutes);
    if !explanation.refusal.is_empty() {
        let _ = writeln!(text, ": not explained, as {}", explanation.refusal);
        return text;
    }
    let _ = writeln!(text, ", what moved the median:");
    let _ = writeln!(text, "  {:>9.2}  what is usual then", explanation.base);
    for one in &explanation.contributions {
        let _ = writeln!(text, "  {:>+9.2}  {}", one.amount, one.feature);
    }
    let _ = writeln!(text, "  {:>+9.2}  all other features", explanation.others);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_reads_as_a_sum_and_a_refusal_as_its_reason() {
        let forecast = v1::Forecast {
            key: "a".into(),
            horizon_minutes: 15,
            ..v1::Forecast::default()
        };
        let mut explanation = v1::Explanation {
            base: 50.0,
            contributions: vec![v1::Contribution {
                feature: "last_deviation".into(),
                value: -1.5,
                amount: -7.25,
            }],
            others: 0.5,
            refusal: String::new(),
        };
        assert_eq!(
            text(&forecast, &explanation),
            "\na  15 min ahead, what moved the median:\n      50.00  what is usual then\n      -7.25  last_deviation\n      +0.50  \
             all other features\n"
        );
        explanation.refusal = "the profile gave it".into();
        assert!(text(&forecast, &explanation).ends_with("not explained, as the profile gave it\n"));
        assert_eq!(document(&explanation), json!({"refusal": "the profile gave it"}));
    }
}
