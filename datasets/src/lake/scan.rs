//! Reading: which files can hold a wanted row, and exactly the wanted rows of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::and;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::files;
use super::reader::FileReader;
use super::schema::represent;
use super::snapshot::{DataFile, Snapshot};
use super::table::Table;
use crate::schema::instant;
use crate::time::Timestamp;
use crate::{Error, Result};

/// The column that `keys` selects in.
const KEY: &str = "key";
/// How many files are read at once by [`Table::scan`].
const FILES_AT_ONCE: usize = 8;

/// Which rows and columns are wanted. The default is all of them, as of the handle's version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// The columns, in this order.
    pub columns: Option<Vec<String>>,
    /// Only rows whose `key` is one of these.
    pub keys: Option<Vec<String>>,
    /// The column that `from` and `to` mean.
    pub time_column: Option<String>,
    /// Only rows at or after this instant.
    pub from: Option<Timestamp>,
    /// Only rows before this instant.
    pub to: Option<Timestamp>,
    /// The table as of this version.
    pub version: Option<i64>,
}

impl Table {
    /// Reads the wanted rows. Their order is not promised.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a column, [`Error::Invalid`] for a time range or version that do not fit; the store's
    /// errors.
    pub async fn scan(&self, scan: &Scan) -> Result<Vec<RecordBatch>> {
        let plan = Arc::new(self.plan(scan).await?);
        let found: Vec<Vec<RecordBatch>> = stream::iter(plan.files.clone())
            .map(|file| {
                let plan = Arc::clone(&plan);
                // A task of its own, so that files are decoded side by side.
                let reading = tokio::spawn(async move { plan.read(file).await?.try_collect().await });
                async { reading.await.unwrap_or_else(|error| Err(lost(&error))) }
            })
            .buffered(FILES_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads the wanted rows one batch after the other, for tables that do not fit into memory.
    ///
    /// # Errors
    /// As [`Table::scan`]; errors in the middle come out of the stream.
    pub async fn stream(&self, scan: &Scan) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        Ok(Arc::new(self.plan(scan).await?).stream())
    }

    /// All rows of some of the table's files.
    pub(super) fn stream_files(&self, files: &[Arc<DataFile>]) -> BoxStream<'static, Result<RecordBatch>> {
        let snapshot = Arc::clone(&self.snapshot);
        let schema = Arc::clone(&snapshot.schema);
        let plan = Plan { table: self.clone(), snapshot, schema, filter: Filter::default(), files: files.to_vec() };
        Arc::new(plan).stream()
    }

    /// The schema that a scan's batches have.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a column that the table does not have.
    pub fn scan_schema(&self, scan: &Scan) -> Result<SchemaRef> {
        projected(&self.name, &self.snapshot.schema, scan.columns.as_deref())
    }

    async fn plan(&self, scan: &Scan) -> Result<Plan> {
        let snapshot = match scan.version {
            Some(version) => self.at(version).await?,
            None => Arc::clone(&self.snapshot),
        };
        let schema = projected(&self.name, &snapshot.schema, scan.columns.as_deref())?;
        let filter = Filter::new(&self.name, &snapshot.schema, scan)?;
        let mut files: Vec<Arc<DataFile>> =
            snapshot.state.files.values().filter(|file| filter.may_match(file)).cloned().collect();
        files.sort_by(|left, right| {
            let place = |file: &DataFile| (file.add.partition_values.clone(), file.add.modification_time);
            place(left).cmp(&place(right)).then_with(|| left.add.path.cmp(&right.add.path))
        });
        Ok(Plan { table: self.clone(), snapshot, schema, filter, files })
    }
}

/// A scan, made concrete for one version.
pub(super) struct Plan {
    table: Table,
    snapshot: Arc<Snapshot>,
    /// What comes out.
    schema: SchemaRef,
    filter: Filter,
    files: Vec<Arc<DataFile>>,
}

impl Plan {
    fn stream(self: Arc<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        // The next file is opened while one is read.
        let opened = stream::iter(self.files.clone()).map(move |file| Arc::clone(&self).read(file));
        opened.buffered(2).try_flatten().boxed()
    }

