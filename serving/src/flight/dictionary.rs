//! Texts that repeat, as dictionaries: smaller on the wire, for clients that ask for them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};

use crate::Result;

/// The columns whose texts repeat from row to row.
const REPEATING: [&str; 12] = [
    "key",
    "zone_id",
    "topic",
    "target",
    "model",
    "model_version",
    "step_of_ladder",
    "reason",
    "formula",
    "kind",
    "severity",
    "state",
];

/// The schema with dictionaries for these.
pub(super) fn schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        if *field.data_type() == DataType::Utf8 && REPEATING.contains(&field.name().as_str()) {
            let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            return Arc::new(field.as_ref().clone().with_data_type(kind));
        }
        Arc::clone(field)
    });
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

/// Whether any column has dictionaries, be it deep within.
pub(super) fn is_in(schema: &Schema) -> bool {
    let fields = schema.flattened_fields();
    fields
        .iter()
        .any(|field| matches!(field.data_type(), DataType::Dictionary(_, _)))
}

/// The batch under that schema.
///
/// # Errors
/// None in practice: every text fits.
pub(super) fn batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
