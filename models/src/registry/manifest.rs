//! What is known of a version.

use std::collections::BTreeMap;

use arterial_datasets::feature::FeatureSetId;
use arterial_datasets::time::{Duration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::reference::{ModelVersion, Target};
use crate::artefact::{FileDigest, Files};
use crate::pipeline::Pipeline;
use crate::{Error, Result};

/// The data that a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataOrigin {
    /// Where it was read: a file, or a table of a lake and its version.
    pub path: String,
    /// SHA-256 of the file, or of the panel's values where there is no file.
    pub sha256: String,
    /// Rows of the part that the model was fitted on.
    pub rows: usize,
    /// The first instant of that part.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub from: Timestamp,
    /// The first instant behind that part.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub until: Timestamp,
    /// Whether the data come from a simulator.
    pub synthetic: bool,
}

/// What the trainer knows of a model, besides the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The name of the model; its kind, unless somebody called it otherwise.
    pub name: String,
    /// What it forecasts.
    pub target: Target,
    /// What it was trained on.
    pub data: DataOrigin,
    /// The task's context, horizon and seed, the split and the windows.
    pub protocol: Value,
    /// The scorecard: the model's own scores and those of the baselines on the same windows.
    pub scores: Value,
    /// The seed of every random choice.
    pub seed: u64,
}

/// What is known of a version; its file holds its own digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of this file.
    pub format: u32,
    /// The model's name.
    pub name: String,
    /// The version, 1 first.
    pub version: u32,
    /// The kind of model, by its name in the list of forecasters.
    pub kind: String,
    /// What it forecasts.
    pub target: Target,
    /// How many series it knows.
    pub series: usize,
    /// The time between rows.
    pub step: Duration,
    /// The IANA zone whose clock seasonality follows.
    pub timezone: String,
    /// The most steps ahead.
    pub horizon: usize,
    /// The feature set that it eats, where it eats one.
    pub features: Option<FeatureSetId>,
    /// What it was trained on.
    pub data: DataOrigin,
    /// How it was evaluated.
    pub protocol: Value,
    /// How well it did, beside the baselines.
    pub scores: Value,
    /// The seed of every random choice.
    pub seed: u64,
    /// What whoever judges the model has to know of how it was fitted; mostly nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The versions of the libraries that computed it.
    pub libraries: BTreeMap<String, String>,
    /// When it was published.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub created_at: Timestamp,
    /// Size and digest of every file.
    pub files: BTreeMap<String, FileDigest>,
    /// SHA-256 of this file with 64 zeros in this place.
    #[serde(default)]
    pub manifest_sha256: String,
}

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const LOCK_FILE: &str = include_str!("../../../Cargo.lock");
const LIBRARIES: [&str; 6] = [
    "arterial-models",
    "jiff",
    "ndarray",
    "rayon",
    "safetensors",
    "serde_json",
];

impl Manifest {
    pub(super) fn new(
        id: ModelVersion,
        pipeline: &Pipeline,
        files: &Files,
        description: &Description,
        created_at: Timestamp,
    ) -> Result<Self> {
        let scope = pipeline.scope();
        let Description {
            target,
            data,
            protocol,
            scores,
            seed,
            ..
        } = description.clone();
        let blank = Self {
            format: 1,
            name: id.name,
            version: id.version,
            kind: pipeline.name().into(),
            target,
            series: scope.series.len(),
            step: scope.step,
            timezone: scope.timezone.clone(),
            horizon: pipeline.horizon(),
            features: pipeline.feature_set(),
            data,
            protocol,
            scores,
            seed,
            notes: pipeline.notes(),
            libraries: libraries(),
            created_at,
            files: files.digests(),
            manifest_sha256: ZEROS.into(),
        };
        let manifest_sha256 = FileDigest::of(&blank.to_bytes()?).sha256;
        Ok(Self {
            manifest_sha256,
            ..blank
        })
    }

    /// Which version this is.
    #[must_use]
    pub fn id(&self) -> ModelVersion {
        ModelVersion {
            name: self.name.clone(),
            version: self.version,
        }
    }

    /// The file.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }

    /// Reads the manifest of `id` from a file, its own digest checked.
    pub(super) fn from_bytes(path: &str, bytes: &[u8], id: &ModelVersion) -> Result<Self> {
        let malformed = |message: String| Error::malformed(path, message);
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        let manifest: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let blank = replace_last(text, &manifest.manifest_sha256, ZEROS);
        let got = FileDigest::of(blank.as_bytes()).sha256;
        if got != manifest.manifest_sha256 {
            return Err(Error::Digest {
                file: path.into(),
                expected: manifest.manifest_sha256,
                got,
            });
        }
        if manifest.format != 1 || manifest.id() != *id {
            return Err(malformed(format!(
                "it is `{}` in format {}, expected `{id}` in format 1",
                manifest.id(),
                manifest.format
            )));
        }
        Ok(manifest)
    }

    /// Checks that `pipeline` is what this manifest speaks of.
    pub(super) fn check(&self, pipeline: &Pipeline) -> Result<()> {
        if pipeline.name() == self.kind && pipeline.feature_set() == self.features && pipeline.horizon() == self.horizon
        {
            return Ok(());
        }
        Err(Error::malformed(
            format!("{}: manifest.json", self.id()),
            "its kind, feature set or horizon is not the model's",
        ))
    }
}

/// `text` with the last `old` replaced by `new`.
fn replace_last(text: &str, old: &str, new: &str) -> String {
    match text.rfind(old) {
        Some(at) if !old.is_empty() => [&text[..at], new, &text[at + old.len()..]].concat(),
        _ => text.into(),
    }
}

/// The versions of the libraries that a model's numbers depend on, from the lock file that this was built with.
fn libraries() -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for package in LOCK_FILE.split("[[package]]") {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim_matches([' ', '=', '"']).to_owned())
        };
        if let (Some(name), Some(version)) = (value("name"), value("version"))
            && LIBRARIES.contains(&name.as_str())
        {
            versions.insert(name, version);
        }
    }
    versions
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
pub(super) fn as_text<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(instant)
}

pub(super) fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_the_libraries() {
        let libraries = libraries();
        assert_eq!(libraries.len(), LIBRARIES.len(), "{libraries:?}");
        assert!(libraries["ndarray"].starts_with("0."));
    }
}
