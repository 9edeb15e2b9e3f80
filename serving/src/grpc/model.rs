//! `ModelService`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arterial_models::registry::{Manifest, ModelVersion, Registry, Target};
use arterial_proto::v1;
use arterial_proto::v1::model_service_server::ModelService;
use tonic::{Request, Response, Status};

use super::list::ListPage;
use super::mask::Mask;
use super::sized::sized;
use crate::live::target_fields;
use crate::registry_list::{Listed, list};
use crate::state::AppState;
use crate::{Error, Result};

/// Models a page, where the request does not say.
const PAGE: usize = 100;
/// The most models a page.
const LARGEST_PAGE: usize = 1_000;

/// The models in the registry.
pub struct ModelApi(pub Arc<AppState>);

#[tonic::async_trait]
impl ModelService for ModelApi {
    async fn list_models(
        &self,
        request: Request<v1::ListModelsRequest>,
    ) -> Result<Response<v1::ListModelsResponse>, Status> {
        Ok(sized(models(&self.0, &request.into_inner()).await?))
    }

    async fn get_model(&self, request: Request<v1::GetModelRequest>) -> Result<Response<v1::GetModelResponse>, Status> {
        Ok(sized(get(&self.0, &request.into_inner()).await?))
    }
}

async fn models(state: &AppState, request: &v1::ListModelsRequest) -> Result<v1::ListModelsResponse> {
    let page = ListPage::read(request.page_size, &request.page_token, PAGE, LARGEST_PAGE)?;
    let listed = match &state.registry {
        Some(registry) => list(registry).await?,
        None => Vec::new(),
    };
    check_target(state, &listed, request)?;
    let wanted = |of: &Target| {
        (request.topic.is_empty() || of.topic == request.topic)
            && (request.target.is_empty() || of.field == request.target)
    };
    let found: Vec<Listed> = listed
        .into_iter()
        .filter(|listed| wanted(&listed.manifest.target))
        .collect();
    let (found, next_page_token) = page.of(found, |listed| listed.manifest.id().to_string())?;
    let models = found.into_iter();
    Ok(v1::ListModelsResponse {
        models: models
            .map(|listed| message(state, &listed.manifest, listed.aliases))
            .collect(),
        next_page_token,
    })
}

/// Refuses a topic or field that neither a stream nor a model has: models may be of files, too.
fn check_target(state: &AppState, listed: &[Listed], request: &v1::ListModelsRequest) -> Result<()> {
    let mut known: BTreeSet<(&str, String)> = BTreeSet::new();
    for stream in state.catalog.iter() {
        known.extend(
            target_fields(stream)
                .into_iter()
                .map(|field| (stream.name.as_str(), field)),
        );
    }
    let targets = listed.iter().map(|listed| &listed.manifest.target);
    known.extend(targets.map(|target| (target.topic.as_str(), target.field.clone())));
    let (topic, field) = (request.topic.as_str(), request.target.as_str());
    let fits = |of: &str| topic.is_empty() || of == topic;
    let join = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    if known.iter().all(|(of, _)| !fits(of)) {
        let topics = known.iter().map(|(of, _)| *of).collect();
        return Err(Error::invalid("topic", topic, join(topics)));
    }
    let fields: BTreeSet<&str> = known
        .iter()
        .filter(|(of, _)| fits(of))
        .map(|(_, name)| name.as_str())
        .collect();
    if !field.is_empty() && !fields.contains(field) {
        return Err(Error::invalid("target", field, join(fields)));
    }
    Ok(())
}

async fn get(state: &AppState, request: &v1::GetModelRequest) -> Result<v1::GetModelResponse> {
    let mask = Mask::of::<v1::GetModelResponse>(request.read_mask.clone())?;
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
    Ok(mask.apply(v1::GetModelResponse {
        manifest_json: serde_json::to_string_pretty(&manifest)?,
        card_markdown: registry.card(&id).await?,
        model: Some(message(state, &manifest, aliases)),
    }))
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
