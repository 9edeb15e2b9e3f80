//! The registry: versions never change, aliases move in one step, a changed byte is noticed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arterial_datasets::lake::Place;
use arterial_models::forecasters::list;
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::{
    CANARY, CHAMPION, Change, DataOrigin, Description, ModelVersion, Reference, Registry, SHADOW, Target, open,
};
use arterial_models::{Error, Forecaster, Silent, Task};
use arterial_testing::{Minio, Shaky, Trouble};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use serde_json::json;

use crate::support::{Lags, Still, panel};

const NOW: Still = Still(1_780_000_000_000_000);

fn kinds() -> Vec<Box<dyn Forecaster>> {
    list(Arc::new(Lags))
}

fn pipeline(name: &str) -> Pipeline {
    let kinds = kinds();
    let kind = kinds.iter().find(|kind| kind.name() == name).unwrap();
    Pipeline::fit(
        kind.as_ref(),
        &panel(600, 2, 0.0),
        0,
        &Task {
            context: 12,
            horizon: 4,
            seed: 1,
        },
        &Silent,
    )
    .unwrap()
}

fn target() -> Target {
    "traffic-sensors.speed_kmh".parse().unwrap()
}

fn description(name: &str) -> Description {
    Description {
        name: name.into(),
        target: target(),
        data: DataOrigin {
            path: "loops.parquet".into(),
            sha256: "ab".repeat(32),
            rows: 600,
            from: "2026-03-20T00:00:00Z".parse().unwrap(),
            until: "2026-03-26T06:00:00Z".parse().unwrap(),
            synthetic: true,
        },
        protocol: json!({"context": 12, "horizon": 4, "split": "80/0/20"}),
        scores: json!([{"model": name, "step": 1, "mae": 0.75}, {"model": "seasonal-naive", "step": 1, "mae": 1.5}]),
        seed: 1,
    }
}

fn folder() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
    (folder, registry)
}

async fn publish(registry: &Registry, count: usize) -> Vec<ModelVersion> {
    let pipeline = pipeline("persistence");
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(
            registry
                .publish(&pipeline, description("persistence"), &NOW)
                .await
                .unwrap()
                .id(),
        );
    }
    ids
}

fn change(reason: &str) -> Change {
    Change {
        reason: Some(reason.into()),
        ..Change::default()
    }
}

#[tokio::test]
async fn a_published_model_is_listed_shown_verified_and_loaded() {
    let (_folder, registry) = folder();
    let pipeline = pipeline("linear");
    let first = registry.publish(&pipeline, description("linear"), &NOW).await.unwrap();
    let second = registry.publish(&pipeline, description("linear"), &NOW).await.unwrap();
    assert_eq!(
        [first.id().to_string(), second.id().to_string()],
        ["linear@1", "linear@2"]
    );
    assert_eq!(registry.list().await.unwrap(), [first.id(), second.id()]);
    assert_eq!(registry.verify(&first.id()).await.unwrap(), first);
    let (manifest, loaded) = registry.load(&first.id(), &kinds()).await.unwrap();
    assert_eq!(manifest, first);
    assert_eq!(manifest.features.unwrap().name, "lags");
    assert_eq!(loaded.files().unwrap(), pipeline.files().unwrap());
    let newest = registry.resolve(&"linear".parse().unwrap(), None).await.unwrap();
    assert_eq!(newest, second.id());
    let card = registry.card(&first.id()).await.unwrap();
    for word in [
        "# linear@1",
        "traffic-sensors.speed_kmh",
        "synthetic",
        "0.7500",
        "lags@1",
        "2026-05-28",
    ] {
        assert!(card.contains(word), "{word} in {card}");
    }
}

fn every_file(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_file(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[tokio::test]
async fn a_manifest_names_its_own_digest_when_it_is_published_and_when_it_is_read() {
    let (_folder, registry) = folder();
    let published = registry
        .publish(&pipeline("persistence"), description("persistence"), &NOW)
        .await
        .unwrap();
    assert_eq!(published.manifest_sha256.len(), 64);
    assert!(published.manifest_sha256.contains(|digit| digit != '0'));
    assert_eq!(registry.manifest(&published.id()).await.unwrap(), published);
}

#[tokio::test]
async fn a_changed_byte_in_any_file_is_noticed() {
    let (folder, registry) = folder();
    let id = registry
        .publish(&pipeline("weekly-profile"), description("weekly-profile"), &NOW)
        .await
        .unwrap()
        .id();
    let mut files = Vec::new();
    every_file(&folder.path().join("models"), &mut files);
    assert_eq!(files.len(), 4);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&file, changed).unwrap();
            let error = registry.verify(&id).await.unwrap_err();
            assert!(error.is_refusal(), "{} at {at}: {error}", file.display());
            if !file.ends_with("card.md") {
                assert!(
                    registry
                        .load(&id, &kinds())
                        .await
                        .is_err_and(|error| error.is_refusal())
                );
            }
        }
        std::fs::write(&file, bytes).unwrap();
    }
    registry.verify(&id).await.unwrap();
}

