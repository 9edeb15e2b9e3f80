//! Answers in types that every client reads: plain texts and bytes instead of views and large ones, no dictionaries.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::Result;

/// The schema in plain types.
pub(super) fn schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter();
    let plain: Vec<Field> = fields
        .map(|field| field.as_ref().clone().with_data_type(kind(field.data_type())))
        .collect();
    Arc::new(Schema::new(plain))
}

fn kind(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => self::kind(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            let item = item.as_ref().clone();
            let plain = self::kind(item.data_type());
            DataType::List(Arc::new(item.with_data_type(plain)))
        }
        other => other.clone(),
    }
}

/// The batch under a schema of plain types.
///
/// # Errors
/// Texts of more than 2 GiB in one batch.
pub(super) fn batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        columns.push(cast(column, field.data_type())?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, DictionaryArray, StringViewArray};
    use arrow::datatypes::Int32Type;

    #[test]
    fn views_and_dictionaries_become_plain_texts() {
        let dictionary: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
        let views = StringViewArray::from(vec!["x", "a text that is longer than twelve bytes", "z"]);
        let found = RecordBatch::try_from_iter([
            ("dictionary", Arc::new(dictionary) as Arc<dyn Array>),
            ("view", Arc::new(views) as Arc<dyn Array>),
        ])
        .unwrap();
        let plain = batch(&found, &schema(&found.schema())).unwrap();
        assert!(
            plain
                .columns()
                .iter()
                .all(|column| *column.data_type() == DataType::Utf8)
        );
        assert_eq!(plain.num_rows(), 3);
    }
}
