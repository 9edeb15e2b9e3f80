//! Rows as a table, for CSV and Arrow.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::ReaderBuilder;
use arterial_datasets::schema::instant;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Result;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; lists have `;` between.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
    /// An instant.
    Instant,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Number => DataType::Float64,
            Self::Whole => DataType::Int64,
            Self::Flag => DataType::Boolean,
            Self::Instant => instant(),
        }
    }
}

/// Names and kinds, in order.
pub type Columns<'a> = [(&'a str, Kind)];

/// The columns of some rows; what a row does not have is null.
///
/// # Errors
/// A value that is not of its column's kind.
pub fn table<T: Serialize>(rows: &[T], columns: &Columns<'_>) -> Result<RecordBatch> {
    let fields = columns
        .iter()
        .map(|(name, kind)| Field::new(*name, kind.data_type(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut flat = Vec::with_capacity(rows.len());
    for row in rows {
        let Value::Object(mut row) = serde_json::to_value(row)? else {
            continue;
        };
        let cells = columns.iter().filter_map(|(name, kind)| {
            let value = row.remove(*name)?;
            Some((
                (*name).to_owned(),
                if *kind == Kind::Text { text(value) } else { value },
            ))
        });
        flat.push(cells.collect::<Map<String, Value>>());
    }
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
        .with_batch_size(flat.len().max(1))
        .build_decoder()?;
    decoder.serialize(&flat)?;
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

/// A value as one text: words of a list with `;` between, everything else that is no text as JSON.
fn text(value: Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value,
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            words.join(";").into()
        }
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use serde_json::json;

    #[test]
    fn lists_become_texts_and_what_is_missing_is_null() {
        let rows = [
            json!({"keys": ["a", "b"], "at": "1970-01-01T00:00:01Z", "value": 1.5, "count": 2, "evidence": [{"cause": "rain"}]}),
            json!({"keys": [], "at": null}),
        ];
        let columns = [
            ("keys", Kind::Text),
            ("at", Kind::Instant),
            ("value", Kind::Number),
            ("count", Kind::Whole),
            ("evidence", Kind::Text),
        ];
        let batch = table(&rows, &columns).unwrap();
        assert_eq!(
            (batch.num_rows(), batch["keys"].as_string::<i32>().value(0)),
            (2, "a;b")
        );
        assert_eq!(batch["evidence"].as_string::<i32>().value(0), r#"[{"cause":"rain"}]"#);
        assert!(batch["at"].is_null(1) && batch["value"].is_null(1));
        assert_eq!(table::<Value>(&[], &columns).unwrap().num_rows(), 0);
    }
}
