//! What the configuration names: streams, lake, registry, secret.

use std::sync::Arc;

use arterial_datasets::lake::{Lake, LakeOptions};
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::Clock;
use arterial_features::decode::IdentityKey;
use arterial_features::pipeline::{LakeAddress, PipelineOptions};
use arterial_models::registry::{self, Registry};

use super::secret;
use crate::config::Config;
use crate::outcome::Usage;

/// What a service stands on.
pub struct Foundation {
    /// What is configured.
    pub config: Config,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The streams that are defined.
    pub catalog: Arc<StreamCatalog>,
    /// Where tables are.
    pub lake: Lake,
    /// Where models are.
    pub registry: Registry,
    secret: IdentityKey,
}

impl Foundation {
    /// Checks the configuration, and only then opens everything that it names.
    ///
    /// # Errors
    /// A value that is not accepted; a lake or registry that cannot be opened.
    pub async fn open(config: Config, catalog: StreamCatalog, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        if config.lake.url.is_empty() {
            return Err(Usage(
                "`lake.url` is empty, accepted: a local path, file:///path or s3://bucket/prefix".into(),
            )
            .into());
        }
        config.check()?;
        let lake = Lake::open(&config.lake.url, lake_options(&config, &clock)).await?;
        let registry = registry::open(&config.registry_url(), &config.lake.options)?;
        let secret = secret::load(&config)?;
        Ok(Self {
            config,
            clock,
            catalog: Arc::new(catalog),
            lake,
            registry,
            secret,
        })
    }

    /// The streams to consume.
    ///
    /// # Errors
    /// A name in `streams.enabled` that no stream has.
    pub fn streams(&self) -> anyhow::Result<Vec<Arc<StreamDefinition>>> {
        Ok(self.config.enabled(&self.catalog)?)
    }

    /// Where the pipeline finds the lake, again and again.
    pub fn lake_address(&self) -> LakeAddress {
        LakeAddress {
            url: self.config.lake.url.clone(),
            options: lake_options(&self.config, &self.clock),
        }
    }

    /// How the pipeline runs.
    pub fn pipeline_options(&self) -> PipelineOptions {
        self.config.pipeline_options(self.secret)
    }
}

/// The streams that are compiled in and those of the configured folder.
///
/// # Errors
/// A definition that does not check.
pub fn catalog(config: &Config) -> anyhow::Result<StreamCatalog> {
    Ok(config.catalog()?)
}

/// How the configured lake is opened.
pub fn lake_options(config: &Config, clock: &Arc<dyn Clock>) -> LakeOptions {
    LakeOptions {
        store: config.lake.options.clone(),
        fsync: config.lake.fsync,
        clock: Arc::clone(clock),
        ..LakeOptions::default()
    }
}
