//! The table of indices, kept beside the windows of traffic sensors.

mod restarts;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, LakeOptions, Scan, Table, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::{DAY, MINUTE, SECOND, Timestamp};
use arterial_features::indices::{ARTERIAL, CITY_PLATFORM, IndexTable, TABLE};
use arterial_features::pipeline::WindowCommit;
use tempfile::TempDir;

use crate::support::TestClock;

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600 * SECOND;

/// A sensor's window: sensor, zone, number of the window, revision, speed, occupancy.
type Row = (&'static str, Option<&'static str>, i64, i32, Option<f64>, Option<f64>);

/// An index: zone, number of the window, formula.
type Place = (String, i64, String);

/// The newest row of a place: revision, inputs, congestion, mobility index.
type Index = (i32, i64, Option<f64>, Option<f64>);

/// A lake with a table of traffic windows.
struct City {
    lake: Lake,
    traffic: Arc<StreamDefinition>,
    windows: Table,
    folder: TempDir,
}

impl City {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let options = LakeOptions {
            fsync: false,
            ..LakeOptions::default()
        };
        let lake = Lake::open(folder.path().to_str().unwrap(), options).await.unwrap();
        let traffic = StreamCatalog::built_in()
            .unwrap()
            .get("traffic-sensors")
            .unwrap()
            .clone();
        let spec = TableSpec::new(traffic.windows_table(), schema::windows(&traffic));
        let windows = lake.table(&spec).await.unwrap();
        Self {
            lake,
            traffic,
            windows,
            folder,
        }
    }

    /// Commits windows; gives what observers are told.
    async fn commit(&mut self, rows: &[Row]) -> WindowCommit {
        let batch = batch(&self.traffic, rows);
        self.windows.append(std::slice::from_ref(&batch)).await.unwrap();
        let newest = rows.iter().map(|row| row.2).max().unwrap_or_default();
        WindowCommit {
            stream: Arc::clone(&self.traffic),
            batch,
            watermark: Timestamp(start(newest + 1)),
            version: self.windows.version(),
        }
    }

    async fn keeper(&self) -> IndexTable {
        IndexTable::open(&self.lake, &self.traffic, TestClock::at(BEGIN + DAY))
            .await
            .unwrap()
    }

    /// Starts a keeper and ends it; gives the days that it derived, counted from the first.
    async fn kept_again(&self) -> Vec<i64> {
        let keeper = self.keeper().await;
        keeper.derived().iter().map(|day| day - BEGIN / DAY).collect()
    }

    /// The newest row of each place.
    async fn indices(&self) -> BTreeMap<Place, Index> {
        let table = self.lake.existing(TABLE).await.unwrap().unwrap();
        newest(&table.scan(&Scan::default()).await.unwrap())
    }

    async fn rows(&self) -> usize {
        let table = self.lake.existing(TABLE).await.unwrap().unwrap();
        let batches = table.scan(&Scan::default()).await.unwrap();
        batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// The newest row of each place; that no revision of one is there twice is checked on the way.
fn newest(batches: &[RecordBatch]) -> BTreeMap<Place, Index> {
    let mut all: BTreeMap<Place, BTreeMap<i32, Index>> = BTreeMap::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let text = |name: &str| batch[name].as_string::<i32>().value(row).to_owned();
            let number = |name: &str| {
                let column = batch[name].as_primitive::<Float64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>();
            let window = (starts.value(row) - BEGIN) / (5 * MINUTE);
            let revision = batch["revision"].as_primitive::<Int32Type>().value(row);
            let inputs = batch["inputs"].as_primitive::<Int64Type>().value(row);
            let index = (revision, inputs, number("congestion"), number("mobility_index"));
            let place = (text("zone_id"), window, text("formula"));
            let before = all.entry(place).or_default().insert(revision, index);
            assert!(before.is_none(), "revision {revision} is there once");
        }
    }
    all.into_iter()
        .filter_map(|(place, mut rows)| Some((place, rows.pop_last()?.1)))
        .collect()
}

fn start(window: i64) -> i64 {
    BEGIN + window * 5 * MINUTE
}

fn place(zone: &str, window: i64, formula: &str) -> Place {
    (zone.to_owned(), window, formula.to_owned())
}

fn batch(traffic: &StreamDefinition, rows: &[Row]) -> RecordBatch {
    let schema = schema::windows(traffic);
    let starts: Vec<i64> = rows.iter().map(|row| start(row.2)).collect();
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        match (name, kind) {
            ("key", _) => Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()),
            ("zone_id", _) => Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>()),
            ("window_start" | "committed_at", _) => {
                Arc::new(TimestampMicrosecondArray::from(starts.clone()).with_timezone("UTC"))
            }
            ("revision", _) => Arc::new(rows.iter().map(|row| Some(row.3)).collect::<Int32Array>()),
            ("speed_kmh_mean", _) => Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
            ("occupancy_percent_mean", _) => Arc::new(rows.iter().map(|row| row.5).collect::<Float64Array>()),
            ("quality", _) => Arc::new(Float64Array::from(vec![1.0; rows.len()])),
            (_, DataType::Date32) => Arc::new(Date32Array::from_iter_values(
                starts.iter().map(|start| Timestamp(*start).day() as i32),
            )),
            (_, DataType::Int64) => Arc::new(Int64Array::from(vec![1; rows.len()])),
            (_, DataType::Boolean) => Arc::new(BooleanArray::from(vec![false; rows.len()])),
            (_, other) => new_null_array(other, rows.len()),
        }
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type()))
        .collect();
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
}

