//! A table of the lake.

use arrow::datatypes::{DataType, Schema, SchemaRef};
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::schema::instant;
use futures::{StreamExt, TryStreamExt};

use super::{Batches, Share};
use crate::flight::query::Query;
use crate::{Error, Result};

/// The columns that `from` and `to` mean where the query does not say; the first one that a table has is meant.
const TIME_COLUMNS: [&str; 5] = ["window_start", "event_time", "origin", "received_at", "opened_at"];

/// The rows that `query` asks for.
pub(super) async fn read(table: &Table, schema: &SchemaRef, query: &Query, share: Option<Share>) -> Result<Batches> {
    let mut scan = scan(&table.schema(), schema, query)?;
    scan.share = share.map(|share| (share.part, share.of));
    Ok(table.stream(&scan).await?.map_err(Error::from).boxed())
}

/// The column that `from` and `to` mean where the query does not say.
pub(super) fn main_time(full: &Schema) -> Option<&'static str> {
    TIME_COLUMNS.into_iter().find(|name| full.field_with_name(name).is_ok())
}

/// Every column that holds instants.
pub(super) fn times(full: &Schema) -> Vec<String> {
    let instant = instant();
    let timed = full.fields().iter().filter(|field| *field.data_type() == instant);
    timed.map(|field| field.name().clone()).collect()
}

/// Whether rows can be selected by `key`.
pub(super) fn has_keys(full: &Schema) -> bool {
    full.field_with_name("key")
        .is_ok_and(|field| *field.data_type() == DataType::Utf8)
}

/// The scan of a table with columns `full` that gives the columns of `schema`.
pub(super) fn scan(full: &Schema, schema: &SchemaRef, query: &Query) -> Result<Scan> {
    if query.keys.is_some() && !has_keys(full) {
        return Err(Error::invalid("keys", "given", "a dataset with a column `key`"));
    }
    let time = match &query.time {
        None => main_time(full).map(String::from),
        Some(name) if times(full).contains(name) => Some(name.clone()),
        Some(name) => return Err(Error::invalid("time", name, times(full).join(", "))),
    };
    let timed = query.from.is_some() || query.to.is_some();
    if timed && time.is_none() {
        return Err(untimed(full));
    }
    Ok(Scan {
        columns: Some(schema.fields().iter().map(|field| field.name().clone()).collect()),
        keys: query.keys.clone(),
        time_column: time.filter(|_| timed),
        from: query.from.map(|instant| instant.0),
        to: query.to.map(|instant| instant.0),
        ..Scan::default()
    })
}

/// `from` or `to` of a table whose times are several, or none.
fn untimed(full: &Schema) -> Error {
    let times = times(full).join(", ");
    let accepted = if times.is_empty() {
        "a dataset with a time column".to_owned()
    } else {
        format!("with `time`, the column that they mean: {times}")
    };
    Error::invalid("from, to", "given", accepted)
}

#[cfg(test)]
mod tests {
    use arterial_datasets::schema;
    use arterial_datasets::time::Timestamp;

    use super::*;
    use crate::flight::query::Instant;

    fn scanned(full: &SchemaRef, time: Option<&str>) -> Result<Scan> {
        let query = Query {
            from: Some(Instant(Timestamp(7))),
            time: time.map(str::to_owned),
            ..Query::default()
        };
        scan(full, full, &query)
    }

    #[test]
    fn a_table_without_a_main_time_is_narrowed_by_the_time_that_is_named() {
        for (table, time) in [
            (schema::alert_deliveries(), "delivered_at"),
            (schema::alert_dead_letters(), "at"),
        ] {
            let scan = scanned(&table, Some(time)).unwrap();
            let found = (scan.time_column.as_deref(), scan.from);
            assert_eq!(found, (Some(time), Some(Timestamp(7))));
            let refused = scanned(&table, None).unwrap_err().to_string();
            assert!(refused.contains("with `time`") && refused.contains(time), "{refused}");
        }
        let main = scanned(&schema::alerts(), None).unwrap();
        assert_eq!(main.time_column.as_deref(), Some("opened_at"));
        let timeless = scanned(&super::super::models::schema(), Some("model"))
            .unwrap_err()
            .to_string();
        assert!(timeless.contains("`time` is `model`"), "{timeless}");
    }
}
