//! The newest revision of each window, and whether it is the last: the table learns that from maintenance only, the view
//! from the table's watermark.
//!
//! Revisions are rare: a first pass over three columns of the files that may hold some finds the windows that have them, a second one
//! streams the rows and leaves out what was superseded. Memory grows with the number of revised windows only.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Schema, SchemaRef, TimestampMicrosecondType};
use arterial_datasets::lake::{Scan, Table, WindowRule};
use arterial_datasets::time::Timestamp;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::{Batches, Share, project, table};
use crate::flight::query::Query;
use crate::{Error, Result};

const IDENTITY: [&str; 3] = ["key", "window_start", REVISION];
const REVISION: &str = "revision";
const FINAL: &str = "is_final";
/// The one column by which rows are selected.
pub(super) const TIME: &str = "window_start";

/// The newest revision of each revised window, by key.
type Revised = HashMap<String, HashMap<i64, i32>>;

/// What the readers of one query find out once for all of them.
#[derive(Default)]
pub(crate) struct Known(OnceCell<Arc<Revised>>);

pub(super) async fn read(
    table: &Table,
    rule: WindowRule,
    schema: &SchemaRef,
    query: &Query,
    share: Option<Share>,
    known: &Known,
) -> Result<Batches> {
    let full = table.schema();
    // By another time, such as that of the commit, the newest revision of a window could be left out and an older one shown.
    if let Some(time) = query.time.as_ref().filter(|time| *time != TIME) {
        return Err(Error::invalid("time", time, TIME));
    }
    let identity = Arc::new(full.project(&places(&full)?)?);
    let revised = known.0.get_or_try_init(|| revised(table, &identity, query)).await?;
    let revised = Arc::clone(revised);
    let mut scan = table::scan(&full, &with_identity(schema, &identity), query)?;
    scan.share = share.map(|share| (share.part, share.of));
    let schema = Arc::clone(schema);
    let limit = table
        .progress()
        .watermark()
        .map(|watermark| rule.final_before(watermark));
    let newest = move |batch: RecordBatch| {
        let kept = if revised.is_empty() {
            batch
        } else {
            filter_record_batch(&batch, &current(&batch, &revised)?)?
        };
        project(&with_finality(kept, limit)?, &schema)
    };
    Ok(table.stream(&scan).await?.map(move |batch| newest(batch?)).boxed())
}

/// The first pass.
async fn revised(table: &Table, identity: &SchemaRef, query: &Query) -> Result<Arc<Revised>> {
    let scan = Scan {
        above: Some((REVISION.into(), 0)),
        ..table::scan(&table.schema(), identity, query)?
    };
    let mut revised = Revised::new();
    let mut batches = table.stream(&scan).await?;
    while let Some(batch) = batches.try_next().await? {
        note(&batch, &mut revised)?;
    }
    Ok(Arc::new(revised))
}

fn places(full: &Schema) -> Result<Vec<usize>> {
    Ok(IDENTITY
        .iter()
        .map(|name| full.index_of(name))
        .collect::<Result<_, _>>()?)
}

/// The columns asked for, and behind them those of the identity that are missing.
fn with_identity(schema: &SchemaRef, identity: &Schema) -> SchemaRef {
    let mut fields = schema.fields().to_vec();
    fields.extend(
        identity
            .fields()
            .iter()
            .filter(|field| schema.field_with_name(field.name()).is_err())
            .cloned(),
    );
    Arc::new(Schema::new(fields))
}

fn note(batch: &RecordBatch, revised: &mut Revised) -> Result<()> {
    let identity = Identity::of(batch)?;
    for row in 0..batch.num_rows() {
        let revision = identity.revisions.value(row);
        if revision > 0 {
            let windows = revised.entry(identity.keys.value(row).to_owned()).or_default();
            let newest = windows.entry(identity.starts.value(row)).or_insert(revision);
            *newest = revision.max(*newest);
        }
    }
    Ok(())
}

fn current(batch: &RecordBatch, revised: &Revised) -> Result<BooleanArray> {
    let identity = Identity::of(batch)?;
    let is_current = |row: usize| {
        let windows = revised.get(identity.keys.value(row));
        let newest = windows.and_then(|windows| windows.get(&identity.starts.value(row)));
        newest.is_none_or(|newest| identity.revisions.value(row) == *newest)
    };
    Ok((0..batch.num_rows()).map(|row| Some(is_current(row))).collect())
}

/// Marks the rows of windows that start before `limit` as final, where that column is asked for.
fn with_finality(newest: RecordBatch, limit: Option<Timestamp>) -> Result<RecordBatch> {
    let (Some(limit), Ok(place)) = (limit, newest.schema().index_of(FINAL)) else {
        return Ok(newest);
    };
    let starts = Identity::of(&newest)?.starts;
    let marks = newest.column(place).as_boolean_opt().ok_or_else(|| wrong(FINAL))?;
    let finals: BooleanArray = (0..newest.num_rows())
        .map(|row| Some(marks.value(row) || starts.value(row) < limit.0))
        .collect();
    let mut columns = newest.columns().to_vec();
    columns[place] = Arc::new(finals);
    Ok(RecordBatch::try_new(newest.schema(), columns)?)
}

struct Identity<'a> {
    keys: &'a arrow::array::StringArray,
    starts: &'a arrow::array::TimestampMicrosecondArray,
    revisions: &'a arrow::array::Int32Array,
}

impl<'a> Identity<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
        Ok(Self {
            keys: column("key")?.as_string_opt().ok_or_else(|| wrong("key"))?,
            starts: column("window_start")?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or_else(|| wrong("window_start"))?,
            revisions: column("revision")?
                .as_primitive_opt::<Int32Type>()
                .ok_or_else(|| wrong("revision"))?,
        })
    }
}

fn wrong(name: &str) -> Error {
    Error::invalid(
        "windows table",
        name,
        "columns key, window_start, revision and is_final",
    )
}
