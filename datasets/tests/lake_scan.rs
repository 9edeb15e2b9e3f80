//! A scan gives what a look at every row would give, whatever the files and bounds are.

mod lake_common;

use arrow::array::RecordBatch;
use arterial_datasets::lake::Scan;
use arterial_datasets::time::DAY;
use futures::TryStreamExt;
use lake_common::{START, at, compact, count, local, offsets, readings, spec};
use proptest::prelude::*;

fn wanted(
    keys: Option<&[String]>,
    numbers: Option<&[i64]>,
    (from, to): (Option<i64>, Option<i64>),
    end: i64,
) -> Vec<i64> {
    let has_key = |offset: &i64| keys.is_none_or(|keys| keys.contains(&format!("s{}", offset % 10)));
    let inside = |offset: &i64| from.is_none_or(|from| *offset >= from) && to.is_none_or(|to| *offset < to);
    let is_named = |offset: &i64| numbers.is_none_or(|numbers| numbers.contains(offset));
    (0..end).filter(has_key).filter(inside).filter(is_named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn pruning_never_changes_the_answer(
        cuts in proptest::collection::vec(1..900_i64, 1..8),
        keys in proptest::option::of(proptest::collection::vec("s[0-9x]", 0..4)),
        from in proptest::option::of(0..4_000_i64),
        to in proptest::option::of(0..4_000_i64),
        numbers in proptest::option::of(proptest::collection::vec(-9..4_000_i64, 0..9)),
        compacted in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (lake, _place) = local();
        runtime.block_on(async {
            let mut table = lake.table(&spec("readings")).await.unwrap();
            let mut end = 0;
            for cut in cuts {
                table.append(&[readings(end..end + cut)]).await.unwrap();
                end += cut;
            }
            if compacted {
                compact(&lake).await;
                table.refresh().await.unwrap();
            }
            let scan = Scan {
                keys: keys.clone(),
                time_column: Some("event_time".into()),
                from: from.map(at),
                to: to.map(at),
                numbers: numbers.clone().map(|numbers| ("offset".into(), numbers)),
                ..Scan::default()
            };
            let wanted = wanted(keys.as_deref(), numbers.as_deref(), (from, to), end);
            prop_assert_eq!(offsets(&table, &scan).await, wanted);
            let streamed: Vec<RecordBatch> = table.stream(&scan).await.unwrap().try_collect().await.unwrap();
            prop_assert_eq!(streamed.iter().map(RecordBatch::num_rows).sum::<usize>(), count(&table, &scan).await);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn files_that_hold_no_number_above_a_bound_are_left_out_whole() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    for part in 0..3 {
        table.append(&[readings(part * 10..(part + 1) * 10)]).await.unwrap();
    }
    for (bound, first) in [(-1, 0), (8, 0), (9, 10), (15, 10), (28, 20), (29, 30)] {
        let above = Scan {
            above: Some(("offset".into(), bound)),
            ..Scan::default()
        };
        assert_eq!(offsets(&table, &above).await, (first..30).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn a_large_sorted_file_is_read_only_where_the_key_can_be() {
    let (lake, _place) = local();
    let mut table = lake.table(&spec("readings")).await.unwrap();
    for part in 0..3 {
        let rows = readings(part * 60_000..(part + 1) * 60_000);
        // All on one day, so that compaction makes one file of several row groups.
        let day = arrow::array::Date32Array::from(vec![i32::try_from(START / DAY).unwrap(); rows.num_rows()]);
        let mut columns = rows.columns().to_vec();
        columns[4] = std::sync::Arc::new(day);
        table
            .append(&[RecordBatch::try_new(rows.schema(), columns).unwrap()])
            .await
            .unwrap();
    }
    compact(&lake).await;
    table.refresh().await.unwrap();
    assert_eq!(table.files().0, 1);
    let some = Scan {
        keys: Some(vec!["s9".into()]),
        columns: Some(vec!["offset".into()]),
        ..Scan::default()
    };
    assert_eq!(
        offsets(&table, &some).await,
        (9..180_000).step_by(10).collect::<Vec<i64>>()
    );
}
