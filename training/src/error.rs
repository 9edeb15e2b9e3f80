//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong in training, backtests and promotion.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bad input: a field, the value it had, and what is accepted.
    #[error("`{field}` is `{value}`, accepted: {accepted}")]
    Invalid {
        /// The option or field that is wrong.
        field: String,
        /// The value it had.
        value: String,
        /// What would have been accepted.
        accepted: String,
    },
    /// A gate that was not passed.
    #[error("{0}")]
    Refused(String),
    /// The panel or its file is at fault, or cannot be read.
    #[error(transparent)]
    Data(#[from] arterial_datasets::Error),
    /// A model could not be fitted, used, kept or found.
    #[error(transparent)]
    Model(#[from] arterial_models::Error),
    /// A file that cannot be written or read.
    #[error("cannot access `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document that is no JSON of the expected shape.
    #[error("`{what}` cannot be read or written as JSON")]
    Json {
        /// Which document.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Bad input: `field` had `value`, while `accepted` is.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers need no `&` before numbers and literals"
    )]
    pub fn invalid(field: impl Into<String>, value: impl ToString, accepted: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            value: value.to_string(),
            accepted: accepted.into(),
        }
    }

    /// Whether the caller's input is at fault, rather than the world outside (exit code 2).
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Invalid { .. } => true,
            Self::Data(error) => error.is_bad_input(),
            Self::Model(error) => error.is_bad_input(),
            _ => false,
        }
    }

    /// Whether the work was told to stop (exit code 130).
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Model(arterial_models::Error::Cancelled))
    }

    /// Whether a gate was not passed or a model file refused (exit code 3).
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Model(error) => error.is_refusal(),
            _ => false,
        }
    }
}
