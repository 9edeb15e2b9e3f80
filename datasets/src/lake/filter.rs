//! The condition of a scan, at three grains: files by the log's statistics, row groups by Parquet's, rows one by one.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, Scalar, StringArray, TimestampMicrosecondArray};
use arrow::compute::and;
use arrow::compute::kernels::cmp::{eq, gt_eq, lt};
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::error::ArrowError;
use hashbrown::HashSet;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::column::Bounds;
use super::scan::{Scan, unknown_column};
use super::schema::represent;
use super::snapshot::DataFile;
use crate::schema::instant;
use crate::time::Timestamp;
use crate::{Error, Result};

/// The column that `keys` selects in.
pub(super) const KEY: &str = "key";

/// The condition of a scan.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// Sorted, for the files' bounds.
    keys: Option<Vec<String>>,
    /// The same, for the rows.
    set: Arc<HashSet<String>>,
    time: Option<(String, Timestamp, Timestamp)>,
    /// A column, and the numbers that are wanted of it, ascending.
    numbers: Option<(String, Arc<[i64]>)>,
}

impl Filter {
    pub(super) fn new(table: &str, schema: &Schema, scan: &Scan) -> Result<Self> {
        let mut keys = scan.keys.clone();
        if let Some(keys) = &mut keys {
            check_column(table, schema, KEY, &DataType::Utf8)?;
            keys.sort();
            keys.dedup();
        }
        let set = Arc::new(keys.iter().flatten().cloned().collect());
        let time = match &scan.time_column {
            Some(column) => {
                check_column(table, schema, column, &instant())?;
                let from = scan.from.unwrap_or(Timestamp(i64::MIN));
                Some((column.clone(), from, scan.to.unwrap_or(Timestamp(i64::MAX))))
            }
            None if scan.from.is_some() || scan.to.is_some() => {
                return Err(Error::invalid(
                    "scan.time_column",
                    "nothing",
                    "a time column, as `from` or `to` is given",
                ));
            }
            None => None,
        };
        // A range open on both sides still drops rows whose time is null, unless it was not asked for at all.
        let time = time.filter(|_| scan.from.is_some() || scan.to.is_some());
        let numbers = match &scan.numbers {
            Some((column, numbers)) => {
                check_column(table, schema, column, &DataType::Int64)?;
                let mut numbers = numbers.clone();
                numbers.sort_unstable();
                Some((column.clone(), numbers.into()))
            }
            None => None,
        };
        Ok(Self {
            keys,
            set,
            time,
            numbers,
        })
    }

    /// The columns that the condition reads.
    pub(super) fn columns(&self) -> Option<Vec<&str>> {
        let key = self.keys.as_ref().map(|_| KEY);
        let time = self.time.as_ref().map(|(column, _, _)| column.as_str());
        let number = self.numbers.as_ref().map(|(column, _)| column.as_str());
        let columns: Vec<&str> = key.into_iter().chain(time).chain(number).collect();
        (!columns.is_empty()).then_some(columns)
    }

    /// Whether the file lacks a column of the condition: then it is null everywhere, and no row matches.
    pub(super) fn needs_absent(&self, file: &Schema) -> bool {
        self.columns()
            .is_some_and(|columns| columns.iter().any(|column| file.field_with_name(column).is_err()))
    }

    pub(super) fn may_match(&self, file: &DataFile) -> bool {
        if self.columns().is_none() {
            return true;
        }
        let Some(stats) = file.stats() else { return true };
        if let Some(keys) = &self.keys
            && !stats.may_have_key(KEY, keys)
        {
            return false;
        }
        if let Some((column, numbers)) = &self.numbers
            && !stats.may_have_number(column, numbers)
        {
            return false;
        }
        let Some((column, from, to)) = &self.time else {
            return true;
        };
        stats.times(column).is_none_or(|(low, high)| low < *to && high >= *from)
    }

    /// Whether every row of the file matches, as far as the log says: then the rows need not be looked at.
    pub(super) fn matches_all(&self, file: &DataFile) -> bool {
        if self.keys.is_some() || self.numbers.is_some() {
            return false;
        }
        let Some((column, from, to)) = &self.time else {
            return true;
        };
        let Some(stats) = file.stats() else { return false };
        let times = stats.times(column).filter(|_| stats.no_nulls(column));
        times.is_some_and(|(low, high)| low >= *from && high < *to)
    }

