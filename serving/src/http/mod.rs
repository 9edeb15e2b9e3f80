//! HTTP: for probes, for Prometheus, for people, and for programs that speak no gRPC.
//!
//! | file | what stands there |
//! |---|---|
//! | `windows/`, `incidents`, `analytics/`, `forecasts`, `area_forecasts` (and their `forecast_rows`), `alerts`, `alert` | the resources of `/v1` |
//! | `params`, `cursor`, `names`, `choice` | what a request may say |
//! | `accept`, `reply`, `table`, `csv`, `geo`, `problem` | how an answer looks: form, tag, next page, or what is wrong |
//! | `openapi` | the description of all that, made from it |
//! | `layers` | limits, compression, the token, other sites |
//! | `serve` | connections, and how long a client may take |
//! | `page` | the page for people |

mod accept;
mod alert;
mod alert_row;
mod alerts;
mod analytics;
mod area_forecasts;
mod calls;
mod choice;
mod csv;
mod cursor;
mod forecast_rows;
mod forecasts;
mod geo;
mod incidents;
mod layers;
mod names;
mod openapi;
mod page;
mod params;
mod problem;
mod reply;
mod serve;
mod table;
mod windows;

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};

pub use problem::Problem;
pub use serve::serve;

use crate::config::ServerConfig;
use crate::state::AppState;
use crate::{Error, Result};

/// Every path, for those who take a wrong one.
const PATHS: &str = "/, /livez, /readyz, /metrics, /openapi.json, /v1/traffic, /v1/transport, /v1/mobility, /v1/incidents, \
                     /v1/analytics, /v1/analytics/zones, /v1/analytics/roads, /v1/analytics/hot-spots, /v1/alerts, \
                     /v1/alerts/{alert_id}, /v1/events, /v1/forecasts, \
                     /v1/forecasts/areas";
/// The methods of every path.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// What the routes share.
#[derive(Clone)]
struct Shared {
    state: Arc<AppState>,
    document: Arc<openapi::Document>,
}

impl FromRef<Shared> for Arc<AppState> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.state)
    }
}

impl FromRef<Shared> for Arc<openapi::Document> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.document)
    }
}

/// Every route.
///
/// # Errors
/// A stream that cannot be described, a token that cannot be read.
pub fn router(state: Arc<AppState>, config: &ServerConfig) -> Result<Router> {
    let document = Arc::new(openapi::Document::new(&state.catalog)?);
    let shared = Shared {
        state: Arc::clone(&state),
        document,
    };
    let upkeep = Router::new()
        .route("/livez", only_get(livez))
        .route("/readyz", only_get(readyz))
        .route("/metrics", only_get(metrics))
        .with_state(shared.clone());
    let routes = Router::new()
        .merge(page::routes(&state, config.max_followers))
        .route("/openapi.json", only_get(openapi::document))
        .route("/v1/traffic", only_get(windows::traffic))
        .route("/v1/transport", only_get(windows::transport))
        .route("/v1/mobility", only_get(windows::mobility))
        .route("/v1/incidents", only_get(incidents::list))
        .route("/v1/analytics", only_get(analytics::kpis::list))
        .route("/v1/analytics/zones", only_get(analytics::zones::list))
        .route("/v1/analytics/roads", only_get(analytics::roads::list))
        .route("/v1/analytics/hot-spots", only_get(analytics::hot_spots::list))
        .route("/v1/alerts", only_get(alerts::list))
        .route("/v1/alerts/{alert_id}", only_get(alert::show))
        .route("/v1/forecasts", only_get(forecasts::list))
        .route("/v1/forecasts/areas", only_get(area_forecasts::list))
        .fallback(nothing_here)
        .with_state(shared);
    let counted = middleware::from_fn_with_state(state, calls::count);
    Ok(layers::around(routes, upkeep, config)?.layer(counted))
}

/// GET and HEAD by the handler, OPTIONS with what there is, everything else refused.
fn only_get<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    get(handler).options(methods).fallback(refused)
}

async fn methods() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)])
}

async fn refused(method: Method) -> Response {
    let problem = Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        error: Error::invalid("method", method, METHODS),
    };
    ([(header::ALLOW, METHODS)], problem).into_response()
}

/// The process lives.
#[utoipa::path(get, path = "/livez", tag = "service", responses((status = 200, description = "It does", body = String)))]
async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the service may be asked, if not why, and what it lacks.
///
/// A service that lacks something, such as its brokers, is ready all the same: it answers until its data are stale, and so would none of its
/// replicas where all of them lack it.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses(
        (status = 200, description = "It may; `degraded` says what it lacks", body = Object, content_type = "application/json"),
        (status = 503, description = "Not now: `reasons` says why", body = Object, content_type = "application/json"),
    )
)]
async fn readyz(State(state): State<Arc<AppState>>) -> Response {
    let told = state.readiness.told();
    let status = if told["ready"] == true {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(told)).into_response()
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain"))
)]
async fn metrics(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.metrics_text(),
    )
}

async fn nothing_here(uri: Uri) -> Problem {
    let error = Error::Unknown {
        what: "page",
        name: uri.path().into(),
        known: PATHS.into(),
    };
    error.into()
}