/// Two sensors of one zone, both at 40 km/h and 20 % occupancy.
fn pair(window: i64) -> [Row; 2] {
    [
        ("a", Some("north"), window, 0, Some(40.5), Some(20.0)),
        ("b", Some("north"), window, 0, Some(40.5), Some(20.0)),
    ]
}

#[tokio::test]
async fn a_keeper_that_starts_again_derives_what_is_missing_and_nothing_twice() {
    let mut city = City::new().await;
    city.commit(&pair(0)).await;
    let mut keeper = city.keeper().await;
    assert_eq!(city.rows().await, 2, "one row a formula");
    let second = city.commit(&pair(1)).await;
    assert_eq!(keeper.take(&second).await.unwrap(), 2);
    // The process ends between the commit of windows and that of indices.
    drop(keeper);
    let third = city.commit(&pair(2)).await;
    let mut keeper = city.keeper().await;
    assert_eq!(city.rows().await, 6);
    for seen in [&second, &third] {
        assert_eq!(keeper.take(seen).await.unwrap(), 0);
    }
    // The next day is another file and another stretch of the table.
    let tomorrow = city.commit(&pair(288)).await;
    assert_eq!(keeper.take(&tomorrow).await.unwrap(), 2);
    drop(city.keeper().await);
    assert_eq!((city.rows().await, city.indices().await.len()), (8, 8));
}

#[tokio::test]
async fn a_commit_that_is_told_again_changes_nothing() {
    let mut city = City::new().await;
    let mut keeper = city.keeper().await;
    let (first, second) = (city.commit(&pair(0)).await, city.commit(&pair(1)).await);
    // Both are in the lake before the first is told: it brings its own windows alone.
    assert_eq!(keeper.take(&first).await.unwrap(), 2);
    assert_eq!(keeper.take(&second).await.unwrap(), 2);
    let before = city.indices().await;
    for told in [&first, &second, &first] {
        assert_eq!(keeper.take(told).await.unwrap(), 0);
    }
    assert_eq!((city.indices().await, city.rows().await), (before, 4));
}

#[tokio::test]
async fn a_revised_window_revises_the_indices_of_its_zone_alone() {
    let mut city = City::new().await;
    let mut keeper = city.keeper().await;
    let elsewhere = ("c", Some("south"), 0, 0, Some(30.5), Some(10.0));
    let [a, b] = pair(0);
    let first = city.commit(&[a, b, elsewhere]).await;
    assert_eq!(keeper.take(&first).await.unwrap(), 4);
    let (arterial, published) = (place("north", 0, ARTERIAL), place("north", 0, CITY_PLATFORM));
    let before = city.indices().await;
    assert_eq!((before[&arterial].1, before[&arterial].2), (2, Some(0.0)), "free flow");

    // Late records slow sensor `a` down: its free flow is the one speed that it now has, 10.5.
    let revised = city.commit(&[("a", Some("north"), 0, 1, Some(10.5), Some(60.0))]).await;
    assert_eq!(keeper.take(&revised).await.unwrap(), 2);
    let after = city.indices().await;
    assert!(after[&arterial].0 > before[&arterial].0, "a later revision");
    assert_eq!(after[&arterial].2, Some(0.0), "the withdrawn speed is no free flow");
    let expected = (25.5 / 50.0 * 0.6 + (100.0 - 40.0) / 100.0 * 0.4) * 100.0;
    assert!((after[&published].3.unwrap() - expected).abs() < 1e-9);
    let south = place("south", 0, ARTERIAL);
    assert_eq!(after[&south], before[&south]);

    // Whoever starts over all rows derives the same, and adds nothing.
    drop(city.keeper().await);
    assert_eq!(city.indices().await, after);
}

#[tokio::test]
async fn a_sensor_that_reports_late_revises_its_zone_even_without_a_speed() {
    let mut city = City::new().await;
    let mut keeper = city.keeper().await;
    let first = city.commit(&pair(0)).await;
    keeper.take(&first).await.unwrap();
    let arterial = place("north", 0, ARTERIAL);
    let mut before = city.indices().await[&arterial];
    for (sensor, speed, occupancy, inputs) in [("c", Some(20.5), Some(20.0), 3), ("d", None, Some(80.0), 3)] {
        let late = city.commit(&[(sensor, Some("north"), 0, 0, speed, occupancy)]).await;
        assert_eq!(keeper.take(&late).await.unwrap(), 2, "{sensor}");
        let after = city.indices().await[&arterial];
        assert!(
            after.0 > before.0 && after.1 == inputs,
            "{sensor}: {before:?} {after:?}"
        );
        before = after;
    }
    // 20 % at three sensors and 80 % at one.
    assert!((before.3.unwrap() - 100.0 * (0.6 + 0.4 * 0.65)).abs() < 1e-9);
}

#[tokio::test]
async fn without_input_there_is_no_value() {
    let mut city = City::new().await;
    let mut keeper = city.keeper().await;
    let commit = city
        .commit(&[
            ("nowhere", None, 0, 0, Some(40.5), Some(20.0)),
            ("mute", Some("east"), 0, 0, None, Some(20.0)),
            ("blind", Some("west"), 0, 0, Some(40.5), None),
        ])
        .await;
    assert_eq!(keeper.take(&commit).await.unwrap(), 1);
    let indices = city.indices().await;
    let (_, inputs, congestion, mobility) = indices[&place("west", 0, ARTERIAL)];
    assert_eq!((indices.len(), inputs, congestion, mobility), (1, 1, Some(0.0), None));
    let empty = WindowCommit {
        batch: batch(&city.traffic, &[]),
        version: commit.version + 1,
        ..commit
    };
    assert_eq!(keeper.take(&empty).await.unwrap(), 0);
}
