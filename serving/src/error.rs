//! The one error type of this crate, and the one table from errors to gRPC codes.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Who says the reasons of errors.
const DOMAIN: &str = "arterial";
/// Longer texts are cut in what programs are told: the details travel in a header, which clients bound.
const LONGEST_DETAIL: usize = 400;
/// Longer messages are cut, in the middle of a value that somebody sent or of what is accepted; they travel in a header, too.
const LONGEST_MESSAGE: usize = 1_500;
/// When to ask again what is not ready.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// What can go wrong while serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bad input: a field, the value it had, and what is accepted.
    #[error("`{field}` is `{value}`, accepted: {accepted}")]
    Invalid {
        /// The field of the request or the key of the configuration.
        field: String,
        /// The value it had.
        value: String,
        /// What would have been accepted.
        accepted: String,
    },
    /// A field that has to be there is not.
    #[error("`{field}` is missing, accepted: {accepted}")]
    Missing {
        /// The field of the request.
        field: String,
        /// What would have been accepted.
        accepted: String,
    },
    /// Nothing of that name.
    #[error("no {what} named `{name}`, known: {known}")]
    Unknown {
        /// What was looked for: a stream, a dataset, a model.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The service cannot answer yet, or no more.
    #[error("not ready: {0}")]
    NotReady(String),
    /// What was asked for is not kept by this service, although it could be.
    #[error("{0}")]
    NotKept(String),
    /// Something is over that has to go on for what was asked.
    #[error("{0}")]
    NotLive(String),
    /// A call without the token that this service asks for.
    #[error(
        "the token of this service is missing or another one, accepted: `authorization: Bearer TOKEN`, over HTTP also any name with the token as password"
    )]
    NoToken,
    /// More of something than the service bears.
    #[error("there are {most} {what} already, as many as this service bears: try again later, or another replica")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// The request's deadline passed.
    #[error("the deadline passed after {0:?}")]
    Deadline(std::time::Duration),
    /// An address that cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address, host and port.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// A server that stopped by itself.
    #[error("the gRPC server stopped")]
    Transport(#[from] tonic::transport::Error),
    /// The ground refused: a stream, a panel, the lake.
    #[error(transparent)]
    Ground(#[from] arterial_datasets::Error),
    /// A model or the registry refused.
    #[error(transparent)]
    Models(#[from] arterial_models::Error),
    /// Arrow refused.
    #[error("columns do not fit")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Kafka did not take a record.
    #[error("Kafka did not take a record for `{topic}`")]
    Delivery {
        /// The topic.
        topic: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Brokers that are not there, or not reached.
    #[error("no broker answers within {patience:?}")]
    Unreachable {
        /// How long was waited.
        patience: std::time::Duration,
        /// What the last try gave.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A Kafka client that cannot be made or used.
    #[error("the Kafka client failed")]
    Kafka(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Work in the background that panicked or was stopped.
    #[error("work in the background stopped: {0}")]
    Background(String),
    /// A query that cannot be answered, or not to its end.
    #[error("{message}")]
    Query {
        /// As which gRPC code it counts.
        code: Code,
        /// Why, where in the text, and what may have been meant.
        message: String,
    },
    /// A query in SQL that is wrong, or names a table that does not exist.
    #[error("{message}")]
    Sql {
        /// Why, where in the text, and what may have been meant.
        message: String,
        /// The line and the column, from 1, where they are known.
        place: Option<(usize, usize)>,
        /// The table that does not exist, where that is what is wrong.
        table: Option<String>,
    },
    /// A handle or ticket that this service did not give.
    #[error("{0} was not given by this service, or by another run of it: ask for a new one")]
    Foreign(&'static str),
    /// JSON that cannot be written.
    #[error("cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Bad input: `field` had `value`, while `accepted` is.
    #[expect(clippy::needless_pass_by_value, reason = "numbers, texts and references alike")]
    pub fn invalid(field: impl Into<String>, value: impl ToString, accepted: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            value: value.to_string(),
            accepted: accepted.into(),
        }
    }

    /// A client to whom rows or bytes were held out for `patience`, and who took none of them.
    pub(crate) fn took_nothing(patience: std::time::Duration) -> Self {
        Self::Query {
            code: Code::DeadlineExceeded,
            message: format!("the client took nothing for {patience:?}"),
        }
    }

    /// Whether another writer has taken over what this one wrote.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Ground(arterial_datasets::Error::Fenced { .. }))
    }

    /// Bad input: `field` was not given, while `accepted` could have been.
    pub fn missing(field: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self::Missing {
            field: field.into(),
            accepted: accepted.into(),
        }
    }

    /// Whether the caller's input is at fault (exit code 2).
    pub fn is_bad_input(&self) -> bool {
        matches!(self.code(), Code::InvalidArgument | Code::NotFound)
    }

    /// The table: which error becomes which gRPC code.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } | Self::Missing { .. } | Self::Sql { table: None, .. } => Code::InvalidArgument,
            Self::Unknown { .. }
            | Self::Sql { table: Some(_), .. }
            | Self::Ground(arterial_datasets::Error::Unknown { .. })
            | Self::Models(arterial_models::Error::Unknown { .. }) => Code::NotFound,
            Self::NotReady(_)
            | Self::Models(arterial_models::Error::Store(_))
            | Self::Delivery { .. }
            | Self::Unreachable { .. }
            | Self::Kafka(_) => Code::Unavailable,
            Self::NotKept(_) | Self::NotLive(_) | Self::Models(arterial_models::Error::Unexplained(_)) => {
                Code::FailedPrecondition
            }
            Self::NoToken => Code::Unauthenticated,
            Self::TooMany { .. } => Code::ResourceExhausted,
            Self::Models(arterial_models::Error::Cancelled) => Code::Cancelled,
            Self::Models(arterial_models::Error::Conflict { .. }) => Code::Aborted,
            Self::Query { code, .. } => *code,
            Self::Foreign(_) => Code::PermissionDenied,
            Self::Deadline(_) => Code::DeadlineExceeded,
            Self::Ground(error) if error.is_bad_input() => Code::InvalidArgument,
            Self::Models(error) if error.is_bad_input() => Code::InvalidArgument,
            Self::Models(error) if error.is_refusal() => Code::DataLoss,
            Self::Background(_)
            | Self::Listen { .. }
            | Self::Transport(_)
            | Self::Ground(_)
            | Self::Models(_)
            | Self::Arrow(_)
            | Self::Json(_) => Code::Internal,
        }
    }
}

/// The fault of a request, apart from the words for people.
pub(crate) struct Fault<'a> {
    pub field: &'a str,
    pub value: Option<&'a str>,
    pub accepted: &'a str,
}

impl Error {
    /// The field that is at fault, whichever crate found it.
    pub(crate) fn fault(&self) -> Option<Fault<'_>> {
        match self {
            Self::Invalid { field, value, accepted }
            | Self::Ground(arterial_datasets::Error::Invalid { field, value, accepted })
            | Self::Models(arterial_models::Error::Invalid { field, value, accepted }) => Some(Fault {
                field,
                value: Some(value),
                accepted,
            }),
            Self::Missing { field, accepted } => Some(Fault {
                field,
                value: None,
                accepted,
            }),
            _ => None,
        }
    }

    /// What was looked for in vain, and under which name.
    fn sought(&self) -> Option<(&str, &str)> {
        match self {
            Self::Unknown { what, name, .. }
            | Self::Ground(arterial_datasets::Error::Unknown { what, name, .. })
            | Self::Models(arterial_models::Error::Unknown { what, name, .. }) => Some((what, name)),
            Self::Sql { table: Some(name), .. } => Some(("table", name)),
            _ => None,
        }
    }

    /// What `google.rpc.ErrorInfo` calls the reason.
    fn reason(&self) -> &'static str {
        match self.code() {
            Code::InvalidArgument => "INVALID_FIELD",
            Code::NotFound => "UNKNOWN_NAME",
            Code::Unavailable => "NOT_READY",
            Code::FailedPrecondition if matches!(self, Self::Models(_)) => "NOT_EXPLAINED",
            Code::FailedPrecondition if matches!(self, Self::NotLive(_)) => "NOT_LIVE",
            Code::FailedPrecondition => "NOT_KEPT",
            Code::Unauthenticated => "NO_TOKEN",
            Code::ResourceExhausted => "TOO_MUCH",
            Code::PermissionDenied => "FOREIGN",
            Code::DeadlineExceeded => "DEADLINE_PASSED",
            Code::Cancelled => "CANCELLED",
            Code::Aborted => "CONFLICT",
            Code::Unimplemented => "NOT_OFFERED",
            Code::DataLoss => "MODEL_REFUSED",
            _ => "FAILED",
        }
    }

    /// For programs: `google.rpc.ErrorInfo`, and `BadRequest` where a field is at fault, `ResourceInfo` where a name is unknown,
    /// `RetryInfo` where the same call may succeed soon.
    fn details(&self) -> ErrorDetails {
        let mut metadata = HashMap::new();
        let mut details = ErrorDetails::new();
        if let Some(Fault { field, value, accepted }) = self.fault() {
            metadata.insert("field".to_owned(), cut(field));
            metadata.insert("accepted".to_owned(), cut(accepted));
            metadata.extend(value.map(|value| ("value".to_owned(), cut(value))));
            details.add_bad_request_violation(cut(field), cut(&self.to_string()));
        }
        if let Self::Sql { place, table, .. } = self {
            metadata.insert("field".to_owned(), "query".to_owned());
            if let Some((line, column)) = place {
                metadata.insert("line".to_owned(), line.to_string());
                metadata.insert("column".to_owned(), column.to_string());
            }
            if table.is_none() {
                details.add_bad_request_violation("query", cut(&self.to_string()));
            }
        }
        if let Some((what, name)) = self.sought() {
            details.set_resource_info(what, cut(name), "", cut(&self.to_string()));
        }
        if self.code() == Code::Unavailable || matches!(self, Self::TooMany { .. }) {
            details.set_retry_info(Some(ASK_AGAIN));
        }
        details.set_error_info(self.reason(), DOMAIN, metadata);
        details
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = shortened(&chain(&error), LONGEST_MESSAGE);
        Self::with_error_details(error.code(), message, error.details())
    }
}

