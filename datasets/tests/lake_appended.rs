//! Whoever keeps up with a table reads what others add, once, and nothing of what it added itself.

mod lake_common;

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::time::HOUR;
use futures::TryStreamExt;
use lake_common::{START, at, clocked, compact, local, readings, spec};

/// The offsets of what others added between two handles; none where the whole table has to be read.
async fn others(before: &Table, now: &Table, own: &[i64], scan: &Scan) -> Option<Vec<i64>> {
    let own: BTreeSet<i64> = own.iter().copied().collect();
    let mut rows = now.appended_since(Some(before), &own, scan).await.unwrap()?;
    let mut found = Vec::new();
    while let Some(batch) = rows.try_next().await.unwrap() {
        found.extend(batch["offset"].as_primitive::<Int64Type>().values().iter().copied());
    }
    found.sort_unstable();
    Some(found)
}

#[tokio::test]
async fn what_others_add_is_read_and_what_one_added_oneself_is_not() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    table.append(&[readings(0..10)]).await.unwrap();
    let before = table.clone();
    let all = Scan::default();
    assert_eq!(others(&before, &table, &[], &all).await, Some(Vec::new()));
    let mut other = lake.existing("readings").await.unwrap().unwrap();
    other.append(&[readings(10..13)]).await.unwrap();
    let own = table.append(&[readings(13..16)]).await.unwrap();
    other.append(&[readings(16..18)]).await.unwrap();
    table.refresh().await.unwrap();
    assert_eq!(
        others(&before, &table, &[own], &all).await,
        Some(vec![10, 11, 12, 16, 17])
    );
    assert_eq!(others(&table, &table, &[own], &all).await, Some(Vec::new()));
    let late = Scan {
        columns: Some(vec!["offset".into()]),
        time_column: Some("event_time".into()),
        from: Some(at(12)),
        ..Scan::default()
    };
    assert_eq!(others(&before, &table, &[own], &late).await, Some(vec![12, 16, 17]));
    let first = table.appended_since(None, &BTreeSet::new(), &late).await;
    let first: Vec<RecordBatch> = first.unwrap().unwrap().try_collect().await.unwrap();
    let rows: usize = first.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 6, "there was no table before");
}

#[tokio::test]
async fn what_was_put_together_since_is_read_once() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    table.append(&[readings(0..10)]).await.unwrap();
    let before = table.clone();
    table.append(&[readings(10..13)]).await.unwrap();
    compact(&lake).await;
    table.refresh().await.unwrap();
    assert_eq!(table.files().0, 1);
    let all = Scan::default();
    assert_eq!(others(&before, &table, &[], &all).await, Some(vec![10, 11, 12]));
}

#[tokio::test]
async fn who_has_not_looked_for_long_is_sent_to_the_whole_table() {
    let (lake, _place, clock) = clocked(START).await;
    let mut table = lake.table(&spec("readings")).await.unwrap();
    let before = table.clone();
    let own = table.append(&[readings(0..10)]).await.unwrap();
    clock.advance(HOUR);
    table.refresh().await.unwrap();
    let all = Scan::default();
    assert_eq!(others(&before, &table, &[], &all).await, None);
    let missed = others(&before, &table, &[own], &all).await;
    assert_eq!(missed, Some(Vec::new()), "what one added oneself is at hand");
}
