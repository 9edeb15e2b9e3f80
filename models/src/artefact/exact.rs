//! Fractions inside JSON that keep every bit: they are written as text, because a JSON reader may round them.

use serde_json::Value;

const MARK: &str = "f64:";

/// `value` with each fraction as text; texts that begin like one are marked, too.
pub(crate) fn to_exact(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            Value::String(format!("{MARK}{}", number.as_f64().unwrap_or_default()))
        }
        Value::String(text) if text.starts_with(MARK) => Value::String(format!("{MARK}{MARK}{text}")),
        Value::Array(values) => values.into_iter().map(to_exact).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, to_exact(value)))
            .collect(),
        other => other,
    }
}

/// What [`to_exact`] was given.
pub(crate) fn from_exact(value: Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix(MARK) {
            Some(rest) => match rest.strip_prefix(MARK) {
                Some(original) => Value::String(original.into()),
                None => rest.parse::<f64>().map_or(Value::Null, Value::from),
            },
            None => Value::String(text),
        },
        Value::Array(values) => values.into_iter().map(from_exact).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, from_exact(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_comes_back_through_a_file() {
        let value = json!({"a": [0.1, 1e-310, 5, -3.0], "b": {"c": "f64:0.5", "d": "text", "e": null, "f": true}});
        let file = serde_json::to_string(&to_exact(value.clone())).unwrap();
        let again = from_exact(serde_json::from_str(&file).unwrap());
        assert_eq!(again, value);
    }
}
