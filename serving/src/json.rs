//! Record batches as JSON: the tables' own column names, times as RFC 3339, no value for null and for NaN.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::time::Timestamp;
use serde_json::{Map, Value};

/// The rows of `batch`, one object each. Columns of types that no table has are left out.
pub fn rows(batch: &RecordBatch) -> Vec<Map<String, Value>> {
    let schema = batch.schema();
    let mut rows = vec![Map::new(); batch.num_rows()];
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if field.name().starts_with('_') {
            continue;
        }
        for (at, row) in rows.iter_mut().enumerate() {
            if let Some(value) = value(column.as_ref(), field.data_type(), at) {
                row.insert(field.name().clone(), value);
            }
        }
    }
    rows
}

/// One value; none of a type that no table has.
pub(crate) fn value(column: &dyn Array, kind: &DataType, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return Some(Value::Null);
    }
    Some(match kind {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Timestamp(..) => Timestamp(column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))
            .to_string()
            .into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Float64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};
    use arterial_datasets::schema::instant;

    #[test]
    fn hidden_columns_are_not_shown_and_times_are_text() {
        let schema = Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("origin", instant(), false),
            Field::new("p50", DataType::Float64, true),
            Field::new("_state", DataType::Utf8, true),
        ]);
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(StringArray::from(vec!["a"])),
            Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")),
            Arc::new(Float64Array::from(vec![f64::NAN])),
            Arc::new(StringArray::from(vec!["hidden"])),
        ];
        let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
        let text = serde_json::to_string(&rows(&batch)).unwrap();
        assert_eq!(text, r#"[{"key":"a","origin":"1970-01-01T00:00:00Z","p50":null}]"#);
    }
}
