//! Live state from the lake: what a start and a newly promoted target need.

use std::ops::Range;

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Lake, Scan, Table};
use arterial_datasets::time::{DAY, Duration, Timestamp};
use futures::TryStreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::columns::PlaceColumns;
use super::state::Maker;
use super::stream::LiveStream;
use super::target_column;
use crate::{Error, Result};

/// So many parts of a table are decoded side by side.
const READERS: usize = 4;
/// The newest windows, which say where almost every key is.
const PLACED: Duration = Duration(DAY);
/// The columns without which no window can be taken.
const IDENTITY: [&str; 3] = ["key", "window_start", "revision"];
/// Those that say where a key is.
const PLACES: [&str; 6] = {
    let [road_id, road_name, name, lat, lon] = PlaceColumns::NAMES;
    ["zone_id", road_id, road_name, name, lat, lon]
};

impl LiveStream {
    /// Reads all history of `fields` that is kept, as [`read_history`](Self::read_history) does. Where a key is, most columns of a row,
    /// is read from the newest windows alone, and from older ones for keys that those do not know.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn rebuild(&self, lake: &Lake, fields: &[String], history: Duration) -> Result<u64> {
        let Some(table) = lake.existing(&self.definition().windows_table()).await? else {
            return Ok(0);
        };
        self.reading().begin(&table);
        if history <= PLACED || watermark(&table).is_none() {
            return self.read_ages(&table, fields, Duration(0)..history).await;
        }
        let mut rows = self.read_ages(&table, fields, Duration(0)..PLACED).await?;
        let known = self.key_count();
        let older = within(&table, &(PLACED..history));
        let values = Scan {
            columns: Some(columns(&table, IDENTITY.into_iter(), self.targets(fields))),
            ..older.clone()
        };
        rows += self.take_all(&table, &values).await?;
        let unplaced = self.without_place(known);
        if !unplaced.is_empty() {
            let places = Scan {
                columns: Some(columns(&table, IDENTITY.into_iter().chain(PLACES), Vec::new())),
                keys: Some(unplaced),
                ..older
            };
            self.take_all(&table, &places).await?;
        }
        Ok(rows)
    }

    /// Reads history of `fields` from the windows table: the windows whose age, counted back from the watermark, lies within
    /// `ages`; from age 0 on whatever is newer, too. Commits may be taken meanwhile. Returns the rows read, 0 where the table does
    /// not exist yet.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn read_history(&self, lake: &Lake, fields: &[String], ages: Range<Duration>) -> Result<u64> {
        let Some(table) = lake.existing(&self.definition().windows_table()).await? else {
            return Ok(0);
        };
        self.read_ages(&table, fields, ages).await
    }

    async fn read_ages(&self, table: &Table, fields: &[String], ages: Range<Duration>) -> Result<u64> {
        self.take_all(table, &self.scan(table, fields, &ages)).await
    }

    /// The windows of these ages, with what `fields` are about and where keys are.
    pub(super) fn scan(&self, table: &Table, fields: &[String], ages: &Range<Duration>) -> Scan {
        let identity = IDENTITY.into_iter().chain(PLACES);
        Scan {
            columns: Some(columns(table, identity, self.targets(fields))),
            ..within(table, ages)
        }
    }

    /// Takes what `scan` finds; returns the rows.
    async fn take_all(&self, table: &Table, scan: &Scan) -> Result<u64> {
        let (mut batches, mut readers) = read(table, scan);
        let mut rows = 0;
        while let Some(batch) = batches.recv().await {
            rows += self.take(&batch, Maker::Past)?.windows;
        }
        while let Some(ended) = readers.join_next().await {
            ended.map_err(|error| Error::Background(error.to_string()))??;
        }
        Ok(rows)
    }

    /// The watermark of the windows table, where it may hold anything older than `age`, counted back from it.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn reaches_beyond(&self, lake: &Lake, age: Duration, history: Duration) -> Result<Option<Timestamp>> {
        let Some(table) = lake.existing(&self.definition().windows_table()).await? else {
            return Ok(None);
        };
        let is_older = table.may_hold(&within(&table, &(age..history))).await?;
        Ok(watermark(&table).filter(|_| is_older))
    }

    /// The columns of the windows table that `fields` are about.
    fn targets(&self, fields: &[String]) -> Vec<String> {
        let columns = fields.iter().map(|field| target_column(self.definition(), field));
        columns.flatten().collect()
    }
}

/// Those of the columns that the table has.
fn columns(table: &Table, named: impl Iterator<Item = &'static str>, more: Vec<String>) -> Vec<String> {
    let schema = table.schema();
    let wanted = named.map(String::from).chain(more);
    wanted.filter(|column| schema.field_with_name(column).is_ok()).collect()
}

/// Up to when windows are closed, as the table says.
pub(super) fn watermark(table: &Table) -> Option<Timestamp> {
    let partitions = &table.progress().partitions;
    partitions.values().filter_map(|one| one.watermark).max()
}

/// The windows of these ages.
fn within(table: &Table, ages: &Range<Duration>) -> Scan {
    let watermark = watermark(table);
    let before = |age: Duration| watermark.map(|watermark| Timestamp(watermark.0.saturating_sub(age.0)));
    Scan {
        time_column: Some("window_start".into()),
        from: before(ages.end),
        to: before(ages.start).filter(|_| ages.start.0 > 0),
        ..Scan::default()
    }
}

/// The batches of `scan`, decoded by several tasks; whoever stops receiving ends them.
fn read(table: &Table, scan: &Scan) -> (mpsc::Receiver<RecordBatch>, JoinSet<Result<()>>) {
    let (sender, receiver) = mpsc::channel(READERS);
    let mut readers = JoinSet::new();
    for part in 0..READERS {
        let (table, sender) = (table.clone(), sender.clone());
        let scan = Scan {
            share: Some((part, READERS)),
            ..scan.clone()
        };
        readers.spawn(async move {
            let mut batches = table.stream(&scan).await?;
            while let Some(batch) = batches.try_next().await? {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
    }
    (receiver, readers)
}
