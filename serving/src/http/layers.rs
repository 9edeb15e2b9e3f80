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

/// Puts them around the routes, and around those of `upkeep`, which wait for nobody: whoever looks after the service has to learn that it is
/// busy, not dead.
///
/// # Errors
/// A token that cannot be read.
pub fn around(routes: Router, upkeep: Router, config: &ServerConfig) -> Result<Router> {
    let mut routes = routes
        .layer(GlobalConcurrencyLimitLayer::new(config.max_concurrent_calls))
        .merge(upkeep)
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use futures::FutureExt;
    use tokio_util::sync::CancellationToken;
    use tower::Service;

    use super::*;

    fn request(path: &str) -> Request {
        axum::http::Request::builder().uri(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn upkeep_is_answered_while_all_places_are_taken() {
        let begun = CancellationToken::new();
        let token = begun.clone();
        let slow = get(move || async move {
            token.cancel();
            std::future::pending::<()>().await;
        });
        let config = ServerConfig {
            max_concurrent_calls: 1,
            ..ServerConfig::default()
        };
        let upkeep = Router::new().route("/livez", get(|| async { "ok" }));
        let mut routes = around(Router::new().route("/", slow), upkeep, &config).unwrap();
        let mut first = routes.clone();
        let first = tokio::spawn(async move { first.call(request("/")).await });
        begun.cancelled().await;
        assert!(routes.call(request("/")).now_or_never().is_none(), "the place is taken");
        let probe = routes.call(request("/livez")).await.unwrap();
        assert!(probe.status().is_success(), "{probe:?}");
        first.abort();
    }
}
