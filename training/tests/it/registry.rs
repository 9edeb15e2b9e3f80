//! From a training to a promoted version and back.

use std::collections::BTreeMap;
use std::path::Path;

use arterial_datasets::panel::Panel;
use arterial_datasets::time::{Clock, Timestamp};
use arterial_models::forecasters::{Persistence, SeasonalNaive, WeeklyProfile};
use arterial_models::registry::{self, CHALLENGER, CHAMPION, Change, ModelVersion, Registry, Target};
use arterial_models::{Forecaster, Silent};
use arterial_training::choice::choose;
use arterial_training::evidence;
use arterial_training::gate::{self, Order};
use arterial_training::protocol::Protocol;
use arterial_training::train::{Outcome, Plan, train};
use serde_json::json;

use crate::common::{block, waves};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }
}

fn list() -> Vec<Box<dyn Forecaster>> {
    vec![Box::new(Persistence), Box::new(SeasonalNaive), Box::new(WeeklyProfile)]
}

fn target() -> Target {
    "waves.y".parse().unwrap()
}

fn protocol() -> Protocol {
    Protocol {
        horizon: 4,
        context: 8,
        report_at: vec![1, 4],
        ..Protocol::default()
    }
}

fn open(folder: &Path) -> Registry {
    registry::open(&folder.display().to_string(), &BTreeMap::new()).unwrap()
}

async fn trained(registry: &Registry, panel: &Panel, names: &str, resume: bool) -> Outcome {
    let list = list();
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    let plan = Plan {
        panel,
        data: &block(panel),
        reading: &json!({"file": "waves.csv"}),
        synthetic: true,
        target: &target(),
        list: &list,
        kinds: &choose(&list, &names, "--models").unwrap(),
        protocol: &protocol(),
        resume,
    };
    train(registry, &plan, &Noon, &Silent).await.unwrap()
}

#[tokio::test]
async fn a_training_publishes_a_version_a_kind_and_names_its_challenger() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let outcome = trained(&registry, &waves(), "persistence,weekly-profile", false).await;
    let names: Vec<&str> = outcome.published.iter().map(|version| version.model.as_str()).collect();
    assert_eq!(names, ["persistence@1", "weekly-profile@1"]);
    let scorecard = outcome.scorecard.unwrap();
    assert!(
        scorecard.scores.iter().any(|score| score.model == "seasonal-naive"),
        "the baselines stand beside it"
    );
    let challenger = registry.alias(&target(), CHALLENGER).await.unwrap().unwrap();
    assert_eq!(outcome.challenger, Some(challenger.model.to_string()));
    assert_eq!(registry.alias(&target(), CHAMPION).await.unwrap(), None);
    let manifest = registry.verify(&challenger.model).await.unwrap();
    assert_eq!(
        manifest.data.rows,
        waves().steps() * 80 / 100,
        "training and validation, and no row of the test part"
    );
    assert!(manifest.data.synthetic);
}

#[tokio::test]
async fn a_challenger_that_beats_nothing_is_named_with_what_the_gate_has_against_it() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let outcome = trained(&registry, &waves(), "seasonal-naive", false).await;
    assert_eq!(outcome.challenger.as_deref(), Some("seasonal-naive@1"));
    assert!(
        outcome.obstacles[0].contains("seasonal-naive"),
        "{:?}",
        outcome.obstacles
    );
    let again = trained(&registry, &waves(), "seasonal-naive", true).await;
    assert_eq!(
        again.obstacles, outcome.obstacles,
        "also where nothing was left to train"
    );
}

#[tokio::test]
async fn resuming_leaves_out_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    trained(&registry, &waves(), "persistence", false).await;
    let outcome = trained(&registry, &waves(), "persistence,weekly-profile", true).await;
    let resumed: Vec<bool> = outcome.published.iter().map(|version| version.resumed).collect();
    assert_eq!(resumed, [true, false]);
    let again = trained(&registry, &waves(), "persistence,weekly-profile", true).await;
    assert!(again.scorecard.is_none() && again.published.iter().all(|version| version.resumed));
    let fresh = trained(&registry, &waves(), "persistence", false).await;
    assert_eq!(fresh.published[0].model, "persistence@2");
}

#[tokio::test]
async fn the_scorecard_in_the_manifest_is_evidence_for_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let first: ModelVersion = trained(&registry, &waves(), "persistence", false)
        .await
        .published
        .remove(0)
        .model
        .parse()
        .unwrap();
    let manifest = registry.manifest(&first).await.unwrap();
    let found = evidence::from_manifest(&manifest, None).unwrap();
    assert!(found.mae.is_some() && found.seasonal_naive_mae.is_some() && found.windows > 0);
    // Whatever the gate says of it, the alias is set here, so that the next training finds a champion.
    registry
        .promote(&target(), CHAMPION, &first, 0, Change::default(), &Noon)
        .await
        .unwrap();
    let second: ModelVersion = trained(&registry, &waves(), "persistence", false)
        .await
        .published
        .remove(0)
        .model
        .parse()
        .unwrap();
    let manifest = registry.manifest(&second).await.unwrap();
    let found = evidence::from_manifest(&manifest, Some(&first)).unwrap();
    assert_eq!(
        found.champion.as_ref().unwrap().mae,
        found.mae,
        "the same model on the same windows"
    );
    let standing = registry.alias(&target(), CHAMPION).await.unwrap();
    let order = Order {
        alias: CHAMPION.into(),
        ..Order::default()
    };
    let refused = gate::promote(&registry, &manifest, standing.as_ref(), &found, &order, &Noon)
        .await
        .unwrap_err();
    assert!(
        refused.is_refusal() && refused.to_string().contains("not below"),
        "equal is not better: {refused}"
    );
    let mute = Order {
        force: true,
        ..order.clone()
    };
    let silent = gate::promote(&registry, &manifest, standing.as_ref(), &found, &mute, &Noon)
        .await
        .unwrap_err();
    assert!(silent.is_bad_input(), "force needs a reason: {silent}");
    let forced = Order {
        force: true,
        reason: Some("a drill".into()),
        ..order
    };
    let moved = gate::promote(&registry, &manifest, standing.as_ref(), &found, &forced, &Noon)
        .await
        .unwrap();
    assert_eq!(
        (moved.forced, moved.reason.as_deref(), &moved.model),
        (true, Some("a drill"), &second)
    );
    let back = registry.rollback(&target(), CHAMPION, None, &Noon).await.unwrap();
    assert_eq!(back.model, first);
    let back = evidence::protocol_of(&manifest).unwrap();
    assert_eq!(
        Protocol {
            test_start: None,
            ..back
        },
        protocol()
    );
}

#[tokio::test]
async fn a_changed_byte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let id = trained(&registry, &waves(), "weekly-profile", false)
        .await
        .published
        .remove(0)
        .model
        .parse()
        .unwrap();
    let file = folder.path().join("models/weekly-profile/1/tensors.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = arterial_training::Error::from(registry.verify(&id).await.unwrap_err());
    assert!(error.is_refusal(), "{error}");
    assert!(registry.load(&id, &list()).await.is_err());
}
