//! Serving out of the real registry: promotion, rollback, a damaged artefact.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{
    FIELD, FakeModels, START, STEP, Service, TOPIC, asking, eventually, history, launch, target, window,
};
use arrow_flight::{FlightClient, Ticket};
use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, Waits, Wanted};
use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::SystemClock;
use arterial_models::forecasters::{by_name, list};
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::{self, CANARY, CHAMPION, Change, DataOrigin, Description, ModelVersion, Registry};
use arterial_models::{Forecaster, Silent, Task};
use arterial_proto::v1;
use arterial_proto::v1::model_service_client::ModelServiceClient;
use arterial_serving::model::RegistryModels;
use futures::TryStreamExt;
use ndarray::Array3;

pub const WINDOWS: i64 = 3 * 288;

/// No kind here eats features.
struct NoFeatures;

impl FeatureSet for NoFeatures {
    fn id(&self) -> FeatureSetId {
        FeatureSetId {
            name: "none".into(),
            version: 1,
            hash: String::new(),
        }
    }

    fn learn_while(&self, _: &Panel, _: Waits<'_>) -> arterial_datasets::Result<FeatureState> {
        Ok(FeatureState::default())
    }

    fn prepare_while(
        &self,
        _: &Panel,
        _: &FeatureState,
        _: Option<Wanted<'_>>,
        _: Waits<'_>,
    ) -> arterial_datasets::Result<Box<dyn PreparedFeatures>> {
        Err(arterial_datasets::Error::invalid(
            "features",
            "none",
            "a kind without features",
        ))
    }
}

pub fn kinds() -> Vec<Box<dyn Forecaster>> {
    list(Arc::new(NoFeatures))
}

fn panel() -> Panel {
    let value = |(row, series, _): (usize, usize, usize)| [50.0, 80.0][series] + ((row * 37) % 11) as f64 - 5.0;
    let channels = vec![Channel {
        name: FIELD.into(),
        role: ChannelRole::Target,
    }];
    let values = Array3::from_shape_fn((WINDOWS as usize, 2, 1), value);
    Panel::new(START, STEP, "UTC", vec!["a".into(), "b".into()], channels, values).unwrap()
}

/// An empty registry, and the folder that it stands in.
pub fn empty() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
    (folder, registry)
}

pub async fn publish(registry: &Registry, kind: &str) -> ModelVersion {
    publish_fitted_on(registry, kind, &panel()).await
}

pub async fn publish_fitted_on(registry: &Registry, kind: &str, panel: &Panel) -> ModelVersion {
    let kinds = kinds();
    let task = Task {
        context: 12,
        horizon: 12,
        seed: 1,
    };
    let pipeline = Pipeline::fit(by_name(&kinds, kind).unwrap(), panel, 288, &task, &Silent).unwrap();
    let data = DataOrigin {
        path: "made for a test".into(),
        sha256: "0".repeat(64),
        rows: WINDOWS as usize,
        from: START,
        until: window(WINDOWS),
        synthetic: true,
    };
    let description = Description {
        name: kind.into(),
        target: target(),
        data,
        protocol: serde_json::json!({}),
        scores: serde_json::json!([{"model": kind, "step": 12, "mae": 1.25}]),
        seed: 1,
    };
    registry
        .publish(&pipeline, description, &SystemClock)
        .await
        .unwrap()
        .id()
}

pub async fn promote(registry: &Registry, id: &ModelVersion) {
    let standing = registry
        .alias(&target(), CHAMPION)
        .await
        .unwrap()
        .map_or(0, |alias| alias.revision);
    registry
        .promote(&target(), CHAMPION, id, standing, Change::default(), &SystemClock)
        .await
        .unwrap();
}

pub async fn service(registry: &Registry) -> Service {
    let source = Arc::new(RegistryModels::new(registry.clone(), kinds()));
    let service = launch(
        Some(history(WINDOWS)),
        Arc::new(FakeModels::default()),
        source,
        Some(registry.clone()),
    )
    .await;
    service.clock.set(window(WINDOWS));
    service.state.start().await.unwrap();
    service
}

