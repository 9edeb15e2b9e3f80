//! What a definition must be beyond its types: names that tables can hold, references that exist, times that make sense.

use std::collections::BTreeSet;

use arrow::datatypes::Schema;

use super::check_rules::check_rules;
use super::definition::{Aggregate, Field, FieldType, KeyDefinition, Role, StreamDefinition};
use crate::panel::Covariate;
use crate::schema;
use crate::time::{DAY, Duration};
use crate::{Error, Result};

/// The largest magnitude a value may have, so that sums of squares stay exact.
const LARGEST_VALUE: f64 = 268_435_456.0; // 2^28
/// The topics that results go to.
const RESULTS: [&str; 3] = ["alerts", "forecasts", "quarantine"];
/// What no column's name may hold, so that every Delta reader takes it.
const NOT_IN_COLUMNS: [char; 9] = [' ', ',', ';', '{', '}', '(', ')', '=', '"'];
/// The longest time that windows may be held open for late events.
const LONGEST_LATENESS: Duration = Duration(DAY);

/// Looks at one definition and knows where its keys stand.
pub(super) struct Checker<'a> {
    pub path: &'a str,
    pub text: &'a str,
}

impl Checker<'_> {
    /// Checks everything.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, stream: &StreamDefinition) -> Result<()> {
        self.check_name(stream)?;
        self.check_fields(stream)?;
        self.check_places(stream)?;
        self.check_columns(stream)?;
        self.check_references(stream)?;
        self.check_covariates(stream)?;
        self.check_times(stream)?;
        check_rules(self, stream)
    }

    fn check_name(&self, stream: &StreamDefinition) -> Result<()> {
        let fine = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if stream.name.is_empty() || stream.name.len() > 100 || !stream.name.chars().all(fine) {
            return self.refuse("name", &stream.name, "1 to 100 lowercase letters, digits and `-`");
        }
        if RESULTS.contains(&stream.name.as_str()) {
            return self.refuse("name", &stream.name, "a topic that results do not go to");
        }
        Ok(())
    }

    fn check_fields(&self, stream: &StreamDefinition) -> Result<()> {
        for field in &stream.fields {
            if field.path.is_empty() || field.path.split('.').any(str::is_empty) {
                return self.refuse("path", &field.path, "names joined by single dots");
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
            if field.values.iter().any(String::is_empty) {
                return self.refuse("values", "\"\"", "texts that are not empty");
            }
            self.check_range(field)?;
            self.check_aggregates(field)?;
        }
        if stream.value_fields().next().is_none() && stream.category_fields().next().is_none() {
            return self.refuse("fields", "", "at least one field of role `value` or `category`");
        }
        Ok(())
    }

    fn check_range(&self, field: &Field) -> Result<()> {
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

    /// Of what is no value only the last can be kept, and only of texts and numbers that stand in tables.
    fn check_aggregates(&self, field: &Field) -> Result<()> {
        let Some(aggregates) = field.aggregates.as_ref().filter(|_| field.role != Role::Value) else {
            return Ok(());
        };
        if !field.is_descriptive() {
            let accepted = "`aggregates` for the roles `value`, `place` and `attribute` only";
            return self.refuse("aggregates", &field.path, accepted);
        }
        if let Some(other) = aggregates.iter().find(|one| **one != Aggregate::Last) {
            return self.refuse("aggregates", other.suffix(), "`last` for what is no value");
        }
        if matches!(field.kind, FieldType::Bool | FieldType::Timestamp) {
            return self.refuse("aggregates", &field.path, "the last of a `text`, `float` or `int`");
        }
        Ok(())
    }

    /// A place of the record is a value or holds other places, not both.
    fn check_places(&self, stream: &StreamDefinition) -> Result<()> {
        let paths = || stream.fields.iter().map(|field| &field.path).chain([&stream.timestamp]);
        let holds =
            |outer: &String| paths().any(|inner| inner.strip_prefix(outer).is_some_and(|end| end.starts_with('.')));
        match paths().find(|path| holds(path)) {
            None => Ok(()),
            Some(path) => self.refuse("path", path, "a place that holds no other listed one"),
        }
    }

    /// No table may hold a column twice, as Delta readers compare names: whatever the case.
    fn check_columns(&self, stream: &StreamDefinition) -> Result<()> {
        let bare = StreamDefinition {
            fields: Vec::new(),
            ..stream.clone()
        };
        let mut archived = lowercase_names(&schema::events(&bare));
        let mut windowed = lowercase_names(&schema::windows(&bare));
        for field in &stream.fields {
            let column = field.column();
            let named = if field.name.is_some() { "name" } else { "path" };
            let odd = |letter: char| letter.is_control() || NOT_IN_COLUMNS.contains(&letter);
            if column.starts_with('_') || column.contains(odd) {
                let accepted = "a column without spaces, quotes, `,;{}()=` and `_` in front; `name` gives another one";
                return self.refuse(named, &column, accepted);
            }
            if !archived.insert(column.to_lowercase()) {
                let accepted = "a column that the archive has not yet, whatever the case; `name` gives another one";
                return self.refuse(named, &column, accepted);
            }
            for made in field.window_columns() {
                if !windowed.insert(made.to_lowercase()) {
                    let place = if field.role == Role::Category { "values" } else { "path" };
                    let accepted = format!("what makes the windows' column `{made}` once, whatever the case");
                    return self.refuse(place, &field.path, &accepted);
                }
            }
        }
        Ok(())
    }

    fn check_references(&self, stream: &StreamDefinition) -> Result<()> {
        let KeyDefinition { path, default } = &stream.key;
        let listed = |name: &str| stream.fields.iter().find(|field| field.path == name);
        let places = [("key", Some(path)), ("zone", stream.zone.as_ref())];
        for (key, name) in places.into_iter().filter_map(|(key, name)| Some((key, name?))) {
            match listed(name) {
                Some(field) if field.role == Role::Personal => {
                    let accepted = "a field whose role is not `personal`: keys and zones stand in tables";
                    return self.refuse(key, name, accepted);
                }
                Some(field) if field.kind == FieldType::Text => {}
                _ => return self.refuse(key, name, "the path of a listed `text` field"),
            }
        }
        if default.as_ref().is_some_and(String::is_empty) {
            return self.refuse("default", "", "a non-empty key");
        }
        if stream.identity.is_empty() {
            return self.refuse("identity", "", "at least one listed field");
        }
        for name in &stream.identity {
            if name != "key" && *name != stream.timestamp && listed(name).is_none() {
                return self.refuse("identity", name, "listed fields, the timestamp, or `key`");
            }
        }
        if let Some(name) = &stream.quality
            && listed(name).is_none_or(|field| field.kind != FieldType::Text)
        {
            return self.refuse("quality", name, "the path of a listed `text` field");
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
        for (key, duration) in [
            ("window", Some(stream.window)),
            ("interval", stream.interval),
            ("archive_every", stream.archive_every),
        ] {
            if duration.is_some_and(|length| length <= Duration(0)) {
                return self.refuse(key, "0s", "a positive duration, such as 5m");
            }
        }
        if stream.window > Duration(DAY) {
            return self.refuse("window", &stream.window.to_string(), "at most 24h");
        }
        if stream.allowed_lateness > LONGEST_LATENESS {
            let accepted = "at most 24h, for which windows are held in memory; what comes later makes revisions";
            return self.refuse("allowed_lateness", &stream.allowed_lateness.to_string(), accepted);
        }
        Ok(())
    }

    /// The error for `key`, at the line where the key or its value stands.
    fn refuse(&self, key: &str, value: &str, accepted: &str) -> Result<()> {
        let has_key = |line: &str| line.trim_start().starts_with(key);
        let quoted = format!("\"{value}\"");
        let line = self
            .line(|line| has_key(line) && line.contains(&quoted))
            .or_else(|| self.line(|line| has_key(line) && line.contains(value)))
            .or_else(|| self.line(|line| !value.is_empty() && line.contains(value)))
            .or_else(|| self.line(has_key));
        Err(Error::Definition {
            path: self.path.into(),
            line: line.unwrap_or(1),
            key: key.into(),
            message: format!("is `{value}`, accepted: {accepted}"),
        })
    }

    /// The number of the first line that is `wanted`, from 1.
    fn line(&self, wanted: impl Fn(&str) -> bool) -> Option<usize> {
        self.text.lines().position(wanted).map(|index| index + 1)
    }
}

/// The names of the columns, as readers compare them.
fn lowercase_names(schema: &Schema) -> BTreeSet<String> {
    schema
        .fields()
        .iter()
        .map(|field| field.name().to_lowercase())
        .collect()
}
