//! The windows of a time, in order, a page after the other.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arterial_datasets::time::{DAY, Timestamp};

use super::columns::Columns;
use super::newest::newest;
use super::selection::Selection;
use super::slices::{Slices, table};
use crate::flight::{Datasets, Query};
use crate::state::AppState;
use crate::{Error, Result};

/// A half-open range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Its first instant.
    pub since: Timestamp,
    /// The first instant behind it.
    pub until: Timestamp,
}

impl Range {
    /// From `since` to `until`, or to `now` where that is not said.
    ///
    /// # Errors
    /// A range that ends before it begins.
    pub fn new(since: Timestamp, until: Option<Timestamp>, now: Timestamp) -> Result<Self> {
        if let Some(until) = until
            && until <= since
        {
            return Err(Error::invalid("until", until, format!("a time after `since`, {since}")));
        }
        // Nothing is stored of what is yet to come; a day is for clocks that are ahead.
        let latest = Timestamp(now.0.saturating_add(DAY));
        Ok(Self {
            since,
            until: until.unwrap_or(latest).min(latest),
        })
    }
}

/// The row behind which a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Its window.
    pub window: Timestamp,
    /// Its key.
    pub key: String,
}

/// At most `limit` windows of a stream that begin within `range`, behind `after`, and whether there are more: by start and key, of
/// each the newest revision, with the columns of `<topic>_latest`.
///
/// The range is read in `Slices`, so that a page costs what it holds and not what the range does. Zones and boxes take the keys that
/// lie there now.
///
/// # Errors
/// No such stream; a lake that cannot be read.
pub async fn history(
    state: &AppState,
    topic: &str,
    selection: &Selection,
    range: Range,
    after: Option<&After>,
    limit: usize,
) -> Result<(Option<RecordBatch>, bool)> {
    let stream = state.live.stream(topic)?;
    let definition = stream.definition();
    let Some(dataset) = Datasets::new(state).find(&definition.latest_view(), None).await? else {
        return Ok((None, false));
    };
    let Some(table) = table(state, &definition.windows_table()).await? else {
        return Ok((None, false));
    };
    let newest = newest(state, topic).await?;
    let keys = selection.keys_of(stream, &newest.rows)?;
    let count = keys
        .as_ref()
        .map_or_else(|| stream.key_count().max(newest.rows.num_rows()), Vec::len);
    let mut left = Range {
        since: after.map_or(range.since, |after| after.window.max(range.since)),
        ..range
    };
    if keys.as_ref().is_some_and(Vec::is_empty) {
        left.since = left.until;
    }
    let query = Query {
        dataset: dataset.name.clone(),
        keys,
        ..Query::default()
    };
    let mut slices = Slices::new((&dataset, &table), query, definition.window, left, (count, limit));
    let mut found: Vec<RecordBatch> = Vec::new();
    let mut rows = 0;
    while rows <= limit
        && let Some(batch) = slices.next().await?
    {
        let batch = ordered(&behind(&batch, after)?)?;
        rows += batch.num_rows();
        found.push(batch);
    }
    let all = concat_batches(&dataset.schema, &found)?;
    let more = all.num_rows() > limit;
    Ok((Some(all.slice(0, limit.min(all.num_rows()))), more))
}

/// The rows behind `after`.
fn behind(batch: &RecordBatch, after: Option<&After>) -> Result<RecordBatch> {
    let Some(after) = after else {
        return Ok(batch.clone());
    };
    let columns = Columns(batch);
    let last = (after.window, after.key.as_str());
    let mask = columns.rows().map(|row| {
        let place = columns.instant("window_start", row).zip(columns.text("key", row));
        place.map(|place| place > last)
    });
    Ok(filter_record_batch(batch, &mask.collect::<BooleanArray>())?)
}

/// The rows by start and key.
fn ordered(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = ["window_start", "key"].into_iter().filter_map(|name| {
        let values = batch.column_by_name(name)?.clone();
        Some(SortColumn { values, options: None })
    });
    let order = lexsort_to_indices(&columns.collect::<Vec<_>>(), None)?;
    Ok(take_record_batch(batch, &order)?)
}
