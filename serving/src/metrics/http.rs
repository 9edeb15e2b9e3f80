//! Requests over HTTP under the name that OpenTelemetry's conventions give them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::family::{Family, Kind};
use super::histogram::Histogram;
use crate::sync::lock;

const DURATION: Family = Family {
    name: "http_server_request_duration_seconds",
    kind: Kind::Histogram,
    help: "Time until an HTTP request's answer begins, by http_request_method, http_route and http_response_status_code.",
};

pub(super) const FAMILIES: [Family; 1] = [DURATION];

/// So many series are kept; what comes after counts under the route `other`.
const MOST: usize = 256;

type Series = (String, String, u16);

/// The requests by method, route and status.
#[derive(Debug, Default)]
pub struct HttpCalls {
    series: Mutex<BTreeMap<Series, Arc<Histogram>>>,
}

impl HttpCalls {
    /// Takes one request. The route is the first two segments of `path`; what is not found, and methods that HTTP does not
    /// know, count together, so that callers cannot make up series.
    pub fn handled(&self, method: &str, path: &str, status: u16, took: Duration) {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
        let method = if known.contains(&method) { method } else { "_OTHER" };
        let route = if status == 404 { "unknown".into() } else { route(path) };
        let histogram = {
            let mut all = lock(&self.series);
            let key = (method.to_owned(), route, status);
            let key = if all.len() < MOST || all.contains_key(&key) {
                key
            } else {
                (method.to_owned(), "other".into(), status)
            };
            Arc::clone(all.entry(key).or_default())
        };
        histogram.observe(took);
    }

    pub(super) fn render(&self, text: &mut String) {
        DURATION.head(text);
        let all = lock(&self.series).clone();
        for ((method, route, status), histogram) in all {
            let labels = format!(
                "http_request_method=\"{method}\",{},http_response_status_code=\"{status}\"",
                super::labels("http_route", &route)
            );
            histogram.render(DURATION.name, &labels, text);
        }
    }
}

/// The first two segments of a path.
fn route(path: &str) -> String {
    let mut route = String::new();
    for segment in path.split('/').filter(|one| !one.is_empty()).take(2) {
        route.push('/');
        route.push_str(segment);
    }
    if route.is_empty() { "/".into() } else { route }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_two_segments() {
        assert_eq!(route("/"), "/");
        assert_eq!(route("/metrics"), "/metrics");
        assert_eq!(route("/v1/alerts/3f2a/history"), "/v1/alerts");
    }

    #[test]
    fn what_is_not_found_is_one_series_and_all_series_are_bounded() {
        let calls = HttpCalls::default();
        let took = Duration::from_millis(1);
        for number in 0..1000 {
            calls.handled("GET", &format!("/{number}"), 404, took);
        }
        assert_eq!(lock(&calls.series).len(), 1);
        for number in 0..1000 {
            calls.handled("GET", &format!("/{number}"), 200, took);
            calls.handled(&format!("X{number}"), "/", 405, took);
        }
        assert!(lock(&calls.series).len() <= MOST + 2);
        let mut text = String::new();
        calls.render(&mut text);
        let line = "_count{http_request_method=\"GET\",http_route=\"unknown\",http_response_status_code=\"404\"} 1000";
        assert!(text.contains(line), "{text}");
    }
}
