//! What a window looks like to HTTP's clients: the columns of the table, places under their plain names, and what follows from them.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_features::indices::{congestion, jam_factor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Ref, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::{MOBILITY, TRANSPORT};
use crate::Result;
use crate::analytics::{Columns, TRAFFIC};
use crate::flight::windows_schema;
use crate::json;

/// Where a key is comes first in a window; the names that a table has, where it has them.
const PLACES: [&str; 5] = ["name", "road_id", "road_name", "lat", "lon"];
/// What follows from the speed of a sensor: name, unit, what it is.
const DERIVED: [(&str, &str, &str); 3] = [
    (
        "free_flow_kmh",
        "km/h",
        "Free-flow speed: the 85th percentile of the sensor's own window mean speeds over 28 days; null in earlier windows",
    ),
    (
        "congestion",
        "0..1",
        "clamp(1 - speed_kmh_mean / free_flow_kmh, 0, 1); null in earlier windows",
    ),
    ("jam_factor", "0..10", "10 * congestion; null in earlier windows"),
];

/// A window of a row of JSON.
pub struct WindowRow {
    columns: Arc<Schema>,
    values: Vec<Value>,
}

impl WindowRow {
    /// The rows of a batch.
    pub fn all(batch: &RecordBatch) -> Vec<Self> {
        let columns = batch.schema();
        let values = |row: usize| {
            let cells = batch.columns().iter().zip(columns.fields());
            let cells = cells.map(|(column, field)| json::value(column.as_ref(), field.data_type(), row));
            cells.map(Option::unwrap_or_default).collect()
        };
        (0..batch.num_rows())
            .map(|row| Self {
                columns: Arc::clone(&columns),
                values: values(row),
            })
            .collect()
    }
}

impl Serialize for WindowRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (field, value) in self.columns.fields().iter().zip(&self.values) {
            map.serialize_entry(field.name(), value)?;
        }
        map.end()
    }
}

/// The windows of `batch`, which has the columns of `<topic>_latest`, as clients see them. `free_flow` is given for newest windows
/// of traffic.
///
/// # Errors
/// None in practice: the columns are those of the table.
pub fn shaped(
    batch: &RecordBatch,
    stream: &StreamDefinition,
    free_flow: Option<&HashMap<Arc<str>, f64>>,
) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let topic = Field::new("topic", DataType::Utf8, false)
        .with_metadata([("description".to_owned(), "The stream".to_owned())].into());
    let names = StringArray::from_iter_values(std::iter::repeat_n(&stream.name, rows));
    let mut columns: Vec<(FieldRef, ArrayRef)> = vec![(Arc::new(topic), Arc::new(names))];
    let described: BTreeSet<String> = stream
        .descriptive_fields()
        .flat_map(arterial_datasets::stream::Field::window_columns)
        .collect();
    let schema = batch.schema();
    let (mut places, mut others) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let column = Arc::clone(column);
        match field.name().as_str() {
            "day" => {}
            "key" | "zone_id" => columns.push((Arc::clone(field), column)),
            name if described.contains(name) => {
                let plain = name.strip_suffix("_last").unwrap_or(name);
                places.push((Arc::new(field.as_ref().clone().with_name(plain)), column));
            }
            _ => others.push((Arc::clone(field), column)),
        }
    }
    places.sort_by_key(|(field, _)| PLACES.iter().position(|name| name == field.name()));
    columns.extend(places);
    columns.extend(others);
    if stream.name == TRAFFIC {
        columns.extend(derived(batch, free_flow));
    }
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        columns,
        &options,
    )?)
}

fn derived(batch: &RecordBatch, free_flow: Option<&HashMap<Arc<str>, f64>>) -> Vec<(FieldRef, ArrayRef)> {
    let columns = Columns(batch);
    let free = |row: usize| free_flow?.get(columns.text("key", row)?).copied();
    let congested = |row: usize| congestion(columns.number("speed_kmh_mean", row), free(row));
    let arrays: [Float64Array; 3] = [
        columns.rows().map(free).collect(),
        columns.rows().map(congested).collect(),
        columns.rows().map(|row| jam_factor(congested(row))).collect(),
    ];
    let field = |(name, unit, description): (&str, &str, &str)| -> FieldRef {
        let said = [("unit", unit), ("description", description)];
        let said = said.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Arc::new(Field::new(name, DataType::Float64, true).with_metadata(said.into()))
    };
    let arrays = arrays.map(|array| Arc::new(array) as ArrayRef);
    DERIVED.map(field).into_iter().zip(arrays).collect()
}

