//! The table `indices`, kept up with the windows of traffic sensors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, Scan, Table, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Clock, DAY, Timestamp};

use super::{FreeFlow, derive};
use crate::Result;
use crate::pipeline::WindowCommit;

/// The table's name.
pub const TABLE: &str = "indices";
/// What is read of the windows.
const COLUMNS: [&str; 6] = [
    "key",
    "zone_id",
    "window_start",
    "revision",
    "speed_kmh_mean",
    "occupancy_percent_mean",
];

/// The indices of every zone, derived from the windows that the lake holds. One process at a time keeps them.
pub struct IndexTable {
    windows: Table,
    indices: Table,
    free_flow: FreeFlow,
    version: i64,
    clock: Arc<dyn Clock>,
}

impl IndexTable {
    /// Opens the table, and derives what is missing of the windows that are there.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn open(lake: &Lake, traffic: &StreamDefinition, clock: Arc<dyn Clock>) -> Result<Self> {
        let windows = lake
            .table(&TableSpec::new(traffic.windows_table(), schema::windows(traffic)))
            .await?;
        let indices = lake.table(&TableSpec::new(TABLE, schema::indices())).await?;
        let version = windows.version();
        let mut table = Self {
            windows,
            indices,
            free_flow: FreeFlow::default(),
            version,
            clock,
        };
        for day in table.days().await? {
            let rows = table.rows(Timestamp(day * DAY), Timestamp((day + 1) * DAY)).await?;
            for ((key, start), (_, speed)) in newest(&rows) {
                table.free_flow.observe(&key, start, speed);
            }
            table.append(&rows).await?;
        }
        Ok(table)
    }

    /// Derives the indices of the windows that a commit changed; gives the number of rows that were new. A commit that
    /// [`open`](Self::open) has seen changes nothing.
    ///
    /// # Errors
    /// A lake that cannot be read or written: what is missing then is derived by the next [`open`](Self::open).
    pub async fn take(&mut self, commit: &WindowCommit) -> Result<usize> {
        if commit.version <= self.version {
            return Ok(0);
        }
        self.windows.refresh().await?;
        let starts = commit.batch["window_start"].as_primitive::<TimestampMicrosecondType>();
        let (Some(first), Some(last)) = (arrow::compute::min(starts), arrow::compute::max(starts)) else {
            return Ok(0);
        };
        let changed: BTreeSet<i64> = starts.values().iter().copied().collect();
        let rows = self.rows(Timestamp(first), Timestamp(last + 1)).await?;
        let mask: BooleanArray = rows["window_start"]
            .as_primitive::<TimestampMicrosecondType>()
            .values()
            .iter()
            .map(|start| Some(changed.contains(start)))
            .collect();
        let rows = filter_record_batch(&rows, &mask)?;
        self.observe(&commit.batch, &rows);
        self.version = commit.version;
        self.append(&rows).await
    }

    /// The speeds of a commit enter free flow; those of the revisions before leave it.
    fn observe(&mut self, batch: &RecordBatch, rows: &RecordBatch) {
        let earlier = revisions(rows);
        for ((key, start), (revision, speed)) in newest(batch) {
            let before = earlier.get(&(key.clone(), start)).into_iter().flatten();
            if let Some((_, old)) = before
                .filter(|(number, _)| *number < revision)
                .max_by_key(|(number, _)| *number)
            {
                self.free_flow.withdraw(&key, start, *old);
            }
            self.free_flow.observe(&key, start, speed);
        }
    }

    async fn append(&mut self, rows: &RecordBatch) -> Result<usize> {
        let derived = derive(rows, &self.free_flow, self.clock.now())?;
        let starts = derived["window_start"].as_primitive::<TimestampMicrosecondType>();
        let (Some(first), Some(last)) = (arrow::compute::min(starts), arrow::compute::max(starts)) else {
            return Ok(0);
        };
        let scan = Scan {
            time_column: Some("window_start".into()),
            from: Some(Timestamp(first)),
            to: Some(Timestamp(last + 1)),
            ..Scan::default()
        };
        let mut known = BTreeSet::new();
        for batch in self.indices.scan(&scan).await? {
            known.extend(identities(&batch));
        }
        let mask: BooleanArray = identities(&derived).map(|row| Some(!known.contains(&row))).collect();
        let fresh = filter_record_batch(&derived, &mask)?;
        if fresh.num_rows() > 0 {
            self.indices.append(std::slice::from_ref(&fresh)).await?;
        }
        Ok(fresh.num_rows())
    }

    /// The windows that start in `[from, to)`, all revisions.
    async fn rows(&self, from: Timestamp, to: Timestamp) -> Result<RecordBatch> {
        let scan = Scan {
            columns: Some(COLUMNS.map(str::to_owned).to_vec()),
            time_column: Some("window_start".into()),
            from: Some(from),
            to: Some(to),
            ..Scan::default()
        };
        let batches = self.windows.scan(&scan).await?;
        Ok(concat_batches(&self.windows.scan_schema(&scan)?, &batches)?)
    }

    /// The UTC days that have windows.
    async fn days(&self) -> Result<BTreeSet<i64>> {
        let scan = Scan {
            columns: Some(vec!["window_start".into()]),
            ..Scan::default()
        };
        let mut days = BTreeSet::new();
        for batch in self.windows.scan(&scan).await? {
            let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>();
            days.extend(starts.values().iter().map(|start| Timestamp(*start).day()));
        }
        Ok(days)
    }
}

/// What makes a row of the table the same: zone, window, formula, revision.
fn identities(batch: &RecordBatch) -> impl Iterator<Item = (String, i64, String, i32)> {
    let zones = batch["zone_id"].as_string::<i32>().clone();
    let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>().clone();
    let formulas = batch["formula"].as_string::<i32>().clone();
    let revisions = batch["revision"].as_primitive::<Int32Type>().clone();
    (0..batch.num_rows()).map(move |row| {
        (
            zones.value(row).to_owned(),
            starts.value(row),
            formulas.value(row).to_owned(),
            revisions.value(row),
        )
    })
}

type Places<T> = BTreeMap<(String, Timestamp), T>;

/// The revisions of each sensor's window that have a speed.
fn revisions(rows: &RecordBatch) -> Places<Vec<(i32, f64)>> {
    let keys = rows["key"].as_string::<i32>();
    let starts = rows["window_start"].as_primitive::<TimestampMicrosecondType>();
    let revisions = rows["revision"].as_primitive::<Int32Type>();
    let speeds = rows["speed_kmh_mean"].as_primitive::<Float64Type>();
    let mut found = Places::<Vec<(i32, f64)>>::new();
    for row in (0..rows.num_rows()).filter(|row| speeds.is_valid(*row)) {
        let place = (keys.value(row).to_owned(), Timestamp(starts.value(row)));
        found
            .entry(place)
            .or_default()
            .push((revisions.value(row), speeds.value(row)));
    }
    found
}

/// The newest revision of each sensor's window that has a speed.
fn newest(rows: &RecordBatch) -> Places<(i32, f64)> {
    let newest = |all: Vec<(i32, f64)>| all.into_iter().max_by_key(|(revision, _)| *revision);
    revisions(rows)
        .into_iter()
        .filter_map(|(place, all)| Some((place, newest(all)?)))
        .collect()
}
