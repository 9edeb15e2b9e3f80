//! Data files: rows into Parquet, one file a day.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type, SchemaRef};
use bytes::Bytes;
use futures::{StreamExt, stream};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::action::Add;
use super::fault::Step;
use super::stats::{self, Stats};
use super::store::{Store, blocking};
use super::unique::unique;
use crate::time::{INSTANTS, Timestamp};
use crate::{Error, Result};

/// Rows of a row group: small enough that a look-up of few keys skips most of a sorted file.
const ROW_GROUP: usize = 65_536;
/// Files that are written at a time: a commit of many days waits for the disk, not for the processor.
const AT_A_TIME: usize = 8;

/// Rows that go into one file, without the partition column.
struct Part {
    partition: Option<(String, Option<String>)>,
    rows: RecordBatch,
}

/// Writes `batches` (all of the table's schema) as data files and gives the actions that add them.
pub(crate) async fn write(
    store: &Store,
    table: &str,
    partition: Option<&str>,
    batches: &[RecordBatch],
    now: Timestamp,
    data_change: bool,
) -> Result<Vec<Add>> {
    store.faults.enter(Step::DataFiles, table)?;
    let parts = split(partition, batches)?.into_iter();
    let writes = parts.map(|part| write_part(store, table, part, now, data_change));
    let mut writes = stream::iter(writes).buffered(AT_A_TIME);
    let (mut added, mut failed) = (Vec::new(), None);
    while let Some(outcome) = writes.next().await {
        match outcome {
            Ok(add) => added.push(add),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    drop(writes);
    if let Some(error) = failed {
        forget(store, table, &added).await;
        return Err(error);
    }
    store.faults.leave(Step::DataFiles, table)?;
    Ok(added)
}

/// Deletes data files that no commit names. What cannot be deleted here is found by vacuum.
pub(crate) async fn forget(store: &Store, table: &str, added: &[Add]) {
    for add in added {
        if let Err(error) = store.delete(&format!("{table}/{}", add.path)).await {
            tracing::debug!(table, path = add.path, %error, "data file of no commit stays until vacuum");
        }
    }
}

async fn write_part(store: &Store, table: &str, part: Part, now: Timestamp, data_change: bool) -> Result<Add> {
    let folder = match &part.partition {
        Some((column, Some(value))) => format!("{column}={value}/"),
        Some((column, None)) => format!("{column}=__HIVE_DEFAULT_PARTITION__/"),
        None => String::new(),
    };
    let path = format!("{folder}part-{}.zstd.parquet", unique());
    let (bytes, stats) = blocking(move || Ok((encode(&part.rows)?, Stats::of(&part.rows)))).await?;
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    store.put(&format!("{table}/{path}"), bytes).await?;
    Ok(Add {
        path,
        partition_values: part.partition.into_iter().collect(),
        size,
        modification_time: now.0.div_euclid(1_000),
        data_change,
        stats: Some(stats.to_json()),
    })
}

fn encode(rows: &RecordBatch) -> Result<Bytes> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
    writer.write(rows)?;
    Ok(writer.into_inner()?.into())
}

/// Splits rows by day. An empty set of rows gives no part.
fn split(partition: Option<&str>, batches: &[RecordBatch]) -> Result<Vec<Part>> {
    let Some(first) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    let rows = concat_batches(&first.schema(), batches)?;
    let Some(column) = partition else {
        return Ok(vec![Part { partition: None, rows }]);
    };
    let index = rows.schema().index_of(column)?;
    let days = rows.column(index).as_primitive::<Date32Type>().clone();
    let mut without = rows.clone();
    without.remove_column(index);
    let values: BTreeSet<Option<i32>> = days.iter().collect();
    let mut parts = Vec::with_capacity(values.len());
    for day in &values {
        let rows = if values.len() == 1 {
            without.clone()
        } else {
            let of_the_day: BooleanArray = days.iter().map(|found| Some(found == *day)).collect();
            filter_record_batch(&without, &of_the_day)?
        };
        let text = match day {
            Some(day) => {
                Some(stats::date(*day).ok_or_else(|| Error::invalid(column, day, format!("a day within {INSTANTS}")))?)
            }
            None => None,
        };
        parts.push(Part {
            partition: Some((column.to_owned(), text)),
            rows,
        });
    }
    Ok(parts)
}

/// The partition column of one data file as an array.
pub(crate) fn partition_array(value: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(Date32Array::from(vec![value.and_then(stats::days); rows]))
}

/// Checks what a table may be split by.
///
/// # Errors
/// [`Error::Invalid`] for more than one column, or one that is no date.
pub(crate) fn check_partitioning(table: &str, schema: &SchemaRef, columns: &[String]) -> Result<()> {
    let refuse = |value: String| Error::invalid(format!("{table}.partition_by"), value, "nothing, or one date column");
    match columns {
        [] => Ok(()),
        [column] => match schema.field_with_name(column) {
            Ok(field) if *field.data_type() == DataType::Date32 => Ok(()),
            Ok(field) => Err(refuse(format!("{column} ({})", field.data_type()))),
            Err(_) => Err(refuse(column.clone())),
        },
        more => Err(refuse(more.join(", "))),
    }
}
