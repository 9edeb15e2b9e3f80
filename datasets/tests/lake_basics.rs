//! What a table promises to those who write and read it.

mod lake_common;

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, Schema};
use arterial_datasets::Error;
use arterial_datasets::lake::{Lake, Progress, Scan, TableSpec};
use arterial_datasets::time::{DAY, MINUTE, Timestamp};
use lake_common::{
    START, at, clocked, commit, count, local, offsets, options, owned, partition, progress, readings, spec,
};

#[tokio::test]
async fn rows_and_progress_come_back_after_reopening() {
    let (lake, place) = local();
    let mut table = owned(&lake).await;
    assert!(!table.progress().partitions[&partition(0)].has_read());
    let mut wanted = progress(&table, 0, 10, Some(7));
    wanted.cluster_id = Some("cluster".into());
    wanted.topic_ids.insert("traffic-sensors".into(), "topic".into());
    wanted.source_version = Some(3);
    table.commit(&[readings(0..10)], &wanted).await.unwrap();

    let lake = Lake::open(&format!("file://{}", place.path().display()), options())
        .await
        .unwrap();
    let again = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(*again.progress(), wanted);
    assert_eq!(again.version(), 2);
    assert_eq!(offsets(&again, &Scan::default()).await, (0..10).collect::<Vec<i64>>());
    assert_eq!(lake.names().await.unwrap(), ["readings"]);
    assert!(lake.existing("nothing").await.unwrap().is_none());
}

