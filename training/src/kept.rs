//! Fitted models wait in the workplace of a training until all are fitted and measured: a training that was cut off and is resumed does
//! not fit them again.
//!
//! ```text
//! <kind>-<digest of data and task>.fitted/parameters.json
//! <kind>-<digest of data and task>.fitted/tensors.safetensors
//! <kind>-<digest of data and task>.fitted/seconds.json         how long the fit took
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arterial_datasets::panel::Panel;
use arterial_models::artefact::{Files, PARAMETERS_FILE, TENSORS_FILE};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Forecaster, Task};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// How the names of the folders end.
const EXTENSION: &str = "fitted";
/// How they end until all files are in them.
const UNFINISHED: &str = "unfinished";
/// The file of the seconds that a fit took.
const SECONDS_FILE: &str = "seconds.json";

/// Whether a fitted model waits in the workplace `folder`.
pub fn is_in(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.any(|path| path.extension().is_some_and(|end| end == EXTENSION))
}

/// The models that wait in a workplace for others of the same data and task.
pub(crate) struct Kept<'a> {
    folder: &'a Path,
    data: String,
    validation: usize,
    task: Task,
}

impl<'a> Kept<'a> {
    /// Those in `folder` that were fitted on `known`, whose last `validation` rows are the validation part.
    pub(crate) fn new(folder: &'a Path, known: &Panel, validation: usize, task: &Task) -> Self {
        Self {
            folder,
            data: known.digest(),
            validation,
            task: *task,
        }
    }

    fn place(&self, kind: &dyn Forecaster) -> PathBuf {
        let device = kind.device().name();
        let told = json!([self.data, self.validation, self.task, kind.imported(), device]);
        self.folder
            .join(format!("{}-{}.{EXTENSION}", kind.name(), short_digest(&told)))
    }

    /// The fitted `kind`, and the seconds that its fit took.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(crate) fn load(&self, kind: &dyn Forecaster) -> Result<Option<(Pipeline, f64)>> {
        let folder = self.place(kind);
        if !folder.exists() {
            return Ok(None);
        }
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| Error::Io { path, source })
        };
        let mut files = Files::default();
        for name in [PARAMETERS_FILE, TENSORS_FILE] {
            files.0.insert(name.to_owned(), read(name)?);
        }
        let seconds: Option<f64> = serde_json::from_slice(&read(SECONDS_FILE)?).ok();
        // What another version of this program kept may be of no use to this one: then the kind is fitted again.
        let pipeline = Pipeline::load_as(&files, kind).ok();
        Ok(pipeline.zip(seconds))
    }

    /// Keeps the fitted `kind`. The folder appears whole or not at all.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub(crate) fn save(&self, kind: &dyn Forecaster, pipeline: &Pipeline, seconds: f64) -> Result<()> {
        let mut files = pipeline.files()?.0;
        files.insert(SECONDS_FILE.to_owned(), json!(seconds).to_string().into_bytes());
        let path = self.place(kind);
        write(&path, &files).map_err(|source| Error::Io { path, source })
    }
}

/// Writes `files` into `folder`, which has its name only once they are durable.
fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let unfinished = folder.with_extension(UNFINISHED);
    for former in [unfinished.as_path(), folder] {
        if former.exists() {
            std::fs::remove_dir_all(former)?;
        }
    }
    std::fs::create_dir_all(&unfinished)?;
    for (name, bytes) in files {
        let mut file = File::create(unfinished.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    File::open(&unfinished)?.sync_all()?;
    std::fs::rename(&unfinished, folder)
}

/// The first quarter of a digest: enough to tell the trainings of one workplace apart.
pub(crate) fn short_digest(told: &Value) -> String {
    let digest = Sha256::digest(told.to_string());
    let start = digest
        .iter()
        .take(8)
        .fold(0_u64, |start, byte| start << 8 | u64::from(*byte));
    format!("{start:016x}")
}