#[tokio::test]
async fn a_rollback_returns_to_the_former_version_and_then_to_the_one_before() {
    let (_folder, registry) = folder();
    let ids = publish(&registry, 3).await;
    for (moves, id) in ids.iter().enumerate() {
        registry
            .promote(&target(), CHAMPION, id, moves as u64, change("better"), &NOW)
            .await
            .unwrap();
    }
    for expected in [&ids[1], &ids[0]] {
        registry.rollback(&target(), CHAMPION, None, &NOW).await.unwrap();
        assert_eq!(
            &registry.alias(&target(), CHAMPION).await.unwrap().unwrap().model,
            expected
        );
    }
    let error = registry.rollback(&target(), CHAMPION, None, &NOW).await.unwrap_err();
    assert!(matches!(error, Error::NoFormer(_)), "{error}");
    assert_eq!(registry.history(&target(), CHAMPION).await.unwrap().len(), 5);
    let reference: Reference = "@champion".parse().unwrap();
    assert_eq!(registry.resolve(&reference, Some(&target())).await.unwrap(), ids[0]);
}

/// A move of a canary to a share of the keys.
fn share(share: f64) -> Change {
    Change {
        share: Some(share.try_into().unwrap()),
        ..Change::default()
    }
}

#[tokio::test]
async fn a_withdrawn_alias_points_nowhere_and_a_rollback_brings_it_back_with_its_share() {
    let (_folder, registry) = folder();
    let ids = publish(&registry, 3).await;
    let target = target();
    let promote = |alias, id, expected, change| registry.promote(&target, alias, id, expected, change, &NOW);
    promote(CHAMPION, &ids[0], 0, change("first")).await.unwrap();
    promote(CANARY, &ids[1], 0, share(0.1)).await.unwrap();
    promote(CANARY, &ids[1], 1, share(0.5)).await.unwrap();
    let withdrawn = registry
        .withdraw(&target, CANARY, Some("errors".into()), &NOW)
        .await
        .unwrap();
    assert_eq!((withdrawn.revision, withdrawn.reason.as_deref()), (3, Some("errors")));
    assert_eq!(registry.alias(&target, CANARY).await.unwrap(), None);
    let reference: Reference = "@canary".parse().unwrap();
    assert!(registry.resolve(&reference, Some(&target)).await.is_err());
    assert!(
        registry
            .withdraw(&target, CANARY, None, &NOW)
            .await
            .unwrap_err()
            .is_bad_input()
    );
    let back = registry.rollback(&target, CANARY, None, &NOW).await.unwrap();
    assert_eq!((back.model, back.share.map(f64::from)), (ids[1].clone(), Some(0.5)));
    let before = registry.rollback(&target, CANARY, None, &NOW).await.unwrap();
    assert_eq!(before.share.map(f64::from), Some(0.1));
    let error = registry.rollback(&target, CANARY, None, &NOW).await.unwrap_err();
    assert!(matches!(error, Error::NoFormer(_)), "{error}");
    // What is withdrawn is promoted anew as if it had never been: it points nowhere.
    registry.withdraw(&target, CANARY, None, &NOW).await.unwrap();
    let late = promote(CANARY, &ids[2], 5, share(0.2)).await.unwrap_err();
    assert!(matches!(late, Error::Conflict { found: 6, .. }), "{late}");
    let anew = promote(CANARY, &ids[2], 0, share(0.2)).await.unwrap();
    assert_eq!((anew.revision, anew.former), (7, None));
    assert_eq!(registry.history(&target, CANARY).await.unwrap().len(), 7);
}

#[tokio::test]
async fn a_canary_has_a_share_nobody_else_has_and_both_trials_need_a_champion() {
    let (_folder, registry) = folder();
    let ids = publish(&registry, 2).await;
    let target = target();
    let promote = |alias, change| registry.promote(&target, alias, &ids[0], 0, change, &NOW);
    for (alias, change) in [(CANARY, share(0.1)), (SHADOW, change("look"))] {
        let error = promote(alias, change).await.unwrap_err();
        assert!(
            error.to_string().contains("champion") && error.is_bad_input(),
            "{error}"
        );
    }
    promote(CHAMPION, change("first")).await.unwrap();
    for (alias, change) in [(CANARY, change("all of them?")), (SHADOW, share(0.1))] {
        let error = promote(alias, change).await.unwrap_err();
        assert!(error.to_string().contains("`share`") && error.is_bad_input(), "{error}");
    }
    promote(SHADOW, change("look")).await.unwrap();
    let error = registry.withdraw(&target, CHAMPION, None, &NOW).await.unwrap_err();
    assert!(
        error.is_bad_input() && error.to_string().contains("rollback"),
        "{error}"
    );
}

