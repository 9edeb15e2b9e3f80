//! What a lake keeps in memory changes how fast it answers, never the answer.

mod lake_common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Date32Array, RecordBatch};
use arterial_datasets::lake::{CacheUse, Lake, LakeOptions, Scan, Table};
use arterial_datasets::time::DAY;
use futures::{FutureExt, TryStreamExt};
use lake_common::{START, at, compact, local, offsets, open, options, readings, spec};
use proptest::prelude::*;

/// Several batches of one row group.
const ROWS: i64 = 20_000;

/// A table whose readings from 0 to `end` stand in one file.
async fn one_file(lake: &Lake, end: i64) -> Table {
    let mut table = lake.table(&spec("readings")).await.unwrap();
    let rows = readings(0..end);
    let mut columns = rows.columns().to_vec();
    let day = i32::try_from(START / DAY).unwrap();
    columns[4] = Arc::new(Date32Array::from(vec![day; rows.num_rows()]));
    let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
    table.append(&[rows]).await.unwrap();
    table
}

async fn kept(lake: &Lake) -> Table {
    lake.existing("readings").await.unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_answer_from_memory_is_the_answer_from_the_files(
        ends in proptest::collection::vec(1..3_000_i64, 1..4),
        asked in proptest::collection::vec(
            (
                proptest::option::of(proptest::collection::vec("s[0-9x]", 0..4)),
                proptest::option::of(0..9_000_i64),
                proptest::option::of(0..9_000_i64),
                proptest::sample::subsequence(vec!["key", "event_time", "note", "day"], 0..=4),
            ),
            1..5,
        ),
        memory in prop_oneof![Just(0_usize), Just(60_000), Just(64 << 20)],
        compacted in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let place = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let lake = open(&place, LakeOptions { cache_bytes: memory, ..options() }).await;
            let mut table = lake.table(&spec("readings")).await.unwrap();
            let mut start = 0;
            for end in ends {
                table.append(&[readings(start..start + end)]).await.unwrap();
                start += end;
            }
            if compacted {
                compact(&lake).await;
                table.refresh().await.unwrap();
            }
            let lake = lake.keeping();
            let kept = kept(&lake).await;
            // Thrice: read from the file, read into memory, read from memory.
            for (keys, from, to, columns) in asked.iter().chain(&asked).chain(&asked) {
                let mut columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
                columns.push("offset".to_owned());
                let scan = Scan {
                    columns: Some(columns),
                    keys: keys.clone(),
                    time_column: Some("event_time".into()),
                    from: from.map(at),
                    to: to.map(at),
                    ..Scan::default()
                };
                prop_assert_eq!(offsets(&kept, &scan).await, offsets(&table, &scan).await);
                let streamed: Vec<RecordBatch> = kept.stream(&scan).await.unwrap().try_collect().await.unwrap();
                for batch in &streamed {
                    prop_assert_eq!(batch.schema(), table.scan_schema(&scan).unwrap());
                }
                prop_assert!(lake.cache_use().bytes <= memory);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_row_group_is_kept_from_its_second_reading_on() {
    let (lake, _place) = local();
    one_file(&lake, ROWS).await;
    let lake = lake.keeping();
    let table = kept(&lake).await;
    let all: Vec<i64> = (0..ROWS).collect();
    let mut bytes = Vec::new();
    let mut hits = Vec::new();
    for _ in 0..4 {
        assert_eq!(offsets(&table, &Scan::default()).await, all);
        let used = lake.cache_use();
        hits.push(used.hits);
        bytes.push(used.bytes);
    }
    assert_eq!(hits, [0, 0, 1, 2]);
    assert!(bytes[0] < bytes[1] && bytes[1] == bytes[3], "{bytes:?}");
}

#[tokio::test]
async fn other_rows_of_a_row_group_in_memory_are_not_read_again() {
    let (lake, _place) = local();
    one_file(&lake, ROWS).await;
    let lake = lake.keeping();
    let table = kept(&lake).await;
    let hour = |key: &str, from: i64| Scan {
        keys: Some(vec![key.to_owned()]),
        time_column: Some("event_time".into()),
        from: Some(at(from)),
        to: Some(at(from + 60)),
        ..Scan::default()
    };
    for (key, from) in [("s3", 0), ("s4", 9_000), ("s5", 18_000)] {
        let first = from + key[1..].parse::<i64>().unwrap();
        let wanted: Vec<i64> = (first..from + 60).step_by(10).collect();
        assert_eq!(offsets(&table, &hour(key, from)).await, wanted);
    }
    assert_eq!(lake.cache_use().hits, 1);
}

#[tokio::test]
async fn rows_are_found_on_whichever_page_of_a_file_they_stand() {
    let (lake, _place) = local();
    one_file(&lake, 65_000).await;
    for (from, length) in [(0_i64, 60_i64), (20_479, 2), (30_000, 35_000), (64_990, 99)] {
        // A new memory each time, so that it is the file that is read.
        let table = kept(&lake.keeping()).await;
        let mut scan = Scan {
            time_column: Some("event_time".into()),
            from: Some(at(from)),
            to: Some(at(from + length)),
            ..Scan::default()
        };
        let wanted: Vec<i64> = (from..(from + length).min(65_000)).collect();
        assert_eq!(offsets(&table, &scan).await, wanted);
        scan.keys = Some(vec!["s0".into(), "s9".into()]);
        let table = kept(&lake.keeping()).await;
        let some = wanted.into_iter().filter(|offset| [0, 9].contains(&(offset % 10)));
        assert_eq!(offsets(&table, &scan).await, some.collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn a_lake_that_was_not_asked_to_keeps_nothing() {
    let (lake, _place) = local();
    let table = one_file(&lake, ROWS).await;
    for _ in 0..3 {
        assert_eq!(offsets(&table, &Scan::default()).await.len(), 20_000);
    }
    assert_eq!(lake.cache_use(), CacheUse::default());
}

#[tokio::test]
async fn rows_of_a_file_that_left_the_table_are_not_served_from_memory() {
    let (lake, place) = local();
    let mut writer = lake.table(&spec("readings")).await.unwrap();
    for start in (0..400).step_by(100) {
        writer.append(&[readings(start..start + 100)]).await.unwrap();
    }
    let keeping = lake.keeping();
    let mut table = kept(&keeping).await;
    let all: Vec<i64> = (0..400).collect();
    for _ in 0..3 {
        assert_eq!(offsets(&table, &Scan::default()).await, all);
    }
    assert!(keeping.cache_use().hits > 0);
    let small = data_files(place.path());
    compact(&lake).await;
    for path in small {
        std::fs::remove_file(path).unwrap();
    }
    table.refresh().await.unwrap();
    assert_eq!(table.files().0, 1);
    for _ in 0..3 {
        assert_eq!(offsets(&table, &Scan::default()).await, all);
    }
}

/// The Parquet files below a folder, checkpoints of the log apart.
fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("_delta_log") {
            found.extend(data_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_commit_is_seen_by_the_next_reader() {
    let (lake, _place) = local();
    let mut writer = one_file(&lake, 1_000).await;
    let mut table = kept(&lake.keeping()).await;
    for end in (1_000..1_500).step_by(100) {
        table.refresh().await.unwrap();
        assert_eq!(offsets(&table, &Scan::default()).await, (0..end).collect::<Vec<i64>>());
        writer.append(&[readings(end..end + 100)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_readers_at_once_all_get_every_row() {
    let (lake, _place) = local();
    one_file(&lake, ROWS).await;
    let lake = lake.keeping();
    let table = kept(&lake).await;
    let readers: Vec<_> = (0..16_i64)
        .map(|reader| {
            let table = table.clone();
            tokio::spawn(async move {
                let scan = Scan {
                    keys: Some(vec![format!("s{}", reader % 10)]),
                    ..Scan::default()
                };
                (reader % 10, offsets(&table, &scan).await)
            })
        })
        .collect();
    for reader in readers {
        let (key, found) = reader.await.unwrap();
        assert_eq!(found, (key..ROWS).step_by(10).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn a_stream_that_nobody_reads_on_holds_up_no_other_reader() {
    let (lake, _place) = local();
    one_file(&lake, ROWS).await;
    let table = kept(&lake.keeping()).await;
    offsets(&table, &Scan::default()).await;
    let mut waiting = table.stream(&Scan::default()).await.unwrap();
    // Begins to decode the row group, which others want as well.
    assert!(waiting.try_next().now_or_never().is_none());
    let everything = Scan::default();
    let found = tokio::time::timeout(Duration::from_secs(30), offsets(&table, &everything)).await;
    assert_eq!(found.unwrap().len(), 20_000);
    let rest: Vec<RecordBatch> = waiting.try_collect().await.unwrap();
    assert_eq!(rest.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
}
