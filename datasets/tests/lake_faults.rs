//! A commit that is cut off at any of its steps leaves every row there exactly once.

mod lake_common;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arterial_datasets::Error;
use arterial_datasets::lake::{Fault, Lake, LakeOptions, MaintainPlan, Point, Scan, Step, When, maintain};
use lake_common::{commit, offsets, open, options, owned, write_all};
use proptest::prelude::*;

/// Behaves like a process that is killed at the n-th fault point: from there on nothing is done any more.
struct Death {
    countdown: AtomicUsize,
    dead: AtomicBool,
    passed: Mutex<Vec<(Step, When)>>,
}

impl Death {
    fn at(point: usize) -> Arc<Self> {
        Arc::new(Self {
            countdown: AtomicUsize::new(point),
            dead: AtomicBool::new(false),
            passed: Mutex::default(),
        })
    }
}

impl Fault for Death {
    fn at(&self, point: Point<'_>) -> io::Result<()> {
        if self.dead.load(Ordering::SeqCst) || self.countdown.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.dead.store(true, Ordering::SeqCst);
            return Err(io::Error::other("killed"));
        }
        self.passed.lock().unwrap().push((point.step, point.when));
        Ok(())
    }
}

fn dying(death: &Arc<Death>) -> LakeOptions {
    LakeOptions {
        fault: Some(Arc::clone(death) as Arc<dyn Fault>),
        fsync: true,
        checkpoint_every: 3,
        ..options()
    }
}

#[tokio::test]
async fn a_kill_at_every_step_leaves_every_row_exactly_once() {
    let mut seen = std::collections::BTreeSet::new();
    for point in 0.. {
        let place = tempfile::tempdir().unwrap();
        let death = Death::at(point);
        let first = match Lake::open(place.path().to_str().unwrap(), dying(&death)).await {
            Ok(lake) => write_all(&lake, 40, 10).await,
            Err(error) => Err(error),
        };
        seen.extend(death.passed.lock().unwrap().iter().copied());
        let lake = open(&place, options()).await;
        write_all(&lake, 60, 10).await.unwrap();
        let table = lake.existing("readings").await.unwrap().unwrap();
        assert_eq!(
            offsets(&table, &Scan::default()).await,
            (0..60).collect::<Vec<i64>>(),
            "killed at point {point}"
        );
        if first.is_ok() && !death.dead.load(Ordering::SeqCst) {
            assert!(point > 50, "only {point} points were passed");
            break;
        }
    }
    for step in [
        Step::DataFiles,
        Step::LogEntry,
        Step::Reply,
        Step::Checkpoint,
        Step::WriteFile,
        Step::SyncFile,
        Step::Publish,
        Step::SyncFolder,
    ] {
        for when in [When::Before, When::After] {
            assert!(seen.contains(&(step, when)), "{step:?} {when:?} was never passed");
        }
    }
}

#[tokio::test]
async fn upkeep_killed_at_every_step_loses_and_doubles_nothing() {
    for point in 0.. {
        let place = tempfile::tempdir().unwrap();
        write_all(&open(&place, options()).await, 40, 5).await.unwrap();
        let death = Death::at(point);
        let outcome = match Lake::open(place.path().to_str().unwrap(), dying(&death)).await {
            Ok(lake) => maintain(&lake, &MaintainPlan::default()).await.map(|_| ()),
            Err(error) => Err(error),
        };
        let lake = open(&place, options()).await;
        let table = lake.existing("readings").await.unwrap().unwrap();
        assert_eq!(
            offsets(&table, &Scan::default()).await,
            (0..40).collect::<Vec<i64>>(),
            "killed at point {point}"
        );
        maintain(&lake, &MaintainPlan::default()).await.unwrap();
        write_all(&lake, 45, 5).await.unwrap();
        if outcome.is_ok() && !death.dead.load(Ordering::SeqCst) {
            break;
        }
    }
}

/// The lake in `place`, each of whose steps passes `fault`.
async fn open_with(place: &tempfile::TempDir, fault: impl Fault + 'static) -> Lake {
    let options = LakeOptions {
        fault: Some(Arc::new(fault)),
        ..options()
    };
    open(place, options).await
}

fn data_files(place: &tempfile::TempDir) -> usize {
    let days = std::fs::read_dir(place.path().join("readings"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let data = days.filter(|path| !path.ends_with("_delta_log"));
    data.map(|path| std::fs::read_dir(path).unwrap().count()).sum()
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_same_writer_goes_on_when_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&full);
    let hook = move |point: Point<'_>| {
        // Room for the data file, none for the log entry.
        let entry = point.path.contains("_delta_log") && point.when == When::Before;
        let refused = switch.load(Ordering::SeqCst) && point.step == Step::WriteFile && entry;
        if refused {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        } else {
            Ok(())
        }
    };
    let lake = open_with(&place, hook).await;
    write_all(&lake, 10, 10).await.unwrap();
    let mut table = lake.existing("readings").await.unwrap().unwrap();
    full.store(true, Ordering::SeqCst);
    let refused = commit(&mut table, 10..20).await;
    assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
    assert_eq!(offsets(&table, &Scan::default()).await, (0..10).collect::<Vec<i64>>());
    assert_eq!(
        data_files(&place),
        1,
        "what was written for nothing is taken away again"
    );
    full.store(false, Ordering::SeqCst);
    commit(&mut table, 10..20).await.unwrap();
    assert_eq!(offsets(&table, &Scan::default()).await, (0..20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_writer_frozen_between_building_and_putting_is_refused() {
    let place = tempfile::tempdir().unwrap();
    write_all(&open(&place, options()).await, 10, 10).await.unwrap();
    // While the first writer stands before its put, another one takes its partition over and goes on.
    let path = place.path().to_path_buf();
    let frozen = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&frozen);
    let hook = move |point: Point<'_>| {
        if point.step == Step::LogEntry && point.when == When::Before && armed.swap(false, Ordering::SeqCst) {
            let path = path.clone();
            let heir = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let lake = Lake::open(path.to_str().unwrap(), options()).await.unwrap();
                    write_all(&lake, 30, 10).await.unwrap();
                });
            });
            heir.join().unwrap();
        }
        Ok(())
    };
    let lake = open_with(&place, hook).await;
    let mut zombie = owned(&lake).await;
    frozen.store(true, Ordering::SeqCst);
    let refused = commit(&mut zombie, 10..15).await;
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_eq!(offsets(&zombie, &Scan::default()).await, (0..30).collect::<Vec<i64>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_row_of_kills_ends_with_every_row_exactly_once(kills in proptest::collection::vec(0..70_usize, 1..8), step in 3..20_i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = tempfile::tempdir().unwrap();
            let mut end = 0;
            for kill in kills {
                end += 25;
                let death = Death::at(kill);
                if let Ok(lake) = Lake::open(place.path().to_str().unwrap(), dying(&death)).await {
                    let _ = write_all(&lake, end, step).await;
                }
            }
            let lake = open(&place, options()).await;
            write_all(&lake, end, step).await.unwrap();
            let table = lake.existing("readings").await.unwrap().unwrap();
            assert_eq!(offsets(&table, &Scan::default()).await, (0..end).collect::<Vec<i64>>());
        });
    }
}
