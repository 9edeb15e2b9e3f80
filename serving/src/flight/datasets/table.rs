//! A table of the lake.

use arrow::datatypes::{Schema, SchemaRef};
use arterial_datasets::lake::{Scan, Table};
use futures::{StreamExt, TryStreamExt};

use super::Batches;
use crate::flight::query::Query;
use crate::{Error, Result};

/// The columns that `from` and `to` can mean; the first one that a table has is meant.
const TIME_COLUMNS: [&str; 5] = ["window_start", "event_time", "origin", "received_at", "opened_at"];

/// The rows that `query` asks for.
pub(super) async fn read(table: &Table, schema: &SchemaRef, query: &Query) -> Result<Batches> {
    let scan = scan(&table.schema(), schema, query)?;
    Ok(table.stream(&scan).await?.map_err(Error::from).boxed())
}

/// The scan of a table with columns `full` that gives the columns of `schema`.
pub(super) fn scan(full: &Schema, schema: &SchemaRef, query: &Query) -> Result<Scan> {
    let timed = query.from.is_some() || query.to.is_some();
    let time = TIME_COLUMNS.into_iter().find(|name| full.field_with_name(name).is_ok());
    if timed && time.is_none() {
        return Err(Error::invalid("from, to", "given", "a dataset with a time column"));
    }
    if query.keys.is_some() && full.field_with_name("key").is_err() {
        return Err(Error::invalid("keys", "given", "a dataset with a column `key`"));
    }
    Ok(Scan {
        columns: Some(schema.fields().iter().map(|field| field.name().clone()).collect()),
        keys: query.keys.clone(),
        time_column: time.filter(|_| timed).map(String::from),
        from: query.from.map(|instant| instant.0),
        to: query.to.map(|instant| instant.0),
        version: None,
    })
}
