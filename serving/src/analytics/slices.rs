//! The rows of a range of time, slice by slice, so that a page costs what it holds and not what the range does.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::time::{Duration, Timestamp};
use futures::TryStreamExt;

use super::history::Range;
use crate::Result;
use crate::flight::{Dataset, Instant, Query};
use crate::state::AppState;

/// So many rows are read at a time, or those of one window where it has more.
const AT_A_TIME: usize = 100_000;

/// Reads the rows of a dataset that begin within a range, in order of time: in slices that begin small and grow within bounds, and
/// passes over what the table's log knows to be empty. In memory is one slice: 100,000 rows at the most, or those of one window.
pub struct Slices<'a> {
    dataset: &'a Dataset,
    /// The table behind the dataset, whose log says where nothing is.
    table: &'a Table,
    /// What is wanted of each slice.
    query: Query,
    step: Duration,
    left: Range,
    slice: Slice,
}

impl<'a> Slices<'a> {
    /// The slices of `range`, whose windows are `step` long, for a page of `limit` rows, where about `keys` rows begin at a time.
    /// `query` says what is wanted of them beside the time.
    pub fn new(
        (dataset, table): (&'a Dataset, &'a Table),
        query: Query,
        step: Duration,
        range: Range,
        (keys, limit): (usize, usize),
    ) -> Self {
        Self {
            dataset,
            table,
            query,
            step,
            left: range,
            slice: Slice::new(keys, limit),
        }
    }

    /// The rows of the next slice, in any order, maybe none; nothing behind the last one.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.left.since < self.left.until {
            let to = self.slice.end(self.left.since, self.step).min(self.left.until);
            if !may_hold(self.table, self.left.since, to).await? {
                let rest = Range { since: to, ..self.left };
                let first = first_held(self.table, self.step, rest).await?;
                self.left.since = first.unwrap_or(self.left.until);
                continue;
            }
            let query = Query {
                from: Some(Instant(self.left.since)),
                to: Some(Instant(to)),
                ..self.query.clone()
            };
            let Some(rows) = read(self.dataset, &query, self.slice.most_rows()).await? else {
                self.slice.halve();
                continue;
            };
            self.left.since = to;
            self.slice.grow();
            return Ok(Some(rows));
        }
        Ok(None)
    }
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

/// The table of that name; none where there is none, or no lake.
///
/// # Errors
/// A lake that cannot be read.
pub async fn table(state: &AppState, name: &str) -> Result<Option<Table>> {
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
