//! Arrow schemas as Delta writes them, how a table's schema grows, and how batches are fitted to it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use serde_json::{Value, json};

use crate::schema::instant;
use crate::{Error, Result};

/// The schema as the `schemaString` of a metadata action.
///
/// # Errors
/// [`Error::Invalid`] where a column's type has no counterpart in Delta.
pub(crate) fn to_delta(schema: &Schema) -> Result<String> {
    Ok(struct_to_delta(schema.fields())?.to_string())
}

fn struct_to_delta(fields: &Fields) -> Result<Value> {
    let fields: Vec<Value> = fields
        .iter()
        .map(|field| field_to_delta(field))
        .collect::<Result<_>>()?;
    Ok(json!({"type": "struct", "fields": fields}))
}

fn field_to_delta(field: &Field) -> Result<Value> {
    Ok(json!({
        "name": field.name(),
        "type": type_to_delta(field)?,
        "nullable": field.is_nullable(),
        "metadata": field.metadata(),
    }))
}

fn type_to_delta(field: &Field) -> Result<Value> {
    Ok(match field.data_type() {
        DataType::Utf8 => json!("string"),
        DataType::Int64 => json!("long"),
        DataType::Int32 => json!("integer"),
        DataType::Int16 => json!("short"),
        DataType::Int8 => json!("byte"),
        DataType::Float64 => json!("double"),
        DataType::Float32 => json!("float"),
        DataType::Boolean => json!("boolean"),
        DataType::Binary => json!("binary"),
        DataType::Date32 => json!("date"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => json!("timestamp"),
        DataType::List(item) => {
            json!({"type": "array", "elementType": type_to_delta(item)?, "containsNull": item.is_nullable()})
        }
        DataType::Struct(fields) => struct_to_delta(fields)?,
        other => {
            return Err(Error::invalid(
                format!("column {}", field.name()),
                other,
                "text, whole number, float, bool, binary, date, UTC microseconds, list, struct",
            ));
        }
    })
}

/// Reads the `schemaString` of a metadata action; the error says what is not understood.
pub(crate) fn from_delta(text: &str) -> Result<Schema, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("schema is no JSON: {error}"))?;
    Ok(Schema::new(struct_from_delta(&value)?))
}

fn struct_from_delta(value: &Value) -> Result<Vec<Field>, String> {
    let fields = value["fields"].as_array().ok_or("schema has no fields")?;
    fields.iter().map(field_from_delta).collect()
}

