//! Where a training's data come from: a file or a lake. Kept in the manifest, so that the same data can be read again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arterial_datasets::panel::Panel;
use arterial_models::registry::{Manifest, Target};
use arterial_training::document::DataBlock;
use serde::{Deserialize, Serialize};

use super::reading::Reading;
use crate::outcome::Usage;

/// A file, or the windows of a topic in a lake at one version of their table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A panel file.
    File {
        /// Where it is.
        path: PathBuf,
        /// How it is read.
        reading: Reading,
    },
    /// `<topic>_windows` of a lake.
    Lake(LakeSource),
}

/// Windows of a lake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeSource {
    /// Where it is.
    pub lake: String,
    /// Numbers of other streams: `topic.field`.
    pub covariates: Vec<String>,
    /// The versions of the tables, by name; the newest of those that are not named.
    pub versions: BTreeMap<String, i64>,
    /// Whose zone and holidays seasonality follows.
    pub reading: Reading,
}

impl Source {
    /// The panel, what the JSON says of it, and the source with the version that was read.
    ///
    /// # Errors
    /// Data that cannot be read, or that make no regular panel.
    pub async fn read(&self, target: &Target) -> anyhow::Result<(Panel, DataBlock, Self)> {
        match self {
            Self::File { path, reading } => {
                let (panel, data) = reading.read(path)?;
                Ok((panel, data, self.clone()))
            }
            Self::Lake(source) => {
                let (panel, data, pinned) = super::lake_panel::read(source, target).await?;
                Ok((panel, data, Self::Lake(pinned)))
            }
        }
    }

    /// What a model is for, where nobody says: the file's name without its endings, in letters that a path may have.
    pub fn default_topic(&self) -> String {
        let Self::File { path, .. } = self else {
            return "lake".into();
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.split('.').next().unwrap_or_default();
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        let topic: String = stem
            .chars()
            .map(|letter| if fits(letter) { letter } else { '-' })
            .collect();
        if topic.is_empty() { "data".into() } else { topic }
    }

    /// The data that the model of `manifest` was measured on, read again and found unchanged.
    ///
    /// # Errors
    /// Data that are gone or have changed since: the message asks for `--data`.
    pub async fn again(manifest: &Manifest) -> anyhow::Result<(Panel, DataBlock)> {
        let recorded = manifest.protocol.get("reading").cloned().unwrap_or_default();
        let source: Self = serde_json::from_value(recorded).map_err(|_| {
            Usage(format!(
                "`--data` is missing, and the manifest of {} does not say where its data are",
                manifest.id()
            ))
        })?;
        let ask = |why: &str| {
            Usage(format!(
                "`--data` is missing, and `{}` of {} {why}",
                manifest.data.path,
                manifest.id()
            ))
        };
        let (panel, data, _) = source
            .read(&manifest.target)
            .await
            .map_err(|error| ask(&format!("cannot be read again: {error:#}")))?;
        if data.sha256 != manifest.data.sha256 {
            return Err(ask("has changed since").into());
        }
        // Models that were published before this was recorded have none.
        let recorded = manifest.protocol.pointer("/asked/panel_sha256");
        if recorded.is_some_and(|recorded| *recorded != panel.digest()) {
            return Err(ask("was read with a file beside it that has changed since").into());
        }
        Ok((panel, data))
    }
}
