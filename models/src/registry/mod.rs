//! The registry: immutable versions of models in a folder or on S3, and the aliases that point to them.
//!
//! ```text
//! models/<name>/<version>/parameters.json      put if absent: who puts it owns the version
//! models/<name>/<version>/tensors.safetensors
//! models/<name>/<version>/card.md              made from the manifest
//! models/<name>/<version>/manifest.json        written last: a version without it does not exist
//! aliases/<topic.target>/<alias>/<revision>.json   put if absent: an alias moves by its next revision
//! ```
//!
//! Every change is one put-if-absent, so a folder and an object store behave alike and nobody reads half a change.
//! The interface is asynchronous; a folder's files are read and written on tokio's blocking threads.

mod alias;
mod card;
mod manifest;
mod reference;
mod share;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arterial_datasets::time::Clock;
use object_store::ObjectStore;

pub use alias::{Action, AliasRevision, Change};
pub use manifest::{DataOrigin, Description, Manifest};
pub use reference::{ModelVersion, Reference, Target};
pub use share::Share;
use store::Store;

use crate::artefact::{Files, PARAMETERS_FILE, TENSORS_FILE};
use crate::pipeline::Pipeline;
use crate::{Error, Forecaster, Result};

const MANIFEST_FILE: &str = "manifest.json";
const CARD_FILE: &str = "card.md";
const MANIFEST_LIMIT: u64 = 16 << 20;
/// The alias that serving follows.
pub const CHAMPION: &str = "champion";
/// The alias of the newest candidate.
pub const CHALLENGER: &str = "challenger";
/// The alias of the model that answers for a share of the keys.
pub const CANARY: &str = "canary";
/// The alias of the model that is scored beside the champion and never served.
pub const SHADOW: &str = "shadow";

/// A registry; cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    store: Store,
}

/// Opens the registry at `url`: a local path, `file://...` or `s3://bucket/prefix`. `options` are the object store's
/// settings, such as `aws_endpoint`, and win over the environment's. Nothing is written before the first model is.
///
/// # Errors
/// A URL or an option that the object store does not know.
pub fn open(url: &str, options: &BTreeMap<String, String>) -> Result<Registry> {
    Ok(Registry {
        store: Store::open(url, options)?,
    })
}

/// Where it is: the folder, or the object store and what paths in it begin with.
impl fmt::Display for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}

