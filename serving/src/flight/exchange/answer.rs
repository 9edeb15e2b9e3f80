//! Forecasts as rows, and for each key without one a row that says why.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arterial_datasets::schema::{self, DAY_COLUMN};

use crate::Result;
use crate::flight::describe;
use crate::score::{self, Issue, RefusalCode};

/// What stands in `status` of a forecast.
const GIVEN: &str = "OK";

/// The columns of the table `forecasts` and `status`; all but `topic`, `key`, `target`, `origin` and `status` are null where a key has no
/// forecast.
pub(in crate::flight) fn schema() -> SchemaRef {
    let table = schema::forecasts();
    let kept = table.fields().iter().filter(|field| field.name() != DAY_COLUMN);
    let status = Field::new("status", DataType::Utf8, false);
    let fields = kept.map(|field| {
        let always = ["topic", "key", "target", "origin"].contains(&field.name().as_str());
        let field = field.as_ref().clone().with_nullable(!always);
        describe(&field).unwrap_or(field)
    });
    let fields = fields.chain([describe(&status).unwrap_or(status)]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of an issue at the steps `kept`.
///
/// # Errors
/// None in practice: the columns fit the schema.
pub(super) fn rows(issue: &Issue, kept: &BTreeSet<usize>) -> Result<RecordBatch> {
    let schema = schema();
    Ok(concat_batches(
        &schema,
        &[given(issue, kept, &schema)?, refused(issue, kept, &schema)?],
    )?)
}

fn given(issue: &Issue, kept: &BTreeSet<usize>, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = score::rows(issue, kept)?;
    let status: ArrayRef = Arc::new(StringArray::from(vec![GIVEN; rows.num_rows()]));
    let column = |field: &Arc<Field>| rows.column_by_name(field.name()).cloned();
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field).unwrap_or_else(|| Arc::clone(&status)));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

fn refused(issue: &Issue, kept: &BTreeSet<usize>, schema: &SchemaRef) -> Result<RecordBatch> {
    let is_given = |key: usize| {
        let mut steps = kept.iter().filter(|&&ahead| ahead <= issue.horizon());
        steps.any(|&ahead| issue.steps[[key, ahead - 1]].is_some())
    };
    let keys: Vec<usize> = (0..issue.keys.len()).filter(|&key| !is_given(key)).collect();
    let all = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; keys.len()])) };
    let code = |key: &usize| {
        let code = if issue.in_domain[*key] {
            RefusalCode::NoData
        } else {
            RefusalCode::OutOfDomain
        };
        Some(code.name())
    };
    let column = |field: &Arc<Field>| -> ArrayRef {
        match field.name().as_str() {
            "topic" => all(&issue.target.topic),
            "target" => all(&issue.target.field),
            "key" => Arc::new(keys.iter().map(|&key| Some(&*issue.keys[key])).collect::<StringArray>()),
            "origin" => {
                let origins = TimestampMicrosecondArray::from(vec![issue.origin.0; keys.len()]);
                Arc::new(origins.with_timezone("UTC"))
            }
            "status" => Arc::new(keys.iter().map(code).collect::<StringArray>()),
            _ => new_null_array(field.data_type(), keys.len()),
        }
    };
    let columns = schema.fields().iter().map(column).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
