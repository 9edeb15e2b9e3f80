//! Around every HTTP request: what is counted of it, and its span.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::state::AppState;
use crate::traces::{TARGET, answer_with, continue_call};

/// Counts a request by method, route and status once its answer begins; its span ends then, too.
pub(super) async fn count(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = span(method.as_str(), &path);
    let place = continue_call(&span, request.headers());
    let mut answer = next.run(request).instrument(span.clone()).await;
    let took = started.elapsed();
    span.record("http.response.status_code", answer.status().as_u16());
    if answer.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    answer_with(&place, answer.headers_mut());
    state
        .metrics
        .http
        .handled(method.as_str(), &path, answer.status().as_u16(), took);
    answer
}

/// The span of a request; none of those by which the server itself is looked after.
fn span(method: &str, path: &str) -> Span {
    if ["/metrics", "/livez", "/readyz"].contains(&path) {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = format!("{method} {path}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        url.path = path,
        http.response.status_code = Empty,
        trace_id = Empty,
    )
}
