//! From the windows table of a lake to a panel: the newest revision of every window, one series a key.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, Scan, Table};
use arterial_datasets::panel::{Channel, ChannelRole, CityMeans, Covariate, Holidays, Panel, city_mean};
use arterial_datasets::time::{Duration, Timestamp};
use ndarray::Array3;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

const KEY: &str = "key";
const START: &str = "window_start";
const REVISION: &str = "revision";
const ZONE: &str = "zone_id";

/// Which windows make a panel.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The column of that name or, for a number, its mean (`<field>_mean`).
    pub field: &'a str,
    /// The zone whose clock seasonality follows.
    pub timezone: &'a str,
    /// Days that count as Sundays.
    pub holidays: &'a Holidays,
    /// Numbers of other streams, which become channels.
    pub covariates: &'a [Covariate],
    /// The versions of the tables to read, by name; the newest of those that are not named.
    pub versions: &'a BTreeMap<String, i64>,
}

/// A panel from a lake, and where exactly it comes from.
#[derive(Debug, Clone)]
pub struct LakePanel {
    /// The panel.
    pub panel: Panel,
    /// The target's table.
    pub table: String,
    /// The version of each table that was read, by name.
    pub versions: BTreeMap<String, i64>,
    /// SHA-256 of the panel's content: series, times, step and values.
    pub sha256: String,
}

/// The windows that are wanted as a panel, one series a key, which lies in the zone that it was last seen in.
///
/// Windows that are absent from the table are missing in the panel.
///
/// # Errors
/// No such table or column, a table without a row, a lake that cannot be read.
pub async fn panel(lake: &Lake, wanted: &Wanted<'_>) -> Result<LakePanel> {
    let own = Covariate {
        topic: wanted.topic.into(),
        field: wanted.field.into(),
    };
    let (table, version, batches) = read(lake, &own, "--topic", wanted.versions).await?;
    let panel = grid(&newest(&batches), wanted.field, wanted.timezone)?.with_holidays(wanted.holidays.clone());
    let zones = zones(&batches, panel.series());
    let mut panel = panel.with_zones(zones);
    drop(batches);
    let mut versions = BTreeMap::from([(table.clone(), version)]);
    for covariate in wanted.covariates {
        let (table, version, batches) = read(lake, covariate, "--join", wanted.versions).await?;
        let means = city_means(covariate, &newest(&batches), panel.step());
        panel = panel.with_covariate(&means);
        versions.insert(table, version);
    }
    let sha256 = digest(&panel);
    Ok(LakePanel {
        panel,
        table,
        versions,
        sha256,
    })
}

/// Those of `covariates` that the lake has windows of.
///
/// # Errors
/// A lake that cannot be read.
pub async fn present(lake: &Lake, covariates: &[Covariate]) -> Result<Vec<Covariate>> {
    let tables = lake.names().await?;
    let known = |covariate: &&Covariate| tables.contains(&table_name(&covariate.topic));
    Ok(covariates.iter().filter(known).cloned().collect())
}

/// The newest revision and the value of each window, by key and start in microseconds.
type Newest = HashMap<(String, i64), (i32, f64)>;

fn table_name(topic: &str) -> String {
    format!("{}_windows", topic.replace('-', "_"))
}

