//! The one error type of this crate.

use arterial_datasets::time::Duration;

/// What can go wrong with a model.
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
    /// Nothing of that name.
    #[error("no {what} named `{name}`, known: {known}")]
    Unknown {
        /// What was looked for: a model kind, a version, an alias.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Fewer rows than the work needs.
    #[error("{what} needs at least {needed} rows, there are {got}")]
    NotEnoughData {
        /// What the rows are for.
        what: String,
        /// How many rows it takes.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// A panel that is not of the kind the model was fitted on.
    #[error("the panel's {what} is `{got}`, the model was fitted on `{fitted}`")]
    OtherPanel {
        /// What differs: the step, the zone, the covariates.
        what: &'static str,
        /// What the panel has.
        got: String,
        /// What the model was fitted on.
        fitted: String,
    },
    /// A panel of other series than the model was fitted on, or of the same in another order.
    #[error("the panel's series are not those that the model was fitted on: {difference}; the model knows {fitted}")]
    OtherSeries {
        /// What is missing and what is new.
        difference: String,
        /// What the model was fitted on.
        fitted: String,
    },
    /// The work was told to stop.
    #[error("cancelled")]
    Cancelled,
    /// A training whose loss is not a number any more.
    #[error(
        "the loss is not a number in batch {batch} of epoch {epoch}: lower the learning rate or check the inputs{}",
        how_to_end(*.kept)
    )]
    Diverged {
        /// The epoch, from 1.
        epoch: u64,
        /// The batch within it, from 1.
        batch: usize,
        /// The epoch of the best weights before, where a checkpoint has them.
        kept: Option<u64>,
    },
    /// A file whose bytes are not the ones that were published.
    #[error("`{file}` has digest `{got}`, its manifest says `{expected}`")]
    Digest {
        /// The file.
        file: String,
        /// The digest in the manifest.
        expected: String,
        /// The digest of the bytes found.
        got: String,
    },
    /// A file that is larger than a model file may be.
    #[error("`{file}` has {bytes} bytes, at most {limit} are accepted")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// A file that does not hold what its name says.
    #[error("`{file}` is malformed: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong, and what is expected.
        message: String,
    },
    /// Somebody else was faster.
    #[error("`{what}` has moved to revision {found} while this change was made for revision {expected}")]
    Conflict {
        /// The alias.
        what: String,
        /// The revision that the change was decided on.
        expected: u64,
        /// The revision that stands now.
        found: u64,
    },
    /// A kind of model that cannot say what moved its forecasts.
    #[error("`{0}` cannot say what moved its forecasts; `gbdt` and `linear` can")]
    Unexplained(String),
    /// There is nothing to go back to.
    #[error("`{0}` has no former version to go back to")]
    NoFormer(String),
    /// A matrix that cannot be solved with.
    #[error("the {0} are not positive definite: the inputs hold values that are not finite")]
    Singular(&'static str),
    /// The ground refused: a panel, a feature set, a file.
    #[error(transparent)]
    Ground(arterial_datasets::Error),
    /// The object store refused.
    #[error("the model store cannot be reached or read")]
    Store(#[from] object_store::Error),
    /// A local file that cannot be read or written.
    #[error("cannot access `{path}`")]
    Io {
        /// The file or folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// JSON that cannot be written.
    #[error("cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<arterial_datasets::Error> for Error {
    fn from(error: arterial_datasets::Error) -> Self {
        match error {
            arterial_datasets::Error::Cancelled => Self::Cancelled,
            other => Self::Ground(other),
        }
    }
}

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be done with a training that diverged and has kept the weights of an epoch.
fn how_to_end(kept: Option<u64>) -> String {
    kept.map_or_else(String::new, |epoch| {
        format!("; the best weights so far, those of epoch {epoch}, are kept: the training, resumed, ends with them")
    })
}

impl Error {
    /// Bad input: `field` had `value`, while `accepted` is.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over numbers and texts alike")]
    pub fn invalid(field: impl Into<String>, value: impl ToString, accepted: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            value: value.to_string(),
            accepted: accepted.into(),
        }
    }

    /// A file that does not hold what its name says.
    pub fn malformed(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Malformed {
            file: file.into(),
            message: message.into(),
        }
    }

    /// A panel with another step than the fitted one.
    pub(crate) fn other_step(got: Duration, fitted: Duration) -> Self {
        Self::OtherPanel {
            what: "step",
            got: got.to_string(),
            fitted: fitted.to_string(),
        }
    }

    /// Whether the caller's input is at fault, rather than the world outside (exit code 2).
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::Unknown { .. }
            | Self::NotEnoughData { .. }
            | Self::OtherPanel { .. }
            | Self::OtherSeries { .. }
            | Self::NoFormer(_) => true,
            Self::Ground(error) => error.is_bad_input(),
            _ => false,
        }
    }

    /// Whether a model file was refused, so that it may not be used (exit code 3).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Digest { .. } | Self::TooLarge { .. } | Self::Malformed { .. }
        )
    }
}
