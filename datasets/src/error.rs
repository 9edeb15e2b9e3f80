//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong on the ground floor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bad input: a field, the value it had, and what is accepted.
    #[error("`{field}` is `{value}`, accepted: {accepted}")]
    Invalid {
        /// The field, option or key that is wrong.
        field: String,
        /// The value it had.
        value: String,
        /// What would have been accepted.
        accepted: String,
    },
    /// Bad input at a place of a text file.
    #[error("{path}:{line}: `{key}`: {message}")]
    Definition {
        /// The file.
        path: String,
        /// Line, counted from 1.
        line: usize,
        /// The key that is wrong.
        key: String,
        /// What is wrong, and what is accepted.
        message: String,
    },
    /// A bad cell of a data file.
    #[error("{path}: row {row}, column `{column}`: {message}")]
    Cell {
        /// The file.
        path: String,
        /// Row, counted from 1 behind the header.
        row: usize,
        /// The column's name.
        column: String,
        /// What is wrong, and what is accepted.
        message: String,
    },
    /// A file that cannot be read or written.
    #[error("cannot access `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing of that name.
    #[error("no {what} named `{name}`, known: {known}")]
    Unknown {
        /// What was looked for: a stream, a table, a series.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Another writer has acquired a partition of a table: this one is to stop writing it.
    #[error(
        "table `{table}`: partition {partition} of `{topic}` belongs to epoch {current}, this writer holds epoch {held}"
    )]
    Fenced {
        /// The table.
        table: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The epoch that this writer acquired.
        held: u64,
        /// The epoch that the table has.
        current: u64,
    },
    /// A commit that does not fit to what others have committed since: read the progress anew and go on from there.
    #[error("table `{table}` was changed by another writer: {message}")]
    Conflict {
        /// The table.
        table: String,
        /// What changed.
        message: String,
    },
    /// A table's log that is damaged, or asks for more than is understood here.
    #[error("log of table `{table}` at version {version}: {message}")]
    Log {
        /// The table.
        table: String,
        /// The version.
        version: i64,
        /// What is wrong.
        message: String,
    },
    /// The object store failed or cannot be reached.
    #[error("object store failed at `{path}`")]
    Store {
        /// The file, relative to the lake.
        path: String,
        /// Why.
        source: object_store::Error,
    },
    /// No room is left: nothing of the write is visible, and it can be tried again once there is room.
    #[error("disk is full, `{path}` was not written")]
    DiskFull {
        /// The file that was to be written.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The disk did not confirm a write. That is never tried again: open the lake anew and go on from the last commit.
    #[error("fsync of `{path}` failed, the lake takes no more writes until it is opened anew")]
    Sync {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A write after a failed fsync.
    #[error("lake `{path}` takes no more writes after a failed fsync: open it anew")]
    Stopped {
        /// The lake's folder.
        path: PathBuf,
    },
    /// Nobody waits for the work any more.
    #[error("cancelled")]
    Cancelled,
    /// The expressions of a feature set failed.
    #[error("feature set `{set}` cannot be computed")]
    Features {
        /// The feature set, or a part of it.
        set: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Arrow refused.
    #[error("columns do not fit")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Parquet refused.
    #[error("parquet file cannot be read or written")]
    Parquet(#[from] parquet::errors::ParquetError),
}

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Bad input: `field` had `value`, while `accepted` is.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers give numbers and texts as they have them"
    )]
    pub fn invalid(field: impl Into<String>, value: impl ToString, accepted: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            value: value.to_string(),
            accepted: accepted.into(),
        }
    }

    /// A data file that cannot be opened or read: the caller's fault where it is absent, a folder or broken.
    pub(crate) fn reading(path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let accepted = match source.kind() {
            ErrorKind::NotFound => "a file that exists".into(),
            ErrorKind::IsADirectory => "a file, not a folder".into(),
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                format!("an intact file ({source})")
            }
            _ => {
                return Self::Io {
                    path: path.into(),
                    source,
                };
            }
        };
        Self::invalid("file", path.display(), accepted)
    }

    /// The same, said of `name`: where it is known which option or field the value came by.
    #[must_use]
    pub fn about(self, name: impl Into<String>) -> Self {
        match self {
            Self::Invalid { value, accepted, .. } => Self::Invalid {
                field: name.into(),
                value,
                accepted,
            },
            other => other,
        }
    }

    /// Whether the caller's input is at fault, rather than the world outside.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Invalid { .. } | Self::Definition { .. } | Self::Cell { .. } | Self::Unknown { .. }
        )
    }
}