/// Reads one number of one stream: key, start, revision, value and, where the table has one, zone. `option` is what the error names where
/// there is no such table.
async fn read(
    lake: &Lake,
    number: &Covariate,
    option: &str,
    versions: &BTreeMap<String, i64>,
) -> Result<(String, i64, Vec<RecordBatch>)> {
    let name = table_name(&number.topic);
    let Some(table) = lake.existing(&name).await? else {
        let mut known = lake.names().await?;
        known.retain(|name| name.ends_with("_windows"));
        return Err(Error::invalid(
            option,
            &number.topic,
            format!("a topic with a table of windows in this lake: {}", known.join(", ")),
        ));
    };
    let column = column(&table, &number.field)?;
    let version = versions.get(&name).copied().unwrap_or_else(|| table.version());
    let mut columns = [KEY, START, REVISION, &column].map(str::to_owned).to_vec();
    columns.extend(table.schema().field_with_name(ZONE).ok().map(|_| ZONE.to_owned()));
    let scan = Scan {
        columns: Some(columns),
        version: Some(version),
        ..Scan::default()
    };
    Ok((name, version, table.scan(&scan).await?))
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

/// The newest revisions of rows of key, start, revision and value.
fn newest(batches: &[RecordBatch]) -> Newest {
    let mut newest = Newest::new();
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
    newest
}

/// The zone that each of `series` was last seen in; empty where the table has no zones.
fn zones(batches: &[RecordBatch], series: &[String]) -> Vec<Option<String>> {
    let mut seen: HashMap<&str, ((i64, i32), &str)> = HashMap::new();
    for batch in batches {
        let zones = batch.column_by_name(ZONE);
        let Some(zones) = zones.and_then(|column| column.as_string_opt::<i32>()) else {
            continue;
        };
        let keys = batch.column(0).as_string::<i32>();
        let starts = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        let revisions = batch.column(2).as_primitive::<Int32Type>();
        for row in (0..batch.num_rows()).filter(|&row| !zones.is_null(row)) {
            let found = ((starts.value(row), revisions.value(row)), zones.value(row));
            let newest = seen.entry(keys.value(row)).or_insert(found);
            *newest = found.max(*newest);
        }
    }
    if seen.is_empty() {
        return Vec::new();
    }
    let zone = |key: &String| seen.get(key.as_str()).map(|(_, zone)| (*zone).to_owned());
    series.iter().map(zone).collect()
}

/// The least distance between two windows' starts, and the first and last start.
fn extent(newest: &Newest) -> Result<(i64, i64, i64)> {
    let mut times: Vec<i64> = newest.keys().map(|(_, start)| *start).collect();
    times.sort_unstable();
    times.dedup();
    let step = times.windows(2).map(|pair| pair[1] - pair[0]).min();
    match (step, times.first(), times.last()) {
        (Some(step), Some(&first), Some(&last)) => Ok((step, first, last)),
        _ => Err(Error::invalid(
            "--lake",
            format!("{} windows", times.len()),
            "a table with at least two windows",
        )),
    }
}

/// The covariate by window; `step` is the length of its windows where there are too few to tell.
fn city_means(covariate: &Covariate, newest: &Newest, step: Duration) -> CityMeans {
    let window = extent(newest).map_or(step, |(step, ..)| Duration(step));
    let mut values: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
    for ((_, start), (_, value)) in newest {
        values.entry(Timestamp(*start)).or_default().push(*value);
    }
    let means = values.into_iter().map(|(start, values)| (start, city_mean(values)));
    CityMeans {
        covariate: covariate.clone(),
        window,
        means: means.filter(|(_, mean)| !mean.is_nan()).collect(),
    }
}

/// Puts windows on a grid.
fn grid(newest: &Newest, field: &str, timezone: &str) -> Result<Panel> {
    let (step, first, last) = extent(newest)?;
    let mut series: BTreeMap<&str, usize> = newest.keys().map(|(key, _)| (key.as_str(), 0)).collect();
    series
        .values_mut()
        .enumerate()
        .for_each(|(place, column)| *column = place);
    let rows = usize::try_from((last - first) / step + 1).unwrap_or(0);
    let mut values = Array3::from_elem((rows, series.len(), 1), f64::NAN);
    for ((key, start), (_, value)) in newest {
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
    for day in panel.holidays().days() {
        hash.update(day.to_le_bytes());
    }
    for value in panel.values() {
        let bits = if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            value.to_bits()
        };
        hash.update(bits.to_le_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
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
                Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>()),
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
        let panel = grid(&newest(&[first, second]), "speed_kmh", "UTC").unwrap();
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
    fn a_covariate_is_the_mean_over_the_keys_of_each_window() {
        let minute = 60_000_000;
        let rows = [
            ("a", 0, 0, Some(1.0)),
            ("b", 0, 0, Some(9.0)),
            ("b", 0, 1, Some(3.0)),
            ("a", 5 * minute, 0, None),
        ];
        let covariate = "weather.precipitation_mm".parse().unwrap();
        let means = city_means(&covariate, &newest(&[batch(&rows)]), Duration(1));
        assert_eq!(means.window, "5m".parse().unwrap());
        assert_eq!(means.means, BTreeMap::from([(Timestamp(0), 2.0)]));
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_rows() {
        let rows = [
            ("a", 0, 0, Some(1.0)),
            ("b", 0, 0, Some(2.0)),
            ("a", 60_000_000, 0, None),
        ];
        let panel = |batches: &[RecordBatch]| digest(&grid(&newest(batches), "y", "UTC").unwrap());
        let one = panel(&[batch(&rows)]);
        let other = panel(&[batch(&rows[2..]), batch(&rows[..2])]);
        assert_eq!(one, other);
        assert_ne!(
            one,
            panel(&[batch(&[rows[0], rows[1], ("a", 60_000_000, 0, Some(3.0))])])
        );
    }

    #[test]
    fn a_key_lies_in_the_zone_of_its_newest_window_that_has_one() {
        let rows = [
            ("a", 0, 0, Some(1.0)),
            ("a", 60_000_000, 0, Some(1.0)),
            ("a", 60_000_000, 1, Some(1.0)),
            ("b", 0, 0, None),
        ];
        let plain = batch(&rows);
        assert!(zones(std::slice::from_ref(&plain), &["a".into()]).is_empty());
        let mut fields = plain.schema().fields().to_vec();
        fields.push(Arc::new(Field::new(ZONE, DataType::Utf8, true)));
        let mut columns = plain.columns().to_vec();
        let places = [Some("north"), Some("west"), None, None];
        columns.push(Arc::new(places.into_iter().collect::<StringArray>()));
        let zoned = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        let found = zones(&[zoned], &["a".into(), "b".into()]);
        assert_eq!(found, [Some("west".to_owned()), None]);
    }

    #[test]
    fn a_table_without_two_windows_makes_no_panel() {
        assert!(grid(&newest(&[]), "y", "UTC").is_err());
        assert!(grid(&newest(&[batch(&[("a", 0, 0, Some(1.0))])]), "y", "UTC").is_err());
    }
}