/// At most [`LONGEST_DETAIL`] bytes of a text.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_DETAIL)].to_owned()
}

/// The text, or its beginning and its end where it has more than `most` bytes.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let (head, tail) = (most * 2 / 3, text.len() - most / 3);
    let head = &text[..text.floor_char_boundary(head)];
    format!("{head} … {}", &text[text.ceil_char_boundary(tail)..])
}

/// An error and its causes in one line, each once.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_invalid_argument_and_names_what_is_accepted() {
        let status = Status::from(Error::invalid("quantiles", 1.5, "fractions strictly between 0 and 1"));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "`quantiles` is `1.5`, accepted: fractions strictly between 0 and 1"
        );
    }

    #[test]
    fn programs_are_told_which_field_is_wrong_and_what_is_accepted() {
        let status = Status::from(Error::invalid("quantiles", 1.5, "fractions"));
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((violations.len(), violations[0].field.as_str()), (1, "quantiles"));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_FIELD", "arterial")
        );
        assert_eq!(
            (info.metadata["value"].as_str(), info.metadata["accepted"].as_str()),
            ("1.5", "fractions")
        );
        let status = Status::from(Error::NotReady("it starts".into()));
        assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_READY");
        assert!(status.get_details_bad_request().is_none());
    }

    #[test]
    fn an_unknown_name_of_an_inner_crate_is_not_found() {
        let inner = arterial_datasets::Error::Unknown {
            what: "table",
            name: "x".into(),
            known: "y".into(),
        };
        assert_eq!(Error::from(inner).code(), Code::NotFound);
    }

    #[test]
    fn a_long_value_is_cut_in_the_middle_so_that_the_answer_fits_into_headers() {
        let error = Error::invalid("topic", "ж".repeat(1_000_000), "one that there is");
        let status = Status::from(error);
        let message = status.message();
        assert!(
            message.len() < 1_600 && message.ends_with("one that there is"),
            "{message}"
        );
        assert!(message.starts_with("`topic` is `жжж"));
        assert!(status.details().len() < 3_000, "{}", status.details().len());
    }

    #[test]
    fn an_unknown_name_and_a_time_to_wait_have_details_of_their_own() {
        let unknown = Error::Unknown {
            what: "model",
            name: "x@1".into(),
            known: "linear@1".into(),
        };
        let resource = Status::from(unknown).get_details_resource_info().unwrap();
        assert_eq!(
            (resource.resource_type.as_str(), resource.resource_name.as_str()),
            ("model", "x@1")
        );
        let status = Status::from(Error::NotReady("it starts".into()));
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(ASK_AGAIN));
        let full = Status::from(Error::TooMany {
            what: "watchers",
            most: 3,
        });
        assert_eq!(full.code(), Code::ResourceExhausted);
        assert!(full.get_details_retry_info().is_some());
        assert!(
            full.get_details_error_info()
                .is_some_and(|info| info.reason == "TOO_MUCH")
        );
    }

    #[test]
    fn a_query_that_is_wrong_is_told_with_its_place() {
        let wrong = |table: Option<&str>| Error::Sql {
            message: "no such thing at line 2, column 3".into(),
            place: Some((2, 3)),
            table: table.map(str::to_owned),
        };
        let status = Status::from(wrong(None));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.get_details_bad_request().unwrap().field_violations[0].field,
            "query"
        );
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata["field"].as_str()),
            ("INVALID_FIELD", "query")
        );
        assert_eq!(
            (info.metadata["line"].as_str(), info.metadata["column"].as_str()),
            ("2", "3")
        );
        let status = Status::from(wrong(Some("forecast")));
        assert_eq!(status.code(), Code::NotFound);
        let resource = status.get_details_resource_info().unwrap();
        assert_eq!(
            (resource.resource_type.as_str(), resource.resource_name.as_str()),
            ("table", "forecast")
        );
        assert!(status.get_details_bad_request().is_none());
    }

    #[test]
    fn what_is_over_is_told_from_what_is_not_kept() {
        let reason = |error: Error| {
            let status = Status::from(error);
            (status.code(), status.get_details_error_info().unwrap().reason)
        };
        let failed = Code::FailedPrecondition;
        assert_eq!(reason(Error::NotLive("it is over".into())), (failed, "NOT_LIVE".into()));
        assert_eq!(reason(Error::NotKept("no lake".into())), (failed, "NOT_KEPT".into()));
        assert_eq!(reason(Error::NoToken), (Code::Unauthenticated, "NO_TOKEN".into()));
    }

    #[test]
    fn each_cause_is_said_once() {
        let inner = std::io::Error::other("address in use");
        let error = Error::Listen {
            address: "127.0.0.1:1".into(),
            source: inner,
        };
        assert_eq!(chain(&error), "cannot listen on `127.0.0.1:1`: address in use");
    }
}