#[tokio::test]
async fn of_two_promotions_decided_on_the_same_revision_one_wins() {
    let (_folder, registry) = folder();
    let ids = publish(&registry, 2).await;
    let target = target();
    let promote = |id| registry.promote(&target, CHAMPION, id, 0, change("race"), &NOW);
    let (one, other) = tokio::join!(promote(&ids[0]), promote(&ids[1]));
    let lost = match (&one, &other) {
        (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
        both => panic!("{both:?}"),
    };
    assert!(
        matches!(
            lost,
            Error::Conflict {
                expected: 0,
                found: 1,
                ..
            }
        ),
        "{lost}"
    );
    assert_eq!(registry.history(&target, CHAMPION).await.unwrap().len(), 1);
}

#[tokio::test]
async fn many_publishers_get_different_versions() {
    let (_folder, registry) = folder();
    let registry = Arc::new(registry);
    let pipeline = Arc::new(pipeline("persistence"));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (registry, pipeline) = (Arc::clone(&registry), Arc::clone(&pipeline));
        tasks.spawn(async move {
            registry
                .publish(&pipeline, description("persistence"), &NOW)
                .await
                .unwrap()
                .version
        });
    }
    let mut versions = tasks.join_all().await;
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 6);
}

#[tokio::test]
async fn a_forced_promotion_needs_a_reason_and_another_target_is_refused() {
    let (_folder, registry) = folder();
    let ids = publish(&registry, 1).await;
    let forced = Change {
        forced: true,
        ..Change::default()
    };
    let error = registry
        .promote(&target(), CHAMPION, &ids[0], 0, forced, &NOW)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("reason") && error.is_bad_input(), "{error}");
    let parking: Target = "parking.occupancy_rate".parse().unwrap();
    let error = registry
        .promote(&parking, CHAMPION, &ids[0], 0, change("x"), &NOW)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("parking.occupancy_rate"), "{error}");
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_what_there_is() {
    let (_folder, registry) = folder();
    publish(&registry, 1).await;
    for text in ["oracle@1", "oracle", "persistence@9"] {
        let error = registry.resolve(&text.parse().unwrap(), None).await.unwrap_err();
        assert!(
            error.to_string().contains("persistence@1") && error.is_bad_input(),
            "{error}"
        );
    }
    let error = registry
        .resolve(&"@champion".parse().unwrap(), Some(&target()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}

#[tokio::test]
async fn an_object_store_behaves_like_a_folder() {
    the_whole_life_of_a_model(&Registry::over(Arc::new(InMemory::new()), "models of a city")).await;
}

#[tokio::test]
async fn minio_behaves_like_a_folder_whatever_replies_get_lost() {
    let Some(minio) = Minio::start() else { return };
    the_whole_life_of_a_model(&open(&Minio::url("city/models"), &minio.options()).unwrap()).await;
    let Place::Objects { store, .. } = Place::find(&Minio::url("any"), &minio.options()).unwrap() else {
        panic!("no bucket")
    };
    shaken(&store).await;
}

#[tokio::test]
async fn a_lost_reply_publishes_no_version_and_moves_no_alias_twice() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    shaken(&store).await;
}

/// A put that was done is done, whether its reply came or not; one that was not done is told and changes nothing.
async fn shaken(store: &Arc<dyn ObjectStore>) {
    for (name, trouble) in [("reply", Trouble::LostReply), ("retried", Trouble::RetriedByTheClient)] {
        for every in 1..4 {
            let shaky = Arc::new(Shaky::new(Arc::clone(store), trouble, every));
            the_whole_life_of_a_model(&Registry::over(shaky, &format!("{name}/{every}"))).await;
        }
    }
    let sound = Registry::over(Arc::clone(store), "request");
    let ids = publish(&sound, 1).await;
    let away = Registry::over(
        Arc::new(Shaky::new(Arc::clone(store), Trouble::LostRequest, 1)),
        "request",
    );
    let refused = away
        .promote(&target(), CHAMPION, &ids[0], 0, change("lost"), &NOW)
        .await;
    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
    assert_eq!(sound.alias(&target(), CHAMPION).await.unwrap(), None);
}

async fn the_whole_life_of_a_model(registry: &Registry) {
    let ids = publish(registry, 2).await;
    assert_eq!(registry.list().await.unwrap(), ids);
    registry
        .promote(&target(), CHAMPION, &ids[0], 0, change("first"), &NOW)
        .await
        .unwrap();
    registry
        .promote(&target(), CHAMPION, &ids[1], 1, change("second"), &NOW)
        .await
        .unwrap();
    let lost = registry
        .promote(&target(), CHAMPION, &ids[0], 1, change("late"), &NOW)
        .await
        .unwrap_err();
    assert!(matches!(lost, Error::Conflict { found: 2, .. }), "{lost}");
    registry.rollback(&target(), CHAMPION, None, &NOW).await.unwrap();
    assert_eq!(
        registry.alias(&target(), CHAMPION).await.unwrap().unwrap().model,
        ids[0]
    );
    assert_eq!(registry.aliases().await.unwrap(), [(target(), CHAMPION.to_owned())]);
    registry.verify(&ids[1]).await.unwrap();
}

#[test]
fn a_place_that_nobody_knows_is_refused() {
    for url in ["", "ftp://host/models", "http://host", "s3://"] {
        assert!(
            open(url, &BTreeMap::new()).is_err_and(|error| error.is_bad_input()),
            "{url}"
        );
    }
}
