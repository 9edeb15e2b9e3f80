//! The newest window of each key.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, max, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use arterial_datasets::time::{Duration, HOUR, Timestamp};
use futures::TryStreamExt;

use super::columns::Columns;
use crate::flight::{Dataset, Datasets, Instant, Query, windows_schema};
use crate::state::AppState;
use crate::{Error, Result};

/// A key that said nothing for so long before the newest window of its stream has no newest window.
pub const RECENT: Duration = Duration(HOUR);
/// The time of a window.
const START: &str = "window_start";

/// The newest window of each key of a stream that reported within an hour before the stream's newest window.
#[derive(Debug, Clone)]
pub struct Newest {
    /// One row a key, in alphabetical order, with the columns of `<topic>_latest`.
    pub rows: RecordBatch,
    /// The start of the newest window of all; none where there is no window.
    pub window: Option<Timestamp>,
    /// The version of the windows table; none where there is no table.
    pub version: Option<i64>,
}

/// The newest windows of a stream: read once for each version of its table.
///
/// # Errors
/// No such stream; a lake that cannot be read.
pub async fn newest(state: &AppState, topic: &str) -> Result<Arc<Newest>> {
    let stream = state.live.stream(topic)?;
    let definition = stream.definition();
    let kept = state.analytics.newest.get(topic).ok_or_else(|| Error::Unknown {
        what: "stream",
        name: topic.into(),
        known: state.analytics.newest.keys().cloned().collect::<Vec<_>>().join(", "),
    })?;
    let mut kept = kept.lock().await;
    let Some(dataset) = Datasets::new(state).find(&definition.latest_view(), None).await? else {
        return Ok(Arc::new(Newest {
            rows: RecordBatch::new_empty(windows_schema(definition, &state.catalog)),
            window: None,
            version: None,
        }));
    };
    let version = dataset.version();
    if let Some(kept) = kept.as_ref().filter(|kept| kept.version == version) {
        return Ok(Arc::clone(kept));
    }
    let found = recent(&dataset, stream.newest(), definition.window).await?;
    let newest = Arc::new(Newest {
        window: newest_start(&found),
        rows: newest_of_each(&found)?,
        version,
    });
    *kept = Some(Arc::clone(&newest));
    Ok(newest)
}

/// The rows of the last hour before the newest window of a dataset. `known` is a window that it has, if one is known.
pub(super) async fn recent(dataset: &Dataset, known: Option<Timestamp>, step: Duration) -> Result<RecordBatch> {
    let closed = dataset.watermark().map(|watermark| Timestamp(watermark.0 - step.0));
    if let Some(guess) = known.max(closed) {
        let found = read(dataset, None, Some(Timestamp(guess.0 - RECENT.0))).await?;
        if let Some(newest) = newest_start(&found) {
            // What lies further back than an hour before the newest window was read for the guess alone.
            let from = Timestamp(newest.0 - RECENT.0);
            return if from <= guess { Ok(found) } else { since(&found, from) };
        }
    }
    // Nobody knows where the table ends, as with a history that was replayed: its times are read.
    let times = read(dataset, Some(vec![START.to_owned()]), None).await?;
    match newest_start(&times) {
        Some(newest) => read(dataset, None, Some(Timestamp(newest.0 - RECENT.0))).await,
        None => Ok(RecordBatch::new_empty(Arc::clone(&dataset.schema))),
    }
}

fn since(batch: &RecordBatch, from: Timestamp) -> Result<RecordBatch> {
    let columns = Columns(batch);
    let mask = columns
        .rows()
        .map(|row| columns.instant(START, row).map(|start| start >= from));
    Ok(arrow::compute::filter_record_batch(batch, &mask.collect())?)
}

async fn read(dataset: &Dataset, columns: Option<Vec<String>>, from: Option<Timestamp>) -> Result<RecordBatch> {
    let query = Query {
        dataset: dataset.name.clone(),
        columns,
        from: from.map(Instant),
        ..Query::default()
    };
    gather(dataset, &query).await
}

/// The rows of a query in one batch.
async fn gather(dataset: &Dataset, query: &Query) -> Result<RecordBatch> {
    let schema = dataset.projected(query)?;
    let batches: Vec<RecordBatch> = dataset.read(query).await?.try_collect().await?;
    Ok(concat_batches(&schema, &batches)?)
}

fn newest_start(batch: &RecordBatch) -> Option<Timestamp> {
    let starts = batch
        .column_by_name(START)?
        .as_primitive_opt::<TimestampMicrosecondType>()?;
    max(starts).map(Timestamp)
}

/// Of each key the row with the latest start, keys in alphabetical order.
fn newest_of_each(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = Columns(batch);
    let mut newest: BTreeMap<&str, (Timestamp, u32)> = BTreeMap::new();
    for row in columns.rows() {
        let (Some(key), Some(start)) = (columns.text("key", row), columns.instant(START, row)) else {
            continue;
        };
        let held = newest.entry(key).or_insert((start, row as u32));
        if start > held.0 {
            *held = (start, row as u32);
        }
    }
    let rows: UInt32Array = newest.values().map(|(_, row)| *row).collect();
    Ok(take_record_batch(batch, &rows)?)
}