#[tokio::test]
async fn a_commit_of_an_older_epoch_is_refused() {
    let (lake, _place) = local();
    let mut zombie = owned(&lake).await;
    commit(&mut zombie, 0..5).await.unwrap();

    let mut heir = owned(&lake).await;
    commit(&mut heir, 5..10).await.unwrap();

    let late = commit(&mut zombie, 5..8).await;
    assert!(
        matches!(
            late,
            Err(Error::Fenced {
                held: 1,
                current: 2,
                ..
            })
        ),
        "{late:?}"
    );
    heir.refresh().await.unwrap();
    assert_eq!(offsets(&heir, &Scan::default()).await, (0..10).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_writer_with_nothing_to_commit_learns_that_another_has_its_place() {
    let (lake, _place) = local();
    let partitions = [partition(0)];
    let mut idle = owned(&lake).await;
    idle.ensure_owned(&partitions).await.unwrap();
    // What others do with other partitions is no matter.
    let mut other = lake.existing("readings").await.unwrap().unwrap();
    other.acquire(&[partition(1)]).await.unwrap();
    idle.ensure_owned(&partitions).await.unwrap();
    assert_eq!(idle.version(), other.version());

    other.acquire(&partitions).await.unwrap();
    for _ in 0..2 {
        let lost = idle.ensure_owned(&partitions).await;
        assert!(
            matches!(
                lost,
                Err(Error::Fenced {
                    held: 1,
                    current: 2,
                    ..
                })
            ),
            "{lost:?}"
        );
    }
}

#[tokio::test]
async fn progress_that_goes_back_or_was_never_acquired_is_refused() {
    let (lake, _place) = local();
    let mut table = owned(&lake).await;
    table.commit(&[], &progress(&table, 0, 5, None)).await.unwrap();
    let back = table.commit(&[readings(0..1)], &progress(&table, 0, 4, None)).await;
    assert!(matches!(back, Err(Error::Conflict { .. })), "{back:?}");
    let mut strange = progress(&table, 0, 6, None);
    strange.partitions.values_mut().for_each(|entry| entry.epoch = 9);
    let refused = table.commit(&[readings(5..6)], &strange).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(count(&table, &Scan::default()).await, 0);
    // A topic that was created anew begins at its own first offset.
    let mut anew = progress(&table, 0, 1, None);
    anew.topic_ids.insert("traffic-sensors".into(), "another".into());
    table.commit(&[readings(0..1)], &anew).await.unwrap();
}

#[tokio::test]
async fn writers_of_different_partitions_do_not_hinder_each_other() {
    let (lake, _place) = local();
    lake.table(&spec("readings")).await.unwrap();
    let writers = (0..4).map(|number| {
        let lake = lake.clone();
        tokio::spawn(async move {
            let mut table = lake.existing("readings").await.unwrap().unwrap();
            table.acquire(&[partition(number)]).await.unwrap();
            let first = i64::from(number) * 100;
            for round in 0..5 {
                let rows = readings(first + round * 10..first + round * 10 + 10);
                table
                    .commit(&[rows], &progress(&table, number, round * 10 + 10, None))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let table = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(table.version(), 4 * 6);
    assert!(table.progress().partitions.values().all(|entry| entry.next == 50));
    let found: BTreeSet<i64> = offsets(&table, &Scan::default()).await.into_iter().collect();
    assert_eq!(found.len(), 200);
}

#[tokio::test]
async fn a_table_grows_by_nullable_columns_and_old_rows_read_null() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    table.append(&[readings(0..3)]).await.unwrap();
    let mut fields: Vec<Field> = table
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.push(Field::new("decibel", DataType::Float64, false));
    let wider = TableSpec::new("readings", Schema::new(fields).into());
    let mut wide = lake.table(&wider).await.unwrap();
    assert!(wide.schema().field_with_name("decibel").unwrap().is_nullable());
    // A writer that does not know the column yet goes on.
    table.append(&[readings(3..5)]).await.unwrap();
    wide.refresh().await.unwrap();
    let rows = wide
        .scan(&Scan {
            columns: Some(vec!["decibel".into(), "offset".into()]),
            ..Scan::default()
        })
        .await
        .unwrap();
    assert_eq!(rows.iter().map(|batch| batch.column(0).null_count()).sum::<usize>(), 5);
    let version = wide.version();
    assert_eq!(
        lake.table(&wider).await.unwrap().version(),
        version,
        "nothing new, no commit"
    );
    assert_eq!(lake.table(&spec("readings")).await.unwrap().version(), version);
}

#[tokio::test]
async fn a_scan_gives_exactly_the_wanted_rows_and_columns() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    for start in (0..100).step_by(10) {
        table.append(&[readings(start..start + 10)]).await.unwrap();
    }
    let wanted = Scan {
        columns: Some(vec!["offset".into(), "day".into()]),
        keys: Some(vec!["s3".into(), "s1".into(), "absent".into()]),
        time_column: Some("event_time".into()),
        from: Some(at(20)),
        to: Some(at(43)),
        ..Scan::default()
    };
    assert_eq!(offsets(&table, &wanted).await, [21, 23, 31, 33, 41]);
    let mut shared = Vec::new();
    for part in 0..3 {
        let share = Scan {
            share: Some((part, 3)),
            ..wanted.clone()
        };
        shared.extend(offsets(&table, &share).await);
    }
    shared.sort_unstable();
    assert_eq!(shared, [21, 23, 31, 33, 41], "three readers share the files");
    assert_eq!(table.scan_schema(&wanted).unwrap().fields().len(), 2);
    let edge = Scan {
        time_column: Some("event_time".into()),
        from: Some(at(99)),
        to: Some(at(99)),
        ..Scan::default()
    };
    assert_eq!(count(&table, &edge).await, 0);
    let early = Scan {
        version: Some(3),
        ..Scan::default()
    };
    assert_eq!(count(&table, &early).await, 30);
    for bad in [
        Scan {
            columns: Some(vec!["nothing".into()]),
            ..Scan::default()
        },
        Scan {
            from: Some(Timestamp(0)),
            ..Scan::default()
        },
        Scan {
            time_column: Some("offset".into()),
            from: Some(Timestamp(0)),
            ..Scan::default()
        },
        Scan {
            version: Some(99),
            ..Scan::default()
        },
    ] {
        let error = table.scan(&bad).await.unwrap_err();
        assert!(error.is_bad_input(), "{error}");
    }
}

#[tokio::test]
async fn rows_of_two_days_go_to_two_partitions() {
    let (lake, place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    let per_day = DAY / MINUTE;
    table.append(&[readings(per_day - 2..per_day + 3)]).await.unwrap();
    assert_eq!(table.files().0, 2);
    let days = std::fs::read_dir(place.path().join("readings"))
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("day=20")
        });
    assert_eq!(days.count(), 2);
    assert_eq!(count(&table, &Scan::default()).await, 5);
}

#[tokio::test]
async fn opening_from_a_checkpoint_gives_the_same_table() {
    let (lake, place) = local();
    let mut table = owned(&lake).await;
    for round in 0..23 {
        let wanted = progress(&table, 0, round + 1, Some(round));
        table.commit(&[readings(round..round + 1)], &wanted).await.unwrap();
    }
    let again = lake.existing("readings").await.unwrap().unwrap();
    assert!(
        place
            .path()
            .join("readings/_delta_log/00000000000000000020.checkpoint.parquet")
            .exists()
    );
    assert_eq!((again.version(), again.progress()), (table.version(), table.progress()));
    assert_eq!(again.schema(), table.schema());
    assert_eq!(offsets(&again, &Scan::default()).await, (0..23).collect::<Vec<i64>>());
    for version in [0, 1, 9, 10, 11, 22] {
        let expected = usize::try_from(version - 1).unwrap_or(0);
        assert_eq!(
            count(
                &again,
                &Scan {
                    version: Some(version),
                    ..Scan::default()
                }
            )
            .await,
            expected,
            "{version}"
        );
    }
    // The hint may be lost: then the folder is listed.
    std::fs::remove_file(place.path().join("readings/_delta_log/_last_checkpoint")).unwrap();
    assert_eq!(
        lake.existing("readings").await.unwrap().unwrap().version(),
        table.version()
    );
}

#[tokio::test]
async fn rows_that_do_not_fit_are_refused_and_nothing_is_left() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    let foreign =
        arrow::array::RecordBatch::new_empty(Schema::new(vec![Field::new("strange", DataType::Int64, true)]).into());
    assert!(table.append(&[foreign]).await.unwrap_err().is_bad_input());
    let without = readings(0..2).project(&[0, 1]).unwrap();
    let error = table.commit(&[without], &Progress::default()).await.unwrap_err();
    assert!(error.is_bad_input(), "{error}");
    assert_eq!((table.version(), table.files().0), (0, 0));
    assert!(lake.existing("../escape").await.unwrap_err().is_bad_input());
    assert!(
        Lake::open("ftp://somewhere", options())
            .await
            .unwrap_err()
            .is_bad_input()
    );
}

#[tokio::test]
async fn a_table_is_read_as_it_stood_at_an_instant() {
    let (lake, _place, clock) = clocked(START).await;
    let mut table = lake.table(&spec("readings")).await.unwrap();
    for hour in 1..=12_i64 {
        clock.set(at(60 * hour));
        table.append(&[readings(hour..hour + 1)]).await.unwrap();
    }
    for (minute, rows) in [(0, 0), (59, 0), (60, 1), (61, 1), (600, 10), (100_000, 12)] {
        let version = table.version_at(at(minute)).await.unwrap();
        let then = table.at_version(version).await.unwrap();
        assert_eq!(count(&then, &Scan::default()).await, rows, "minute {minute}");
    }
    for error in [
        table.version_at(at(-1)).await.unwrap_err(),
        table.at_version(99).await.unwrap_err(),
        table.at_version(-1).await.unwrap_err(),
    ] {
        assert!(
            error.is_bad_input() && error.to_string().contains("readings"),
            "{error}"
        );
    }
}
