//! Closed windows as the lake holds them: what a restart reads is what was read before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::time::Timestamp;
use futures::TryStreamExt;

use crate::{Error, Result};

/// The columns that every window has.
const IDENTITY: [&str; 4] = ["key", "zone_id", "window_start", "revision"];

/// One row of a window: the newest revision of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    /// The key.
    pub key: Arc<str>,
    /// Its zone.
    pub zone: Option<Arc<str>>,
    /// One value a column asked for, NaN where there is none.
    pub values: Vec<f64>,
    revision: i32,
}

/// The rows of each window that starts in `from..to`, in the order of their keys. A column that the table does not have yet has no
/// value.
///
/// # Errors
/// A lake that cannot be read.
pub async fn read_windows(
    table: &Table,
    columns: &[String],
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, Vec<WindowRow>>> {
    let schema = table.schema();
    let known = columns.iter().filter(|name| schema.field_with_name(name).is_ok());
    let mut wanted: Vec<String> = IDENTITY.map(String::from).to_vec();
    for name in known {
        if !wanted.contains(name) {
            wanted.push(name.clone());
        }
    }
    let scan = Scan {
        columns: Some(wanted),
        time_column: Some("window_start".into()),
        from: Some(from),
        to: Some(to),
        ..Scan::default()
    };
    let mut batches = table.stream(&scan).await?;
    let mut found: BTreeMap<Timestamp, HashMap<Arc<str>, WindowRow>> = BTreeMap::new();
    while let Some(batch) = batches.try_next().await? {
        take(&batch, columns, &mut found)?;
    }
    let in_order = |rows: HashMap<Arc<str>, WindowRow>| {
        let mut rows: Vec<WindowRow> = rows.into_values().collect();
        rows.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        rows
    };
    Ok(found
        .into_iter()
        .map(|(window, rows)| (window, in_order(rows)))
        .collect())
}

fn take(
    batch: &RecordBatch,
    columns: &[String],
    found: &mut BTreeMap<Timestamp, HashMap<Arc<str>, WindowRow>>,
) -> Result<()> {
    let wrong = |name: &str| Error::invalid("windows batch", name, "a column of the windows table");
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
    let keys: &StringArray = column("key")?.as_string_opt().ok_or_else(|| wrong("key"))?;
    let zones: &StringArray = column("zone_id")?.as_string_opt().ok_or_else(|| wrong("zone_id"))?;
    let starts: &TimestampMicrosecondArray = column("window_start")?
        .as_primitive_opt()
        .ok_or_else(|| wrong("window_start"))?;
    let revisions: &Int32Array = column("revision")?
        .as_primitive_opt()
        .ok_or_else(|| wrong("revision"))?;
    let values = numbers(batch, columns)?;
    for row in 0..batch.num_rows() {
        let rows = found.entry(Timestamp(starts.value(row))).or_default();
        let (key, revision) = (keys.value(row), revisions.value(row));
        if rows.get(key).is_some_and(|known| known.revision >= revision) {
            continue;
        }
        let key: Arc<str> = key.into();
        let value = |column: &Option<Float64Array>| match column {
            Some(column) if !column.is_null(row) => column.value(row),
            _ => f64::NAN,
        };
        let taken = WindowRow {
            key: Arc::clone(&key),
            zone: (!zones.is_null(row)).then(|| zones.value(row).into()),
            values: values.iter().map(value).collect(),
            revision,
        };
        rows.insert(key, taken);
    }
    Ok(())
}

/// The columns as numbers; none where a batch lacks one.
fn numbers(batch: &RecordBatch, columns: &[String]) -> Result<Vec<Option<Float64Array>>> {
    let number = |name: &String| {
        let Some(column) = batch.column_by_name(name) else {
            return Ok(None);
        };
        let column = cast(column, &DataType::Float64)?;
        Ok(column.as_primitive_opt().cloned())
    };
    columns.iter().map(number).collect()
}