fn field_from_delta(value: &Value) -> Result<Field, String> {
    let name = value["name"].as_str().ok_or("a field has no name")?;
    let kind = type_from_delta(&value["type"]).map_err(|message| format!("column `{name}`: {message}"))?;
    let metadata: HashMap<String, String> = value["metadata"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    Ok(Field::new(name, kind, value["nullable"].as_bool().unwrap_or(true)).with_metadata(metadata))
}

fn type_from_delta(value: &Value) -> Result<DataType, String> {
    if let Some(name) = value.as_str() {
        return Ok(match name {
            "string" => DataType::Utf8,
            "long" => DataType::Int64,
            "integer" => DataType::Int32,
            "short" => DataType::Int16,
            "byte" => DataType::Int8,
            "double" => DataType::Float64,
            "float" => DataType::Float32,
            "boolean" => DataType::Boolean,
            "binary" => DataType::Binary,
            "date" => DataType::Date32,
            "timestamp" => instant(),
            other => return Err(format!("type `{other}` is not understood")),
        });
    }
    match value["type"].as_str() {
        Some("array") => {
            let item = type_from_delta(&value["elementType"])?;
            Ok(DataType::List(Arc::new(Field::new(
                "item",
                item,
                value["containsNull"].as_bool().unwrap_or(true),
            ))))
        }
        Some("struct") => Ok(DataType::Struct(struct_from_delta(value)?.into())),
        _ => Err(format!("type `{value}` is not understood")),
    }
}

/// The table's schema with the columns that `wanted` has more, as nullable ones; `None` where it has no more.
///
/// # Errors
/// [`Error::Invalid`] where a column of that name has another type.
pub(crate) fn grown(table: &str, known: &Schema, wanted: &Schema) -> Result<Option<Schema>> {
    let mut fields: Vec<Field> = known.fields().iter().map(|field| field.as_ref().clone()).collect();
    for field in wanted.fields() {
        match known.field_with_name(field.name()) {
            Ok(there) if same_type(there.data_type(), field.data_type()) => {}
            Ok(there) => {
                return Err(Error::invalid(
                    format!("{table}.{}", field.name()),
                    field.data_type(),
                    format!("{}, as the table has it", there.data_type()),
                ));
            }
            Err(_) => fields.push(field.as_ref().clone().with_nullable(true)),
        }
    }
    Ok((fields.len() > known.fields().len()).then(|| Schema::new(fields)))
}

fn same_type(left: &DataType, right: &DataType) -> bool {
    left.equals_datatype(right)
}

/// Fits a batch to `schema`: columns in its order, absent nullable ones as null, other representations cast.
///
/// # Errors
/// [`Error::Invalid`] for an unknown column, a missing one, a null or a type that does not belong there.
pub(crate) fn conform(table: &str, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if let Some(extra) = batch
        .schema()
        .fields()
        .iter()
        .find(|field| schema.field_with_name(field.name()).is_err())
    {
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        return Err(Error::Unknown {
            what: "column",
            name: format!("{table}.{}", extra.name()),
            known: known.join(", "),
        });
    }
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(table, batch, field))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

fn column(table: &str, batch: &RecordBatch, field: &Field) -> Result<ArrayRef> {
    let name = || format!("{table}.{}", field.name());
    let Some(found) = batch.column_by_name(field.name()) else {
        if field.is_nullable() {
            return Ok(new_null_array(field.data_type(), batch.num_rows()));
        }
        return Err(Error::invalid(
            name(),
            "missing",
            format!("a column of type {}", field.data_type()),
        ));
    };
    if !field.is_nullable() && found.null_count() > 0 {
        return Err(Error::invalid(name(), "null", "a value in every row"));
    }
    represent(found, field.data_type())
        .ok_or_else(|| Error::invalid(name(), found.data_type(), format!("{}", field.data_type())))
}

/// The same values in another representation of the same kind; never a conversion that could lose any.
pub(crate) fn represent(values: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    let found = values.data_type();
    if found == wanted {
        return Some(Arc::clone(values));
    }
    let alike = match wanted {
        DataType::Utf8 => matches!(
            found,
            DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _)
        ),
        DataType::Binary => matches!(
            found,
            DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
        ),
        DataType::Timestamp(_, Some(_)) => matches!(found, DataType::Timestamp(_, _)),
        DataType::List(_) | DataType::Struct(_) => {
            wanted.equals_datatype(found) || matches!(found, DataType::LargeList(_))
        }
        _ => false,
    };
    if alike { cast(values, wanted).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::StreamCatalog;

    #[test]
    fn every_table_survives_its_way_through_the_log() {
        let catalog = StreamCatalog::built_in().unwrap();
        let mut schemas = vec![
            crate::schema::alerts(),
            crate::schema::quarantine(),
            crate::schema::forecasts(),
        ];
        for stream in catalog.iter() {
            schemas.push(crate::schema::windows(stream));
            schemas.push(crate::schema::events(stream));
        }
        for schema in schemas {
            assert_eq!(from_delta(&to_delta(&schema).unwrap()).unwrap(), *schema);
        }
    }

    #[test]
    fn a_column_that_changes_its_type_is_refused() {
        let known = Schema::new(vec![Field::new("a", DataType::Int64, false)]);
        let wanted = Schema::new(vec![Field::new("a", DataType::Utf8, false)]);
        let error = grown("table", &known, &wanted).unwrap_err().to_string();
        assert!(
            error.contains("table.a") && error.contains("Utf8") && error.contains("Int64"),
            "{error}"
        );
    }
}
