//! What stands around every route: limits, compression, and who may ask from other sites.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::Problem;
use crate::config::ServerConfig;
use crate::{Error, Result};

/// How long browsers need not ask again whether they may ask.
const PREFLIGHT: Duration = Duration::from_hours(1);

/// Puts them around the routes.
///
/// # Errors
/// An origin that no header can have.
pub fn around(routes: Router, config: &ServerConfig) -> Result<Router> {
    let routes = routes
        .layer(GlobalConcurrencyLimitLayer::new(config.max_concurrent_calls))
        .layer(from_fn_with_state(Arc::new(config.longest_call.to_std()), in_time))
        .layer(CompressionLayer::new());
    Ok(match cors(&config.cors_origins)? {
        Some(cors) => routes.layer(cors),
        None => routes,
    })
}

/// The answer, where it begins in time; it may then take as long as the client reads it.
async fn in_time(State(longest): State<Arc<Duration>>, request: Request, next: Next) -> Response {
    let late = |_| Problem::from(Error::Deadline(*longest)).into_response();
    tokio::time::timeout(*longest, next.run(request))
        .await
        .unwrap_or_else(late)
}

/// None where no other site may ask.
fn cors(origins: &[String]) -> Result<Option<CorsLayer>> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let value = |origin: &String| {
            HeaderValue::from_str(origin).map_err(|_| Error::invalid("server.cors_origins", origin, "an origin"))
        };
        AllowOrigin::list(origins.iter().map(value).collect::<Result<Vec<_>>>()?)
    };
    let seen = [
        header::ETAG,
        header::LINK,
        header::RETRY_AFTER,
        HeaderName::from_static("arterial-left-out"),
    ];
    Ok(Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
            .allow_headers([header::ACCEPT, header::IF_NONE_MATCH, header::CONTENT_TYPE])
            .expose_headers(seen)
            .max_age(PREFLIGHT),
    ))
}
