//! Finalisation: once no late record can come any more, the newest revision of a window is marked final, and what later
//! revisions would have needed is dropped.
//!
//! A window is past its horizon when
//!
//! ```text
//! watermark >= window_start + window + horizon
//! ```
//!
//! with the lowest watermark of the table's own commits, those of histories apart. Records of such windows are refused as too late, so no commit
//! can bring a revision of one after the commit that moved the watermark.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};

use super::maintain::WindowRule;
use super::rewrite;
use super::scan::Scan;
use super::snapshot::DataFile;
use super::table::Table;
use crate::schema::STATE_COLUMN;
use crate::time::Timestamp;
use crate::{Error, Result};

const KEY: &str = "key";
const START: &str = "window_start";
const REVISION: &str = "revision";
const FINAL: &str = "is_final";
/// How often a day is tried again where a writer or a compaction was quicker.
const ATTEMPTS: usize = 5;

/// The newest revision by key and window start.
type Newest = HashMap<(String, i64), i32>;

/// Marks every window past its horizon. Gives how many became final.
pub(super) async fn finalise(table: &mut Table, rule: WindowRule) -> Result<usize> {
    table.refresh().await?;
    let Some(watermark) = table.progress().watermark() else {
        return Ok(0);
    };
    let limit = rule.final_before(watermark);
    let days: Vec<Option<String>> = rewrite::by_day(table).into_keys().collect();
    let mut count = 0;
    for day in days {
        count += finalise_day(table, day, limit).await?;
    }
    Ok(count)
}

async fn finalise_day(table: &mut Table, day: Option<String>, limit: Timestamp) -> Result<usize> {
    for _ in 0..ATTEMPTS {
        let files = rewrite::by_day(table).remove(&day).unwrap_or_default();
        let open: Vec<Arc<DataFile>> = files.into_iter().filter(|file| may_be_open(file, limit)).collect();
        if open.is_empty() {
            return Ok(0);
        }
        let newest = newest(table, &open, limit).await?;
        let (mut old, mut closed, mut still_open, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for file in open {
            let batch = rewrite::read(table, std::slice::from_ref(&file)).await?;
            let past = past_horizon(&batch, limit)?;
            if !needs_work(&batch, &past, &newest)? {
                continue;
            }
            let (rows, marked) = close(&filter_record_batch(&batch, &past)?, &newest)?;
            count += marked;
            old.push(file);
            closed.push(rows);
            still_open.push(filter_record_batch(&batch, &not(&past)?)?);
        }
        if old.is_empty() {
            return Ok(0);
        }
        // Final and open rows go to different files: the final ones are never written again.
        let mut new = rewrite::write(table, &closed, true).await?;
        new.extend(rewrite::write(table, &still_open, true).await?);
        if rewrite::replace(table, "UPDATE", &old, &new, true).await? {
            return Ok(count);
        }
    }
    let message = format!(
        "{ATTEMPTS} times the files of day {} were replaced",
        day.unwrap_or_default()
    );
    Err(Error::Conflict {
        table: table.name().to_owned(),
        message,
    })
}

/// Whether the file may hold a window past its horizon with its state or without its mark.
fn may_be_open(file: &DataFile, limit: Timestamp) -> bool {
    let Some(stats) = file.stats() else { return true };
    !stats.all_null(STATE_COLUMN) && stats.times(START).is_none_or(|(low, _)| low < limit)
}

/// The newest revision of every window that the files may hold, over all files of the table.
async fn newest(table: &Table, files: &[Arc<DataFile>], limit: Timestamp) -> Result<Newest> {
    let from = files
        .iter()
        .map(|file| file.stats()?.times(START).map(|(low, _)| low))
        .min()
        .flatten();
    let columns = [KEY, START, REVISION].map(str::to_owned).to_vec();
    let scan = Scan {
        columns: Some(columns),
        time_column: Some(START.to_owned()),
        from,
        to: Some(limit),
        ..Scan::default()
    };
    let mut newest = Newest::new();
    for batch in table.scan(&scan).await? {
        for row in 0..batch.num_rows() {
            let (window, revision) = identity(&batch, row)?;
            let known = newest.entry(window).or_insert(revision);
            *known = revision.max(*known);
        }
    }
    Ok(newest)
}

fn identity(batch: &RecordBatch, row: usize) -> Result<((String, i64), i32)> {
    let keys = column(batch, KEY)?.as_string::<i32>();
    let starts = column(batch, START)?.as_primitive::<TimestampMicrosecondType>();
    let revisions = column(batch, REVISION)?.as_primitive::<Int32Type>();
    Ok(((keys.value(row).to_owned(), starts.value(row)), revisions.value(row)))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| Error::invalid(format!("column {name}"), "missing", "a table of windows"))
}

fn past_horizon(batch: &RecordBatch, limit: Timestamp) -> Result<BooleanArray> {
    let starts = column(batch, START)?.as_primitive::<TimestampMicrosecondType>();
    Ok(starts.values().iter().map(|start| Some(*start < limit.0)).collect())
}

/// Whether a row past its horizon still has its state, or is the newest without being marked.
fn needs_work(batch: &RecordBatch, past: &BooleanArray, newest: &Newest) -> Result<bool> {
    let state = column(batch, STATE_COLUMN)?;
    let marks = column(batch, FINAL)?.as_boolean();
    for row in (0..batch.num_rows()).filter(|row| past.value(*row)) {
        if state.is_valid(row) || (!marks.value(row) && is_newest(batch, row, newest)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_newest(batch: &RecordBatch, row: usize, newest: &Newest) -> Result<bool> {
    let (window, revision) = identity(batch, row)?;
    Ok(newest.get(&window).is_none_or(|known| *known <= revision))
}

/// Marks the newest revisions and drops all state. Also gives how many marks are new.
fn close(batch: &RecordBatch, newest: &Newest) -> Result<(RecordBatch, usize)> {
    let marks = column(batch, FINAL)?.as_boolean();
    let mut marked = 0;
    let mut finals = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let wanted = is_newest(batch, row, newest)?;
        marked += usize::from(wanted && !marks.value(row));
        finals.push(wanted);
    }
    let mut columns = batch.columns().to_vec();
    let schema = batch.schema();
    columns[schema.index_of(FINAL)?] = Arc::new(BooleanArray::from(finals));
    let state = schema.index_of(STATE_COLUMN)?;
    columns[state] = new_null_array(schema.field(state).data_type(), batch.num_rows());
    Ok((RecordBatch::try_new(schema, columns)?, marked))
}
