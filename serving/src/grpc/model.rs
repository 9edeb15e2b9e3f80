//! `ModelService`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arterial_models::registry::{AliasRevision, ModelVersion, Registry, Target};
use arterial_proto::v1;
use arterial_proto::v1::model_service_server::ModelService;
use tonic::{Request, Response, Status};

use super::list::ListPage;
use super::mask::Mask;
use super::sized::sized;
use crate::live::target_fields;
use crate::model::{InCharge, Role, Trial};
use crate::registry_list::Listed;
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
    let listed = match &state.shelf {
        Some(shelf) => shelf.list().await?,
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
    Ok(v1::ListModelsResponse {
        models: found.iter().map(|listed| message(state, listed)).collect(),
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
    let (Some(registry), Some(shelf)) = (&state.registry, &state.shelf) else {
        return Err(Error::NotKept("this service has no model registry".into()));
    };
    let id = resolve(registry, request).await?;
    let listed = shelf.listed(registry.manifest(&id).await?).await?;
    Ok(mask.apply(v1::GetModelResponse {
        manifest_json: serde_json::to_string_pretty(listed.manifest.as_ref())?,
        card_markdown: registry.card(&id).await?,
        model: Some(message(state, &listed)),
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

fn message(state: &AppState, listed: &Listed) -> v1::Model {
    let manifest = &listed.manifest;
    let id = manifest.id();
    let in_charge = state.champions.get(&manifest.target);
    let in_charge = in_charge.as_deref();
    let alias = |(name, revision): &(String, AliasRevision)| alias(name, revision, in_charge);
    v1::Model {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        topic: manifest.target.topic.clone(),
        target: manifest.target.field.clone(),
        kind: manifest.kind.clone(),
        aliases: listed.alias_names(),
        created_at: manifest.created_at.0,
        horizon_steps: manifest.horizon as u32,
        step_seconds: manifest.step.seconds(),
        series: manifest.series as u32,
        serving: in_charge.is_some_and(|models| models.answers_by(&id)),
        in_force: listed.aliases.iter().map(alias).collect(),
    }
}

fn alias(name: &str, revision: &AliasRevision, in_charge: Option<&InCharge>) -> v1::Alias {
    let standing = in_charge.and_then(|models| standing(name, models));
    let (taken, failure) = standing.unwrap_or_default();
    v1::Alias {
        name: name.into(),
        share: revision.share.map_or(0.0, f64::from),
        revision: revision.revision,
        moved_at: revision.moved_at.0,
        taken_up: taken == revision.revision && failure.is_empty(),
        failure: if taken == revision.revision {
            failure
        } else {
            String::new()
        },
    }
}

/// Which revision of an alias this service follows, and why its model does not load.
fn standing(alias: &str, models: &InCharge) -> Option<(u64, String)> {
    let trial = |trial: &Trial| (trial.revision, trial.model.as_ref().err().cloned().unwrap_or_default());
    match Role::of(alias)? {
        Role::Champion => Some((models.revision, models.failure.clone().unwrap_or_default())),
        Role::Canary => models.canary.as_ref().map(trial),
        Role::Shadow => models.shadow.as_ref().map(trial),
    }
}
