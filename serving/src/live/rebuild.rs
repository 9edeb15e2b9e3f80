//! Live state from the lake: what a start and a newly promoted target need.

use std::ops::Range;

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Lake, Scan, Table};
use arterial_datasets::time::{Duration, Timestamp};
use futures::TryStreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::columns::PlaceColumns;
use super::stream::LiveStream;
use super::target_column;
use crate::{Error, Result};

/// So many parts of a table are decoded side by side.
const READERS: usize = 4;

impl LiveStream {
    /// Reads all history of `fields` that is kept, as [`read_history`](Self::read_history) does.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn rebuild(&self, lake: &Lake, fields: &[String], history: Duration) -> Result<u64> {
        self.read_history(lake, fields, Duration(0)..history).await
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
        let scan = Scan {
            columns: Some(self.columns(&table, fields)),
            ..within(&table, &ages)
        };
        let (mut batches, mut readers) = read(&table, &scan);
        let mut rows = 0;
        while let Some(batch) = batches.recv().await {
            rows += self.take(&batch, None)?.windows;
        }
        while let Some(ended) = readers.join_next().await {
            ended.map_err(|error| Error::Background(error.to_string()))??;
        }
        Ok(rows)
    }

    /// Whether the windows table may hold anything older than `age`, counted back from the watermark; without one nothing has an
    /// age.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn reaches_beyond(&self, lake: &Lake, age: Duration, history: Duration) -> Result<bool> {
        match lake.existing(&self.definition().windows_table()).await? {
            Some(table) if watermark(&table).is_some() => Ok(table.may_hold(&within(&table, &(age..history))).await?),
            _ => Ok(false),
        }
    }

    fn columns(&self, table: &Table, fields: &[String]) -> Vec<String> {
        let mut columns = ["key", "zone_id", "window_start", "revision"]
            .map(String::from)
            .to_vec();
        let schema = table.schema();
        let wanted = fields
            .iter()
            .filter_map(|field| target_column(self.definition(), field));
        let wanted = wanted.chain(PlaceColumns::NAMES.map(String::from));
        columns.extend(wanted.filter(|column| schema.field_with_name(column).is_ok()));
        columns
    }
}

/// Up to when windows are closed, as the table says.
fn watermark(table: &Table) -> Option<Timestamp> {
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
