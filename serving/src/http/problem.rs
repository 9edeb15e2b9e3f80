//! Errors as RFC 9457 problem bodies.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tonic::Code;

use crate::Error;
use crate::error::chain;

/// An error on its way to an HTTP client.
#[derive(Debug)]
pub struct Problem {
    /// The status that tells it.
    pub status: StatusCode,
    /// What is wrong.
    pub error: Error,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.code() {
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::FailedPrecondition => StatusCode::CONFLICT,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, error } = self;
        let title = status.canonical_reason().unwrap_or("error");
        let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": chain(&error)});
        let mut response = (status, Json(body)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
