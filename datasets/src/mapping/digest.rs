//! What makes one history another than that one: the bytes of its files, and how they are read.

use std::fs::File;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::definition::Mapping;
use super::replay::Replay;
use crate::{Error, Result};

impl Replay {
    /// A digest of the files that it reads and of the mapping, wherever the files are and whatever they are called.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn digest(&self, mapping: Option<&Mapping>) -> Result<String> {
        let mut digest = Sha256::new();
        for path in self.files() {
            digest.update(of_file(path)?);
        }
        if let Some(mapping) = mapping {
            digest.update(rules(mapping)?);
        }
        Ok(format!("{:x}", digest.finalize()))
    }
}

fn of_file(path: &PathBuf) -> Result<[u8; 32]> {
    let cannot = |source| Error::Io {
        path: path.clone(),
        source,
    };
    let mut digest = Sha256::new();
    let mut file = File::open(path).map_err(cannot)?;
    std::io::copy(&mut file, &mut digest).map_err(cannot)?;
    Ok(digest.finalize().into())
}

/// The part of a mapping that decides over the events.
fn rules(mapping: &Mapping) -> Result<Vec<u8>> {
    let rules = Mapping {
        description: String::new(),
        interval: None,
        ..mapping.clone()
    };
    serde_json::to_vec(&rules).map_err(|error| Error::invalid("mapping", error, "rules that JSON can hold"))
}
