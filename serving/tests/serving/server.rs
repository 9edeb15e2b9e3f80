//! Health, reflection, catalogue, HTTP, deadlines and the end.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::asking::{client, request};
use crate::support::{FIELD, Service, TOPIC, eventually, history, ready, ready_with, target, waiting, window};
use arrow_flight::sql::client::FlightSqlServiceClient;
use arterial_proto::v1;
use arterial_proto::v1::catalog_service_client::CatalogServiceClient;
use arterial_serving::flight::client::{ask, ask_with};
use arterial_serving::readiness::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

async fn health(service: &Service, name: &str) -> ServingStatus {
    let mut client = HealthClient::new(service.channel().await);
    client
        .check(HealthCheckRequest { service: name.into() })
        .await
        .unwrap()
        .into_inner()
        .status()
}

/// The status and the body of a plain HTTP request.
async fn fetch(service: &Service, path: &str) -> (u16, String) {
    send(service, "GET", path).await
}

async fn send(service: &Service, method: &str, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(service.running.http_addr).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_not_serving_while_state_is_rebuilt_and_serving_after() {
    let service = waiting(None).await;
    assert_eq!(health(&service, "").await, ServingStatus::NotServing);
    let status = client(&service).await.forecast(request()).await.unwrap_err();
    assert!(
        status.code() == Code::Unavailable && status.message().contains("rebuilt"),
        "{status}"
    );
    let (code, body) = fetch(&service, "/readyz").await;
    assert!(code == 503 && body.contains("rebuilding"), "{body}");
    assert_eq!(fetch(&service, "/livez").await.0, 200);
    service.state.start().await.unwrap();
    for name in [
        "",
        "arterial.v1.ForecastService",
        "arterial.v1.CatalogService",
        "arterial.v1.ModelService",
        "arrow.flight.protocol.FlightService",
    ] {
        eventually("serving", async || {
            health(&service, name).await == ServingStatus::Serving
        })
        .await;
    }
    assert_eq!(fetch(&service, "/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_names_what_stands_in_the_way_of_readiness() {
    let service = ready(3).await;
    let brokers = "arterial.readiness.broker_unreachable";
    eventually("well", async || {
        health(&service, brokers).await == ServingStatus::Serving
    })
    .await;
    service
        .state
        .readiness
        .raise(Reason::BrokerUnreachable, "no broker answers");
    eventually("away", async || {
        health(&service, brokers).await == ServingStatus::NotServing
    })
    .await;
    assert_eq!(
        health(&service, "").await,
        ServingStatus::Serving,
        "forecasts are answered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_reflection_list_every_service_but_flight() {
    let service = waiting(None).await;
    let expected = |version: &str| {
        let reflection = format!("grpc.reflection.{version}.ServerReflection");
        BTreeSet::from([
            "arterial.v1.AlertService".to_owned(),
            "arterial.v1.AnalyticsService".to_owned(),
            "arterial.v1.CatalogService".to_owned(),
            "arterial.v1.ForecastService".to_owned(),
            "arterial.v1.ModelService".to_owned(),
            "grpc.health.v1.Health".to_owned(),
            reflection,
            "inference.GRPCInferenceService".to_owned(),
        ])
    };
    macro_rules! services {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let mut client = ServerReflectionClient::new(service.channel().await);
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let stream = client
                .server_reflection_info(futures::stream::iter([request]))
                .await
                .unwrap();
            let response = stream.into_inner().message().await.unwrap().unwrap();
            let Some(MessageResponse::ListServicesResponse(list)) = response.message_response else {
                panic!("no list")
            };
            list.service
                .into_iter()
                .map(|service| service.name)
                .collect::<BTreeSet<String>>()
        }};
    }
    // Of Flight there is no description here: its clients bring their own.
    assert_eq!(services!(v1), expected("v1"));
    assert_eq!(services!(v1alpha), expected("v1alpha"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_knows_streams_keys_and_tables() {
    let service = ready(24).await;
    let mut client = CatalogServiceClient::new(service.channel().await);
    let streams = client
        .list_streams(v1::ListStreamsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .streams;
    let stream = streams.iter().find(|stream| stream.name == TOPIC).unwrap();
    assert_eq!((streams.len(), stream.keys, stream.window_seconds), (8, 2, 300.0));
    let speed = stream.targets.iter().find(|target| target.name == FIELD).unwrap();
    assert_eq!(
        (speed.unit.as_str(), speed.column.as_str(), speed.champion.as_str()),
        ("km/h", "speed_kmh_mean", "constant@1")
    );
    let page = |page_token: String| v1::ListKeysRequest {
        topic: TOPIC.into(),
        page_size: 1,
        page_token,
        ..v1::ListKeysRequest::default()
    };
    let first = client.list_keys(page(String::new())).await.unwrap().into_inner();
    assert_eq!(
        (
            first.keys[0].key.as_str(),
            first.keys[0].zone_id.as_str(),
            first.next_page_token.as_str()
        ),
        ("a", "north", "a")
    );
    let second = client
        .list_keys(page(first.next_page_token))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (second.keys[0].key.as_str(), second.next_page_token.as_str()),
        ("b", "")
    );
    let tables = client
        .list_tables(v1::ListTablesRequest::default())
        .await
        .unwrap()
        .into_inner()
        .tables;
    let windows = tables
        .iter()
        .find(|table| table.name == "traffic_sensors_windows")
        .unwrap();
    assert!(
        windows
            .columns
            .iter()
            .any(|column| column.name == "speed_kmh_mean" && column.unit == "km/h")
    );
    let status = client.list_keys(page("nobody".into())).await.unwrap_err();
    assert!(status.message().starts_with("`page_token` is `nobody`"), "{status}");
    let wrong = v1::ListKeysRequest {
        topic: TOPIC.into(),
        page_size: -1,
        ..v1::ListKeysRequest::default()
    };
    assert!(
        client
            .list_keys(wrong)
            .await
            .unwrap_err()
            .message()
            .starts_with("`page_size` is `-1`")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_serves_metrics_a_page_and_forecasts() {
    let service = ready(24).await;
    let (code, page) = fetch(&service, "/").await;
    assert!(
        code == 200
            && page.contains("constant@1")
            && page.contains("synthetic")
            && page.contains("2026-01-05 01:55")
            && page.contains("+15 min")
            && page.contains("50 km/h"),
        "{page}"
    );
    let (code, metrics) = fetch(&service, "/metrics").await;
    assert!(
        code == 200 && metrics.contains("arterial_score_runs_total{target=\"traffic-sensors.speed_kmh\"} 1"),
        "{metrics}"
    );
    let path = "/v1/forecasts?topic=traffic-sensors&target=speed_kmh&horizons_minutes=5&limit=1";
    let (code, body) = fetch(&service, path).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((code, &body["forecasts"][0]["key"]), (200, &"a".into()));
    assert_eq!(body["forecasts"][0]["quantiles"][1]["value"], 52.0);
    let cursor = body["next_cursor"].as_str().unwrap();
    let (_, body) = fetch(&service, &format!("{path}&cursor={cursor}")).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["forecasts"][0]["key"], &body["next_cursor"]),
        (&"b".into(), &serde_json::Value::Null)
    );
    let (code, problem) = fetch(&service, "/v1/forecasts?topic=trafic&target=speed_kmh").await;
    assert!(
        code == 400 && problem.contains("`topic` is `trafic`") && problem.contains("\"status\":400"),
        "{problem}"
    );
    let (code, body) = fetch(&service, "/v1/forecasts?keys=a").await;
    assert!(code == 200 && body.contains("speed_kmh"), "{body}");
    let (code, problem) = fetch(&service, "/nowhere").await;
    assert!(code == 404 && problem.contains("`/nowhere`"), "{problem}");
    let (code, problem) = fetch(&service, &format!("{path}&as_of=foo")).await;
    assert!(code == 400 && problem.contains("`as_of` is `foo`"), "{problem}");
    let (code, problem) = fetch(&service, &format!("{path}&cursor=nobody")).await;
    assert!(code == 400 && problem.contains("`cursor` is `nobody`"), "{problem}");
    let (code, problem) = send(&service, "POST", "/v1/forecasts").await;
    assert!(code == 405 && problem.contains("\"status\":405"), "{problem}");
    let (_, document) = fetch(&service, "/openapi.json").await;
    assert!(document.contains("/v1/forecasts"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_why_there_is_no_forecast_in_units_they_can_grasp() {
    let service = waiting(Some(history(3))).await;
    service.clock.set(window(3));
    service.state.start().await.unwrap();
    let (_, page) = fetch(&service, "/").await;
    assert!(page.contains("nobody can answer.") && !page.contains(": ."), "{page}");
    let (_, body) = fetch(&service, "/v1/forecasts?keys=a").await;
    assert!(
        body.contains("NO_DATA") && body.contains("two days of the same kind"),
        "{body}"
    );
    service.clock.set(window(3 + 319 * 288));
    let (_, body) = fetch(&service, "/v1/forecasts?keys=a").await;
    assert!(body.contains("ended 319 days ago, the limit is 15 min"), "{body}");
    assert!(fetch(&service, "/").await.1.contains("319 days"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_above_the_size_limit_is_refused() {
    let service = ready(3).await;
    let keys = vec!["k".repeat(4096); 5000];
    let large = v1::ForecastRequest { keys, ..request() };
    let status = client(&service).await.forecast(large).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passes_is_said_as_such() {
    let service = ready(3).await;
    // Somebody else computes; a request that has to be computed waits for its turn until its deadline.
    let scores = service.state.scores.get(&target()).unwrap();
    let (held, release) = (
        tokio::sync::oneshot::channel::<()>(),
        tokio::sync::oneshot::channel::<()>(),
    );
    let (holding, may_end) = (held.0, release.1);
    let wanted = arterial_serving::score::Wanted {
        model: None,
        edition: service.state.champions.edition(&target()),
        quantiles: vec![0.2],
    };
    let holder = tokio::spawn(async move {
        let compute = async || {
            let _ = holding.send(());
            let _ = may_end.await;
            Ok::<_, ()>(None)
        };
        scores.asked(wanted, compute).await
    });
    held.1.await.unwrap();
    let mut hasty = tonic::Request::new(v1::ForecastRequest {
        quantiles: vec![0.3],
        ..request()
    });
    hasty.metadata_mut().insert("grpc-timeout", "200m".parse().unwrap());
    let status = client(&service).await.forecast(hasty).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    release.0.send(()).unwrap();
    holder.await.unwrap().unwrap();
}

/// What callers of a guarded service bring.
pub const TOKEN: &str = "0123456789-abcdef";

/// A service that asks for a token, and the file that holds it.
pub async fn guarded() -> (Service, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let server = arterial_serving::ServerConfig {
        token_file: file.path().display().to_string(),
        ..arterial_serving::ServerConfig::default()
    };
    (ready_with(24, server).await, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_token_is_set_every_call_brings_it() {
    let (service, _file) = guarded().await;
    let mut client = client(&service).await;
    let mut asked = async |authorization: &str| {
        let mut request = tonic::Request::new(request());
        if !authorization.is_empty() {
            let value = authorization.parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let answer = client.forecast(request).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!(asked(&format!("Bearer {TOKEN}")).await, Code::Ok);
    for wrong in ["", "Bearer 0123456789-abcdeX", TOKEN] {
        assert_eq!(asked(wrong).await, Code::Unauthenticated, "{wrong}");
    }
    // Whoever looks after the server is not asked.
    assert_eq!(health(&service, "").await, ServingStatus::Serving);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_token_is_set_every_request_brings_it_but_for_probes() {
    let (service, _file) = guarded().await;
    let bring = async |path: &str, authorization: &str| {
        let mut stream = tokio::net::TcpStream::connect(service.running.http_addr).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    for path in ["/", "/metrics", "/v1/forecasts?keys=a", "/openapi.json", "/nowhere"] {
        let refused = bring(path, "Bearer 0123456789-abcdeX").await;
        assert!(refused.starts_with("HTTP/1.1 401 "), "{path}: {refused}");
        assert!(
            refused.to_lowercase().contains("www-authenticate: bearer") && refused.contains("#no-token"),
            "{path}: {refused}"
        );
    }
    assert_eq!(fetch(&service, "/metrics").await.0, 401);
    for path in ["/", "/metrics", "/v1/forecasts?keys=a"] {
        let answer = bring(path, &format!("Bearer {TOKEN}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(fetch(&service, path).await.0, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_asked_for_the_token_and_brings_it_as_a_password_for_the_page_its_data_and_its_events() {
    let (service, _file) = guarded().await;
    let client = reqwest::Client::new();
    let asked = |path: &str| client.get(format!("http://{}{path}", service.running.http_addr));
    let refused = asked("/").send().await.unwrap();
    let challenges = refused.headers().get_all("www-authenticate").iter();
    let challenges: Vec<&str> = challenges.map(|one| one.to_str().unwrap()).collect();
    assert_eq!(challenges, ["Bearer", "Basic realm=\"arterial\""]);
    for path in ["/", "/page/main.js", "/page/data/city", "/v1/events", "/metrics"] {
        for (password, expected) in [(TOKEN, 200), ("0123456789-abcdeX", 401), ("", 401)] {
            // Of the events only the head is waited for: they have no end.
            let answer = asked(path).basic_auth("anybody", Some(password)).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{path} with `{password}`");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_flight_sql_log_in_with_the_token_as_their_password() {
    let (service, _file) = guarded().await;
    let channel = service.channel().await;
    let mut client = FlightSqlServiceClient::new(channel.clone());
    assert!(client.handshake("anybody", "0123456789-abcdeX").await.is_err());
    assert!(client.execute("SELECT 1 AS n".into(), None).await.is_err());
    client.handshake("anybody", TOKEN).await.unwrap();
    assert_eq!(client.token().map(String::as_str), Some(TOKEN));
    assert_eq!(
        client
            .execute("SELECT 1 AS n".into(), None)
            .await
            .unwrap()
            .endpoint
            .len(),
        1
    );
    let sql = "SELECT 1 AS n";
    assert!(
        ask(channel.clone(), sql)
            .await
            .is_err_and(|status| status.code() == Code::Unauthenticated)
    );
    assert!(ask_with(channel, Some(TOKEN), sql).await.is_ok());
    // Without a token whoever logs in is welcome.
    let open = ready(24).await;
    let mut client = FlightSqlServiceClient::new(open.channel().await);
    client.handshake("anybody", "anything").await.unwrap();
    assert!(client.execute(sql.into(), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutting_down_ends_watchers_and_refuses_new_connections() {
    let service = ready(3).await;
    let address = service.running.grpc_addr;
    let answers = client(&service).await.watch_forecasts(request()).await;
    let mut watching = answers.unwrap().into_inner();
    watching.message().await.unwrap().unwrap();
    let down = tokio::spawn(service.running.shutdown());
    let status = watching.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    drop(watching);
    tokio::time::timeout(Duration::from_secs(10), down)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_is_named() {
    let service = waiting(None).await;
    let config = arterial_serving::ServerConfig {
        grpc: service.running.grpc_addr.to_string(),
        ..arterial_serving::ServerConfig::default()
    };
    let error = arterial_serving::Server::start(config, service.state.clone())
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on `{}`", service.running.grpc_addr)
    );
}
