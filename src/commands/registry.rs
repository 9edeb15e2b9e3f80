//! Where the registry is, for every command that reads or changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arterial_datasets::lake::Place;
use arterial_models::registry::{self, Registry, Target};

use super::output;
use crate::outcome::Usage;

/// The folder where nothing else is said.
const FOLDER: &str = "registry";
/// Where the environment says it.
const VARIABLE: &str = "ARTERIAL_REGISTRY__URL";

/// The registry's place.
#[derive(Debug, Clone, clap::Args)]
pub struct RegistryArgs {
    /// A folder, or `s3://bucket/prefix` [default: registry]
    #[arg(long, value_name = "PATH", env = VARIABLE)]
    registry: Option<String>,
    /// A setting of the object store, such as `aws_endpoint=http://127.0.0.1:9000`; may be repeated
    #[arg(long = "registry-option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

impl RegistryArgs {
    /// The same, and where no place is named the registry of `lake`: there `run` looks for its models.
    pub fn of_lake(&self, lake: &str) -> Self {
        let own = || format!("{}/{FOLDER}", lake.trim_end_matches('/'));
        Self {
            registry: Some(self.registry.clone().unwrap_or_else(own)),
            options: self.options.clone(),
        }
    }

    fn place(&self) -> &str {
        self.registry.as_deref().unwrap_or(FOLDER)
    }

    /// Where trainings for this registry keep their state until they are published: beside a folder, and for an object
    /// store in the system's temporary folder.
    pub fn workplace(&self) -> PathBuf {
        match self.place() {
            place if place.contains("://") => std::env::temp_dir().join("arterial.work"),
            place => PathBuf::from(format!("{}.work", place.trim_end_matches('/'))),
        }
    }

    /// What another command has to be told to find the same registry: nothing where it looks there by itself.
    pub fn hint(&self) -> String {
        let found = std::env::var(VARIABLE).unwrap_or_else(|_| FOLDER.into());
        let place = self.place();
        if place == found {
            String::new()
        } else {
            format!(" --registry {place}")
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// A place or an option that is not understood.
    pub fn open(&self) -> anyhow::Result<Registry> {
        Ok(registry::open(self.place(), &self.options()?)?)
    }

    /// The same for a command that publishes after long work: a folder that cannot be written to is refused at once.
    ///
    /// # Errors
    /// As [`RegistryArgs::open`]; no folder, or none that can be written to.
    pub fn open_to_publish(&self) -> anyhow::Result<Registry> {
        let options = self.options()?;
        if let Place::Folder(folder) = Place::find(self.place(), &options)? {
            output::check_folder("--registry", &folder)?;
        }
        Ok(registry::open(self.place(), &options)?)
    }

    fn options(&self) -> Result<BTreeMap<String, String>, Usage> {
        let mut options = BTreeMap::new();
        for option in &self.options {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| Usage(format!("`--registry-option` is `{option}`, accepted: KEY=VALUE")))?;
            options.insert(key.to_owned(), value.to_owned());
        }
        Ok(options)
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
        [] => {
            let nowhere = format!("`--alias` is `{alias}`, which was never set in the registry `{registry}`");
            Err(Usage(nowhere).into())
        }
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Usage(format!("`--target` is missing, accepted: {}", names.join(", "))).into())
        }
    }
}
