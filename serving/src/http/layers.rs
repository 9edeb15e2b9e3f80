//! What stands around every route: limits, compression, and who may ask from other sites.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::compression::CompressionLayer;

use super::Problem;
use crate::config::ServerConfig;
use crate::token::{Token, guard};
use crate::{Error, Result, cors};

/// Puts them around the routes.
///
/// # Errors
/// A token that cannot be read.
pub fn around(routes: Router, config: &ServerConfig) -> Result<Router> {
    let mut routes = routes
        .layer(GlobalConcurrencyLimitLayer::new(config.max_concurrent_calls))
        .layer(from_fn_with_state(Arc::new(config.longest_call.to_std()), in_time))
        .layer(CompressionLayer::new());
    // Within what browsers ask first, which they do without a token.
    if let Some(token) = Token::read(&config.token_file)? {
        routes = routes.layer(from_fn_with_state(token, guard));
    }
    if config.cors_origins.is_empty() {
        return Ok(routes);
    }
    Ok(routes.layer(cors::layer(&config.cors_origins)))
}

/// The answer, where it begins in time; it may then take as long as the client reads it.
async fn in_time(State(longest): State<Arc<Duration>>, request: Request, next: Next) -> Response {
    let late = |_| Problem::from(Error::Deadline(*longest)).into_response();
    tokio::time::timeout(*longest, next.run(request))
        .await
        .unwrap_or_else(late)
}
