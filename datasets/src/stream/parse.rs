//! Reads and checks a stream definition; every error names file, line, key and what is accepted.

use super::definition::{FieldType, KeyDefinition, Role, StreamDefinition};
use crate::panel::Covariate;
use crate::time::Duration;
use crate::{Error, Result};

/// The largest magnitude a value may have, so that sums of squares stay exact.
const LARGEST_VALUE: f64 = 268_435_456.0; // 2^28

/// Reads the definition in `text`; `path` names the file in errors.
///
/// # Errors
/// Text that is no TOML, an unknown or missing key, or a definition that contradicts itself.
pub fn parse(path: &str, text: &str) -> Result<StreamDefinition> {
    let definition: StreamDefinition = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        Error::Definition {
            path: path.into(),
            line: line_of(text, start),
            key: key_at(text, start),
            message: error.message().replace('\n', " "),
        }
    })?;
    let checker = Checker { path, text };
    checker.check(&definition)?;
    Ok(definition)
}

struct Checker<'a> {
    path: &'a str,
    text: &'a str,
}

impl Checker<'_> {
    fn check(&self, stream: &StreamDefinition) -> Result<()> {
        self.check_name(stream)?;
        self.check_fields(stream)?;
        self.check_references(stream)?;
        self.check_covariates(stream)?;
        self.check_times(stream)
    }

    fn check_name(&self, stream: &StreamDefinition) -> Result<()> {
        let fine = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if stream.name.is_empty() || stream.name.len() > 100 || !stream.name.chars().all(fine) {
            return self.refuse("name", &stream.name, "1 to 100 lowercase letters, digits and `-`");
        }
        Ok(())
    }

    fn check_fields(&self, stream: &StreamDefinition) -> Result<()> {
        let mut columns = std::collections::BTreeSet::new();
        for field in &stream.fields {
            if field.path.is_empty() || field.path.split('.').any(str::is_empty) {
                return self.refuse("path", &field.path, "names joined by single dots");
            }
            if !columns.insert(field.column()) {
                return self.refuse("name", &field.column(), "a column name that no other field has");
            }
            let number = matches!(field.kind, FieldType::Float | FieldType::Int);
            if field.role == Role::Value && !number {
                return self.refuse("role", &field.path, "`value` for numbers (`float`, `int`) only");
            }
            if field.role == Role::Category && (field.kind != FieldType::Text || field.values.is_empty()) {
                return self.refuse(
                    "values",
                    &field.path,
                    "a category is a `text` with a list of its `values`",
                );
            }
            if field.role == Role::Category && field.values.len() > 254 {
                return self.refuse("values", &field.values.len().to_string(), "at most 254 values");
            }
            if field.role != Role::Category && !field.values.is_empty() {
                return self.refuse("values", &field.path, "`values` for role `category` only");
            }
            self.check_range(field)?;
        }
        if stream.value_fields().next().is_none() && stream.category_fields().next().is_none() {
            return self.refuse("fields", "", "at least one field of role `value` or `category`");
        }
        Ok(())
    }

    fn check_range(&self, field: &super::Field) -> Result<()> {
        let number = matches!(field.kind, FieldType::Float | FieldType::Int);
        match field.range {
            Some((low, high)) if !number || low.is_nan() || high.is_nan() || low > high => {
                self.refuse("range", &format!("[{low}, {high}]"), "[least, largest] of a number")
            }
            Some((low, high)) if field.role == Role::Value && (low < -LARGEST_VALUE || high > LARGEST_VALUE) => {
                self.refuse("range", &format!("[{low}, {high}]"), "within -268435456 to 268435456")
            }
            None if field.role == Role::Value => self.refuse(
                "range",
                &field.path,
                "every value declares its range, such as range = [0, 300]",
            ),
            _ => Ok(()),
        }
    }

    fn check_references(&self, stream: &StreamDefinition) -> Result<()> {
        let KeyDefinition { path, default } = &stream.key;
        let known = |name: &str| name == stream.timestamp || stream.fields.iter().any(|field| field.path == name);
        let key_is_text = stream
            .fields
            .iter()
            .any(|field| field.path == *path && field.kind == FieldType::Text);
        if !key_is_text {
            return self.refuse("key", path, "the path of a listed `text` field");
        }
        if default.as_ref().is_some_and(String::is_empty) {
            return self.refuse("default", "", "a non-empty key");
        }
        if stream.identity.is_empty() {
            return self.refuse("identity", "", "at least one listed field");
        }
        for name in &stream.identity {
            if name != "key" && !known(name) {
                return self.refuse("identity", name, "listed fields, the timestamp, or `key`");
            }
        }
        for (key, value) in [("zone", &stream.zone), ("quality", &stream.quality)] {
            if let Some(name) = value
                && !known(name)
            {
                return self.refuse(key, name, "the path of a listed field");
            }
        }
        Ok(())
    }

    fn check_covariates(&self, stream: &StreamDefinition) -> Result<()> {
        let fine = |text: &&String| text.parse().is_ok_and(|one: Covariate| one.topic != stream.name);
        match stream.covariates.iter().find(|text| !fine(text)) {
            None => Ok(()),
            Some(wrong) => self.refuse(
                "covariates",
                wrong,
                "topic.field of another stream, such as weather.precipitation_mm",
            ),
        }
    }

    fn check_times(&self, stream: &StreamDefinition) -> Result<()> {
        if jiff::tz::TimeZone::get(&stream.timezone).is_err() {
            return self.refuse("timezone", &stream.timezone, "an IANA zone, such as Europe/Copenhagen");
        }
        if stream.earliest_instant().is_err() {
            return self.refuse("earliest", &stream.earliest, "RFC 3339 with an offset");
        }
        for (key, duration) in [("window", Some(stream.window)), ("interval", stream.interval)] {
            if duration.is_some_and(|length| length <= Duration(0)) {
                return self.refuse(key, "0s", "a positive duration, such as 5m");
            }
        }
        if stream.window > Duration(crate::time::DAY) {
            return self.refuse("window", &stream.window.to_string(), "at most 24h");
        }
        Ok(())
    }

    /// The error for `key`, at the line where the key or its value stands.
    fn refuse(&self, key: &str, value: &str, accepted: &str) -> Result<()> {
        let line = self
            .text
            .lines()
            .position(|line| {
                let line = line.trim_start();
                line.starts_with(key) && (value.is_empty() || line.contains(value))
            })
            .or_else(|| {
                self.text
                    .lines()
                    .position(|line| !value.is_empty() && line.contains(value))
            })
            .or_else(|| self.text.lines().position(|line| line.trim_start().starts_with(key)));
        Err(Error::Definition {
            path: self.path.into(),
            line: line.map_or(1, |index| index + 1),
            key: key.into(),
            message: format!("is `{value}`, accepted: {accepted}"),
        })
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(byte)
        .filter(|&&letter| letter == b'\n')
        .count()
        + 1
}

