//! The statistics of a data file: written into the log for pruning, read from it whoever wrote them.
//!
//! Bounds are kept of keys, times and whole numbers; null counts of every plain column.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::time::{DAY, Timestamp};

/// Longer texts get no bounds.
const LONGEST_BOUND: usize = 64;
/// Some writers cut bounds of times to whole milliseconds.
const TIME_SLACK: i64 = 999;

/// Rows, bounds and null counts of one data file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    #[serde(default)]
    pub num_records: i64,
    #[serde(default)]
    min_values: Map<String, Value>,
    #[serde(default)]
    max_values: Map<String, Value>,
    #[serde(default)]
    null_count: Map<String, Value>,
}

impl Stats {
    /// Statistics of a batch that becomes one data file.
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let mut stats = Self {
            num_records: i64::try_from(batch.num_rows()).unwrap_or(i64::MAX),
            ..Self::default()
        };
        for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
            if field.data_type().is_nested() {
                continue;
            }
            stats
                .null_count
                .insert(field.name().clone(), json!(values.null_count()));
            if let Some((low, high)) = bounds(values) {
                stats.min_values.insert(field.name().clone(), low);
                stats.max_values.insert(field.name().clone(), high);
            }
        }
        stats
    }

    /// Reads the `stats` of an add action; `None` where they are not understood.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As they stand in an add action.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether a row with one of the sorted `keys` may be in the file.
    pub(crate) fn may_have_key(&self, column: &str, keys: &[String]) -> bool {
        let (Some(low), Some(high)) = (self.min_values.get(column), self.max_values.get(column)) else {
            return true;
        };
        let (Some(low), Some(high)) = (low.as_str(), high.as_str()) else {
            return true;
        };
        let first = keys.partition_point(|key| key.as_str() < low);
        // Some writers cut long bounds, so that a cut upper bound is a prefix of the true one.
        keys.get(first)
            .is_some_and(|key| key.as_str() <= high || key.starts_with(high))
    }

    /// The lowest and highest time of a column.
    pub(crate) fn times(&self, column: &str) -> Option<(Timestamp, Timestamp)> {
        let low = time(self.min_values.get(column)?)?;
        let high = time(self.max_values.get(column)?)?;
        Some((low, Timestamp(high.0.saturating_add(TIME_SLACK))))
    }

    /// Whether a row with one of the ascending `numbers` may be in the file.
    pub(crate) fn may_have_number(&self, column: &str, numbers: &[i64]) -> bool {
        let number = |values: &Map<String, Value>| values.get(column).and_then(Value::as_i64);
        let (Some(low), Some(high)) = (number(&self.min_values), number(&self.max_values)) else {
            return true;
        };
        let first = numbers.partition_point(|number| *number < low);
        numbers.get(first).is_some_and(|number| *number <= high)
    }

    /// Whether a whole number of the column may be above `bound`.
    pub(crate) fn may_exceed(&self, column: &str, bound: i64) -> bool {
        let highest = self.max_values.get(column).and_then(Value::as_i64);
        highest.is_none_or(|highest| highest > bound)
    }

    /// Whether no row has null in this column. `false` where it is not known.
    pub(crate) fn no_nulls(&self, column: &str) -> bool {
        self.null_count.get(column).and_then(Value::as_i64) == Some(0)
    }

    /// Whether every row has null in this column. `false` where it is not known.
    pub(crate) fn all_null(&self, column: &str) -> bool {
        self.null_count
            .get(column)
            .and_then(Value::as_i64)
            .is_some_and(|nulls| nulls == self.num_records)
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn bounds(values: &ArrayRef) -> Option<(Value, Value)> {
    match values.data_type() {
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            let (low, high) = (min_string(texts)?, max_string(texts)?);
            (low.len().max(high.len()) <= LONGEST_BOUND).then(|| (json!(low), json!(high)))
        }
        DataType::Int32 => {
            let numbers = values.as_primitive::<Int32Type>();
            Some((json!(min(numbers)?), json!(max(numbers)?)))
        }
        DataType::Int64 => {
            let numbers = values.as_primitive::<Int64Type>();
            Some((json!(min(numbers)?), json!(max(numbers)?)))
        }
        DataType::Date32 => {
            let days = values.as_primitive::<Date32Type>();
            Some((json!(date(min(days)?)?), json!(date(max(days)?)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = values.as_primitive::<TimestampMicrosecondType>();
            Some((json!(micros(min(times)?)?), json!(micros(max(times)?)?)))
        }
        _ => None,
    }
}

/// An instant with all six digits, which every Delta reader takes.
fn micros(at: i64) -> Option<String> {
    Timestamp(at).to_jiff().ok().map(|instant| format!("{instant:.6}"))
}

/// A day as `YYYY-MM-DD`.
pub(crate) fn date(days: i32) -> Option<String> {
    let instant = Timestamp(i64::from(days).checked_mul(DAY)?).to_jiff().ok()?;
    Some(instant.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
}

/// Days since 1970 of `YYYY-MM-DD`.
pub(crate) fn days(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let at = date
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()?
        .timestamp()
        .as_microsecond();
    i32::try_from(at.div_euclid(DAY)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn days_are_written_as_dates_and_read_back(day in -200_000..200_000_i32) {
            prop_assert_eq!(days(&date(day).unwrap()), Some(day));
        }

        #[test]
        fn a_key_in_the_file_is_never_pruned(mut inside in proptest::collection::vec("[a-c]{0,3}", 1..6), other in "[a-c]{0,3}") {
            let batch = RecordBatch::try_from_iter([(
                "key",
                std::sync::Arc::new(arrow::array::StringArray::from(inside.clone())) as ArrayRef,
            )]).unwrap();
            let stats = Stats::parse(&Stats::of(&batch).to_json()).unwrap();
            for key in &inside {
                let mut asked = vec![key.clone(), other.clone()];
                asked.sort();
                prop_assert!(stats.may_have_key("key", &asked));
            }
            inside.sort();
            if other < inside[0] {
                prop_assert!(!stats.may_have_key("key", &[other]));
            }
        }
    }
}
