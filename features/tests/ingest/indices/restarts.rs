//! What a keeper of indices derives when it starts again: what is missing, and nothing else.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arterial_datasets::lake::{Lake, LakeOptions, MaintainPlan, Point, Step, When, maintain};
use arterial_datasets::time::{DAY, Timestamp};
use arterial_features::indices::{ARTERIAL, CITY_PLATFORM, FreeFlow, IndexTable, TABLE, derive};

use super::{BEGIN, City, Place, Row, batch, newest, pair, place, start};
use crate::support::TestClock;

/// Windows of a day.
const WINDOWS: i64 = 288;

/// The first windows of a day, in which each sensor has speeds of its own.
fn day_of(day: i64) -> Vec<Row> {
    let speed = |window: i64, sensor: i64| Some((20 + (day * 13 + window * 7 + sensor * 29) % 60) as f64 + 0.25);
    let sensors = |window: i64| -> [Row; 3] {
        let place = day * WINDOWS + window;
        [
            ("a", Some("north"), place, 0, speed(window, 0), Some(20.0)),
            ("b", Some("north"), place, 0, speed(window, 1), Some(30.0)),
            ("c", Some("south"), place, 0, speed(window, 2), None),
        ]
    };
    (0..4).flat_map(sensors).collect()
}

async fn keep_in_order(city: &City) {
    let plan = MaintainPlan {
        min_files: 2,
        ..MaintainPlan::default()
    };
    maintain(&city.lake, &plan).await.unwrap();
}

#[tokio::test]
async fn a_restart_with_nothing_new_derives_nothing_and_reads_no_old_day() {
    let mut city = City::new().await;
    for day in [0, 40] {
        city.commit(&pair(day * WINDOWS)).await;
    }
    assert_eq!(city.kept_again().await, [0, 40]);
    // Whoever read a row of the first day would fail.
    let windows = city.folder.path().join(city.traffic.windows_table());
    std::fs::remove_dir_all(windows.join("day=2026-01-01")).unwrap();
    let mut keeper = city.keeper().await;
    assert!(keeper.derived().is_empty());
    let next = city.commit(&pair(40 * WINDOWS + 1)).await;
    assert_eq!(keeper.take(&next).await.unwrap(), 2);
    drop(keeper);
    assert!(city.kept_again().await.is_empty());
    assert_eq!(city.rows().await, 6);
}

#[tokio::test]
async fn a_revision_committed_while_nobody_kept_the_indices_is_derived_by_the_next_start() {
    let mut city = City::new().await;
    for day in 0..3 {
        city.commit(&pair(day * WINDOWS)).await;
    }
    assert_eq!(city.kept_again().await, [0, 1, 2]);
    let before = city.indices().await;
    let late = ("a", Some("north"), WINDOWS, 1, Some(10.5), Some(60.0));
    city.commit(&[late]).await;
    assert_eq!(city.kept_again().await, [1]);
    let after = city.indices().await;
    let revised: Vec<&Place> = after
        .iter()
        .filter(|(place, index)| before[*place] != **index)
        .map(|(place, _)| place)
        .collect();
    let expected = [ARTERIAL, CITY_PLATFORM].map(|formula| place("north", WINDOWS, formula));
    assert_eq!(revised, expected.iter().collect::<Vec<_>>());
    assert!(city.kept_again().await.is_empty());
}

#[tokio::test]
async fn a_commit_that_nobody_was_told_of_is_derived_by_the_next_start() {
    let mut city = City::new().await;
    let mut keeper = city.keeper().await;
    let first = city.commit(&pair(0)).await;
    assert_eq!(keeper.take(&first).await.unwrap(), 2);
    // The answer to this one was lost.
    city.commit(&pair(WINDOWS)).await;
    for window in [2 * WINDOWS, 2 * WINDOWS + 1] {
        let told = city.commit(&pair(window)).await;
        assert_eq!(keeper.take(&told).await.unwrap(), 2);
    }
    drop(keeper);
    assert_eq!(city.kept_again().await, [1, 2]);
    assert_eq!(city.rows().await, 8);
    assert!(city.kept_again().await.is_empty());
}

#[tokio::test]
async fn two_keepers_of_one_lake_do_not_stand_in_each_others_way_and_write_no_row_twice() {
    let mut city = City::new().await;
    let (mut one, mut other) = (city.keeper().await, city.keeper().await);
    for window in 0..4 {
        let told = city.commit(&pair(window)).await;
        let (first, second) = if window % 2 == 0 {
            (&mut one, &mut other)
        } else {
            (&mut other, &mut one)
        };
        assert_eq!(first.take(&told).await.unwrap(), 2);
        assert_eq!(second.take(&told).await.unwrap(), 0);
    }
    // This one was told of to one of them alone.
    let told = city.commit(&pair(4)).await;
    assert_eq!(one.take(&told).await.unwrap(), 2);
    let told = city.commit(&pair(5)).await;
    assert_eq!(other.take(&told).await.unwrap(), 2);
    assert_eq!(city.rows().await, 12);
    drop((one, other));
    city.kept_again().await;
    assert_eq!(city.rows().await, 12);
}

