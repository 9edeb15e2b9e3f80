//! The windows of a time, in order, a page after the other.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arterial_datasets::time::{DAY, Timestamp};

use super::columns::Columns;
use super::newest::gather;
use super::selection::Selection;
use crate::flight::{Datasets, Instant, Query};
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
/// The range is read in slices that begin small and grow, so that a page costs what it holds and not what the range does.
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
    let mut from = after.map_or(range.since, |after| after.window.max(range.since));
    let keys = match selection.keys.len() {
        0 => stream.key_count(),
        some => some,
    };
    let mut slice = definition.window.0 * (1 + limit as i64 / keys.max(1) as i64);
    let mut found: Vec<RecordBatch> = Vec::new();
    let mut rows = 0;
    while from < range.until && rows <= limit {
        let to = Timestamp(from.0.saturating_add(slice)).min(range.until);
        let query = Query {
            dataset: dataset.name.clone(),
            keys: (!selection.keys.is_empty()).then(|| selection.keys.iter().cloned().collect()),
            from: Some(Instant(from)),
            to: Some(Instant(to)),
            ..Query::default()
        };
        let batch = selection.rows(&gather(&dataset, &query).await?, stream)?;
        let batch = ordered(&behind(&batch, after)?)?;
        rows += batch.num_rows();
        found.push(batch);
        from = to;
        slice = slice.saturating_mul(2);
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
