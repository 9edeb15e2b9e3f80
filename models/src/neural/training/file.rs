//! A training's state in one file: arrays as safetensors, positions in its metadata.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Checkpoint, EpochLosses, Snapshot};
use crate::kernels::adamw::Moments;
use crate::{Error, Result};

/// The text that says in which epoch a training diverged.
const DIVERGED: &str = "diverged";

/// A file that holds the last state, written anew each time and then put in the place of the former one.
#[derive(Debug, Clone)]
pub struct CheckpointFile {
    path: PathBuf,
}

impl CheckpointFile {
    /// How the names of such files end.
    pub const EXTENSION: &'static str = "checkpoint";

    /// Whether a training has left its state in `folder`.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths = entries.map(|entry| entry.path());
        paths.any(|path| path.extension().is_some_and(|end| end == Self::EXTENSION))
    }

    /// The file at `path`, whose folder exists.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn malformed(&self, message: impl std::fmt::Display) -> Error {
        Error::malformed(self.path.display().to_string(), format!("{message}"))
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // The name is durable once its folder is.
        File::open(folder)?.sync_all()
    }
}

impl Checkpoint for CheckpointFile {
    fn load(&self) -> Result<Option<Snapshot>> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| self.malformed(error))?;
        let arrays = SafeTensors::deserialize(&bytes).map_err(|error| self.malformed(error))?;
        let texts = header.metadata().clone().unwrap_or_default();
        let snapshot = Stored {
            file: self,
            arrays,
            texts,
        }
        .snapshot()?;
        Ok(Some(snapshot))
    }

    fn save(&self, snapshot: &Snapshot) -> Result<()> {
        let bytes = bytes(snapshot).map_err(|error| self.malformed(error))?;
        self.replace(&bytes).map_err(|error| self.failed(error))
    }
}

fn bytes(snapshot: &Snapshot) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let texts = [
        ("description", snapshot.description.clone()),
        ("data", snapshot.data.clone()),
        ("epoch", snapshot.epoch.to_string()),
        ("batch", snapshot.batch.to_string()),
        ("steps", snapshot.moments.steps.to_string()),
    ];
    let diverged = snapshot.diverged.map(|epoch| (DIVERGED, epoch.to_string()));
    let texts = texts.into_iter().chain(diverged);
    let texts: HashMap<String, String> = texts.map(|(name, text)| (name.into(), text)).collect();
    let losses = snapshot
        .losses
        .iter()
        .flat_map(|losses| [losses.training, losses.validation.unwrap_or(f64::NAN)]);
    let losses: Vec<u8> = losses.chain([snapshot.loss_sum]).flat_map(f64::to_le_bytes).collect();
    let moments = &snapshot.moments;
    let rows = [
        ("best", &snapshot.best),
        ("moments.first", &moments.first),
        ("moments.second", &moments.second),
        ("parameters", &snapshot.parameters),
    ];
    let rows: Vec<(&str, Vec<u8>)> = rows
        .into_iter()
        .map(|(name, row)| (name, row.iter().copied().flat_map(f32::to_le_bytes).collect()))
        .collect();
    let mut views = vec![("losses", TensorView::new(Dtype::F64, vec![losses.len() / 8], &losses)?)];
    for (name, row) in &rows {
        views.push((*name, TensorView::new(Dtype::F32, vec![row.len() / 4], row)?));
    }
    safetensors::serialize(views, Some(texts))
}

/// What a file holds.
struct Stored<'a> {
    file: &'a CheckpointFile,
    arrays: SafeTensors<'a>,
    texts: HashMap<String, String>,
}

