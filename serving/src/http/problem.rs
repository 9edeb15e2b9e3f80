//! Errors as RFC 9457 problem bodies.

use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tonic::Code;
use utoipa::openapi::{self, Content, Ref, RefOr, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::Error;
use crate::error::chain;

/// Where the types of problems are described.
const TYPES: &str = "https://github.com/arterial-city/arterial/blob/main/docs/http.md#";

/// An error on its way to an HTTP client.
#[derive(Debug)]
pub struct Problem {
    /// The status that tells it.
    pub status: StatusCode,
    /// What is wrong.
    pub error: Error,
}

/// What is wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// Which kind of problem; stays the same for programs to tell by.
    #[serde(rename = "type")]
    #[schema(example = "https://github.com/arterial-city/arterial/blob/main/docs/http.md#invalid-parameter")]
    kind: String,
    /// The kind of problem for people.
    #[schema(example = "A parameter is wrong")]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What is wrong this time.
    #[schema(example = "`limit` is `0`, accepted: 1 to 10000")]
    detail: String,
    /// The parameter at fault, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The value that it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// What would have been accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
}

impl Problem {
    /// None of the forms that the client accepts is offered.
    pub fn not_acceptable(accept: String, offered: String) -> Self {
        Self {
            status: StatusCode::NOT_ACCEPTABLE,
            error: Error::invalid("Accept", accept, offered),
        }
    }

    /// The type's name, and the same for people.
    fn kind(&self) -> (&'static str, &'static str) {
        match self.status {
            StatusCode::BAD_REQUEST => ("invalid-parameter", "A parameter is wrong"),
            StatusCode::UNAUTHORIZED => ("no-token", "The token of this service is missing or another one"),
            StatusCode::NOT_FOUND => ("not-found", "There is no such thing"),
            StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "Only GET, HEAD and OPTIONS are answered here"),
            StatusCode::NOT_ACCEPTABLE => ("not-acceptable", "None of the accepted forms is offered"),
            StatusCode::CONFLICT => ("not-kept", "What was asked for is not kept by this service"),
            StatusCode::URI_TOO_LONG => ("query-too-long", "The query is too long"),
            StatusCode::TOO_MANY_REQUESTS => ("too-much", "The question takes more than it may"),
            StatusCode::SERVICE_UNAVAILABLE => ("not-ready", "The service is not ready"),
            StatusCode::GATEWAY_TIMEOUT => ("too-slow", "The answer took longer than it may"),
            _ => ("failed", "The service failed"),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.code() {
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::FailedPrecondition => StatusCode::CONFLICT,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (name, title) = self.kind();
        if self.status.is_server_error() && self.status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(
                status = self.status.as_u16(),
                error = chain(&self.error),
                "an HTTP request failed"
            );
        }
        let (field, value, accepted) = match self.error.fault() {
            Some(fault) => (
                Some(fault.field.to_owned()),
                fault.value.map(str::to_owned),
                Some(fault.accepted.to_owned()),
            ),
            None => (None, None, None),
        };
        let details = ProblemDetails {
            kind: format!("{TYPES}{name}"),
            title,
            status: self.status.as_u16(),
            detail: chain(&self.error),
            field,
            value,
            accepted,
        };
        let mut response = (self.status, axum::Json(details)).into_response();
        let headers = response.headers_mut();
        let value = header::HeaderValue::from_static;
        headers.insert(header::CONTENT_TYPE, value("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, value("no-store"));
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.status) {
            headers.insert(header::RETRY_AFTER, value("2"));
        }
        response
    }
}

/// The answers that every resource may give beside the page.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let problem = |description: &str| {
            let content = Content::new(Some(Ref::from_schema_name("ProblemDetails")));
            ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", content)
                .build()
        };
        let unchanged = ResponseBuilder::new()
            .description("The page is as `If-None-Match` has it")
            .build();
        ResponsesBuilder::new()
            .response("304", unchanged)
            .response(
                "400",
                problem("A parameter is wrong: which one, its value, and what is accepted"),
            )
            .response("406", problem("None of the forms that `Accept` names is offered"))
            .response("414", problem("The query is longer than 16 KiB"))
            .response("503", problem("The service is starting: try again in a moment"))
            .response(
                "504",
                problem("The answer did not begin within `[server] longest_call`"),
            )
            .response("default", problem("What is wrong (RFC 9457)"))
            .build()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_ask_again_soon_is_told_when() {
        let full = Error::TooMany {
            what: "requests that are computed",
            most: 64,
        };
        for (error, expected) in [
            (full, Some("2")),
            (Error::NotReady("it starts".into()), Some("2")),
            (Error::invalid("limit", 0, "1 to 10"), None),
        ] {
            let response = Problem::from(error).into_response();
            let told = response.headers().get(header::RETRY_AFTER);
            assert_eq!(told.map(|value| value.to_str().unwrap()), expected, "{response:?}");
        }
    }
}
