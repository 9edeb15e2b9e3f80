//! What the registry holds, as rows: for `ModelService` and for the datasets `models` and `scorecards`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arterial_models::registry::{AliasRevision, Manifest, ModelVersion, Registry, Target};

use crate::Result;
use crate::error::chain;
use crate::sync::lock;

/// One version and the aliases that point to it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What is known of it.
    pub manifest: Arc<Manifest>,
    /// The aliases in force, in order, and how they came to point here.
    pub aliases: Vec<(String, AliasRevision)>,
}

impl Listed {
    /// The names of the aliases.
    pub fn alias_names(&self) -> Vec<String> {
        self.aliases.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// A registry, and what was read of it that never changes: manifests.
pub struct Shelf {
    registry: Registry,
    manifests: Mutex<BTreeMap<ModelVersion, Arc<Manifest>>>,
}

impl Shelf {
    /// Over `registry`, nothing of which has been read yet.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            manifests: Mutex::default(),
        }
    }

    /// Every version, newest first. A version whose manifest does not check is left out, and the log says so.
    ///
    /// # Errors
    /// A registry that cannot be reached.
    pub async fn list(&self) -> Result<Vec<Listed>> {
        let mut pointing: BTreeMap<ModelVersion, Vec<(String, AliasRevision)>> = BTreeMap::new();
        for (alias, revision) in self.aliases(|_| true).await? {
            let aliases = pointing.entry(revision.model.clone()).or_default();
            aliases.push((alias, revision));
        }
        let ids: BTreeSet<ModelVersion> = self.registry.list().await?.into_iter().collect();
        lock(&self.manifests).retain(|id, _| ids.contains(id));
        let mut listed = Vec::new();
        for id in ids {
            match self.manifest(&id).await {
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

    /// One version and the aliases of its target that point to it.
    ///
    /// # Errors
    /// A registry that cannot be reached.
    pub async fn listed(&self, manifest: Manifest) -> Result<Listed> {
        let id = manifest.id();
        let mut aliases = self.aliases(|target| *target == manifest.target).await?;
        aliases.retain(|(_, revision)| revision.model == id);
        Ok(Listed {
            manifest: Arc::new(manifest),
            aliases,
        })
    }

    /// The aliases in force of those targets that are `wanted`, in order.
    async fn aliases(&self, wanted: impl Fn(&Target) -> bool) -> Result<Vec<(String, AliasRevision)>> {
        let mut aliases = Vec::new();
        for (target, alias) in self.registry.aliases().await? {
            if wanted(&target)
                && let Some(revision) = self.registry.alias(&target, &alias).await?
            {
                aliases.push((alias, revision));
            }
        }
        Ok(aliases)
    }

    /// The manifest of a version, read at the first time.
    async fn manifest(&self, id: &ModelVersion) -> Result<Arc<Manifest>> {
        let known = lock(&self.manifests).get(id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let read = Arc::new(self.registry.manifest(id).await?);
        lock(&self.manifests).insert(id.clone(), Arc::clone(&read));
        Ok(read)
    }
}
