//! A model on trial beside the champion: a canary or a shadow.

use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_models::registry::{ModelVersion, Share};

use super::{ServedModel, Standing};

/// A model on trial.
#[derive(Clone)]
pub struct Trial {
    /// Counts the moves of the alias.
    pub revision: u64,
    /// What the alias points to.
    pub wanted: ModelVersion,
    /// The share of the keys that it answers for, of a canary.
    pub share: Option<Share>,
    /// That model, or why it does not load.
    pub model: Result<Arc<dyn ServedModel>, String>,
    pub(super) tried_at: Timestamp,
}

impl Trial {
    /// Puts what was loaded to the trial that `standing` says.
    pub(super) fn new(standing: &Standing, model: Result<Arc<dyn ServedModel>, String>, tried_at: Timestamp) -> Self {
        Self {
            revision: standing.revision,
            wanted: standing.model.clone(),
            share: standing.share,
            model,
            tried_at,
        }
    }
}
