//! The UTC days of a table's rows, as the log has them: for whoever makes one table of another, day by day.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use futures::{StreamExt, TryStreamExt, stream};

use super::action::Add;
use super::table::Table;
use super::{log, stats};
use crate::Result;

/// How many entries of the log are read at once.
const AT_ONCE: usize = 8;

impl Table {
    /// The UTC days that have rows at this version. None where the table's files are not split by day.
    #[must_use]
    pub fn days(&self) -> Option<BTreeSet<i64>> {
        let column = self.snapshot.partition_column()?;
        let files = self.snapshot.state.files.values();
        files.map(|file| day(column, &file.add)).collect()
    }

    /// The UTC days of the rows that these commits brought. Commits that put rows elsewhere, as compaction and finalisation do,
    /// or take them out bring none. None where that cannot be said: entries of the log that upkeep has deleted, or files that
    /// are not split by day. Then every day may have new rows.
    ///
    /// # Errors
    /// [`Error::Log`](crate::Error::Log) where the log is not understood; the store's errors.
    pub async fn days_appended(&self, versions: RangeInclusive<i64>) -> Result<Option<BTreeSet<i64>>> {
        let Some(column) = self.snapshot.partition_column() else {
            return Ok(None);
        };
        let entries = versions.map(|version| log::read_entry(&self.shared.store, &self.name, version));
        let mut entries = stream::iter(entries).buffered(AT_ONCE);
        let mut days = BTreeSet::new();
        while let Some(entry) = entries.try_next().await? {
            let Some(lines) = entry else { return Ok(None) };
            if lines.iter().any(|line| line.remove.is_some()) {
                continue;
            }
            for add in lines.iter().filter_map(|line| line.add.as_ref()) {
                let Some(day) = day(column, add) else { return Ok(None) };
                days.insert(day);
            }
        }
        Ok(Some(days))
    }
}

/// The day of a file's rows, where its writer split them by day.
fn day(column: &str, add: &Add) -> Option<i64> {
    let text = add.partition_values.get(column)?.as_deref()?;
    stats::days(text).map(i64::from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

    use crate::lake::{Lake, LakeOptions, MaintainPlan, Table, TableSpec, maintain};

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("day", DataType::Date32, false),
        ]))
    }

    /// One row of each day.
    fn rows(days: &[i32]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["a"; days.len()])),
            Arc::new(Date32Array::from(days.to_vec())),
        ];
        RecordBatch::try_new(schema(), columns).unwrap()
    }

    async fn lake() -> (Lake, tempfile::TempDir) {
        let place = tempfile::tempdir().unwrap();
        let options = LakeOptions {
            fsync: false,
            ..LakeOptions::default()
        };
        (
            Lake::open(place.path().to_str().unwrap(), options).await.unwrap(),
            place,
        )
    }

    async fn appended(table: &Table, first: i64) -> Option<Vec<i64>> {
        let days = table.days_appended(first..=table.version()).await.unwrap()?;
        Some(days.into_iter().collect())
    }

    #[tokio::test]
    async fn commits_name_the_days_that_they_bring_and_upkeep_brings_none() {
        let (lake, _place) = lake().await;
        let mut table = lake.table(&TableSpec::new("t", schema())).await.unwrap();
        assert!(table.days().is_some_and(|days| days.is_empty()));
        let first = table.append(&[rows(&[5, 7])]).await.unwrap();
        table.append(&[rows(&[7, 8])]).await.unwrap();
        assert_eq!(table.days(), Some([5, 7, 8].into()));
        assert_eq!(appended(&table, 0).await, Some(vec![5, 7, 8]));
        assert_eq!(appended(&table, first + 1).await, Some(vec![7, 8]));
        assert_eq!(appended(&table, table.version() + 1).await, Some(Vec::new()));

        let (before, files) = (table.version(), table.files().0);
        let plan = MaintainPlan {
            min_files: 2,
            ..MaintainPlan::default()
        };
        maintain(&lake, &plan).await.unwrap();
        table.refresh().await.unwrap();
        assert!(table.files().0 < files && table.version() > before);
        assert_eq!(appended(&table, before + 1).await, Some(Vec::new()));
        assert_eq!(table.days(), Some([5, 7, 8].into()));
    }

    #[tokio::test]
    async fn without_the_log_or_without_days_nothing_is_said() {
        let (lake, place) = lake().await;
        let mut table = lake.table(&TableSpec::new("t", schema())).await.unwrap();
        let version = table.append(&[rows(&[5])]).await.unwrap();
        std::fs::remove_file(place.path().join(format!("t/_delta_log/{version:020}.json"))).unwrap();
        assert_eq!(appended(&table, version).await, None);

        let whole = TableSpec {
            partition_by: Vec::new(),
            ..TableSpec::new("whole", schema())
        };
        let mut whole = lake.table(&whole).await.unwrap();
        whole.append(&[rows(&[5])]).await.unwrap();
        assert_eq!((whole.days(), appended(&whole, 0).await), (None, None));
    }
}
