//! The one error type of this crate.

/// What can go wrong between a record and a feature row.
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
    /// The ground floor refused.
    #[error("the data layer refused")]
    Data(#[from] arterial_datasets::Error),
    /// Arrow refused.
    #[error("columns do not fit")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The message broker, or its client library, refused.
    #[error("the broker refused to {action}")]
    Broker {
        /// What was asked of it.
        action: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No stream is left that could be read.
    #[error("ingest has stopped: {reason}")]
    Stopped {
        /// Each stream and why it stopped.
        reason: String,
    },
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

    /// Whether the caller's input is at fault, rather than the world outside.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Invalid { .. } => true,
            Self::Data(error) => error.is_bad_input(),
            _ => false,
        }
    }
}
