//! Upkeep: the content stays, the files change.

mod lake_common;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimestampMicrosecondType};
use arterial_datasets::lake::{MaintainPlan, Scan, TableRule, TableSpec, WindowRule, maintain};
use arterial_datasets::schema::instant;
use arterial_datasets::time::{Clock, DAY, Duration, HOUR, MINUTE, SystemClock};
use lake_common::{START, clocked, commit, compact, count, local, offsets, owned, partition, progress, readings, spec};

#[tokio::test]
async fn compaction_keeps_rows_progress_and_older_versions() {
    let (lake, _place) = local();
    let mut table = owned(&lake).await;
    for start in (0..200).step_by(10) {
        commit(&mut table, start..start + 10).await.unwrap();
    }
    let (before, version) = (table.progress().clone(), table.version());
    let report = maintain(&lake, &MaintainPlan::default()).await.unwrap()["readings"];
    assert_eq!((report.compacted_files, report.compacted_into), (20, 1));
    // The writer's handle goes on as if nothing had been.
    commit(&mut table, 200..205).await.unwrap();
    assert_eq!(table.files().0, 2);
    assert_eq!(offsets(&table, &Scan::default()).await, (0..205).collect::<Vec<i64>>());
    assert_eq!(
        count(
            &table,
            &Scan {
                version: Some(version),
                ..Scan::default()
            }
        )
        .await,
        200
    );
    let some = Scan {
        keys: Some(vec!["s3".into()]),
        ..Scan::default()
    };
    assert_eq!(count(&table, &some).await, 21);
    let fresh = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(fresh.progress().partitions.len(), before.partitions.len());
    assert_eq!(
        maintain(&lake, &MaintainPlan::default()).await.unwrap()["readings"].compacted_files,
        0
    );
}

#[tokio::test]
async fn compaction_beside_a_busy_writer_loses_nothing() {
    let (lake, _place) = local();
    lake.table(&spec("readings")).await.unwrap();
    let writer = {
        let lake = lake.clone();
        tokio::spawn(async move {
            let mut table = lake.existing("readings").await.unwrap().unwrap();
            table.acquire(&[partition(0)]).await.unwrap();
            for start in (0..400).step_by(5) {
                commit(&mut table, start..start + 5).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        compact(&lake).await;
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    let table = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(offsets(&table, &Scan::default()).await, (0..400).collect::<Vec<i64>>());
}

#[tokio::test]
async fn old_days_leave_the_table_and_vacuum_deletes_their_files() {
    let (lake, place, clock) = clocked(SystemClock.now().0).await;
    let mut table = lake.table(&spec("readings")).await.unwrap();
    let per_day = DAY / MINUTE;
    for day in 0..3 {
        table
            .append(&[readings(day * per_day..day * per_day + 4)])
            .await
            .unwrap();
    }
    std::fs::write(
        place.path().join("readings/day=2026-01-01/part-orphan.parquet"),
        b"left over",
    )
    .unwrap();
    let mut plan = MaintainPlan::default();
    plan.tables.insert(
        "readings".into(),
        TableRule {
            retention: Some(Duration(DAY)),
            windows: None,
        },
    );
    let report = maintain(&lake, &plan).await.unwrap()["readings"];
    assert_eq!(
        (report.expired_files, report.vacuumed_files),
        (2, 0),
        "a day before the newest one; vacuum waits until nobody needs the files"
    );
    table.refresh().await.unwrap();
    assert_eq!(count(&table, &Scan::default()).await, 4);

    clock.advance(8 * DAY);
    plan.tables.clear();
    let report = maintain(&lake, &plan).await.unwrap()["readings"];
    assert_eq!(report.vacuumed_files, 3);
    assert_eq!(count(&table, &Scan::default()).await, 4);
}

#[tokio::test]
async fn a_clean_log_still_opens_and_a_writer_that_slept_finds_its_way() {
    let (lake, _place, clock) = clocked(SystemClock.now().0).await;
    let mut table = lake.table(&spec("readings")).await.unwrap();
    let mut sleeper = lake.existing("readings").await.unwrap().unwrap();
    let mut reader = lake.existing("readings").await.unwrap().unwrap();
    table.acquire(&[partition(0)]).await.unwrap();
    for start in 0..24 {
        commit(&mut table, start..start + 1).await.unwrap();
    }
    clock.advance(9 * DAY);
    let report = maintain(&lake, &MaintainPlan::default()).await.unwrap()["readings"];
    assert!(report.cleaned_entries >= 20, "{report:?}");
    // Both handles stand at version 0, and version 1 is gone.
    sleeper.append(&[readings(100..101)]).await.unwrap();
    reader.refresh().await.unwrap();
    let mut expected: Vec<i64> = (0..24).collect();
    expected.push(100);
    for handle in [&sleeper, &reader, &lake.existing("readings").await.unwrap().unwrap()] {
        assert_eq!(offsets(handle, &Scan::default()).await, expected);
        assert_eq!(handle.version(), sleeper.version());
    }
    let gone = reader
        .scan(&Scan {
            version: Some(3),
            ..Scan::default()
        })
        .await
        .unwrap_err();
    assert!(gone.is_bad_input(), "{gone}");
}

fn windows_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("window_start", instant(), false),
        Field::new("revision", DataType::Int32, false),
        Field::new("is_final", DataType::Boolean, false),
        Field::new("day", DataType::Date32, false),
        Field::new("_state", DataType::Binary, true),
    ]))
}

