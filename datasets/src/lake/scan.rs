//! Reading: which files can hold a wanted row, and exactly the wanted rows of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};

use super::column::BATCH_ROWS;
use super::filter::Filter;
use super::opened::Opened;
use super::schema::represent;
use super::snapshot::{DataFile, Snapshot};
use super::table::Table;
use super::{files, kept, pages};
use crate::time::Timestamp;
use crate::{Error, Result};

/// How many files are read at once by [`Table::scan`].
const FILES_AT_ONCE: usize = 8;

/// Wanted rows on their way.
pub(super) type Rows = BoxStream<'static, Result<RecordBatch>>;

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
    /// Only rows whose whole number is one of these: the column, of 64 bits, and the numbers.
    pub numbers: Option<(String, Vec<i64>)>,
    /// Only files that may hold a whole number above this one: the column, and the number. Their rows come whatever they hold.
    pub above: Option<(String, i64)>,
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

    /// Hands the wanted rows to `take`, one batch after the other. Other tasks have their turn between two of them.
    ///
    /// # Errors
    /// As [`Table::stream`], and those of `take`.
    pub async fn each<E: From<Error>>(
        &self,
        scan: &Scan,
        mut take: impl FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rows = self.stream(scan).await?;
        while let Some(batch) = rows.try_next().await? {
            take(batch)?;
            // Little of this waits for a disk, so a long table would keep its thread to itself.
            tokio::task::yield_now().await;
        }
        Ok(())
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

    /// The wanted rows of files that are the table's, or were.
    pub(super) fn stream_some(&self, files: &[Arc<DataFile>], scan: &Scan) -> Result<Rows> {
        let snapshot = Arc::clone(&self.snapshot);
        let filter = Filter::new(&self.name, &snapshot.schema, scan)?;
        let plan = Plan {
            table: self.clone(),
            schema: self.scan_schema(scan)?,
            files: files.iter().filter(|file| filter.may_match(file)).cloned().collect(),
            snapshot,
            filter,
        };
        Ok(Arc::new(plan).stream())
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
            .filter(|file| may_exceed(file, scan.above.as_ref()))
            .cloned()
            .collect();
        files.sort_by(|left, right| place(left).cmp(&place(right)));
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
    pub(super) schema: SchemaRef,
    pub(super) filter: Filter,
    files: Vec<Arc<DataFile>>,
}

impl Plan {
    fn stream(self: Arc<Self>) -> Rows {
        // The next file is opened while one is read.
        let opened = stream::iter(self.files.clone()).map(move |file| Arc::clone(&self).read(file));
        opened.buffered(2).try_flatten().boxed()
    }

    async fn read(self: Arc<Self>, file: Arc<DataFile>) -> Result<Rows> {
        let opened = Opened::new(&self.table, file).await?;
        if self.filter.needs_absent(opened.footer.schema()) {
            return Ok(stream::empty().boxed());
        }
        let groups = opened.footer.metadata().row_groups().iter().enumerate();
        let groups: Vec<usize> = groups
            .filter(|(_, group)| self.filter.may_match_group(group))
            .map(|(index, _)| index)
            .collect();
        let Some(cache) = self.table.shared.cache.clone() else {
            return self.decode(&opened, groups);
        };
        let opened = Arc::new(opened);
        let rows = stream::iter(groups)
            .then(move |group| kept::read(Arc::clone(&self), Arc::clone(&cache), Arc::clone(&opened), group));
        Ok(rows.try_flatten().boxed())
    }

    /// The wanted rows of some row groups, read from the file.
    pub(super) fn decode(self: &Arc<Self>, opened: &Opened, groups: Vec<usize>) -> Result<Rows> {
        let mut builder = opened.builder().with_batch_size(BATCH_ROWS);
        let all = self.filter.matches_all(&opened.file);
        if let Some(columns) = self.filter.columns().filter(|_| !all) {
            if let Some(pages) = pages::selection(&self.filter, opened.footer.metadata(), &groups) {
                builder = builder.with_row_selection(pages);
            }
            let mask = ProjectionMask::roots(builder.parquet_schema(), opened.roots(&columns));
            let filter = self.filter.clone();
            let predicate = ArrowPredicateFn::new(mask, move |batch| filter.matches(&batch));
            builder = builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
        let wanted: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), opened.roots(&wanted));
        let rows = builder.with_row_groups(groups).with_projection(mask).build()?;
        let (plan, file) = (Arc::clone(self), Arc::clone(&opened.file));
        Ok(rows.map(move |batch| plan.finish(&file, &batch?)).boxed())
    }

    /// Adds what does not stand in the file: the partition column, columns added later.
    pub(super) fn finish(&self, file: &DataFile, batch: &RecordBatch) -> Result<RecordBatch> {
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

/// Whether a file may hold a number above the bound, as far as the log says.
fn may_exceed(file: &DataFile, above: Option<&(String, i64)>) -> bool {
    let known = above.zip(file.stats());
    known.is_none_or(|((column, bound), stats)| stats.may_exceed(column, *bound))
}

/// Where a file stands in the order in which files are read: by day, then by age.
fn place(file: &DataFile) -> (&BTreeMap<String, Option<String>>, i64, &str) {
    let add = &file.add;
    (&add.partition_values, add.modification_time, add.path.as_str())
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

pub(super) fn lost(error: &tokio::task::JoinError) -> Error {
    Error::Io {
        path: "reader task".into(),
        source: std::io::Error::other(error.to_string()),
    }
}