impl Stored<'_> {
    fn snapshot(&self) -> Result<Snapshot> {
        let mut losses = self.array("losses", Dtype::F64, f64::from_le_bytes)?;
        let loss_sum = losses.pop().ok_or_else(|| {
            self.file
                .malformed("`losses` is empty, expected: the sum of the losses of the epoch")
        })?;
        let row = |name| self.array(name, Dtype::F32, f32::from_le_bytes);
        Ok(Snapshot {
            description: self.text("description")?.into(),
            data: self.text("data")?.into(),
            epoch: self.whole("epoch")?,
            batch: self.whole("batch")?,
            loss_sum,
            losses: losses.chunks_exact(2).map(epoch_losses).collect(),
            parameters: row("parameters")?,
            moments: Moments {
                first: row("moments.first")?,
                second: row("moments.second")?,
                steps: self.whole("steps")?,
            },
            best: row("best")?,
            diverged: self
                .texts
                .contains_key(DIVERGED)
                .then(|| self.whole(DIVERGED))
                .transpose()?,
        })
    }

    fn text(&self, name: &str) -> Result<&str> {
        let text = self.texts.get(name);
        text.map(String::as_str)
            .ok_or_else(|| self.file.malformed(format!("its metadata has no `{name}`")))
    }

    fn whole<N: std::str::FromStr>(&self, name: &str) -> Result<N> {
        let text = self.text(name)?;
        text.parse().map_err(|_| {
            self.file
                .malformed(format!("`{name}` is `{text}`, expected: a whole number"))
        })
    }

    fn array<N, const BYTES: usize>(
        &self,
        name: &str,
        dtype: Dtype,
        number: impl Fn([u8; BYTES]) -> N,
    ) -> Result<Vec<N>> {
        let view = self.arrays.tensor(name).map_err(|error| self.file.malformed(error))?;
        if view.dtype() != dtype {
            let message = format!("`{name}` holds {:?}, expected: {dtype:?}", view.dtype());
            return Err(self.file.malformed(message));
        }
        Ok(view.data().as_chunks().0.iter().map(|bytes| number(*bytes)).collect())
    }
}

fn epoch_losses(pair: &[f64]) -> EpochLosses {
    EpochLosses {
        training: pair[0],
        // Not a number stands for none: a validation loss that is no number ends a training.
        validation: Some(pair[1]).filter(|loss| !loss.is_nan()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            description: "{\"kind\":\"stid\"}".into(),
            data: "ab".repeat(32),
            epoch: 2,
            batch: 3,
            loss_sum: 0.1 + 0.2,
            losses: vec![
                EpochLosses {
                    training: 1.0 / 3.0,
                    validation: Some(0.7),
                };
                2
            ],
            parameters: vec![0.1, -2.5, f32::MIN_POSITIVE],
            moments: Moments {
                first: vec![1.0, 2.0, 3.0],
                second: vec![4.0, 5.0, 1e-30],
                steps: 13,
            },
            best: vec![7.0, 8.0, 9.0],
            diverged: None,
        }
    }

    #[test]
    fn what_is_saved_is_loaded_bit_for_bit_and_the_last_state_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::new(folder.path().join("training.safetensors"));
        assert!(file.load().unwrap().is_none());
        file.save(&Snapshot { epoch: 1, ..snapshot() }).unwrap();
        file.save(&snapshot()).unwrap();
        assert_eq!(file.load().unwrap(), Some(snapshot()));
        let diverged = Snapshot {
            diverged: Some(3),
            ..snapshot()
        };
        file.save(&diverged).unwrap();
        assert_eq!(file.load().unwrap(), Some(diverged));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_holds_a_state_is_told_from_one_where_none_was_finished() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        assert!(!CheckpointFile::is_in(&work), "there is no such folder");
        std::fs::create_dir(&work).unwrap();
        std::fs::write(work.join(".tmpAbCdEf"), b"cut off").unwrap();
        assert!(!CheckpointFile::is_in(&work));
        let file = CheckpointFile::new(work.join("stid.checkpoint"));
        file.save(&snapshot()).unwrap();
        assert!(CheckpointFile::is_in(&work));
    }

    #[test]
    fn losses_of_a_training_without_validation_part_come_back_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::new(folder.path().join("training.safetensors"));
        let mut saved = snapshot();
        saved.losses[1].validation = None;
        file.save(&saved).unwrap();
        assert_eq!(file.load().unwrap(), Some(saved));
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::new(folder.path().join("training.safetensors"));
        std::fs::write(&file.path, b"not a checkpoint").unwrap();
        let message = file.load().unwrap_err().to_string();
        assert!(message.contains("is malformed: "), "{message}");
        std::fs::write(
            &file.path,
            safetensors::serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap(),
        )
        .unwrap();
        assert!(file.load().unwrap_err().to_string().contains("`losses`"));
    }
}
