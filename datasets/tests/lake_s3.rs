//! The same promises over an object store: a real MinIO where there is one, and one in memory whose answers get lost.

mod lake_common;

use std::sync::Arc;

use arterial_datasets::Error;
use arterial_datasets::lake::{Lake, LakeOptions, MaintainPlan, Place, Scan, maintain};
use arterial_testing::{Minio, Shaky, Trouble};
use lake_common::{commit, count, offsets, options, owned, partition, readings, spec};
use object_store::memory::InMemory;
use object_store::{ObjectStore, prefix::PrefixStore};

/// Two writers, one fenced out; a third that appends; upkeep; then a look from outside.
async fn the_whole_life_of_a_table(lake: &Lake) {
    let mut first = owned(lake).await;
    for start in (0..60).step_by(5) {
        commit(&mut first, start..start + 5).await.unwrap();
    }
    let mut second = lake.existing("readings").await.unwrap().unwrap();
    second.acquire(&[partition(0)]).await.unwrap();
    let refused = commit(&mut first, 60..65).await;
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    commit(&mut second, 60..70).await.unwrap();
    first.refresh().await.unwrap();
    first.append(&[readings(70..75)]).await.unwrap();
    let report = maintain(lake, &MaintainPlan::default()).await.unwrap()["readings"];
    assert_eq!((report.compacted_files, report.compacted_into), (14, 1));
    let table = lake.existing("readings").await.unwrap().unwrap();
    assert_eq!(offsets(&table, &Scan::default()).await, (0..75).collect::<Vec<i64>>());
    assert_eq!(table.progress().partitions[&partition(0)].next, 70);
    assert_eq!(
        count(
            &table,
            &Scan {
                version: Some(3),
                ..Scan::default()
            }
        )
        .await,
        10
    );
    assert_eq!(lake.names().await.unwrap(), ["readings"]);
}

async fn many_writers(lake: &Lake) {
    lake.table(&spec("crowd")).await.unwrap();
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let lake = lake.clone();
            tokio::spawn(async move {
                let mut table = lake.existing("crowd").await.unwrap().unwrap();
                for round in 0..10 {
                    let start = writer * 100 + round * 3;
                    table.append(&[readings(start..start + 3)]).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let table = lake.existing("crowd").await.unwrap().unwrap();
    let found = offsets(&table, &Scan::default()).await;
    let mut distinct = found.clone();
    distinct.dedup();
    assert_eq!((found.len(), distinct.len(), table.version()), (180, 180, 60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minio_keeps_every_promise_of_a_local_folder() {
    let Some(minio) = Minio::start() else { return };
    let options = LakeOptions {
        store: minio.options(),
        ..options()
    };
    let lake = Lake::open(&Minio::url("some/prefix"), options).await.unwrap();
    the_whole_life_of_a_table(&lake).await;
    many_writers(&lake).await;
}

#[tokio::test]
async fn a_lost_reply_of_minio_is_no_loss_and_no_double() {
    let Some(minio) = Minio::start() else { return };
    let Place::Objects { store: bucket, .. } = Place::find(&Minio::url("any"), &minio.options()).unwrap() else {
        panic!("no bucket")
    };
    for (name, trouble) in Trouble::ALL {
        let store: Arc<dyn ObjectStore> = Arc::new(Shaky::new(Arc::clone(&bucket), trouble, 3));
        the_whole_life_of_a_table(&Lake::over(store, name, options()).unwrap()).await;
    }
}

#[tokio::test]
async fn a_lost_reply_is_no_loss_and_no_double() {
    for (name, trouble) in Trouble::ALL {
        for every in 1..5 {
            // Where every request is lost, no writer can do anything.
            if every == 1 && matches!(trouble, Trouble::LostRequest) {
                continue;
            }
            let store: Arc<dyn ObjectStore> = Arc::new(Shaky::new(Arc::new(InMemory::new()), trouble, every));
            let lake = Lake::over(store, name, options()).unwrap();
            the_whole_life_of_a_table(&lake).await;
            many_writers(&lake).await;
        }
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_told_and_nothing_is_half_done() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let sound = Lake::over(Arc::clone(&memory), "", options()).unwrap();
    let mut table = sound.table(&spec("readings")).await.unwrap();
    table.append(&[readings(0..5)]).await.unwrap();
    let away: Arc<dyn ObjectStore> = Arc::new(Shaky::new(Arc::clone(&memory), Trouble::LostRequest, 1));
    let mut cut_off = Lake::over(away, "", options())
        .unwrap()
        .existing("readings")
        .await
        .unwrap()
        .unwrap();
    let refused = cut_off.append(&[readings(5..9)]).await;
    assert!(matches!(refused, Err(Error::Store { .. })), "{refused:?}");
    table.refresh().await.unwrap();
    assert_eq!(offsets(&table, &Scan::default()).await, (0..5).collect::<Vec<i64>>());
}

#[tokio::test]
async fn tables_below_a_prefix_are_those_of_the_prefix() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    the_whole_life_of_a_table(&Lake::over(Arc::clone(&memory), "a/lake", options()).unwrap()).await;
    let same: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(memory, "a"));
    assert_eq!(
        Lake::over(same, "lake", options()).unwrap().names().await.unwrap(),
        ["readings"]
    );
}

#[tokio::test]
async fn an_address_without_a_bucket_is_refused() {
    for url in ["s3://", "s3:///prefix", "ftp://host/lake", "file://host", ""] {
        let error = Lake::open(url, options()).await.unwrap_err();
        assert!(
            error.is_bad_input() && error.to_string().contains("s3://bucket/prefix"),
            "{url}: {error}"
        );
    }
}

#[tokio::test]
async fn a_bad_option_names_itself_and_what_is_accepted() {
    let store = [("aws_colour".to_owned(), "blue".to_owned())].into();
    let error = Lake::open("s3://bucket/prefix", LakeOptions { store, ..options() })
        .await
        .unwrap_err();
    assert!(
        error.is_bad_input() && error.to_string().contains("aws_colour"),
        "{error}"
    );
}