#[tokio::test]
async fn an_opening_that_broke_off_is_begun_anew() {
    let mut city = City::new().await;
    for day in 0..3 {
        city.commit(&pair(day * WINDOWS)).await;
    }
    let seen = AtomicUsize::new(0);
    let fault = move |point: Point<'_>| {
        let is_append = point.step == Step::DataFiles && point.when == When::Before && point.path == TABLE;
        if is_append && seen.fetch_add(1, Ordering::SeqCst) == 1 {
            return Err(io::Error::other("cut off"));
        }
        Ok(())
    };
    let options = LakeOptions {
        fsync: false,
        fault: Some(Arc::new(fault)),
        ..LakeOptions::default()
    };
    let lake = Lake::open(city.folder.path().to_str().unwrap(), options).await.unwrap();
    let opened = IndexTable::open(&lake, &city.traffic, TestClock::at(BEGIN + DAY)).await;
    assert!(opened.is_err());
    assert_eq!(city.rows().await, 2, "the first day was written");
    assert_eq!(city.kept_again().await, [0, 1, 2]);
    assert_eq!(city.rows().await, 6);
    assert!(city.kept_again().await.is_empty());
}

#[tokio::test]
async fn what_upkeep_writes_anew_is_not_derived_again() {
    let mut city = City::new().await;
    let mut keeper = city.keeper().await;
    for window in 0..3 {
        let told = city.commit(&pair(window)).await;
        keeper.take(&told).await.unwrap();
    }
    let before = city.windows.version();
    keep_in_order(&city).await;
    let told = city.commit(&pair(3)).await;
    assert!(told.version > before + 1, "upkeep has committed, too");
    assert_eq!(keeper.take(&told).await.unwrap(), 2);
    drop(keeper);
    keep_in_order(&city).await;
    assert!(city.kept_again().await.is_empty());
    assert_eq!(city.rows().await, 8);
}

#[tokio::test]
async fn a_keeper_that_starts_again_for_each_commit_writes_what_one_does_that_never_stops() {
    let (mut steady, mut restarted) = (City::new().await, City::new().await);
    let mut keeper = steady.keeper().await;
    let mut steps: Vec<Vec<Row>> = [0, 1, 2, 29, 30].map(day_of).into();
    steps.push(vec![("a", Some("north"), 30 * WINDOWS, 1, Some(11.0), Some(70.0))]);
    steps.push(vec![("b", Some("north"), 29 * WINDOWS + 1, 1, Some(12.0), Some(70.0))]);
    steps.push(vec![("a", Some("north"), 30 * WINDOWS + 4, 0, Some(15.0), Some(5.0))]);
    steps.push(day_of(31));
    for rows in &steps {
        let told = steady.commit(rows).await;
        keeper.take(&told).await.unwrap();
        let mut again = restarted.keeper().await;
        assert!(again.derived().is_empty());
        let told = restarted.commit(rows).await;
        again.take(&told).await.unwrap();
        assert_eq!(steady.indices().await, restarted.indices().await);
    }
    let indices = steady.indices().await;
    assert!(indices.values().any(|index| index.2 > Some(0.0)), "{indices:?}");
}

#[tokio::test]
async fn an_empty_table_gets_what_the_days_give_one_after_the_other() {
    let mut city = City::new().await;
    let days = [0, 1, 10, 27, 28, 45];
    let mut rows: BTreeMap<i64, Vec<Row>> = days.map(|day| (day, day_of(day))).into();
    for day in days.iter().rev() {
        city.commit(&rows[day]).await;
    }
    let late: [Row; 2] = [
        ("a", Some("north"), WINDOWS, 1, Some(5.0), Some(90.0)),
        ("b", Some("north"), 28 * WINDOWS + 2, 1, None, Some(90.0)),
    ];
    for row in late {
        city.commit(&[row]).await;
        rows.entry(row.2 / WINDOWS).or_default().push(row);
    }
    assert_eq!(city.kept_again().await, days);

    let mut free_flow = FreeFlow::default();
    let mut expected = Vec::new();
    for rows in rows.values() {
        // Later revisions stand behind earlier ones.
        let speeds = rows.iter().filter_map(|row| Some(((row.0, row.2), row.4?)));
        let newest: BTreeMap<(&str, i64), f64> = speeds.collect();
        for ((sensor, window), speed) in newest {
            free_flow.observe(sensor, Timestamp(start(window)), speed);
        }
        expected.push(derive(&batch(&city.traffic, rows), &free_flow, Timestamp(0)).unwrap());
    }
    assert_eq!(city.indices().await, newest(&expected));
}