    async fn read(self: Arc<Self>, file: Arc<DataFile>) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let path = decoded(&file.add.path);
        let (objects, location) = self.table.shared.store.object(&format!("{}/{path}", self.table.name))?;
        let size = u64::try_from(file.add.size).unwrap_or(0);
        let reader = FileReader::new(objects, location, size);
        let mut builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
        if self.filter.needs_absent(builder.schema()) {
            return Ok(stream::empty().boxed());
        }
        let groups: Vec<usize> = builder
            .metadata()
            .row_groups()
            .iter()
            .enumerate()
            .filter(|(_, group)| self.filter.may_match_group(group))
            .map(|(index, _)| index)
            .collect();
        builder = builder.with_row_groups(groups);
        if let Some(columns) = self.filter.columns() {
            let mask = roots(&builder, &columns);
            let filter = self.filter.clone();
            let predicate = ArrowPredicateFn::new(mask, move |batch| filter.matches(&batch));
            builder = builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
        let wanted: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mask = roots(&builder, &wanted);
        let rows = builder.with_projection(mask).build()?;
        let plan = Arc::clone(&self);
        Ok(rows.map(move |batch| plan.finish(&file, &batch?)).boxed())
    }

    /// Adds what does not stand in the file: the partition column, columns added later.
    fn finish(&self, file: &DataFile, batch: &RecordBatch) -> Result<RecordBatch> {
        let partition = self.snapshot.partition_column();
        let column = |field: &Arc<Field>| -> Result<ArrayRef> {
            if Some(field.name().as_str()) == partition {
                return Ok(files::partition_array(file.partition_value(field.name()), batch.num_rows()));
            }
            let Some(found) = batch.column_by_name(field.name()) else {
                return Ok(new_null_array(field.data_type(), batch.num_rows()));
            };
            represent(found, field.data_type()).ok_or_else(|| {
                Error::invalid(format!("{}.{}", file.add.path, field.name()), found.data_type(), field.data_type().to_string())
            })
        };
        let columns = self.schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// The condition of a scan.
#[derive(Debug, Clone, Default)]
struct Filter {
    /// Sorted, for the files' bounds.
    keys: Option<Vec<String>>,
    /// The same, for the rows.
    set: Arc<HashSet<String>>,
    time: Option<(String, Timestamp, Timestamp)>,
}

impl Filter {
    fn new(table: &str, schema: &Schema, scan: &Scan) -> Result<Self> {
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
                return Err(Error::invalid("scan.time_column", "nothing", "a time column, as `from` or `to` is given"));
            }
            None => None,
        };
        // A range open on both sides still drops rows whose time is null, unless it was not asked for at all.
        let time = time.filter(|_| scan.from.is_some() || scan.to.is_some());
        Ok(Self { keys, set, time })
    }

    /// The columns that the condition reads.
    fn columns(&self) -> Option<Vec<&str>> {
        let key = self.keys.as_ref().map(|_| KEY);
        let time = self.time.as_ref().map(|(column, _, _)| column.as_str());
        let columns: Vec<&str> = key.into_iter().chain(time).collect();
        (!columns.is_empty()).then_some(columns)
    }

    /// Whether the file lacks a column of the condition: then it is null everywhere, and no row matches.
    fn needs_absent(&self, file: &Schema) -> bool {
        self.columns().is_some_and(|columns| columns.iter().any(|column| file.field_with_name(column).is_err()))
    }

    fn may_match(&self, file: &DataFile) -> bool {
        if self.columns().is_none() {
            return true;
        }
        let Some(stats) = file.stats() else { return true };
        if let Some(keys) = &self.keys
            && !stats.may_have_key(KEY, keys)
        {
            return false;
        }
        let Some((column, from, to)) = &self.time else { return true };
        stats.times(column).is_none_or(|(low, high)| low < *to && high >= *from)
    }