async fn ask(service: &Service) -> v1::Forecast {
    let request = v1::ForecastRequest {
        keys: vec!["a".into()],
        horizons_minutes: vec![60],
        ..asking::request()
    };
    let response = asking::ask(service, request).await;
    assert_eq!(response.refusals, []);
    response.forecasts[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_model_answers_and_a_rollback_brings_the_former_one_back() {
    let (_folder, registry) = empty();
    let first = publish(&registry, "persistence").await;
    promote(&registry, &first).await;
    let service = service(&registry).await;
    let forecast = ask(&service).await;
    assert_eq!(
        (
            forecast.model.as_str(),
            forecast.model_version.as_str(),
            forecast.step_of_ladder.as_str()
        ),
        ("persistence", "1", "model")
    );
    assert_eq!(forecast.quantiles[1].value, 50.0);
    assert!(forecast.quantiles[0].value < 50.0 && forecast.quantiles[2].value > 50.0);
    let second = publish(&registry, "seasonal-naive").await;
    promote(&registry, &second).await;
    eventually("the new champion answers", async || {
        ask(&service).await.model == "seasonal-naive"
    })
    .await;
    registry
        .rollback(&target(), CHAMPION, Some("a test".into()), &SystemClock)
        .await
        .unwrap();
    eventually("the former champion answers", async || {
        ask(&service).await.model == "persistence"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_champion_with_a_changed_byte_does_not_load_and_the_former_one_answers() {
    let (folder, registry) = empty();
    let first = publish(&registry, "persistence").await;
    promote(&registry, &first).await;
    let second = publish(&registry, "seasonal-naive").await;
    promote(&registry, &second).await;
    let path = folder.path().join("models/seasonal-naive/1/parameters.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen('{', "{ ", 1)).unwrap();
    let service = service(&registry).await;
    let forecast = ask(&service).await;
    assert_eq!(
        (forecast.model.as_str(), forecast.step_of_ladder.as_str()),
        ("persistence", "last_good")
    );
    let failure = service.state.champions.get(&target()).unwrap().failure.clone().unwrap();
    assert!(failure.contains("parameters.json"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_is_shown_over_grpc_and_flight() {
    let (folder, registry) = empty();
    let first = publish(&registry, "persistence").await;
    let second = publish(&registry, "seasonal-naive").await;
    promote(&registry, &first).await;
    let quarter = Change {
        share: Some(0.25.try_into().unwrap()),
        ..Change::default()
    };
    registry
        .promote(&target(), CANARY, &second, 0, quarter, &SystemClock)
        .await
        .unwrap();
    let service = service(&registry).await;
    let mut client = ModelServiceClient::new(service.channel().await);
    let models = client
        .list_models(v1::ListModelsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .models;
    let in_force = |model: &v1::Model| {
        let alias = |alias: &v1::Alias| (alias.name.clone(), alias.share, alias.revision, alias.taken_up);
        (model.serving, model.in_force.iter().map(alias).collect::<Vec<_>>())
    };
    let known: Vec<_> = models
        .iter()
        .map(|model| (model.name.as_str(), in_force(model)))
        .collect();
    assert_eq!(
        known,
        [
            ("seasonal-naive", (true, vec![("canary".into(), 0.25, 1, true)])),
            ("persistence", (true, vec![("champion".into(), 0.0, 1, true)])),
        ]
    );
    assert_eq!(models[1].aliases, ["champion"]);
    let asked = |topic: &str, target: &str| v1::ListModelsRequest {
        topic: topic.into(),
        target: target.into(),
        ..Default::default()
    };
    for known in [asked(TOPIC, FIELD), asked("", FIELD)] {
        assert_eq!(client.list_models(known).await.unwrap().into_inner().models.len(), 2);
    }
    let none = client.list_models(asked("parking", "occupied_spaces")).await.unwrap();
    assert!(none.into_inner().models.is_empty(), "a known target without a model");
    for (wrong, field) in [(asked("nope", ""), "topic"), (asked(TOPIC, "nope"), "target")] {
        let status = client.list_models(wrong).await.unwrap_err();
        assert!(
            status.message().starts_with(&format!("`{field}` is `nope`")),
            "{status}"
        );
    }
    let request = v1::GetModelRequest {
        model: "@champion".into(),
        topic: TOPIC.into(),
        target: FIELD.into(),
        ..Default::default()
    };
    let model = client.get_model(request).await.unwrap().into_inner();
    assert_eq!(model.model.as_ref().unwrap(), &models[1]);
    assert!(
        model.card_markdown.starts_with("# persistence@1") && model.manifest_json.contains("\"kind\": \"persistence\"")
    );
    let unknown = v1::GetModelRequest {
        model: "oracle".into(),
        ..v1::GetModelRequest::default()
    };
    assert_eq!(
        client.get_model(unknown).await.unwrap_err().code(),
        tonic::Code::NotFound
    );
    // Manifests never change, so that they are read once; what is gone is gone.
    let manifests = folder.path().join("models/seasonal-naive/1/manifest.json");
    let text = std::fs::read_to_string(&manifests).unwrap();
    std::fs::write(&manifests, "not read again").unwrap();
    let listed = client.list_models(asked("", "")).await.unwrap().into_inner().models;
    assert_eq!(listed, models);
    std::fs::write(&manifests, text).unwrap();
    let mut flight = FlightClient::new(service.channel().await);
    for (name, rows) in [("models", 2), ("scorecards", 2)] {
        let batches: Vec<_> = flight
            .do_get(Ticket::new(name))
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(
            batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(),
            rows,
            "{name}"
        );
    }
}