impl Registry {
    /// A registry below `prefix` of a store that the caller made.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self {
            store: Store::Objects(store, prefix.into()),
        }
    }

    /// Publishes `pipeline` as the next version of `description.name`. Durable when it returns.
    ///
    /// # Errors
    /// A bad name, a pipeline that cannot be written, a store that cannot be reached.
    pub async fn publish(&self, pipeline: &Pipeline, description: Description, clock: &dyn Clock) -> Result<Manifest> {
        reference::check_name("model", &description.name)?;
        let files = pipeline.files()?;
        let created = clock.now();
        let mut number = self
            .versions(&description.name)
            .await?
            .last()
            .map_or(1, |last| last + 1);
        loop {
            let version = ModelVersion {
                name: description.name.clone(),
                version: number,
            };
            let manifest = Manifest::new(version, pipeline, &files, &description, created)?;
            if self.put(&manifest, &files).await? {
                return Ok(manifest);
            }
            number += 1;
        }
    }

    /// Puts all files of a version; false where somebody else has it.
    async fn put(&self, manifest: &Manifest, files: &Files) -> Result<bool> {
        let folder = folder(&manifest.id());
        for name in [PARAMETERS_FILE, TENSORS_FILE] {
            let bytes = files.0.get(name).cloned().unwrap_or_default();
            if !self.store.create(&format!("{folder}/{name}"), bytes).await? {
                return Ok(false);
            }
        }
        let card = card::write(manifest).into_bytes();
        Ok(self.store.create(&format!("{folder}/{CARD_FILE}"), card).await?
            && self
                .store
                .create(&format!("{folder}/{MANIFEST_FILE}"), manifest.to_bytes()?)
                .await?)
    }

    /// The names of all models that have a version.
    ///
    /// # Errors
    /// A store that cannot be reached.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.list().await?.into_iter().map(|id| id.name).collect();
        names.dedup();
        Ok(names)
    }

    /// All versions of all models, by name and number.
    ///
    /// # Errors
    /// A store that cannot be reached.
    pub async fn list(&self) -> Result<Vec<ModelVersion>> {
        self.published("models/").await
    }

    /// The version numbers that were taken for `name`, increasing; some may never have been finished.
    async fn versions(&self, name: &str) -> Result<Vec<u32>> {
        let paths = self.store.list(&format!("models/{name}/")).await?;
        let mut numbers: Vec<u32> = paths
            .iter()
            .filter_map(|path| path.split('/').nth(2)?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    async fn published(&self, prefix: &str) -> Result<Vec<ModelVersion>> {
        let paths = self.store.list(prefix).await?;
        let id = |path: &String| {
            let mut words = path
                .strip_suffix(MANIFEST_FILE)?
                .trim_end_matches('/')
                .split('/')
                .skip(1);
            Some(ModelVersion {
                name: words.next()?.into(),
                version: words.next()?.parse().ok()?,
            })
        };
        let mut ids: Vec<ModelVersion> = paths.iter().filter_map(id).collect();
        ids.sort();
        Ok(ids)
    }

    /// What `reference` stands for: itself, the newest version of a name, or what an alias of `target` points to.
    /// A bare `@champion` needs a target.
    ///
    /// # Errors
    /// Nothing of that name or version; the message names what there is.
    pub async fn resolve(&self, reference: &Reference, target: Option<&Target>) -> Result<ModelVersion> {
        match reference {
            Reference::Version(id) => self.manifest(id).await.map(|manifest| manifest.id()),
            Reference::Newest(name) => {
                let ids = self.published(&format!("models/{name}/")).await?;
                match ids.into_iter().next_back() {
                    Some(id) => Ok(id),
                    None => Err(self.unknown("model", name).await?),
                }
            }
            Reference::Alias(alias) => {
                let target = target
                    .ok_or_else(|| Error::invalid("model", reference, "an alias together with a topic and target"))?;
                match self.alias(target, alias).await? {
                    Some(revision) => Ok(revision.model),
                    None => Err(Error::Unknown {
                        what: "alias",
                        name: format!("{target}@{alias}"),
                        known: join(
                            self.aliases()
                                .await?
                                .iter()
                                .map(|(target, alias)| format!("{target}@{alias}")),
                        ),
                    }),
                }
            }
        }
    }

    /// The manifest of a version, its own digest checked.
    ///
    /// # Errors
    /// No such version, or a manifest with a changed byte.
    pub async fn manifest(&self, id: &ModelVersion) -> Result<Manifest> {
        let path = format!("{}/{MANIFEST_FILE}", folder(id));
        match self.store.read(&path, MANIFEST_LIMIT).await? {
            Some(bytes) => Manifest::from_bytes(&path, &bytes, id),
            None => Err(self.unknown("model version", &id.to_string()).await?),
        }
    }

    /// The model card of a version, in Markdown.
    ///
    /// # Errors
    /// No such version, or a manifest with a changed byte.
    pub async fn card(&self, id: &ModelVersion) -> Result<String> {
        Ok(card::write(&self.manifest(id).await?))
    }

    /// Loads a version, the digest of every file checked; `kinds` is the list of forecasters.
    ///
    /// # Errors
    /// No such version, a changed byte, a file over its limit, a kind or feature set that is not there.
    pub async fn load(&self, id: &ModelVersion, kinds: &[Box<dyn Forecaster>]) -> Result<(Manifest, Pipeline)> {
        let manifest = self.manifest(id).await?;
        let files = self.files(&manifest).await?;
        let pipeline = Pipeline::load(&files, kinds)?;
        manifest.check(&pipeline)?;
        Ok((manifest, pipeline))
    }

    /// Checks every byte of a version: the manifest, the card and each file.
    ///
    /// # Errors
    /// The first file that has a changed byte, is missing or is too large.
    pub async fn verify(&self, id: &ModelVersion) -> Result<Manifest> {
        let manifest = self.manifest(id).await?;
        self.files(&manifest).await?;
        let path = format!("{}/{CARD_FILE}", folder(id));
        let card = self.store.read(&path, MANIFEST_LIMIT).await?.unwrap_or_default();
        crate::artefact::FileDigest::of(card::write(&manifest).as_bytes()).check(&path, &card)?;
        Ok(manifest)
    }

    /// The files of a version, checked against its manifest.
    async fn files(&self, manifest: &Manifest) -> Result<Files> {
        let mut files = Files::default();
        for (name, digest) in &manifest.files {
            let path = format!("{}/{name}", folder(&manifest.id()));
            let bytes = self.store.read(&path, Files::limit(name)).await?;
            let bytes = bytes.ok_or_else(|| Error::malformed(&path, "the file is missing"))?;
            digest.check(&path, &bytes)?;
            files.0.insert(name.clone(), bytes);
        }
        Ok(files)
    }

    async fn unknown(&self, what: &'static str, name: &str) -> Result<Error> {
        let known = self.list().await?;
        Ok(Error::Unknown {
            what,
            name: name.into(),
            known: join(known.iter().map(ModelVersion::to_string)),
        })
    }
}

fn join(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

fn folder(id: &ModelVersion) -> String {
    format!("models/{}/{}", id.name, id.version)
}
