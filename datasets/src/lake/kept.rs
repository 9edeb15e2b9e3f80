//! Reading through the cache: a row group's columns from memory, or from its file into memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::ProjectionMask;

use super::cache::{Cache, RowGroup};
use super::column::{BATCH_ROWS, Column, Slice};
use super::opened::Opened;
use super::scan::{Plan, Rows, lost};
use super::snapshot::DataFile;
use crate::Result;

/// Rows of a stretch: whoever reads all rows gets them in few and long batches.
const STRETCH_ROWS: usize = 4 * BATCH_ROWS;
/// What a value takes in memory, about: most are numbers and times.
const VALUE_BYTES: usize = 8;

/// The wanted rows of one row group, from memory where it was read before.
pub(super) async fn read(plan: Arc<Plan>, cache: Arc<Cache>, opened: Arc<Opened>, index: usize) -> Result<Rows> {
    let roots = opened.roots(&plan.names());
    let rows = opened.footer.metadata().row_group(index).num_rows();
    let values = usize::try_from(rows).unwrap_or(0).saturating_mul(roots.len());
    let bytes = values.saturating_mul(VALUE_BYTES);
    let path = Arc::clone(&opened.path);
    let group = RowGroup { path, index };
    if bytes == 0 || !cache.was_read(&group, bytes) {
        return plan.decode(&opened, vec![index]);
    }
    let file = Arc::clone(&opened.file);
    let columns = if let Some(kept) = cache.columns(&group, &roots) {
        // Nothing of this waits for a disk, so a long scan would keep its thread to itself.
        tokio::task::yield_now().await;
        kept
    } else {
        // A task of its own: it goes on even if nobody asks this stream for more rows, while others wait for their turn.
        let loading = tokio::spawn(load(cache, opened, group, roots));
        loading.await.unwrap_or_else(|error| Err(lost(&error)))?
    };
    Ok(plan.rows(file, columns))
}

/// Decodes what is not kept yet, whole, and keeps it.
async fn load(cache: Arc<Cache>, opened: Arc<Opened>, group: RowGroup, roots: Vec<usize>) -> Result<Vec<Arc<Column>>> {
    let _turn = cache.turn(&group).await;
    // Whoever had the turn before may have decoded the same.
    let mut columns = BTreeMap::new();
    let mut missing = Vec::new();
    for root in roots {
        if let Some(column) = cache.column(&group, root) {
            columns.insert(root, column);
        } else {
            missing.push(root);
        }
    }
    if missing.is_empty() {
        return Ok(columns.into_values().collect());
    }
    let mask = ProjectionMask::roots(opened.footer.parquet_schema(), missing.iter().copied());
    let builder = opened.builder().with_batch_size(STRETCH_ROWS);
    let rows = builder
        .with_row_groups(vec![group.index])
        .with_projection(mask)
        .build()?;
    let stretches: Vec<RecordBatch> = rows.try_collect().await?;
    for (root, column) in missing.into_iter().zip(Column::of(&stretches)) {
        let column = Arc::new(column);
        cache.keep_column(&group, root, &column);
        columns.insert(root, column);
    }
    Ok(columns.into_values().collect())
}

impl Plan {
    /// The columns that are read: those that come out, and those of the condition.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        names.extend(self.filter.columns().into_iter().flatten());
        names
    }

    /// The wanted rows of a row group's columns.
    fn rows(self: Arc<Self>, file: Arc<DataFile>, columns: Vec<Arc<Column>>) -> Rows {
        let all = self.filter.matches_all(&file);
        let slices = columns
            .first()
            .map_or_else(Vec::new, |column| if all { column.long() } else { column.short() });
        let batch = move |slice| self.batch(&file, &columns, slice, all).transpose();
        stream::iter(slices.into_iter().filter_map(batch)).boxed()
    }

    /// The wanted rows of one slice; nothing where it has none.
    fn batch(&self, file: &DataFile, columns: &[Arc<Column>], slice: Slice, all: bool) -> Result<Option<RecordBatch>> {
        let bounds = |name: &str| {
            let column = columns.iter().find(|column| column.field.name() == name)?;
            column.bounds(slice)
        };
        if !all && !self.filter.may_match_bounds(bounds) {
            return Ok(None);
        }
        let fields: Vec<_> = columns.iter().map(|column| Arc::clone(&column.field)).collect();
        let values = columns.iter().filter_map(|column| column.values(slice)).collect();
        let mut batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)?;
        if !all {
            batch = filter_record_batch(&batch, &self.filter.matches(&batch)?)?;
        }
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        self.finish(file, &batch).map(Some)
    }
}
