//! The models that answer: where they come from, and which one is in charge of each target.

mod champions;
mod registry;
mod trial;

use std::sync::Arc;

use arterial_datasets::panel::Panel;
use arterial_models::explanation::{Explanation, Place};
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::{CANARY, CHAMPION, ModelVersion, Reference, SHADOW, Share, Target};
use arterial_models::scope::Scope;
use arterial_models::{Progress, Quantile};
use futures::future::BoxFuture;
use ndarray::Array3;

pub use champions::{Champions, Edition, InCharge};
pub use registry::RegistryModels;
pub use trial::Trial;

use crate::Result;

/// A loaded model.
pub trait ServedModel: Send + Sync {
    /// Its name and version.
    fn id(&self) -> &ModelVersion;

    /// What it was fitted on.
    fn scope(&self) -> &Scope;

    /// The most steps ahead that it was fitted for.
    fn horizon(&self) -> usize;

    /// How many rows up to and including the origin it reads.
    fn history(&self) -> usize;

    /// Forecasts from the last row of `panel`, which holds the series of its scope. It computes and may take a while.
    ///
    /// # Shapes
    /// series x horizon x quantile, non-decreasing along the last axis; NaN where it refuses.
    ///
    /// # Errors
    /// A panel of another scope, or quantiles that do not increase.
    fn forecast(&self, panel: &Panel, quantiles: &[Quantile]) -> Result<Array3<f64>>;

    /// The same, given up soon after `progress` says so where the model can.
    ///
    /// # Errors
    /// As [`ServedModel::forecast`]; [`arterial_models::Error::Cancelled`].
    fn forecast_while(&self, panel: &Panel, quantiles: &[Quantile], progress: &dyn Progress) -> Result<Array3<f64>> {
        let _ = progress;
        self.forecast(panel, quantiles)
    }

    /// The pipeline that it is, which also knows the zones and the city that its series make; none of another kind of model.
    fn pipeline(&self) -> Option<&Pipeline> {
        None
    }

    /// What moved the medians at `places`, forecast from the last row of `panel`.
    ///
    /// # Errors
    /// As [`ServedModel::forecast`]; [`arterial_models::Error::Unexplained`] by a model that cannot say.
    fn explain(&self, panel: &Panel, places: &[Place]) -> Result<Vec<Explanation>> {
        let _ = (panel, places);
        Err(arterial_models::Error::Unexplained(self.id().to_string()).into())
    }
}

/// What a model does for its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It answers.
    Champion,
    /// It answers for a share of the keys.
    Canary,
    /// It is scored beside the champion and never served.
    Shadow,
}

impl Role {
    /// The role that an alias gives; none where serving does not follow it.
    pub fn of(alias: &str) -> Option<Self> {
        [Self::Champion, Self::Canary, Self::Shadow]
            .into_iter()
            .find(|role| role.alias() == alias)
    }

    /// The alias that gives it.
    pub fn alias(self) -> &'static str {
        match self {
            Self::Champion => CHAMPION,
            Self::Canary => CANARY,
            Self::Shadow => SHADOW,
        }
    }
}

/// Which model an alias of a target points to.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The target.
    pub target: Target,
    /// What the alias is for.
    pub role: Role,
    /// The model.
    pub model: ModelVersion,
    /// Counts the alias' moves.
    pub revision: u64,
    /// The model that the alias pointed to before, of a champion.
    pub former: Option<ModelVersion>,
    /// The share of the keys, of a canary.
    pub share: Option<Share>,
}

/// Where models come from.
pub trait ModelSource: Send + Sync {
    /// Where the aliases that serving follows point, of all targets.
    fn standings(&self) -> BoxFuture<'_, Result<Vec<Standing>>>;

    /// Loads a model, every digest checked.
    fn load<'a>(&'a self, id: &'a ModelVersion) -> BoxFuture<'a, Result<Arc<dyn ServedModel>>>;

    /// What `reference` stands for.
    fn resolve<'a>(&'a self, reference: &'a Reference, target: &'a Target) -> BoxFuture<'a, Result<ModelVersion>>;
}
