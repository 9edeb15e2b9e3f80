//! Where the files of a lake stand: a local folder or an object store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use super::fault::{Faults, Step};
use super::fsync::{Folder, Mode, Put};
use super::place::Place;
use crate::{Error, Result};

/// The files of a lake; every path is relative to the lake's root.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    root: String,
    folder: Option<Arc<Folder>>,
    pub(crate) faults: Faults,
}

impl Store {
    /// Opens the store that `url` names: a path, `file://` or `s3://bucket/prefix`.
    pub(crate) fn open(url: &str, options: &BTreeMap<String, String>, fsync: bool, faults: Faults) -> Result<Self> {
        match Place::find(url, options)? {
            Place::Folder(path) => Self::local(&path, fsync, faults),
            Place::Objects { store, prefix } => Ok(Self::of(store, prefix.as_ref(), faults)),
        }
    }

    /// Whether `url` names a local folder that does not exist.
    pub(crate) fn is_absent(url: &str, options: &BTreeMap<String, String>) -> Result<bool> {
        Ok(match Place::find(url, options)? {
            Place::Folder(path) => !path.is_dir(),
            Place::Objects { .. } => false,
        })
    }

    /// A store of the caller's making, below `root`.
    pub(crate) fn of(objects: Arc<dyn ObjectStore>, root: &str, faults: Faults) -> Self {
        Self {
            objects,
            root: root.trim_matches('/').to_owned(),
            folder: None,
            faults,
        }
    }

    fn local(path: &std::path::Path, fsync: bool, faults: Faults) -> Result<Self> {
        let folder = Folder::open(path, fsync, faults.clone())?;
        let objects = LocalFileSystem::new_with_prefix(folder.root()).map_err(|source| Error::Store {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self {
            objects: Arc::new(objects),
            root: String::new(),
            folder: Some(Arc::new(folder)),
            faults,
        })
    }

    /// Whether another writer's files can appear late or a reply can get lost on the way.
    pub(crate) fn is_remote(&self) -> bool {
        self.folder.is_none()
    }

    /// The store and the path in it, for readers of Parquet files.
    pub(crate) fn object(&self, relative: &str) -> Result<(Arc<dyn ObjectStore>, Path)> {
        Ok((Arc::clone(&self.objects), self.path(relative)?))
    }

    /// Writes `bytes` only where no file of that name exists.
    pub(crate) async fn put_new(&self, relative: &str, bytes: Bytes) -> Result<Put> {
        self.write(relative, bytes, Mode::Create).await
    }

    /// Writes `bytes`, replacing what was there.
    pub(crate) async fn put(&self, relative: &str, bytes: Bytes) -> Result<()> {
        self.write(relative, bytes, Mode::Replace).await.map(|_| ())
    }

    async fn write(&self, relative: &str, bytes: Bytes, mode: Mode) -> Result<Put> {
        if let Some(folder) = &self.folder {
            let (folder, relative) = (Arc::clone(folder), relative.to_owned());
            return blocking(move || folder.write(&relative, &bytes, mode)).await;
        }
        self.faults.enter(Step::Publish, relative)?;
        let how = if mode == Mode::Create {
            PutMode::Create
        } else {
            PutMode::Overwrite
        };
        let outcome = self
            .objects
            .put_opts(&self.path(relative)?, PutPayload::from(bytes), how.into())
            .await;
        self.faults.leave(Step::Publish, relative)?;
        match outcome {
            Ok(_) => Ok(Put::Written),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })
                if mode == Mode::Create =>
            {
                Ok(Put::Exists)
            }
            Err(source) => Err(Error::Store {
                path: relative.to_owned(),
                source,
            }),
        }
    }

    /// The whole file, or nothing where there is none.
    pub(crate) async fn get(&self, relative: &str) -> Result<Option<Bytes>> {
        let failed = |source| Error::Store {
            path: relative.to_owned(),
            source,
        };
        match self.objects.get(&self.path(relative)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(failed(source)),
        }
    }

    /// Whether the file exists.
    pub(crate) async fn exists(&self, relative: &str) -> Result<bool> {
        match self.objects.head(&self.path(relative)?).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(Error::Store {
                path: relative.to_owned(),
                source,
            }),
        }
    }

    /// Deletes a file; one that is not there is no error.
    pub(crate) async fn delete(&self, relative: &str) -> Result<()> {
        self.faults.enter(Step::Delete, relative)?;
        match self.objects.delete(&self.path(relative)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => {
                return Err(Error::Store {
                    path: relative.to_owned(),
                    source,
                });
            }
        }
        self.faults.leave(Step::Delete, relative)
    }

    /// Every file below a folder, with paths relative to the lake's root.
    pub(crate) fn list(&self, relative: &str) -> Result<BoxStream<'_, Result<(String, ObjectMeta)>>> {
        let prefix = self.path(relative)?;
        let place = relative.to_owned();
        Ok(self
            .objects
            .list(Some(&prefix))
            .map_err(move |source| Error::Store {
                path: place.clone(),
                source,
            })
            .map_ok(|meta| (self.relative(&meta.location), meta))
            .boxed())
    }

    /// The names of the folders in the lake's root.
    pub(crate) async fn folders(&self) -> Result<Vec<String>> {
        let prefix = self.path("")?;
        let found = self
            .objects
            .list_with_delimiter(Some(&prefix))
            .await
            .map_err(|source| Error::Store {
                path: self.root.clone(),
                source,
            })?;
        Ok(found
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename().map(str::to_owned))
            .collect())
    }

    fn path(&self, relative: &str) -> Result<Path> {
        let whole = if self.root.is_empty() {
            relative.to_owned()
        } else {
            format!("{}/{relative}", self.root)
        };
        Path::parse(whole.trim_end_matches('/'))
            .map_err(|_| Error::invalid("path", relative, "a path without empty parts, `.` or `..`"))
    }

    fn relative(&self, path: &Path) -> String {
        let whole = path.as_ref();
        whole
            .strip_prefix(&self.root)
            .unwrap_or(whole)
            .trim_start_matches('/')
            .to_owned()
    }
}

/// Runs work that blocks (files, compression) away from the threads that serve.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Io {
        path: PathBuf::from("worker thread"),
        source: std::io::Error::other(error),
    })?
}
