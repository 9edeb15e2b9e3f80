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
    pub fn invalid(field: impl Into<String>, value: impl ToString, accepted: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            value: value.to_string(),
            accepted: accepted.into(),
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
