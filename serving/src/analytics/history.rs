//! The windows of a time, in order, a page after the other.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::time::{DAY, Duration, Timestamp};
use futures::TryStreamExt;

use super::columns::Columns;
use super::newest::newest;
use super::selection::Selection;
use crate::flight::{Dataset, Datasets, Instant, Query};
use crate::state::AppState;
use crate::{Error, Result};

/// So many rows are read at a time, or those of one window where it has more.
const AT_A_TIME: usize = 100_000;

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
/// The range is read in slices that begin small and grow within bounds, and what the table's log knows to be empty is passed over,
/// so that a page costs what it holds and not what the range does. Zones and boxes take the keys that lie there now.
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
    let mut from = after.map_or(range.since, |after| after.window.max(range.since));
    if keys.as_ref().is_some_and(Vec::is_empty) {
        from = range.until;
    }
    let mut slice = Slice::new(count, limit);
    let mut found: Vec<RecordBatch> = Vec::new();
    let mut rows = 0;
    while from < range.until && rows <= limit {
        let to = slice.end(from, definition.window).min(range.until);
        if !may_hold(&table, from, to).await? {
            let rest = Range { since: to, ..range };
            let Some(first) = first_held(&table, definition.window, rest).await? else {
                break;
            };
            from = first;
            continue;
        }
        let query = Query {
            dataset: dataset.name.clone(),
            keys: keys.clone(),
            from: Some(Instant(from)),
            to: Some(Instant(to)),
            ..Query::default()
        };
        let Some(batch) = read(&dataset, &query, slice.most_rows()).await? else {
            slice.halve();
            continue;
        };
        let batch = ordered(&behind(&batch, after)?)?;
        rows += batch.num_rows();
        found.push(batch);
        from = to;
        slice.grow();
    }
    let all = concat_batches(&dataset.schema, &found)?;
    let more = all.num_rows() > limit;
    Ok((Some(all.slice(0, limit.min(all.num_rows()))), more))
}

/// How many windows are read next.
#[derive(Debug, PartialEq, Eq)]
struct Slice {
    windows: i64,
    most: i64,
}

impl Slice {
    /// The first one for a page of `limit` rows, where about `keys` keys have a window at a time.
    fn new(keys: usize, limit: usize) -> Self {
        let keys = keys.max(1);
        let most = (AT_A_TIME / keys).max(1);
        Self {
            windows: (1 + limit / keys).min(most) as i64,
            most: most as i64,
        }
    }

    /// Where it ends that begins at `from`.
    fn end(&self, from: Timestamp, window: Duration) -> Timestamp {
        Timestamp(from.0.saturating_add(self.windows.saturating_mul(window.0)))
    }

    /// How many rows it may have; with more it is halved, unless it is one window alone.
    fn most_rows(&self) -> usize {
        if self.windows > 1 { AT_A_TIME } else { usize::MAX }
    }

    /// There were more keys than was known.
    fn halve(&mut self) {
        self.windows = (self.windows / 2).max(1);
        self.most = self.windows;
    }

    /// What is sparse is read in longer slices.
    fn grow(&mut self) {
        self.windows = self.windows.saturating_mul(2).min(self.most);
    }
}

async fn table(state: &AppState, name: &str) -> Result<Option<Table>> {
    match &state.tables {
        Some(tables) => tables.get(name).await,
        None => Ok(None),
    }
}

/// Whether any window may begin then, as far as the table's log says.
async fn may_hold(table: &Table, from: Timestamp, to: Timestamp) -> Result<bool> {
    let scan = Scan {
        time_column: Some("window_start".to_owned()),
        from: Some(from),
        to: Some(to),
        ..Scan::default()
    };
    Ok(table.may_hold(&scan).await?)
}

/// Where the first windows of `range` may begin, as far as the table's log says, to within a `step`; none where there are none.
async fn first_held(table: &Table, step: Duration, range: Range) -> Result<Option<Timestamp>> {
    if !may_hold(table, range.since, range.until).await? {
        return Ok(None);
    }
    let after = |steps: i64| Timestamp(range.since.0.saturating_add(steps.saturating_mul(step.0)));
    // Within the first `low` steps nothing begins, within the first `high` something may.
    let (mut low, mut high) = (0, range.until.0.saturating_sub(range.since.0) / step.0 + 1);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if may_hold(table, range.since, after(middle)).await? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(Some(after(low)))
}

/// The rows of a query in one batch; none where they are more than `most`, of which no more are read then.
async fn read(dataset: &Dataset, query: &Query, most: usize) -> Result<Option<RecordBatch>> {
    let mut batches = dataset.read(query).await?;
    let (mut found, mut rows) = (Vec::new(), 0);
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
        if rows > most {
            return Ok(None);
        }
        found.push(batch);
    }
    Ok(Some(concat_batches(&dataset.schema, &found)?))
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};
    use arterial_datasets::lake::{Lake, LakeOptions, TableSpec};
    use arterial_datasets::schema::instant;
    use arterial_datasets::time::MINUTE;
    use std::sync::Arc;

    #[test]
    fn a_slice_holds_about_a_page_at_first_and_never_grows_beyond_its_bounds() {
        let mut slice = Slice::new(1_000, 100);
        assert_eq!(slice, Slice { windows: 1, most: 100 });
        for _ in 0..64 {
            slice.grow();
        }
        assert_eq!((slice.windows, slice.most_rows()), (100, AT_A_TIME));
        slice.halve();
        slice.grow();
        assert_eq!(slice, Slice { windows: 50, most: 50 });
        assert_eq!(slice.end(Timestamp(7), Duration(MINUTE)), Timestamp(7 + 50 * MINUTE));
        assert_eq!(Slice::new(2, 100).windows, 51);
        let wide = Slice::new(1_000_000, 10_000);
        assert_eq!((wide.windows, wide.most, wide.most_rows()), (1, 1, usize::MAX));
    }

    #[tokio::test]
    async fn the_empty_time_before_the_first_window_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let options = LakeOptions {
            fsync: false,
            ..LakeOptions::default()
        };
        let lake = Lake::open(folder.path().to_str().unwrap(), options).await.unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("window_start", instant(), false)]));
        let mut table = lake
            .table(&TableSpec::new("windows", Arc::clone(&schema)))
            .await
            .unwrap();
        let step = Duration(5 * MINUTE);
        for window in [10_000, 20_000] {
            let starts = TimestampMicrosecondArray::from(vec![window * step.0]).with_timezone("UTC");
            let rows = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(starts) as ArrayRef]).unwrap();
            table.append(&[rows]).await.unwrap();
        }
        let range = |since: i64, until: i64| Range {
            since: Timestamp(since * step.0 + 1),
            until: Timestamp(until * step.0),
        };
        for (asked, first) in [
            (range(0, 1_000_000), Some(9_999)),
            (range(15_000, 1_000_000), Some(19_999)),
            (range(9_999, 10_001), Some(9_999)),
            (range(0, 9_000), None),
            (range(20_001, 1_000_000), None),
        ] {
            let found = first_held(&table, step, asked).await.unwrap();
            assert_eq!(found, first.map(|window| Timestamp(window * step.0 + 1)), "{asked:?}");
        }
    }
}
