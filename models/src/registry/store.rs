//! Where the registry's files lie: a folder, with everything forced to disk, or an object store.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arterial_datasets::lake::Place;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::{Error, Result};

/// A folder or an object store; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Store {
    /// A folder of the local file system.
    Folder(PathBuf),
    /// Anything that `object_store` speaks to, and the prefix in it.
    Objects(Arc<dyn ObjectStore>, ObjectPath),
}

impl fmt::Display for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(root) => write!(formatter, "{}", root.display()),
            Self::Objects(store, prefix) => write!(formatter, "{store}/{prefix}"),
        }
    }
}

impl Store {
    pub(super) fn open(url: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        Ok(match Place::find(url, options)? {
            Place::Folder(root) => Self::Folder(root),
            Place::Objects { store, prefix } => Self::Objects(store, prefix),
        })
    }

    /// Puts `bytes` at `path` if nothing stands there; false where something else does. Durable when it returns.
    pub(super) async fn create(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        match self {
            Self::Folder(root) => {
                let (root, path) = (root.clone(), path.to_owned());
                blocking(move || create_file(&root, &path, &bytes)).await
            }
            Self::Objects(store, prefix) => {
                let options = PutOptions::from(PutMode::Create);
                let payload = PutPayload::from(bytes.clone());
                let Err(refused) = store.put_opts(&object(prefix, path), payload, options).await else {
                    return Ok(true);
                };
                // The reply may be lost, or the client may have put again and found its own bytes.
                if self.read(path, bytes.len() as u64).await.ok().flatten() == Some(bytes) {
                    return Ok(true);
                }
                match refused {
                    object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => Ok(false),
                    error => Err(error.into()),
                }
            }
        }
    }

    /// The bytes at `path`, at most `limit`; nothing where there is no such file.
    pub(super) async fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Folder(root) => {
                let (root, path) = (root.clone(), path.to_owned());
                blocking(move || read_file(&root, &path, limit)).await
            }
            Self::Objects(store, prefix) => {
                let found = match store.get(&object(prefix, path)).await {
                    Ok(found) => found,
                    Err(object_store::Error::NotFound { .. }) => return Ok(None),
                    Err(error) => return Err(error.into()),
                };
                check_size(path, found.meta.size, limit)?;
                Ok(Some(found.bytes().await?.to_vec()))
            }
        }
    }

    /// The paths of all files below `prefix`, which ends with a slash, in order.
    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut paths = match self {
            Self::Folder(root) => {
                let (root, prefix) = (root.clone(), prefix.to_owned());
                blocking(move || list_files(&root, &prefix)).await?
            }
            Self::Objects(store, root) => {
                let found: Vec<_> = store.list(Some(&object(root, prefix))).try_collect().await?;
                let below = |path: &ObjectPath| {
                    let parts: Vec<_> = path.prefix_match(root)?.map(|part| part.as_ref().to_owned()).collect();
                    Some(parts.join("/"))
                };
                found.iter().filter_map(|meta| below(&meta.location)).collect()
            }
        };
        paths.sort();
        Ok(paths)
    }
}

fn object(prefix: &ObjectPath, path: &str) -> ObjectPath {
    path.split('/')
        .filter(|part| !part.is_empty())
        .fold(prefix.clone(), ObjectPath::join)
}

fn check_size(path: &str, bytes: u64, limit: u64) -> Result<()> {
    if bytes > limit {
        return Err(Error::TooLarge {
            file: path.into(),
            bytes,
            limit,
        });
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => Err(Error::Io {
            path: PathBuf::new(),
            source: std::io::Error::other(stopped),
        }),
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// Writes a temporary file beside, forces it to disk, links it to its name (which fails where the name is taken) and
/// forces the folder to disk.
fn create_file(root: &Path, path: &str, bytes: &[u8]) -> Result<bool> {
    let path = root.join(path);
    let folder = path.parent().unwrap_or(root);
    create_folders(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)
        .map_err(failed(folder))?;
    temporary.write_all(bytes).map_err(failed(&path))?;
    temporary.as_file().sync_all().map_err(failed(&path))?;
    match temporary.persist_noclobber(&path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => {
            return Err(Error::Io {
                path,
                source: error.error,
            });
        }
    }
    sync_folder(folder)?;
    Ok(true)
}

/// Makes `folder` and those above it, each one's name forced to disk.
fn create_folders(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|above| !above.as_os_str().is_empty() && !above.exists())
        .collect();
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for made in missing {
        match made.parent() {
            Some(above) if !above.as_os_str().is_empty() => sync_folder(above)?,
            _ => {}
        }
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(folder))
}

fn read_file(root: &Path, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let full = root.join(path);
    let file = match File::open(&full) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::Io {
                path: full,
                source: error,
            });
        }
    };
    check_size(path, file.metadata().map_err(failed(&full))?.len(), limit)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(failed(&full))?;
    Ok(Some(bytes))
}

fn list_files(root: &Path, prefix: &str) -> Result<Vec<String>> {
    let mut folders = vec![prefix.trim_end_matches('/').to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let full = root.join(&folder);
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(Error::Io {
                    path: full,
                    source: error,
                });
            }
        };
        for entry in entries {
            let entry = entry.map_err(failed(&full))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            match entry.file_type().map_err(failed(&full))? {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() && !name.starts_with('.') => files.push(path),
                _ => {}
            }
        }
    }
    Ok(files)
}
