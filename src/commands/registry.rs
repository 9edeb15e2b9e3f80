//! Where the registry is, for every command that reads or changes it.

use std::collections::BTreeMap;

use arterial_models::registry::{self, Registry, Target};

use crate::outcome::Usage;

/// The registry's place.
#[derive(Debug, Clone, clap::Args)]
pub struct RegistryArgs {
    /// A folder, or s3://bucket/prefix
    #[arg(
        long,
        value_name = "PATH",
        env = "ARTERIAL_REGISTRY__URL",
        default_value = "registry"
    )]
    pub registry: String,
    /// A setting of the object store, such as aws_endpoint=http://127.0.0.1:9000; may be repeated
    #[arg(long = "registry-option", value_name = "KEY=VALUE")]
    pub options: Vec<String>,
}

impl RegistryArgs {
    /// Opens it.
    ///
    /// # Errors
    /// A place or an option that is not understood.
    pub fn open(&self) -> anyhow::Result<Registry> {
        let mut options = BTreeMap::new();
        for option in &self.options {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| Usage(format!("`--registry-option` is `{option}`, accepted: KEY=VALUE")))?;
            options.insert(key.to_owned(), value.to_owned());
        }
        Ok(registry::open(&self.registry, &options)?)
    }
}

/// The one target that has `alias`, where only one has.
///
/// # Errors
/// None or several: the message names them.
pub async fn only_target(registry: &Registry, alias: &str) -> anyhow::Result<Target> {
    let aliases = registry.aliases().await?;
    let targets: Vec<Target> = aliases
        .into_iter()
        .filter(|(_, name)| name == alias)
        .map(|(target, _)| target)
        .collect();
    match targets.as_slice() {
        [target] => Ok(target.clone()),
        [] => Err(Usage(format!("`--alias` is `{alias}`, which was never set in this registry")).into()),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Usage(format!("`--target` is missing, accepted: {}", names.join(", "))).into())
        }
    }
}
