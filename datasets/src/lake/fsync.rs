//! Files in a local folder that survive a power cut: temporary file, fsync, link or rename, fsync of the folder.
//!
//! A failed fsync is never tried again: the kernel may have dropped the pages, and a second call would say "done". The
//! folder then refuses every later write; whoever opens the lake anew resumes from the last commit.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::fault::{Faults, Step};
use super::unique::unique;
use crate::{Error, Result};

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// The file stands there, durably.
    Written,
    /// Another file of that name was there before; nothing was changed.
    Exists,
}

/// What happens to a file of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It stays, and the write says [`Put::Exists`].
    Create,
    /// It is replaced as a whole.
    Replace,
}

/// How the names of temporary files begin.
const TEMPORARY: &str = ".tmp-";

/// Whether a file of this name is a write that was cut off.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// A local folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    fsync: bool,
    faults: Faults,
    stopped: AtomicBool,
}

impl Folder {
    /// Opens `root`, which is created where absent.
    pub(crate) fn open(root: &Path, fsync: bool, faults: Faults) -> Result<Self> {
        let cannot = |source| Error::Io {
            path: root.to_path_buf(),
            source,
        };
        fs::create_dir_all(root).map_err(cannot)?;
        let root = root.canonicalize().map_err(cannot)?;
        let folder = Self {
            root,
            fsync,
            faults,
            stopped: AtomicBool::new(false),
        };
        if let Some(parent) = folder.root.parent() {
            folder.sync_folder(parent)?;
        }
        Ok(folder)
    }

    /// The folder's absolute path.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes one file durably. `relative` has `/` between its parts.
    pub(crate) fn write(&self, relative: &str, bytes: &[u8], mode: Mode) -> Result<Put> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::Stopped {
                path: self.root.clone(),
            });
        }
        let target = self.root.join(relative);
        let parent = target.parent().unwrap_or(&self.root).to_path_buf();
        self.make_folder(&parent)?;
        let name = target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let temporary = parent.join(format!("{TEMPORARY}{}.{name}", unique().simple()));
        let outcome = self.write_through(&temporary, &target, relative, bytes, mode);
        if outcome.is_err() {
            // Nobody knows the temporary file; where it cannot be deleted, vacuum finds it.
            let _ = fs::remove_file(&temporary);
        }
        outcome
    }

    fn write_through(&self, temporary: &Path, target: &Path, relative: &str, bytes: &[u8], mode: Mode) -> Result<Put> {
        let failed = |source| refusal(target, source);
        let written = self
            .step(Step::WriteFile, relative, || write_bytes(temporary, bytes))
            .map_err(failed)?;
        written.sync_with(self, relative, target)?;
        let published = self
            .step(Step::Publish, relative, || publish(temporary, target, mode))
            .map_err(failed)?;
        if published == Put::Exists {
            return Ok(published);
        }
        if let Some(parent) = target.parent() {
            self.step(Step::SyncFolder, relative, || self.sync_io(parent))
                .map_err(|source| self.stop(parent, source))?;
        }
        Ok(published)
    }

    /// Runs one step between its two fault points.
    fn step<T>(&self, step: Step, path: &str, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.faults.before(step, path)?;
        let value = run()?;
        self.faults.after(step, path)?;
        Ok(value)
    }

    /// Creates the missing folders down to `path` and makes each one's entry durable.
    fn make_folder(&self, path: &Path) -> Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_folder(parent)?;
        }
        match fs::create_dir(path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(refusal(path, source)),
        }
        path.parent().map_or(Ok(()), |parent| self.sync_folder(parent))
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.sync_io(path).map_err(|source| self.stop(path, source))
    }

    fn sync_io(&self, path: &Path) -> io::Result<()> {
        if self.fsync {
            File::open(path)?.sync_all()
        } else {
            Ok(())
        }
    }

    /// A failed fsync: no later write of this folder is trusted.
    fn stop(&self, path: &Path, source: io::Error) -> Error {
        self.stopped.store(true, Ordering::Release);
        Error::Sync {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// A written file that is not yet durable.
struct Unsynced(File);

impl Unsynced {
    fn sync_with(self, folder: &Folder, relative: &str, target: &Path) -> Result<()> {
        let synced = folder.step(Step::SyncFile, relative, || {
            if folder.fsync { self.0.sync_all() } else { Ok(()) }
        });
        match synced {
            Ok(()) => Ok(()),
            // Late allocation: the temporary file is thrown away, so nothing rests on its pages.
            Err(source) if is_full(&source) => Err(refusal(target, source)),
            Err(source) => Err(folder.stop(target, source)),
        }
    }
}

fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<Unsynced> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    Ok(Unsynced(file))
}

fn publish(temporary: &Path, target: &Path, mode: Mode) -> io::Result<Put> {
    if mode == Mode::Replace {
        fs::rename(temporary, target)?;
        return Ok(Put::Written);
    }
    // A link, unlike a rename, never replaces what is there.
    let linked = fs::hard_link(temporary, target);
    let _ = fs::remove_file(temporary);
    match linked {
        Ok(()) => Ok(Put::Written),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Put::Exists),
        Err(error) => Err(error),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn refusal(path: &Path, source: io::Error) -> Error {
    let path = path.to_path_buf();
    if is_full(&source) {
        Error::DiskFull { path, source }
    } else {
        Error::Io { path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::fault::{Point, When};
    use std::sync::Arc;

    fn failing(step: Step, kind: ErrorKind) -> Faults {
        Faults(Some(Arc::new(move |point: Point<'_>| {
            if point.step == step && point.when == When::Before {
                Err(io::Error::from(kind))
            } else {
                Ok(())
            }
        })))
    }

    #[test]
    fn the_first_of_two_writers_of_a_name_wins() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), true, Faults::default()).unwrap();
        assert_eq!(folder.write("a/b/c", b"one", Mode::Create).unwrap(), Put::Written);
        assert_eq!(folder.write("a/b/c", b"two", Mode::Create).unwrap(), Put::Exists);
        assert_eq!(fs::read(place.path().join("a/b/c")).unwrap(), b"one");
        folder.write("a/b/c", b"three", Mode::Replace).unwrap();
        assert_eq!(fs::read(place.path().join("a/b/c")).unwrap(), b"three");
        assert_eq!(
            fs::read_dir(place.path().join("a/b")).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_full_disk_leaves_nothing_and_can_be_tried_again() {
        let place = tempfile::tempdir().unwrap();
        for step in [Step::WriteFile, Step::SyncFile] {
            let folder = Folder::open(place.path(), true, failing(step, ErrorKind::StorageFull)).unwrap();
            assert!(matches!(
                folder.write("file", b"x", Mode::Create),
                Err(Error::DiskFull { .. })
            ));
            assert!(matches!(
                folder.write("file", b"x", Mode::Create),
                Err(Error::DiskFull { .. })
            ));
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn after_a_failed_fsync_nothing_is_written_any_more() {
        let place = tempfile::tempdir().unwrap();
        for step in [Step::SyncFile, Step::SyncFolder] {
            let folder = Folder::open(place.path(), true, failing(step, ErrorKind::Other)).unwrap();
            assert!(matches!(
                folder.write("file", b"x", Mode::Replace),
                Err(Error::Sync { .. })
            ));
            assert!(matches!(
                folder.write("other", b"x", Mode::Create),
                Err(Error::Stopped { .. })
            ));
        }
    }
}
