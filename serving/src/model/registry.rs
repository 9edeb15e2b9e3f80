//! Models out of the registry.

use std::sync::Arc;

use arterial_datasets::panel::Panel;
use arterial_models::explanation::{Explanation, Place};
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::{ModelVersion, Reference, Registry, Target};
use arterial_models::scope::Scope;
use arterial_models::{Forecaster, Progress, Quantile, Silent};
use futures::FutureExt;
use futures::future::BoxFuture;
use ndarray::{Array3, Axis};

use super::{ModelSource, Role, ServedModel, Standing};
use crate::{Error, Result};

/// The registry as a source of models.
pub struct RegistryModels {
    registry: Registry,
    kinds: Arc<Vec<Box<dyn Forecaster>>>,
}

impl RegistryModels {
    /// `kinds` is the list of forecasters that can be loaded.
    pub fn new(registry: Registry, kinds: Vec<Box<dyn Forecaster>>) -> Self {
        Self {
            registry,
            kinds: Arc::new(kinds),
        }
    }

    async fn standing(&self, target: Target, role: Role) -> Result<Option<Standing>> {
        let alias = role.alias();
        let Some(newest) = self.registry.alias(&target, alias).await? else {
            return Ok(None);
        };
        let former = match role {
            Role::Champion => self.registry.former(&target, alias, &newest).await?,
            Role::Canary | Role::Shadow => None,
        };
        Ok(Some(Standing {
            target,
            role,
            model: newest.model,
            revision: newest.revision,
            former: former.map(|former| former.model),
            share: newest.share,
        }))
    }
}

impl ModelSource for RegistryModels {
    fn standings(&self) -> BoxFuture<'_, Result<Vec<Standing>>> {
        async move {
            let mut standings = Vec::new();
            for (target, alias) in self.registry.aliases().await? {
                if let Some(role) = Role::of(&alias) {
                    standings.extend(self.standing(target, role).await?);
                }
            }
            Ok(standings)
        }
        .boxed()
    }

    fn load<'a>(&'a self, id: &'a ModelVersion) -> BoxFuture<'a, Result<Arc<dyn ServedModel>>> {
        let (registry, kinds, id) = (self.registry.clone(), Arc::clone(&self.kinds), id.clone());
        async move {
            // A task of its own: a large model is parsed and checked there, away from whoever waits.
            let loading = tokio::spawn(async move {
                let (_, pipeline) = registry.load(&id, &kinds).await?;
                Ok(Arc::new(LoadedPipeline { id, pipeline }) as Arc<dyn ServedModel>)
            });
            loading.await.map_err(|error| Error::Background(error.to_string()))?
        }
        .boxed()
    }

    fn resolve<'a>(&'a self, reference: &'a Reference, target: &'a Target) -> BoxFuture<'a, Result<ModelVersion>> {
        async move { Ok(self.registry.resolve(reference, Some(target)).await?) }.boxed()
    }
}

/// A fitted model with its intervals.
struct LoadedPipeline {
    id: ModelVersion,
    pipeline: Pipeline,
}

impl ServedModel for LoadedPipeline {
    fn id(&self) -> &ModelVersion {
        &self.id
    }

    fn scope(&self) -> &Scope {
        self.pipeline.scope()
    }

    fn horizon(&self) -> usize {
        self.pipeline.horizon()
    }

    fn history(&self) -> usize {
        self.pipeline.history()
    }

    fn forecast(&self, panel: &Panel, quantiles: &[Quantile]) -> Result<Array3<f64>> {
        self.forecast_while(panel, quantiles, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, quantiles: &[Quantile], progress: &dyn Progress) -> Result<Array3<f64>> {
        let origin = last_row(panel)?;
        let forecasts = self.pipeline.forecast_while(panel, &[origin], quantiles, progress)?;
        Ok(forecasts.values.index_axis_move(Axis(0), 0))
    }

    fn pipeline(&self) -> Option<&Pipeline> {
        Some(&self.pipeline)
    }

    fn explain(&self, panel: &Panel, places: &[Place]) -> Result<Vec<Explanation>> {
        Ok(self.pipeline.explain(panel, last_row(panel)?, places)?)
    }
}

fn last_row(panel: &Panel) -> Result<usize> {
    let rows = panel.steps().checked_sub(1);
    rows.ok_or_else(|| Error::invalid("panel", "no rows", "at least one row"))
}
