//! Reading: which files can hold a wanted row, and exactly the wanted rows of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};

use super::files;
use super::filter::Filter;
use super::reader::FileReader;
use super::schema::represent;
use super::snapshot::{DataFile, Snapshot};
use super::table::Table;
use crate::time::Timestamp;
use crate::{Error, Result};

/// How many files are read at once by [`Table::scan`].
const FILES_AT_ONCE: usize = 8;
/// Rows of a batch: few calls for many rows, and little memory for wide ones.
const BATCH_ROWS: usize = 8_192;
/// The column that counts the versions of a window.
const REVISION: &str = "revision";

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
    /// Only a share of the files, `(part, of)`: the shares from 0 to `of - 1` together hold every row once, so that several
    /// readers can take one each.
    pub share: Option<(usize, usize)>,
    /// Only files that may hold revisions: those whose statistics do not say that `revision` is 0 throughout.
    pub revised: bool,
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
        let plan = Plan {
            table: self.clone(),
            snapshot,
            schema,
            filter: Filter::default(),
            files: files.to_vec(),
        };
        Arc::new(plan).stream()
    }

    /// Whether any file may hold a wanted row, as far as the log says.
    ///
    /// # Errors
    /// As [`Table::scan`].
    pub async fn may_hold(&self, scan: &Scan) -> Result<bool> {
        Ok(!self.plan(scan).await?.files.is_empty())
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
        let mut files: Vec<Arc<DataFile>> = snapshot
            .state
            .files
            .values()
            .filter(|file| filter.may_match(file))
            .filter(|file| !scan.revised || file.stats().is_none_or(|stats| stats.may_exceed(REVISION, 0)))
            .cloned()
            .collect();
        files.sort_by(|left, right| {
            let place = |file: &DataFile| (file.add.partition_values.clone(), file.add.modification_time);
            place(left)
                .cmp(&place(right))
                .then_with(|| left.add.path.cmp(&right.add.path))
        });
        if let Some((part, of)) = scan.share {
            files = files.into_iter().skip(part).step_by(of.max(1)).collect();
        }
        Ok(Plan {
            table: self.clone(),
            snapshot,
            schema,
            filter,
            files,
        })
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
        builder = builder.with_row_groups(groups).with_batch_size(BATCH_ROWS);
        if let Some(columns) = self.filter.columns().filter(|_| !self.filter.matches_all(&file)) {
            let mask = roots(&builder, &columns);
            let filter = self.filter.clone();
            let predicate = ArrowPredicateFn::new(mask, move |batch| filter.matches(&batch));
            builder = builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
        let wanted: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mask = roots(&builder, &wanted);
        let rows = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
        let plan = Arc::clone(&self);
        Ok(rows.map(move |batch| plan.finish(&file, &batch?)).boxed())
    }

    /// Adds what does not stand in the file: the partition column, columns added later.
    fn finish(&self, file: &DataFile, batch: &RecordBatch) -> Result<RecordBatch> {
        let partition = self.snapshot.partition_column();
        let column = |field: &Arc<Field>| -> Result<ArrayRef> {
            if Some(field.name().as_str()) == partition {
                return Ok(files::partition_array(
                    file.partition_value(field.name()),
                    batch.num_rows(),
                ));
            }
            let Some(found) = batch.column_by_name(field.name()) else {
                return Ok(new_null_array(field.data_type(), batch.num_rows()));
            };
            represent(found, field.data_type()).ok_or_else(|| {
                Error::invalid(
                    format!("{}.{}", file.add.path, field.name()),
                    found.data_type(),
                    field.data_type().to_string(),
                )
            })
        };
        let columns = self.schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }
}

fn roots<T>(builder: &ParquetRecordBatchStreamBuilder<T>, names: &[&str]) -> ProjectionMask {
    let schema = builder.parquet_schema();
    let wanted = schema.root_schema().get_fields().iter().enumerate();
    let roots = wanted
        .filter(|(_, field)| names.contains(&field.name()))
        .map(|(index, _)| index);
    ProjectionMask::roots(schema, roots.collect::<Vec<_>>())
}

pub(super) fn unknown_column(table: &str, schema: &Schema, name: &str) -> Error {
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    Error::Unknown {
        what: "column",
        name: format!("{table}.{name}"),
        known: known.join(", "),
    }
}

fn projected(table: &str, schema: &SchemaRef, columns: Option<&[String]>) -> Result<SchemaRef> {
    let Some(columns) = columns else {
        return Ok(Arc::clone(schema));
    };
    let field = |name: &String| {
        schema
            .field_with_name(name)
            .cloned()
            .map_err(|_| unknown_column(table, schema, name))
    };
    Ok(Arc::new(Schema::new(
        columns.iter().map(field).collect::<Result<Vec<_>>>()?,
    )))
}

/// The path of a data file as the store knows it: the log has it percent-encoded.
pub(super) fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

fn lost(error: &tokio::task::JoinError) -> Error {
    Error::Io {
        path: "reader task".into(),
        source: std::io::Error::other(error.to_string()),
    }
}
