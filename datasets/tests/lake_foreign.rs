//! Readers and writers that are not ours: Python's `deltalake`, Polars and DuckDB.
//!
//! The interpreter is `$ARTERIAL_PYTHON`, or `python3`; where it lacks the packages the tests are skipped and say so.

mod lake_common;

use std::process::Command;

use arterial_datasets::lake::{MaintainPlan, Scan, TableSpec, maintain};
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::{lake, schema};
use lake_common::{commit, count, local, offsets, owned};

/// Runs a script with the arguments; `None` where Python or its packages are missing.
fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let program = arterial_testing::python("deltalake, polars, duckdb, pyarrow")?;
    let printed = arterial_testing::run(Command::new(program).args(["-c", script]).args(arguments));
    Some(printed.trim().to_owned())
}

const READ: &str = r#"
import sys, duckdb, polars as pl
from deltalake import DeltaTable
table = DeltaTable(sys.argv[1])
rows = table.to_pyarrow_table()
lazy = pl.scan_delta(sys.argv[1])
picked = lazy.filter(pl.col("key") == "s3").select("offset").collect()
total = duckdb.sql("select count(distinct \"offset\") from rows where year(event_time at time zone 'UTC') = 2026").fetchall()[0][0]
txn = table.transaction_version("arterial/next/0/traffic-sensors")
print(table.version(), rows.num_rows, total, picked.height, lazy.select(pl.col("offset").sum()).collect().item(), txn)
"#;

#[tokio::test]
async fn foreign_readers_see_the_same_rows_and_offsets() {
    let (lake, place) = local();
    let mut table = owned(&lake).await;
    let path = place.path().join("readings");
    // Once from the entries alone, once behind a checkpoint and a compaction.
    for end in [50, 200] {
        let start = table.progress().partitions.values().next().unwrap().next.max(0);
        for first in (start..end).step_by(10) {
            commit(&mut table, first..first + 10).await.unwrap();
        }
        if end == 200 {
            maintain(&lake, &MaintainPlan::default()).await.unwrap();
            table.refresh().await.unwrap();
        }
        let Some(found) = python(READ, &[path.to_str().unwrap()]) else {
            return;
        };
        let sum: i64 = (0..end).sum();
        assert_eq!(
            found,
            format!("{} {end} {end} {} {sum} {end}", table.version(), end / 10)
        );
    }
}

const EVERY: &str = r"
import sys
from deltalake import DeltaTable
for path in sys.argv[1:]:
    table = DeltaTable(path)
    table.to_pyarrow_table()
    print(len(table.schema().fields))
";

#[tokio::test]
async fn foreign_readers_open_every_table_of_ours() {
    let (lake, place) = local();
    let mut specs = vec![
        TableSpec::new("quarantine", schema::quarantine()),
        TableSpec::new("indices", schema::indices()),
        TableSpec::new("forecasts", schema::forecasts()),
        TableSpec::new("alerts", schema::alerts()),
    ];
    for stream in StreamCatalog::built_in().unwrap().iter() {
        specs.push(TableSpec::new(stream.windows_table(), schema::windows(stream)));
        specs.push(TableSpec::new(stream.events_table(), schema::events(stream)));
    }
    let mut paths = Vec::new();
    let mut expected = Vec::new();
    for spec in &specs {
        let table: lake::Table = lake.table(spec).await.unwrap();
        expected.push(table.schema().fields().len().to_string());
        paths.push(place.path().join(&spec.name).display().to_string());
    }
    let arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
    let Some(found) = python(EVERY, &arguments) else { return };
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

const CHANGE: &str = r#"
import sys, datetime, pyarrow as pa
from deltalake import DeltaTable, write_deltalake
path = sys.argv[1]
table = DeltaTable(path)
rows = table.to_pyarrow_table().slice(0, 1)
index = rows.schema.get_field_index("offset")
rows = rows.set_column(index, rows.schema.field(index), pa.array([1000], pa.int64()))
write_deltalake(path, rows, mode="append")
table = DeltaTable(path)
table.optimize.compact()
table.create_checkpoint()
print(table.version())
"#;

#[tokio::test]
async fn what_a_foreign_writer_did_is_read_and_written_on() {
    let (lake, place) = local();
    let mut table = owned(&lake).await;
    for first in (0..50).step_by(10) {
        commit(&mut table, first..first + 10).await.unwrap();
    }
    let Some(version) = python(CHANGE, &[place.path().join("readings").to_str().unwrap()]) else {
        return;
    };
    commit(&mut table, 50..60).await.unwrap();
    assert_eq!(table.version(), version.parse::<i64>().unwrap() + 1);
    let mut expected: Vec<i64> = (0..60).collect();
    expected.push(1000);
    let fresh = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(fresh.progress(), table.progress());
    for handle in [&table, &fresh] {
        assert_eq!(offsets(handle, &Scan::default()).await, expected);
        let some = Scan {
            keys: Some(vec!["s3".into()]),
            ..Scan::default()
        };
        assert_eq!(count(handle, &some).await, 6);
    }
}
