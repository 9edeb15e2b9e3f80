//! `ModelService`.

use std::sync::Arc;

use arterial_models::registry::{Manifest, ModelVersion, Registry, Target};
use arterial_proto::v1;
use arterial_proto::v1::model_service_server::ModelService;
use tonic::{Request, Response, Status};

use crate::registry_list::{Listed, list};
use crate::state::AppState;
use crate::{Error, Result};

/// The models in the registry.
pub struct ModelApi(pub Arc<AppState>);

#[tonic::async_trait]
impl ModelService for ModelApi {
    async fn list_models(
        &self,
        request: Request<v1::ListModelsRequest>,
    ) -> Result<Response<v1::ListModelsResponse>, Status> {
        let v1::ListModelsRequest { topic, target } = request.into_inner();
        let wanted = |listed: &Listed| {
            let of = &listed.manifest.target;
            (topic.is_empty() || of.topic == topic) && (target.is_empty() || of.field == target)
        };
        let Some(registry) = &self.0.registry else {
            return Ok(Response::new(v1::ListModelsResponse::default()));
        };
        let models = list(registry).await?.into_iter().filter(wanted);
        let models = models
            .map(|listed| message(&self.0, &listed.manifest, listed.aliases))
            .collect();
        Ok(Response::new(v1::ListModelsResponse { models }))
    }

    async fn get_model(&self, request: Request<v1::GetModelRequest>) -> Result<Response<v1::GetModelResponse>, Status> {
        Ok(Response::new(get(&self.0, &request.into_inner()).await?))
    }
}

async fn get(state: &AppState, request: &v1::GetModelRequest) -> Result<v1::GetModelResponse> {
    let registry = state
        .registry
        .as_ref()
        .ok_or_else(|| Error::NotKept("this service has no model registry".into()))?;
    let id = resolve(registry, request).await?;
    let listed = list(registry)
        .await?
        .into_iter()
        .find(|listed| listed.manifest.id() == id);
    let manifest = registry.manifest(&id).await?;
    let aliases = listed.map(|listed| listed.aliases).unwrap_or_default();
    Ok(v1::GetModelResponse {
        manifest_json: serde_json::to_string_pretty(&manifest)?,
        card_markdown: registry.card(&id).await?,
        model: Some(message(state, &manifest, aliases)),
    })
}

async fn resolve(registry: &Registry, request: &v1::GetModelRequest) -> Result<ModelVersion> {
    let reference = request.model.parse()?;
    let target = Target {
        topic: request.topic.clone(),
        field: request.target.clone(),
    };
    let given = !target.topic.is_empty() && !target.field.is_empty();
    Ok(registry.resolve(&reference, given.then_some(&target)).await?)
}

fn message(state: &AppState, manifest: &Manifest, aliases: Vec<String>) -> v1::Model {
    let id = manifest.id();
    let in_charge = state.champions.get(&manifest.target);
    let champion = in_charge
        .as_ref()
        .and_then(|models| models.champion.as_ref().or(models.last_good.as_ref()));
    v1::Model {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        topic: manifest.target.topic.clone(),
        target: manifest.target.field.clone(),
        kind: manifest.kind.clone(),
        aliases,
        created_at: manifest.created_at.0,
        horizon_steps: manifest.horizon as u32,
        step_seconds: manifest.step.seconds(),
        series: manifest.series as u32,
        serving: champion.is_some_and(|model| *model.id() == id),
    }
}
