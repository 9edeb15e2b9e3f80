//! HTTP: for probes, for Prometheus, for people, and for programs that speak no gRPC.

mod alerts;
mod calls;
mod forecasts;
mod openapi;
mod page;
mod problem;
mod query;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use problem::Problem;

use crate::state::AppState;
use crate::{Error, Result};

/// Every route.
pub fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/v1/alerts", get(alerts::list))
        .route("/v1/forecasts", get(forecasts::list))
        .fallback(nothing_here)
        .method_not_allowed_fallback(get_only)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), calls::count))
        .with_state(state)
}

/// Answers until `stop`, then finishes what is in flight.
///
/// # Errors
/// A listener that breaks.
pub async fn serve(listener: TcpListener, state: Arc<AppState>, stop: CancellationToken) -> Result<()> {
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(stop.cancelled_owned());
    server.await.map_err(|source| Error::Listen {
        address: "http".into(),
        source,
    })
}

/// The process lives.
async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the service may be asked, and if not, why.
async fn readyz(State(state): State<Arc<AppState>>) -> Response {
    let reasons = state.readiness.reasons();
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let reasons: Vec<_> = reasons
        .iter()
        .map(|(reason, text)| json!({"code": reason.code(), "message": text}))
        .collect();
    (status, Json(json!({"ready": reasons.is_empty(), "reasons": reasons}))).into_response()
}

async fn metrics(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.metrics_text(),
    )
}

async fn page(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page::render(&state)))
}

async fn nothing_here(uri: Uri) -> Problem {
    let error = Error::Unknown {
        what: "page",
        name: uri.path().into(),
        known: "/, /livez, /readyz, /metrics, /openapi.json, /v1/alerts, /v1/forecasts".into(),
    };
    error.into()
}

async fn get_only(method: Method) -> Problem {
    Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        error: Error::invalid("method", method, "GET"),
    }
}