    pub(super) fn may_match_group(&self, group: &RowGroupMetaData) -> bool {
        let bounds = |name: &str| {
            let column = group
                .columns()
                .iter()
                .find(|column| column.column_path().parts() == [name])?;
            column.statistics()
        };
        if let Some(Statistics::ByteArray(found)) = bounds(KEY)
            && let (Some(low), Some(high)) = (found.min_opt(), found.max_opt())
            && !self.may_have_key(low.data(), high.data())
        {
            return false;
        }
        if let Some((column, _, _)) = &self.time
            && let Some(Statistics::Int64(found)) = bounds(column)
            && let (Some(low), Some(high)) = (found.min_opt(), found.max_opt())
            && is_microseconds(group, column)
        {
            return self.may_have_time(*low, *high);
        }
        true
    }

    /// Whether a batch may hold a wanted row; `bounds` are those of its columns, where they are known.
    pub(super) fn may_match_bounds<'a>(&self, bounds: impl Fn(&str) -> Option<&'a Bounds>) -> bool {
        if self.keys.is_some()
            && let Some(Bounds::Texts(low, high)) = bounds(KEY)
            && !self.may_have_key(low.as_bytes(), high.as_bytes())
        {
            return false;
        }
        if let Some((column, _, _)) = &self.time
            && let Some(Bounds::Instants(low, high)) = bounds(column)
        {
            return self.may_have_time(*low, *high);
        }
        true
    }

    /// Whether a wanted key lies between `low` and `high`, both included.
    pub(super) fn may_have_key(&self, low: &[u8], high: &[u8]) -> bool {
        self.keys.as_ref().is_none_or(|keys| {
            let first = keys.partition_point(|key| key.as_bytes() < low);
            keys.get(first).is_some_and(|key| key.as_bytes() <= high)
        })
    }

    /// Whether a wanted instant lies between `low` and `high`, both included.
    pub(super) fn may_have_time(&self, low: i64, high: i64) -> bool {
        let time = self.time.as_ref();
        time.is_none_or(|(_, from, to)| low < to.0 && high >= from.0)
    }

    /// Which rows are wanted: true for those, false or null for others.
    pub(super) fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let read = |name: &str, kind: &DataType| {
            batch
                .column_by_name(name)
                .and_then(|found| represent(found, kind))
                .ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is not {kind}")))
        };
        let of_time = match &self.time {
            Some((column, from, to)) => Some(inside(&read(column, &instant())?, *from, *to)?),
            None => None,
        };
        let of_key = match self.keys.as_deref() {
            Some([key]) => Some(eq(&read(KEY, &DataType::Utf8)?, &StringArray::new_scalar(key))?),
            Some(_) => {
                let keys = read(KEY, &DataType::Utf8)?;
                Some(BooleanArray::from_unary(keys.as_string::<i32>(), |key| {
                    self.set.contains(key)
                }))
            }
            None => None,
        };
        let of_number = match &self.numbers {
            Some((column, numbers)) => {
                let found = read(column, &DataType::Int64)?;
                Some(BooleanArray::from_unary(found.as_primitive::<Int64Type>(), |number| {
                    numbers.binary_search(&number).is_ok()
                }))
            }
            None => None,
        };
        let mut conditions = [of_time, of_key, of_number].into_iter().flatten();
        let Some(first) = conditions.next() else {
            return Ok(BooleanArray::from(vec![true; batch.num_rows()]));
        };
        conditions.try_fold(first, |all, one| and(&all, &one))
    }
}

/// Which instants lie in `from..to`.
fn inside(times: &ArrayRef, from: Timestamp, to: Timestamp) -> Result<BooleanArray, ArrowError> {
    let limit = |at: Timestamp| {
        let limit = TimestampMicrosecondArray::from_value(at.0, 1).with_data_type(times.data_type().clone());
        Scalar::new(limit)
    };
    and(&gt_eq(times, &limit(from))?, &lt(times, &limit(to))?)
}

pub(super) fn is_microseconds(group: &RowGroupMetaData, column: &str) -> bool {
    use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
    group.columns().iter().filter(|found| found.column_path().parts() == [column]).all(|found| {
        let kind = found.column_descr();
        kind.converted_type() == ConvertedType::TIMESTAMP_MICROS
            || matches!(kind.logical_type_ref(), Some(LogicalType::Timestamp(kind)) if kind.unit == TimeUnit::MICROS)
    })
}

fn check_column(table: &str, schema: &Schema, name: &str, kind: &DataType) -> Result<()> {
    let field = schema
        .field_with_name(name)
        .map_err(|_| unknown_column(table, schema, name))?;
    if field.data_type() == kind {
        return Ok(());
    }
    Err(Error::invalid(
        format!("{table}.{name}"),
        field.data_type(),
        kind.to_string(),
    ))
}
