//! Which web pages a browser lets call this service: those of `[server] cors_origins`, over gRPC-Web and HTTP alike.

use std::time::Duration;

use tonic::codegen::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use url::Url;

use crate::traces::{TRACERESPONSE, WINDOW_TRACE};
use crate::{Error, Result};

/// Any origin.
const ANY: &str = "*";
/// A browser asks again after so long.
const REMEMBERED: Duration = Duration::from_hours(2);
/// What a page may read of an answer, beside what browsers always show: the outcome of a call, what HTTP's pages go on with, and of which
/// trace it is.
const EXPOSED: [&str; 10] = [
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-encoding",
    "etag",
    "link",
    "retry-after",
    "arterial-left-out",
    TRACERESPONSE,
    WINDOW_TRACE,
];

/// Checks that each of `origins` is an origin: scheme, host and port, and nothing else.
///
/// # Errors
/// The first that is none.
pub fn check(field: &str, origins: &[String]) -> Result<()> {
    let is_origin = |text: &str| {
        // No browser sends a `*`, which stands for nothing within a host.
        let url = Url::parse(text).ok().filter(|_| !text.contains('*'));
        url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
    };
    match origins.iter().find(|origin| *origin != ANY && !is_origin(origin)) {
        None => Ok(()),
        Some(origin) => {
            let accepted =
                "origins such as https://dashboard.example.org or http://localhost:3000, without a path, or *";
            Err(Error::invalid(field, origin, accepted))
        }
    }
}

/// Tells browsers that pages of `origins` may call; those of any other origin may not, as they may by default.
pub fn layer(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == ANY) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_a_host_and_no_path() {
        let checked = |text: &str| check("server.cors_origins", &[text.to_owned()]);
        for good in [
            "https://dashboard.example.org",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "*",
        ] {
            checked(good).unwrap();
        }
        for bad in [
            "",
            "dashboard.example.org",
            "https://a.org/",
            "https://a.org/page",
            "https://a.org:443",
            "ftp://a.org",
            "null",
            "https://*.a.org",
        ] {
            let error = checked(bad).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`server.cors_origins` is `{bad}`")),
                "{error}"
            );
        }
    }
}
