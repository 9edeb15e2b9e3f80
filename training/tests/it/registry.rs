//! From a training to a promoted version and back.

use std::collections::BTreeMap;
use std::path::Path;

use arterial_datasets::panel::Panel;
use arterial_datasets::time::{Clock, Timestamp};
use arterial_models::forecasters::{Persistence, SeasonalNaive, WeeklyProfile};
use arterial_models::registry::{self, CHALLENGER, CHAMPION, Change, ModelVersion, Registry, Target};
use arterial_models::{Forecaster, Silent};
use arterial_training::choice::choose;
use arterial_training::document::{AreaScore, Score};
use arterial_training::evidence;
use arterial_training::gate::{self, Order};
use arterial_training::protocol::Protocol;
use arterial_training::train::{Outcome, Plan, train};
use arterial_training::veteran::Veteran;
use serde_json::json;

use crate::common::{block, small, waves};

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

pub fn open(folder: &Path) -> Registry {
    registry::open(&folder.display().to_string(), &BTreeMap::new()).unwrap()
}

/// A training whose data are said to be the same whatever `panel` is.
pub async fn trained(registry: &Registry, panel: &Panel, names: &str, resume: bool) -> Outcome {
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
        protocol: &small(),
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
        small()
    );
}

#[tokio::test]
async fn a_champion_knows_the_series_of_a_training_by_their_names_whatever_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let zones = ["inner", "outer", "inner", "outer"].map(|zone| Some(zone.to_owned()));
    let panel = waves().with_zones(zones.to_vec());
    let first: ModelVersion = trained(&registry, &panel, "persistence", false)
        .await
        .published
        .remove(0)
        .model
        .parse()
        .unwrap();
    registry
        .promote(&target(), CHAMPION, &first, 0, Change::default(), &Noon)
        .await
        .unwrap();
    let mut names = panel.series().to_vec();
    names.rotate_left(1);
    let turned = panel.arranged(&names).unwrap();
    let scorecard = trained(&registry, &turned, "persistence", false)
        .await
        .scorecard
        .unwrap();
    let close = |one: Option<f64>, other: Option<f64>| (one.unwrap() - other.unwrap()).abs() < 1e-6;

    let of = |model: &str| -> Vec<&Score> { scorecard.scores.iter().filter(|row| row.model == model).collect() };
    let (own, champion) = (of("persistence"), of("persistence@1"));
    assert_eq!((own.len(), champion.len()), (2, 2));
    for (own, champion) in own.into_iter().zip(champion) {
        assert_eq!((own.forecasts, own.refused), (champion.forecasts, champion.refused));
        assert!(close(own.metrics.mae, champion.metrics.mae), "{own:?} {champion:?}");
        assert!(close(own.width_80, champion.width_80), "{own:?} {champion:?}");
    }

    let of = |model: &str| -> Vec<&AreaScore> { scorecard.areas.iter().filter(|row| row.model == model).collect() };
    let (own, champion) = (of("persistence"), of("persistence@1"));
    assert_eq!((own.len(), champion.len()), (4, 4), "zones and city at two steps");
    for (own, champion) in own.into_iter().zip(champion) {
        assert_eq!((own.level, own.step), (champion.level, champion.step));
        assert!(close(own.mae, champion.mae), "{own:?} {champion:?}");
    }
}

#[tokio::test]
async fn a_model_of_other_series_is_not_measured_and_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let id: ModelVersion = trained(&registry, &waves(), "persistence", false)
        .await
        .published
        .remove(0)
        .model
        .parse()
        .unwrap();
    let (_, pipeline) = registry.load(&id, &list()).await.unwrap();
    let panel = waves();
    let names = ["north", "east", "south", "harbour"].map(str::to_owned).to_vec();
    let other = Panel::new(
        panel.start(),
        panel.step(),
        panel.timezone(),
        names,
        panel.channels().to_vec(),
        panel.values().clone(),
    )
    .unwrap();
    let refusal = |panel: &Panel, protocol: &Protocol| {
        let refused = Veteran::new("persistence@1", &pipeline, panel, protocol).err().unwrap();
        assert!(refused.is_bad_input(), "{refused}");
        refused.to_string()
    };
    let said = refusal(&other, &small());
    assert!(said.contains("1 missing (`west`), 1 new (`harbour`)"), "{said}");
    let further = Protocol { horizon: 5, ..small() };
    let said = refusal(&panel, &further);
    assert!(
        said.contains("at most 4, as far as persistence@1 was trained"),
        "{said}"
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
