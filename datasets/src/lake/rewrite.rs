//! Replacing data files by others: what compaction and finalisation have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::DataType;
use futures::TryStreamExt;

use super::action::{Add, Line};
use super::snapshot::DataFile;
use super::table::Table;
use super::{commit, files};
use crate::{Error, Result};

/// The files by the value of their partition column.
pub(super) type ByDay = BTreeMap<Option<String>, Vec<Arc<DataFile>>>;

/// The table's files, day by day, oldest first within a day.
pub(super) fn by_day(table: &Table) -> ByDay {
    let column = table.snapshot.partition_column();
    let mut days = ByDay::new();
    for file in table.snapshot.state.files.values() {
        let day = column
            .and_then(|column| file.partition_value(column))
            .map(str::to_owned);
        days.entry(day).or_default().push(Arc::clone(file));
    }
    for files in days.values_mut() {
        files.sort_by(|left, right| {
            (left.add.modification_time, &left.add.path).cmp(&(right.add.modification_time, &right.add.path))
        });
    }
    days
}

/// All rows of some files as one batch.
pub(super) async fn read(table: &Table, files: &[Arc<DataFile>]) -> Result<RecordBatch> {
    let batches: Vec<RecordBatch> = table.stream_files(files).try_collect().await?;
    Ok(concat_batches(&table.schema(), &batches)?)
}

/// Rows by key, then by the first time column, then by revision or offset: so look-ups skip most of a file.
pub(super) fn sorted(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = rows.schema();
    let time = schema
        .fields()
        .iter()
        .find(|field| matches!(field.data_type(), DataType::Timestamp(_, _)));
    let names = [
        "key",
        time.map_or("", |field| field.name()),
        "revision",
        "partition",
        "offset",
    ];
    let columns: Vec<SortColumn> = names
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|values| SortColumn {
            values: Arc::clone(values),
            options: None,
        })
        .collect();
    if columns.is_empty() {
        return Ok(rows.clone());
    }
    Ok(take_record_batch(rows, &lexsort_to_indices(&columns, None)?)?)
}

/// Writes rows as data files whose commit says that the table's content is the same.
pub(super) async fn write(table: &Table, rows: &[RecordBatch], data_change: bool) -> Result<Vec<Add>> {
    let now = table.shared.options.clock.now();
    files::write(
        &table.shared.store,
        &table.name,
        table.snapshot.partition_column(),
        rows,
        now,
        data_change,
    )
    .await
}

/// Takes `old` out of the table and `new` in, in one commit. `false` where another writer took one of `old` out first:
/// then nothing was done.
pub(super) async fn replace(
    table: &mut Table,
    operation: &str,
    old: &[Arc<DataFile>],
    new: &[Add],
    data_change: bool,
) -> Result<bool> {
    let (name, now) = (table.name.clone(), table.milliseconds());
    let outcome = commit::commit(table, operation, |snapshot| {
        if let Some(gone) = old
            .iter()
            .find(|file| !snapshot.state.files.contains_key(&file.add.path))
        {
            return Err(Error::Conflict {
                table: name.clone(),
                message: format!("`{}` was replaced", gone.add.path),
            });
        }
        let removed = old.iter().map(|file| Line::from(file.add.removal(now, data_change)));
        Ok(removed.chain(new.iter().cloned().map(Line::from)).collect())
    })
    .await;
    table.forget_if_refused(&outcome, new).await;
    match outcome {
        Ok(_) => Ok(true),
        Err(Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
