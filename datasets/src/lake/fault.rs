//! Fault points: where a test may make a step of a commit fail, or end the process.
//!
//! A lake without a hook (the production case) pays one branch per step.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Error, Result};

/// A step that changes something outside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// All data files of a commit.
    DataFiles,
    /// The entry of the Delta log: the moment at which a commit exists.
    LogEntry,
    /// The answer to whoever asked for the commit.
    Reply,
    /// A checkpoint of the Delta log.
    Checkpoint,
    /// Bytes into a temporary file (local folder only).
    WriteFile,
    /// fsync of the temporary file (local folder only).
    SyncFile,
    /// The file gets its name: link or rename in a folder, put in an object store.
    Publish,
    /// fsync of the folder (local folder only).
    SyncFolder,
    /// A file is deleted.
    Delete,
}

/// On which side of a step a fault point lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum When {
    /// The step has not begun. An error here means that it is not done.
    Before,
    /// The step is done. An error here means that its answer was lost.
    After,
}

/// One fault point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point<'a> {
    /// The step.
    pub step: Step,
    /// Before or after it.
    pub when: When,
    /// The file, or the table where the step has many files.
    pub path: &'a str,
}

/// What happens at a fault point. A function of that shape is one, too.
///
/// Returning an error makes the step fail there; a hook may also end the process.
pub trait Fault: Send + Sync {
    /// Called before and after each step, on whichever thread does it.
    ///
    /// # Errors
    /// Whatever the test wants to have happened.
    fn at(&self, point: Point<'_>) -> io::Result<()>;
}

impl<F: Fn(Point<'_>) -> io::Result<()> + Send + Sync> Fault for F {
    fn at(&self, point: Point<'_>) -> io::Result<()> {
        self(point)
    }
}

/// The hook of a lake, or none.
#[derive(Clone, Default)]
pub(crate) struct Faults(pub(crate) Option<Arc<dyn Fault>>);

impl Faults {
    pub(crate) fn before(&self, step: Step, path: &str) -> io::Result<()> {
        self.at(Point {
            step,
            when: When::Before,
            path,
        })
    }

    pub(crate) fn after(&self, step: Step, path: &str) -> io::Result<()> {
        self.at(Point {
            step,
            when: When::After,
            path,
        })
    }

    /// `before` as an error of this crate.
    pub(crate) fn enter(&self, step: Step, path: &str) -> Result<()> {
        self.before(step, path).map_err(|source| Error::Io {
            path: PathBuf::from(path),
            source,
        })
    }

    /// `after` as an error of this crate.
    pub(crate) fn leave(&self, step: Step, path: &str) -> Result<()> {
        self.after(step, path).map_err(|source| Error::Io {
            path: PathBuf::from(path),
            source,
        })
    }

    fn at(&self, point: Point<'_>) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |hook| hook.at(point))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() {
            "Faults(hook)"
        } else {
            "Faults(none)"
        })
    }
}
