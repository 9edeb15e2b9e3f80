//! What the registry holds, as rows: for `ModelService` and for the datasets `models` and `scorecards`.

use std::collections::BTreeMap;

use arterial_models::registry::{AliasRevision, Manifest, ModelVersion, Registry};

use crate::Result;
use crate::error::chain;

/// One version and the aliases that point to it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What is known of it.
    pub manifest: Manifest,
    /// The aliases in force, in order, and how they came to point here.
    pub aliases: Vec<(String, AliasRevision)>,
}

impl Listed {
    /// The names of the aliases.
    pub fn alias_names(&self) -> Vec<String> {
        self.aliases.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// Every version, newest first. A version whose manifest does not check is left out, and the log says so.
///
/// # Errors
/// A registry that cannot be reached.
pub async fn list(registry: &Registry) -> Result<Vec<Listed>> {
    let mut pointing: BTreeMap<ModelVersion, Vec<(String, AliasRevision)>> = BTreeMap::new();
    for (target, alias) in registry.aliases().await? {
        if let Some(revision) = registry.alias(&target, &alias).await? {
            let aliases = pointing.entry(revision.model.clone()).or_default();
            aliases.push((alias, revision));
        }
    }
    let mut listed = Vec::new();
    for id in registry.list().await? {
        match registry.manifest(&id).await {
            Ok(manifest) => listed.push(Listed {
                manifest,
                aliases: pointing.remove(&id).unwrap_or_default(),
            }),
            Err(error) => tracing::warn!(model = %id, error = chain(&error), "a model's manifest does not check"),
        }
    }
    listed.sort_by(|a, b| {
        b.manifest
            .created_at
            .cmp(&a.manifest.created_at)
            .then_with(|| b.manifest.version.cmp(&a.manifest.version))
    });
    Ok(listed)
}