/// Rows of (window number, revision), all of one key and with state.
fn windows(rows: &[(i64, i32)]) -> RecordBatch {
    let starts: Vec<i64> = rows.iter().map(|(number, _)| START + number * 5 * MINUTE).collect();
    let days: Vec<i32> = starts.iter().map(|start| i32::try_from(start / DAY).unwrap()).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["s1"; rows.len()])),
        Arc::new(TimestampMicrosecondArray::from(starts).with_timezone("UTC")),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|(_, revision)| *revision))),
        Arc::new(BooleanArray::from(vec![false; rows.len()])),
        Arc::new(Date32Array::from(days)),
        Arc::new(BinaryArray::from_iter_values(rows.iter().map(|_| b"state"))),
    ];
    RecordBatch::try_new(windows_schema(), columns).unwrap()
}

/// (window number, revision, final, has state) of every row, sorted.
async fn found(table: &arterial_datasets::lake::Table) -> Vec<(i64, i32, bool, bool)> {
    let mut rows = Vec::new();
    for batch in table.scan(&Scan::default()).await.unwrap() {
        let starts = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        let revisions = batch.column(2).as_primitive::<Int32Type>();
        for row in 0..batch.num_rows() {
            let number = (starts.value(row) - START) / (5 * MINUTE);
            rows.push((
                number,
                revisions.value(row),
                batch.column(3).as_boolean().value(row),
                batch.column(5).is_valid(row),
            ));
        }
    }
    rows.sort_unstable();
    rows
}

#[tokio::test]
async fn the_newest_revision_becomes_final_once_the_horizon_has_passed() {
    let (lake, _place) = local();
    let mut table = lake
        .table(&TableSpec::new("t_windows", windows_schema()))
        .await
        .unwrap();
    table.acquire(&[partition(0)]).await.unwrap();
    let rule = WindowRule {
        window: Duration(5 * MINUTE),
        horizon: Duration(HOUR),
    };
    let mut plan = MaintainPlan {
        min_files: 2,
        ..MaintainPlan::default()
    };
    plan.tables.insert(
        "t_windows".into(),
        TableRule {
            retention: None,
            windows: Some(rule),
        },
    );
    table
        .commit(
            &[windows(&[(0, 0), (1, 0), (2, 0)])],
            &progress(&table, 0, 3, Some(START + 15 * MINUTE)),
        )
        .await
        .unwrap();
    table
        .commit(
            &[windows(&[(0, 1), (1, 1)])],
            &progress(&table, 0, 5, Some(START + 20 * MINUTE)),
        )
        .await
        .unwrap();
    assert_eq!(maintain(&lake, &plan).await.unwrap()["t_windows"].finalised_windows, 0);

    // Windows 0 and 1 end at minute 5 and 10: their horizon ends at minute 65 and 70.
    table.refresh().await.unwrap();
    table
        .commit(
            &[windows(&[(1, 2)])],
            &progress(&table, 0, 6, Some(START + 70 * MINUTE - 1)),
        )
        .await
        .unwrap();
    let before = table.progress().clone();
    assert_eq!(maintain(&lake, &plan).await.unwrap()["t_windows"].finalised_windows, 1);
    table.refresh().await.unwrap();
    let expected = [
        (0, 0, false, false),
        (0, 1, true, false),
        (1, 0, false, true),
        (1, 1, false, true),
        (1, 2, false, true),
        (2, 0, false, true),
    ];
    assert_eq!(found(&table).await, expected);
    assert_eq!(*table.progress(), before);

    table
        .commit(&[], &progress(&table, 0, 6, Some(START + 70 * MINUTE)))
        .await
        .unwrap();
    assert_eq!(maintain(&lake, &plan).await.unwrap()["t_windows"].finalised_windows, 1);
    table.refresh().await.unwrap();
    assert_eq!(
        found(&table).await[2..5],
        [(1, 0, false, false), (1, 1, false, false), (1, 2, true, false)]
    );
    let version = table.version();
    assert_eq!(maintain(&lake, &plan).await.unwrap()["t_windows"].finalised_windows, 0);
    table.refresh().await.unwrap();
    assert_eq!(table.version(), version, "nothing to do, no commit");
}

#[tokio::test]
async fn a_plan_that_could_harm_a_reader_is_refused() {
    let (lake, _place) = local();
    let hasty = MaintainPlan {
        vacuum_after: Duration(MINUTE),
        ..MaintainPlan::default()
    };
    let error = maintain(&lake, &hasty).await.unwrap_err();
    assert!(
        error.is_bad_input() && error.to_string().contains("vacuum_after"),
        "{error}"
    );
}