/// The parts in one table, with a column for each that any of them has.
///
/// # Errors
/// Two streams whose columns of one name are of different types.
pub fn united(parts: &[RecordBatch]) -> Result<RecordBatch> {
    let mut fields: Vec<FieldRef> = Vec::new();
    for part in parts {
        for field in part.schema().fields() {
            if !fields.iter().any(|known| known.name() == field.name()) {
                fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
            }
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let mut whole = Vec::with_capacity(parts.len());
    for part in parts {
        let column = |field: &FieldRef| {
            let there = part.column_by_name(field.name()).cloned();
            there.unwrap_or_else(|| new_null_array(field.data_type(), part.num_rows()))
        };
        let columns = schema.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(part.num_rows()));
        whole.push(RecordBatch::try_new_with_options(
            Arc::clone(&schema),
            columns,
            &options,
        )?);
    }
    Ok(arrow::compute::concat_batches(&schema, &whole)?)
}

/// The place of each row.
pub fn places(batch: &RecordBatch) -> Vec<(Option<f64>, Option<f64>)> {
    let number = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        let there = arrow::array::Array::is_valid(column, row);
        there.then(|| column.value(row)).filter(|value| value.is_finite())
    };
    (0..batch.num_rows())
        .map(|row| (number("lat", row), number("lon", row)))
        .collect()
}

macro_rules! window_of {
    ($($name:ident $description:literal,)*) => {
        $(
            #[doc = $description]
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<utoipa::openapi::Schema> {
                    ObjectBuilder::new().description(Some($description)).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> std::borrow::Cow<'static, str> {
                    concat!(stringify!($name), "Window").into()
                }
            }
        )*
    };
}

window_of! {
    Traffic "A window of a traffic sensor; [`schemas`] has its members.",
    Transport "A window of a line; [`schemas`] has its members.",
    Mobility "A window of a station, a car park or a zone; [`schemas`] has its members.",
}

/// The schemas of windows under their names, as the streams are defined here.
///
/// # Errors
/// None in practice: the columns are those of the tables.
pub fn schemas(catalog: &StreamCatalog) -> Result<Vec<(String, RefOr<utoipa::openapi::Schema>)>> {
    let mut found = Vec::new();
    for (name, topic) in [("TrafficWindow", TRAFFIC), ("TransportWindow", TRANSPORT)] {
        if let Ok(stream) = catalog.get(topic) {
            found.push((name.to_owned(), object(stream, catalog)?));
        }
    }
    let mut any = AnyOfBuilder::new();
    for topic in MOBILITY {
        let Ok(stream) = catalog.get(topic) else { continue };
        let name = format!("{}Window", pascal_case(topic));
        any = any.item(Ref::from_schema_name(&name));
        found.push((name, object(stream, catalog)?));
    }
    let any = any.description(Some("A window of the stream that `topic` names"));
    found.push(("MobilityWindow".to_owned(), RefOr::T(any.into())));
    Ok(found)
}

fn pascal_case(topic: &str) -> String {
    let words = topic.split('-').map(|word| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_uppercase() + rest
    });
    words.collect()
}

fn object(stream: &StreamDefinition, catalog: &StreamCatalog) -> Result<RefOr<utoipa::openapi::Schema>> {
    let empty = RecordBatch::new_empty(windows_schema(stream, catalog));
    let shape = shaped(&empty, stream, None)?;
    let mut object = ObjectBuilder::new().description(Some(stream.description.clone()));
    for field in shape.schema().fields() {
        object = object.property(field.name(), member(field, stream));
    }
    Ok(object.into())
}

fn member(field: &Field, stream: &StreamDefinition) -> ObjectBuilder {
    let (kind, format) = match field.data_type() {
        DataType::Float64 => (Type::Number, None),
        DataType::Int32 | DataType::Int64 => (Type::Integer, Some(SchemaFormat::KnownFormat(KnownFormat::Int64))),
        DataType::Boolean => (Type::Boolean, None),
        DataType::Timestamp(..) => (Type::String, Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        _ => (Type::String, None),
    };
    let kind = if field.is_nullable() {
        SchemaType::from_iter([kind, Type::Null])
    } else {
        SchemaType::from(kind)
    };
    let said = |key: &str| field.metadata().get(key).filter(|text| !text.is_empty());
    let description = match (said("description"), said("unit")) {
        (Some(description), Some(unit)) => Some(format!("{description}; {unit}")),
        (description, _) => description.cloned(),
    };
    let member = ObjectBuilder::new()
        .schema_type(kind)
        .format(format)
        .description(description);
    match field.name().as_str() {
        "topic" => member.enum_values::<[&str; 1], &str>(Some([stream.name.as_str()])),
        _ => member,
    }
}
