//! What HTTP itself has: caches, methods, refusals, compression, other sites.

use arterial_serving::{ServerConfig, http};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::TOPIC;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_changed_is_not_sent_again() {
    let service = city().await;
    for path in [
        "/v1/traffic",
        "/v1/forecasts",
        "/v1/alerts",
        "/v1/analytics",
        "/v1/analytics/roads?format=csv",
        "/openapi.json",
    ] {
        let first = ask(&service, Method::GET, path, &[]).await;
        let tag = header(first.headers(), "etag").to_owned();
        assert!(
            tag.starts_with("W/\"") && header(first.headers(), "cache-control") == "no-cache",
            "{path} {tag}"
        );
        // Ages grow, and nothing is new.
        service
            .clock
            .set(arterial_datasets::time::Timestamp(window(WINDOWS).0 + MINUTE));
        let others = format!("\"other\", {tag}");
        let again = ask(&service, Method::GET, path, &[("if-none-match", &others)]).await;
        assert_eq!(
            (again.status().as_u16(), header(again.headers(), "etag")),
            (304, tag.as_str()),
            "{path}"
        );
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let first = ask(&service, Method::GET, "/v1/traffic", &[]).await;
    let tag = header(first.headers(), "etag").to_owned();
    let other = ask(
        &service,
        Method::GET,
        "/v1/traffic?format=csv",
        &[("if-none-match", &tag)],
    )
    .await;
    assert_eq!(other.status(), 200, "another form is another thing");
    let newer = batch(&[("a", "north", WINDOWS, 0, Some(48.0))]);
    commit(&service.lake, windows_of(TOPIC), newer).await;
    let changed = ask(&service, Method::GET, "/v1/traffic", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), 200);
    let page: Value = changed.json().await.unwrap();
    assert_eq!(page["windows"][0]["speed_kmh_mean"], 48.0, "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_forms_and_parameters_that_are_not_known_are_refused_with_those_that_are() {
    let service = city().await;
    for path in ["/v1/traffic", "/", "/openapi.json"] {
        let options = ask(&service, Method::OPTIONS, path, &[]).await;
        assert_eq!(
            (options.status().as_u16(), header(options.headers(), "allow")),
            (204, "GET, HEAD, OPTIONS")
        );
        let post = ask(&service, Method::POST, path, &[]).await;
        assert_eq!(
            (post.status().as_u16(), header(post.headers(), "allow")),
            (405, "GET, HEAD, OPTIONS")
        );
        let body: Value = post.json().await.unwrap();
        assert!(
            body["type"]
                .as_str()
                .unwrap()
                .ends_with("docs/http.md#method-not-allowed"),
            "{body}"
        );
        let head = ask(&service, Method::HEAD, path, &[]).await;
        assert_eq!(head.status(), 200);
        assert!(header(head.headers(), "content-length").parse::<usize>().unwrap() > 0);
        assert!(head.bytes().await.unwrap().is_empty());
    }
    let refused = problem(&service, "/v1/traffic", &[("accept", "text/html, image/png")]).await;
    assert_eq!(refused["status"], 406);
    assert!(refused["accepted"].as_str().unwrap().contains("text/csv"), "{refused}");
    let refused = problem(&service, "/v1/analytics", &[("accept", "application/geo+json")]).await;
    assert_eq!(refused["status"], 406, "figures have no place");
    let long = format!("/v1/traffic?keys={}", "a,".repeat(9_000));
    assert_eq!(problem(&service, &long, &[]).await["status"], 414);
    for (query, field, accepted) in [
        (
            "/v1/traffic?key=a",
            "query",
            "keys, zones, bbox, fields, since, until, limit, cursor, format",
        ),
        ("/v1/traffic?limit=10001", "limit", "1 to 10000"),
        ("/v1/traffic?fields=colour", "fields", "congestion"),
        ("/v1/traffic?bbox=1,2", "bbox", "west,south,east,north"),
        (
            "/v1/mobility?topics=scooters",
            "topics",
            "bike-share, parking, taxi-vtc",
        ),
        ("/v1/incidents?types=fire", "types", "accident, breakdown"),
        (
            "/v1/forecasts?horizon_minutes=30",
            "query",
            "`horizons_minutes` may have been meant",
        ),
        (
            "/v1/analytics/zones?horizons_minutes=15,30",
            "query",
            "`horizon_minutes` may have been meant",
        ),
        (
            "/v1/analytics/roads?horizon_minutes=7",
            "horizon_minutes",
            "multiples of 5m",
        ),
        (
            "/v1/analytics/zones?since=2026-01-01T00:00:00Z&horizon_minutes=15",
            "horizon_minutes",
            "together with `since`",
        ),
        ("/v1/analytics/hot-spots?of=smoke", "of", "congestion, incidents"),
        ("/v1/analytics/hot-spots?limit=0", "limit", "1 to 10000"),
        ("/v1/alerts?limit=1&limit=2", "limit", "once"),
    ] {
        let refused = problem(&service, query, &[]).await;
        assert_eq!(
            (&refused["status"], &refused["field"]),
            (&json!(400), &json!(field)),
            "{refused}"
        );
        assert!(refused["accepted"].as_str().unwrap().contains(accepted), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_wait_for_the_service_and_are_compressed_for_those_who_take_that() {
    let service = waiting(Some(traffic())).await;
    let answer = ask(&service, Method::GET, "/v1/traffic", &[]).await;
    assert_eq!(
        (answer.status().as_u16(), header(answer.headers(), "retry-after")),
        (503, "2")
    );
    service.clock.set(window(WINDOWS));
    service.state.start().await.unwrap();
    let answer = ask(&service, Method::GET, "/v1/traffic", &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(answer.headers(), "content-encoding"), "gzip");
    assert!(answer.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sites_may_ask_where_the_configuration_says_so() {
    let service = city().await;
    let origin = ("origin", "https://city.example");
    let plain = ask(&service, Method::GET, "/v1/traffic", &[origin]).await;
    assert_eq!(header(plain.headers(), "access-control-allow-origin"), "");
    let config = ServerConfig {
        cors_origins: vec![origin.1.to_owned()],
        ..ServerConfig::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traffic", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let routes = http::router(Arc::clone(&service.state), &config).unwrap();
    let serving = tokio::spawn(http::serve(listener, routes, stop.clone()));
    let request = |method: Method, origin: &str| Client::new().request(method, &url).header("origin", origin);
    let answer = request(Method::GET, origin.1).send().await.unwrap();
    assert_eq!(header(answer.headers(), "access-control-allow-origin"), origin.1);
    assert!(header(answer.headers(), "access-control-expose-headers").contains("etag"));
    let asked = request(Method::OPTIONS, origin.1)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "if-none-match");
    let answer = asked.send().await.unwrap();
    assert!(answer.status().is_success() && header(answer.headers(), "access-control-allow-methods").contains("GET"));
    let answer = request(Method::GET, "https://elsewhere.example").send().await.unwrap();
    assert_eq!(header(answer.headers(), "access-control-allow-origin"), "");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