/// The key of the line that holds `byte`.
fn key_at(text: &str, byte: usize) -> String {
    let line = text.lines().nth(line_of(text, byte) - 1).unwrap_or_default();
    line.split('=')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches(['[', ']'])
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: &str = r#"
name = "noise"
description = "Sound level meters"
key = { path = "meter_id" }
identity = ["meter_id", "timestamp"]
interval = "5s"

[[fields]]
path = "meter_id"
type = "text"
role = "place"
required = true

[[fields]]
path = "level_db"
type = "float"
role = "value"
unit = "dB"
range = [0, 200]
"#;

    fn refusal(text: &str) -> String {
        parse("noise.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_ninth_stream_needs_one_file() {
        let stream = parse("noise.toml", NOISE).unwrap();
        assert_eq!(stream.windows_table(), "noise_windows");
        assert_eq!(stream.expected_events(), Some(60.0));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = refusal(&NOISE.replace("unit = \"dB\"", "unti = \"dB\""));
        assert!(error.starts_with("noise.toml:18: `unti`"), "{error}");
        assert!(error.contains("unit"), "{error}");
    }

    #[test]
    fn a_wrong_type_names_the_accepted_ones() {
        let error = refusal(&NOISE.replace("\"float\"", "\"real\""));
        assert!(error.contains("noise.toml:16") && error.contains("float"), "{error}");
    }

    #[test]
    fn an_identity_that_no_field_has_is_refused() {
        let error = refusal(&NOISE.replace("[\"meter_id\", \"timestamp\"]", "[\"meter\", \"timestamp\"]"));
        assert!(
            error.contains("noise.toml:5") && error.contains("`identity`"),
            "{error}"
        );
    }

    #[test]
    fn a_zone_that_does_not_exist_is_refused() {
        let error = refusal(&NOISE.replace("interval", "timezone = \"Mars/Olympus\"\ninterval"));
        assert!(error.contains("Mars/Olympus") && error.contains("IANA"), "{error}");
    }
}
