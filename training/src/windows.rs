//! From the windows table of a lake to a panel: the newest revision of every window, one series a key.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, Scan, Table};
use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::{Duration, Timestamp};
use ndarray::Array3;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

const KEY: &str = "key";
const START: &str = "window_start";
const REVISION: &str = "revision";

/// A panel from a lake, and where exactly it comes from.
#[derive(Debug, Clone)]
pub struct LakePanel {
    /// The panel.
    pub panel: Panel,
    /// The table.
    pub table: String,
    /// Its version.
    pub version: i64,
    /// SHA-256 of the panel's content: series, times, step and values.
    pub sha256: String,
}

/// The windows of `topic` as a panel of `field`: its column of that name or, for a number, its mean (`<field>_mean`).
///
/// Windows that are absent from the table are missing in the panel. `version` is a version of the table, the newest one where there is none.
///
/// # Errors
/// No such table or column, a table without a row, a lake that cannot be read.
pub async fn panel(lake: &Lake, topic: &str, field: &str, version: Option<i64>, timezone: &str) -> Result<LakePanel> {
    let name = format!("{}_windows", topic.replace('-', "_"));
    let Some(table) = lake.existing(&name).await? else {
        let known: Vec<String> = lake
            .names()
            .await?
            .into_iter()
            .filter(|name| name.ends_with("_windows"))
            .collect();
        return Err(Error::invalid(
            "--topic",
            topic,
            format!("a topic with a table of windows in this lake: {}", known.join(", ")),
        ));
    };
    let column = column(&table, field)?;
    let columns = [KEY, START, REVISION, &column].map(str::to_owned).to_vec();
    let version = version.unwrap_or_else(|| table.version());
    let scan = Scan {
        columns: Some(columns),
        version: Some(version),
        ..Scan::default()
    };
    let batches = table.scan(&scan).await?;
    let panel = from_batches(&batches, field, timezone)?;
    let sha256 = digest(&panel);
    Ok(LakePanel {
        panel,
        table: name,
        version,
        sha256,
    })
}

fn column(table: &Table, field: &str) -> Result<String> {
    let schema = table.schema();
    let numeric = |name: &str| {
        let kind = schema.field_with_name(name).map(|field| field.data_type().clone());
        matches!(kind, Ok(DataType::Float64 | DataType::Int64)).then(|| name.to_owned())
    };
    numeric(field)
        .or_else(|| numeric(&format!("{field}_mean")))
        .ok_or_else(|| {
            let names = schema.fields().iter().filter_map(|field| numeric(field.name()));
            Error::invalid(
                "--target",
                field,
                format!("a number of {}: {}", table.name(), names.collect::<Vec<_>>().join(", ")),
            )
        })
}

/// Puts rows of key, start, revision and value on a grid; the newest revision of a window counts.
fn from_batches(batches: &[RecordBatch], field: &str, timezone: &str) -> Result<Panel> {
    let mut newest: HashMap<(String, i64), (i32, f64)> = HashMap::new();
    for batch in batches {
        let keys = batch.column(0).as_string::<i32>();
        let starts = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        let revisions = batch.column(2).as_primitive::<Int32Type>();
        for row in 0..batch.num_rows() {
            let revision = revisions.value(row);
            let window = (keys.value(row).to_owned(), starts.value(row));
            let seen = newest.entry(window).or_insert((i32::MIN, f64::NAN));
            if revision > seen.0 {
                *seen = (revision, value(batch, row));
            }
        }
    }
    let mut times: Vec<i64> = newest.keys().map(|(_, start)| *start).collect();
    times.sort_unstable();
    times.dedup();
    let step = times.windows(2).map(|pair| pair[1] - pair[0]).min();
    let (Some(step), Some(&first), Some(&last)) = (step, times.first(), times.last()) else {
        return Err(Error::invalid(
            "--lake",
            format!("{} windows", times.len()),
            "a table with at least two windows",
        ));
    };
    let mut series: BTreeMap<&str, usize> = newest.keys().map(|(key, _)| (key.as_str(), 0)).collect();
    series
        .values_mut()
        .enumerate()
        .for_each(|(place, column)| *column = place);
    let rows = usize::try_from((last - first) / step + 1).unwrap_or(0);
    let mut values = Array3::from_elem((rows, series.len(), 1), f64::NAN);
    for ((key, start), (_, value)) in &newest {
        let row = usize::try_from((start - first) / step).unwrap_or(0);
        values[[row, series[key.as_str()], 0]] = *value;
    }
    let names = series.into_keys().map(str::to_owned).collect();
    let channels = vec![Channel {
        name: field.to_owned(),
        role: ChannelRole::Target,
    }];
    Ok(Panel::new(
        Timestamp(first),
        Duration(step),
        timezone,
        names,
        channels,
        values,
    )?)
}

