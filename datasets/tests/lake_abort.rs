//! A writer whose process really ends in the middle of a commit.

mod lake_common;

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arterial_datasets::lake::{Lake, LakeOptions, Point, Scan};
use lake_common::{offsets, open, options, write_all};

const PLACE: &str = "LAKE_ABORT_PLACE";
const POINT: &str = "LAKE_ABORT_POINT";
/// Readings of each commit.
const STEP: i64 = 7;

/// The process that is ended: it does nothing unless the test below starts it.
#[tokio::test]
#[ignore = "started as a process of its own by `a_process_that_ends_in_a_commit_loses_and_doubles_nothing`"]
async fn writer() {
    let (Ok(place), Ok(point)) = (env::var(PLACE), env::var(POINT)) else {
        return;
    };
    let left = AtomicUsize::new(point.parse().unwrap());
    let hook = move |_: Point<'_>| {
        if left.fetch_sub(1, Ordering::SeqCst) == 0 {
            std::process::abort();
        }
        Ok(())
    };
    let options = LakeOptions {
        fsync: true,
        fault: Some(Arc::new(hook)),
        checkpoint_every: 3,
        ..options()
    };
    let lake = Lake::open(&place, options).await.unwrap();
    write_all(&lake, 1_000_000, STEP).await.unwrap();
}

#[tokio::test]
async fn a_process_that_ends_in_a_commit_loses_and_doubles_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut last = 0;
    // In strides, so that the end comes at many different steps of a commit.
    for point in (1..200).step_by(7) {
        let ended = Command::new(env::current_exe().unwrap())
            .args(["--exact", "writer", "--ignored"])
            .env(PLACE, place.path())
            .env(POINT, point.to_string())
            .output()
            .unwrap();
        assert!(!ended.status.success(), "the writer was to be ended");
        if let Some(table) = open(&place, options()).await.existing("readings").await.unwrap() {
            let next = table
                .progress()
                .partitions
                .values()
                .next()
                .map_or(0, |entry| entry.next.max(0));
            assert_eq!(
                offsets(&table, &Scan::default()).await,
                (0..next).collect::<Vec<i64>>(),
                "ended at point {point}"
            );
            assert!(next >= last);
            last = next;
        }
    }
    assert!(last > 100, "only {last} rows were written");
    let lake = open(&place, options()).await;
    write_all(&lake, last + 10, STEP).await.unwrap();
    let table = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(
        offsets(&table, &Scan::default()).await,
        (0..last + 10).collect::<Vec<i64>>()
    );
}
