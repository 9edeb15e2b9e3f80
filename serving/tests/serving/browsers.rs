//! gRPC-Web as browsers speak it, and what they let pages of other origins do.

use std::path::{Path, PathBuf};

use arterial_proto::{Message, v1};
use arterial_testing::{Chromium, Screen};
use axum::Router;
use axum::extract::{Path as Asked, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use reqwest::{Method, Response};
use serde_json::json;
use tokio::net::TcpListener;

use crate::stubs::{client, generated_javascript};
use crate::support::asking::request;
use crate::support::{Service, ready_with};
use arterial_serving::ServerConfig;

const HOME: &str = "https://dashboard.example.org";

async fn service() -> Service {
    let server = ServerConfig {
        cors_origins: vec![HOME.into()],
        ..ServerConfig::default()
    };
    ready_with(24, server).await
}

/// What a browser asks before a page of `origin` may call.
async fn preflight(service: &Service, origin: &str) -> Response {
    reqwest::Client::new()
        .request(Method::OPTIONS, address(service))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,grpc-timeout,x-grpc-web")
        .send()
        .await
        .unwrap()
}

fn address(service: &Service) -> String {
    let path = "arterial.v1.ForecastService/Forecast";
    format!("http://{}/{path}", service.running.grpc_addr)
}

/// A call from a page of `origin`: the answer and the trailers, which come as a frame of their own.
async fn call(service: &Service, origin: &str, request: &v1::ForecastRequest) -> (Response, Vec<(u8, Vec<u8>)>) {
    let message = request.encode_to_vec();
    let mut body = vec![0];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    let mut response = reqwest::Client::new()
        .post(address(service))
        .header("origin", origin)
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .body(body)
        .send()
        .await
        .unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    let mut frames = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((head, tail)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..5].try_into().unwrap()) as usize;
        frames.push((head[0], tail[..length].to_vec()));
        rest = &tail[length..];
    }
    (response, frames)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_named_origin_may_call_and_another_may_not() {
    let service = service().await;
    let allowed = preflight(&service, HOME).await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(header(&allowed, "access-control-allow-origin"), Some(HOME));
    let headers = header(&allowed, "access-control-allow-headers").unwrap();
    assert!(
        headers.contains("content-type") && headers.contains("grpc-timeout"),
        "{headers}"
    );
    assert!(
        header(&allowed, "access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    let denied = preflight(&service, "https://elsewhere.example.org").await;
    assert_eq!(header(&denied, "access-control-allow-origin"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browsers_call_is_answered_with_its_outcome_in_the_body() {
    let service = service().await;
    let request = v1::ForecastRequest {
        keys: vec!["a".into()],
        ..request()
    };
    let (response, frames) = call(&service, HOME, &request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), Some("application/grpc-web+proto"));
    assert_eq!(header(&response, "access-control-allow-origin"), Some(HOME));
    let exposed = header(&response, "access-control-expose-headers").unwrap();
    assert!(exposed.contains("grpc-status-details-bin"), "{exposed}");
    let [(0, answer), (0x80, trailers)] = frames.as_slice() else {
        panic!("{frames:?}")
    };
    let answer = v1::ForecastResponse::decode(answer.as_slice()).unwrap();
    assert_eq!((answer.forecasts.len(), answer.forecasts[0].key.as_str()), (3, "a"));
    let trailers = String::from_utf8_lossy(trailers).replace(' ', "");
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    let wrong = v1::ForecastRequest {
        topic: "trafic".into(),
        ..request
    };
    let (response, _) = call(&service, HOME, &wrong).await;
    assert_eq!(header(&response, "grpc-status"), Some("3"));
    assert!(header(&response, "grpc-status-details-bin").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_no_page_of_another_origin_may_call() {
    let service = ready_with(24, ServerConfig::default()).await;
    let denied = preflight(&service, HOME).await;
    assert_eq!(header(&denied, "access-control-allow-origin"), None);
}

/// Where a browser finds the libraries that generated code names; no bundler is needed.
fn page() -> String {
    let library = |name: &str| format!("/node_modules/{name}/dist/esm/index.js");
    let part = |name: &str, part: &str| format!("/node_modules/{name}/dist/esm/{part}/index.js");
    let (protobuf, connect) = ("@bufbuild/protobuf", "@connectrpc/connect");
    let mut imports = serde_json::Map::new();
    for name in [protobuf, connect, "@connectrpc/connect-web"] {
        imports.insert(name.into(), library(name).into());
    }
    for (name, parts) in [
        (protobuf, ["codegenv2", "wire", "wkt"]),
        (connect, ["protocol", "protocol-connect", "protocol-grpc-web"]),
    ] {
        for one in parts {
            imports.insert(format!("{name}/{one}"), part(name, one).into());
        }
    }
    let map = json!({ "imports": imports });
    format!(
        "<!doctype html><link rel=icon href=data:,><script type=importmap>{map}</script>\
         <script type=module src=/page/browser.mjs></script>"
    )
}

/// Scripts of the page's own folder, and of the libraries beside it.
async fn script(State(folder): State<PathBuf>, Asked(path): Asked<String>) -> impl IntoResponse {
    let file = match path.strip_prefix("page/") {
        Some(own) => folder.join(own),
        None => folder.join("..").join(&path),
    };
    match std::fs::read(file) {
        Ok(text) => Ok(([(CONTENT_TYPE, "text/javascript")], text)),
        Err(_) => Err(StatusCode::NOT_FOUND),
    }
}

/// A web server of somebody else, with a page that calls the service.
fn serve_page(listener: TcpListener, folder: &Path) {
    let routes = Router::new()
        .route("/", get(async || Html(page())))
        .route("/{*path}", get(script))
        .with_state(folder.to_owned());
    tokio::spawn(async move { axum::serve(listener, routes).await });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn in_a_real_browser_a_page_of_a_named_origin_forecasts_and_watches_and_another_may_not() {
    let Some(folder) = generated_javascript().await else {
        return;
    };
    let Some(mut browser) = Chromium::start() else {
        return;
    };
    std::fs::copy(client("browser.mjs"), folder.path().join("browser.mjs")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    serve_page(listener, folder.path());
    let server = ServerConfig {
        cors_origins: vec![format!("http://127.0.0.1:{port}")],
        ..ServerConfig::default()
    };
    let service = ready_with(24, server).await;
    let mut seen_from = |host: &str| {
        let url = format!("http://{host}:{port}/#{}", service.running.grpc_addr);
        browser.open(&url, Screen::default());
        browser.until("window.done");
        browser.evaluate("window.seen")
    };
    let seen = seen_from("127.0.0.1");
    assert_eq!(seen[0], "50 54 58");
    let refusal = seen[1].as_str().unwrap();
    assert!(
        refusal.starts_with("InvalidArgument: `horizons_minutes` is `7`"),
        "{refusal}"
    );
    assert_eq!(seen[2], "3 watched");
    // The same page from an origin that is not named: the browser keeps the answers from it.
    let kept_away = seen_from("localhost");
    for told in kept_away.as_array().unwrap() {
        assert!(told.as_str().unwrap().starts_with("Unknown: "), "{told}");
    }
}