fn value(batch: &RecordBatch, row: usize) -> f64 {
    let column = batch.column(3);
    if column.is_null(row) {
        return f64::NAN;
    }
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row) as f64,
        _ => column.as_primitive::<Float64Type>().value(row),
    }
}

fn digest(panel: &Panel) -> String {
    let mut hash = Sha256::new();
    hash.update(panel.start().0.to_le_bytes());
    hash.update(panel.step().0.to_le_bytes());
    for name in panel.series() {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
    }
    for value in panel.values() {
        let bits = if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            value.to_bits()
        };
        hash.update(bits.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};
    use arterial_datasets::schema::instant;

    use super::*;

    fn batch(rows: &[(&str, i64, i32, Option<f64>)]) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new(KEY, DataType::Utf8, false),
            Field::new(START, instant(), false),
            Field::new(REVISION, DataType::Int32, false),
            Field::new("speed_kmh_mean", DataType::Float64, true),
        ]);
        let starts = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone("UTC");
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
                Arc::new(starts),
                Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2))),
                Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.3))),
            ],
        )
        .unwrap()
    }

    #[test]
    fn the_newest_revision_counts_and_absent_windows_are_missing() {
        let minute = 60_000_000;
        let first = batch(&[
            ("b", 0, 1, Some(7.0)),
            ("a", 0, 0, Some(1.0)),
            ("a", 5 * minute, 0, None),
        ]);
        let second = batch(&[
            ("b", 0, 0, Some(6.0)),
            ("b", 15 * minute, 0, Some(9.0)),
            ("a", 5 * minute, 1, Some(2.0)),
        ]);
        let panel = from_batches(&[first, second], "speed_kmh", "UTC").unwrap();
        assert_eq!(
            (panel.series(), panel.steps()),
            (["a".to_owned(), "b".to_owned()].as_slice(), 4)
        );
        assert_eq!(panel.step(), "5m".parse().unwrap());
        let target = panel.target();
        assert_eq!(
            (target[[0, 0]], target[[1, 0]], target[[0, 1]], target[[3, 1]]),
            (1.0, 2.0, 7.0, 9.0)
        );
        assert!(target[[2, 0]].is_nan() && target[[1, 1]].is_nan());
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_rows() {
        let rows = [
            ("a", 0, 0, Some(1.0)),
            ("b", 0, 0, Some(2.0)),
            ("a", 60_000_000, 0, None),
        ];
        let panel = |batches: &[RecordBatch]| digest(&from_batches(batches, "y", "UTC").unwrap());
        let one = panel(&[batch(&rows)]);
        let other = panel(&[batch(&rows[2..]), batch(&rows[..2])]);
        assert_eq!(one, other);
        assert_ne!(
            one,
            panel(&[batch(&[rows[0], rows[1], ("a", 60_000_000, 0, Some(3.0))])])
        );
    }

    #[test]
    fn a_table_without_two_windows_makes_no_panel() {
        assert!(from_batches(&[], "y", "UTC").is_err());
        assert!(from_batches(&[batch(&[("a", 0, 0, Some(1.0))])], "y", "UTC").is_err());
    }
}