    fn may_match_group(&self, group: &RowGroupMetaData) -> bool {
        let bounds = |name: &str| {
            let column = group.columns().iter().find(|column| column.column_path().parts() == [name])?;
            column.statistics()
        };
        if let (Some(keys), Some(Statistics::ByteArray(found))) = (&self.keys, bounds(KEY))
            && let (Some(low), Some(high)) = (found.min_opt(), found.max_opt())
        {
            let first = keys.partition_point(|key| key.as_bytes() < low.data());
            if keys.get(first).is_none_or(|key| key.as_bytes() > high.data()) {
                return false;
            }
        }
        if let Some((column, from, to)) = &self.time
            && let Some(Statistics::Int64(found)) = bounds(column)
            && let (Some(low), Some(high)) = (found.min_opt(), found.max_opt())
            && is_microseconds(group, column)
        {
            return *low < to.0 && *high >= from.0;
        }
        true
    }

    fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let read = |name: &str, kind: &DataType| {
            batch
                .column_by_name(name)
                .and_then(|found| represent(found, kind))
                .ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is not {kind}")))
        };
        let mut all: Option<BooleanArray> = None;
        if self.keys.is_some() {
            let keys = read(KEY, &DataType::Utf8)?;
            let hits = keys.as_string::<i32>().iter().map(|key| Some(key.is_some_and(|key| self.set.contains(key))));
            all = Some(BooleanArray::from_iter(hits));
        }
        if let Some((column, from, to)) = &self.time {
            let times = read(column, &instant())?;
            let times = times.as_primitive::<TimestampMicrosecondType>();
            let hits = BooleanArray::from_iter(times.iter().map(|at| Some(at.is_some_and(|at| at >= from.0 && at < to.0))));
            all = Some(match all {
                Some(before) => and(&before, &hits)?,
                None => hits,
            });
        }
        Ok(all.unwrap_or_else(|| BooleanArray::from(vec![true; batch.num_rows()])))
    }
}

fn is_microseconds(group: &RowGroupMetaData, column: &str) -> bool {
    use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
    group.columns().iter().filter(|found| found.column_path().parts() == [column]).all(|found| {
        let kind = found.column_descr();
        kind.converted_type() == ConvertedType::TIMESTAMP_MICROS
            || matches!(kind.logical_type_ref(), Some(LogicalType::Timestamp(kind)) if kind.unit == TimeUnit::MICROS)
    })
}

fn roots<T>(builder: &ParquetRecordBatchStreamBuilder<T>, names: &[&str]) -> ProjectionMask {
    let schema = builder.parquet_schema();
    let wanted = schema.root_schema().get_fields().iter().enumerate();
    let roots = wanted.filter(|(_, field)| names.contains(&field.name())).map(|(index, _)| index);
    ProjectionMask::roots(schema, roots.collect::<Vec<_>>())
}

fn check_column(table: &str, schema: &Schema, name: &str, kind: &DataType) -> Result<()> {
    let field = schema.field_with_name(name).map_err(|_| unknown_column(table, schema, name))?;
    if field.data_type() == kind {
        return Ok(());
    }
    Err(Error::invalid(format!("{table}.{name}"), field.data_type(), kind.to_string()))
}

fn unknown_column(table: &str, schema: &Schema, name: &str) -> Error {
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    Error::Unknown { what: "column", name: format!("{table}.{name}"), known: known.join(", ") }
}

fn projected(table: &str, schema: &SchemaRef, columns: Option<&[String]>) -> Result<SchemaRef> {
    let Some(columns) = columns else { return Ok(Arc::clone(schema)) };
    let field = |name: &String| {
        schema.field_with_name(name).cloned().map_err(|_| unknown_column(table, schema, name))
    };
    Ok(Arc::new(Schema::new(columns.iter().map(field).collect::<Result<Vec<_>>>()?)))
}

/// The path of a data file as the store knows it: the log has it percent-encoded.
pub(super) fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn lost(error: &tokio::task::JoinError) -> Error {
    Error::Io { path: "reader task".into(), source: std::io::Error::other(error.to_string()) }
}
