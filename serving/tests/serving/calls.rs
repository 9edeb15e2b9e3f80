//! What every call can rely on: pages, parts of messages, compression, cancellation, keep-alive, health that is followed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::support::asking::{client, request};
use crate::support::{FakeModel, Says, Service, TOPIC, batch, eventually, history, ready, ready_with, waiting, window};
use arterial_datasets::time::Duration as Span;
use arterial_proto::v1::alert_service_client::AlertServiceClient;
use arterial_proto::v1::catalog_service_client::CatalogServiceClient;
use arterial_proto::{FieldMask, v1};
use arterial_serving::ServerConfig;
use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Response};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

fn mask(paths: &[&str]) -> FieldMask {
    let paths = paths.iter().map(ToString::to_string).collect();
    FieldMask { paths }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_come_page_by_page() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let whole = client.forecast(request()).await.unwrap().into_inner();
    let mut paged = v1::ForecastResponse::default();
    let mut page = v1::ForecastRequest {
        page_size: 1,
        ..request()
    };
    let mut pages = 0;
    loop {
        let answer = client.forecast(page.clone()).await.unwrap().into_inner();
        paged.forecasts.extend(answer.forecasts);
        pages += 1;
        page.page_token = answer.next_page_token;
        if page.page_token.is_empty() {
            break;
        }
    }
    assert_eq!((paged, pages), (whole, 2));
    for (size, token, field) in [
        (-1, "", "page_size"),
        (10_001, "", "page_size"),
        (1, "next", "page_token"),
    ] {
        let wrong = v1::ForecastRequest {
            page_size: size,
            page_token: token.into(),
            ..request()
        };
        let status = client.forecast(wrong).await.unwrap_err();
        assert!(status.message().starts_with(&format!("`{field}`")), "{status}");
    }
}

/// A service that two more keys reach, in this order.
async fn reached_by(late: [&str; 2]) -> Service {
    let service = ready(24).await;
    service.clock.set(window(25));
    let rows = [late[0], late[1], "a", "b"].map(|key| (key, "north", 24, 0, Some(60.0)));
    service.state.take(TOPIC, &batch(&rows), window(25));
    service.until_scored(24).await;
    service
}

/// The keys that an answer tells of, forecast or refused.
fn told(answer: &v1::ForecastResponse) -> Vec<String> {
    let forecast = answer.forecasts.iter().map(|one| one.key.clone());
    let refused = answer.refusals.iter().map(|one| one.key.clone());
    let mut keys: Vec<String> = forecast.chain(refused).collect();
    keys.dedup();
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_services_that_keys_reached_in_another_order_have_each_key_once() {
    let services = [reached_by(["d", "0"]).await, reached_by(["0", "d"]).await];
    let mut clients = [client(&services[0]).await, client(&services[1]).await];
    let mut found = Vec::new();
    let mut page = v1::ForecastRequest {
        page_size: 1,
        ..request()
    };
    for number in 0.. {
        let answer = clients[number % 2].forecast(page.clone()).await.unwrap().into_inner();
        found.extend(told(&answer));
        page.page_token = answer.next_page_token;
        if page.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, ["0", "a", "b", "d"]);
    let named = v1::ForecastRequest {
        keys: ["d", "a", "0"].map(str::to_owned).to_vec(),
        ..page
    };
    let first = clients[0].forecast(named.clone()).await.unwrap().into_inner();
    let rest = v1::ForecastRequest {
        page_size: 2,
        page_token: first.next_page_token.clone(),
        ..named
    };
    let second = clients[1].forecast(rest).await.unwrap().into_inner();
    assert_eq!(told(&first), ["d"]);
    assert_eq!(told(&second), ["a", "0"], "as they are named");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_fields_that_are_asked_for_are_sent() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let narrow = v1::ForecastRequest {
        read_mask: Some(mask(&["key", "quantiles"])),
        ..request()
    };
    let forecast = client.forecast(narrow).await.unwrap().into_inner().forecasts.remove(0);
    let expected = v1::Forecast {
        key: "a".into(),
        quantiles: forecast.quantiles.clone(),
        ..v1::Forecast::default()
    };
    assert!(forecast == expected && forecast.quantiles.len() == 3, "{forecast:?}");
    let wrong = v1::ForecastRequest {
        read_mask: Some(mask(&["speed"])),
        ..request()
    };
    let status = client.forecast(wrong).await.unwrap_err();
    assert!(
        status
            .message()
            .starts_with("`read_mask` is `speed`, accepted: key, origin"),
        "{status}"
    );
    let mut alerts = AlertServiceClient::new(service.channel().await);
    let wrong = v1::ListAlertsRequest {
        read_mask: Some(mask(&["history.value"])),
        ..v1::ListAlertsRequest::default()
    };
    let status = alerts.list_alerts(wrong).await.unwrap_err();
    assert!(
        status.message().starts_with("`read_mask` is `history.value`"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_tables_are_listed_page_by_page() {
    let service = ready(24).await;
    let mut client = CatalogServiceClient::new(service.channel().await);
    let (mut streams, mut token) = (Vec::new(), String::new());
    loop {
        let page = v1::ListStreamsRequest {
            page_size: 3,
            page_token: token,
        };
        let answer = client.list_streams(page).await.unwrap().into_inner();
        streams.extend(answer.streams.into_iter().map(|stream| stream.name));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(streams.len(), 8);
    assert!(streams.is_sorted(), "{streams:?}");
    let names = v1::ListTablesRequest {
        page_size: 2,
        read_mask: Some(mask(&["name"])),
        ..v1::ListTablesRequest::default()
    };
    let answer = client.list_tables(names).await.unwrap().into_inner();
    assert_eq!(answer.next_page_token, answer.tables[1].name);
    assert!(answer.tables.iter().all(|table| table.columns.is_empty()));
    let status = client
        .list_tables(v1::ListTablesRequest {
            page_token: "nowhere".into(),
            ..v1::ListTablesRequest::default()
        })
        .await
        .unwrap_err();
    assert!(status.message().starts_with("`page_token` is `nowhere`"), "{status}");
}

fn encoding<T>(response: &Response<T>) -> Option<&str> {
    response.metadata().get("grpc-encoding")?.to_str().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_answers_are_compressed_for_those_who_wish() {
    let service = ready(24).await;
    let everything = v1::ForecastRequest {
        horizons_minutes: (1..=12).map(|step| 5 * step).collect(),
        quantiles: (1..=99).map(|percent| f64::from(percent) / 100.0).collect(),
        ..request()
    };
    let plain = client(&service).await.forecast(everything.clone()).await.unwrap();
    assert_eq!(encoding(&plain), None);
    let plain = plain.into_inner();
    for (named, one) in [("zstd", CompressionEncoding::Zstd), ("gzip", CompressionEncoding::Gzip)] {
        let mut client = client(&service).await.accept_compressed(one).send_compressed(one);
        let answer = client.forecast(everything.clone()).await.unwrap();
        assert_eq!(encoding(&answer), Some(named));
        assert_eq!(answer.into_inner(), plain);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_stops_computing() {
    let service = ready(24).await;
    let slow = FakeModel::new(5, &["a", "b"], 12, Says::NothingForLong);
    let (computing, given_up) = (Arc::clone(&slow.begun), Arc::clone(&slow.given_up));
    service.models.add(slow);
    let mut client = client(&service).await;
    let named = || {
        tonic::Request::new(v1::ForecastRequest {
            model: "constant@5".into(),
            ..request()
        })
    };
    // By its deadline.
    let mut request_in_haste = named();
    request_in_haste.set_timeout(Duration::from_millis(300));
    let status = client.forecast(request_in_haste).await.unwrap_err();
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status}"
    );
    eventually("the work has stopped", async || given_up.load(Ordering::SeqCst) == 1).await;
    // By the client's going.
    let mut going = client.clone();
    let call = tokio::spawn(async move { going.forecast(named()).await });
    eventually("somebody computes", async || computing.load(Ordering::SeqCst) == 2).await;
    call.abort();
    eventually("the work has stopped", async || given_up.load(Ordering::SeqCst) == 2).await;
    assert!(client.forecast(request()).await.is_ok(), "others do not feel it");
}

/// A forecast that is computed for a minute, to be answered within `timeout` of the protocol.
fn slow(timeout: &'static str) -> tonic::Request<v1::ForecastRequest> {
    let mut request = tonic::Request::new(v1::ForecastRequest {
        model: "constant@5".into(),
        ..request()
    });
    request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_a_place_ends_at_its_own_deadline_and_health_waits_for_nobody() {
    let server = ServerConfig {
        max_concurrent_calls: 1,
        ..ServerConfig::default()
    };
    let service = ready_with(24, server).await;
    let model = FakeModel::new(5, &["a", "b"], 12, Says::NothingForLong);
    let computing = Arc::clone(&model.begun);
    service.models.add(model);
    let mut client = client(&service).await;
    let mut first = client.clone();
    let first = tokio::spawn(async move { first.forecast(slow("50S")).await });
    eventually("the first call is answered", async || {
        computing.load(Ordering::SeqCst) == 1
    })
    .await;
    // The client has a timer of its own, which is first now and then on a busy machine.
    eventually("the server says that the deadline has passed", async || {
        let mut hasty = tonic::Request::new(request());
        hasty.metadata_mut().insert("grpc-timeout", "1S".parse().unwrap());
        let begun = Instant::now();
        let status = client.clone().forecast(hasty).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        status.code() == Code::DeadlineExceeded
    })
    .await;
    let waits = service.state.metrics.render();
    assert!(waits.contains("DeadlineExceeded"), "it was counted: {waits}");
    let whole = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(service.channel().await).check(whole).await;
    assert_eq!(health.unwrap().into_inner().status(), ServingStatus::Serving);
    assert!(!first.is_finished());
    first.abort();
    assert!(client.forecast(request()).await.is_ok(), "the place is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_for_computing_are_a_few() {
    let service = ready(24).await;
    service
        .models
        .add(FakeModel::new(5, &["a", "b"], 12, Says::NothingForLong));
    let client = client(&service).await;
    let (mut waiting, mut refused) = (Vec::new(), None);
    eventually("there is no room for another", async || {
        let mut another = client.clone();
        let mut call = tokio::spawn(async move { another.forecast(slow("50S")).await });
        let soon = tokio::time::timeout(Duration::from_millis(5), &mut call).await;
        match soon {
            Ok(ended) => refused = Some(ended.unwrap().unwrap_err()),
            Err(_) => waiting.push(call),
        }
        refused.is_some()
    })
    .await;
    let status = refused.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.get_details_retry_info().is_some(), "{status}");
    assert!(
        client.clone().forecast(request()).await.is_ok(),
        "others do not feel it"
    );
    for call in waiting {
        call.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_keys_are_refused_soon_and_others_do_not_feel_it() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let many = v1::ForecastRequest {
        keys: (0..1_000_000).map(|number| format!("TS-{number:06}")).collect(),
        ..request()
    };
    let begun = Instant::now();
    let status = client.forecast(many).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert_eq!(status.message(), "`keys` is `1000000 of them`, accepted: at most 10000");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(client.forecast(request()).await.is_ok());
    // A value that fits into a message but not into an answer's header.
    let long = v1::ForecastRequest {
        topic: "x".repeat(1_000_000),
        ..request()
    };
    let status = client.forecast(long).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert_eq!(
        status.get_details_bad_request().unwrap().field_violations[0].field,
        "topic"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moved_a_forecast_is_said_or_refused() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let asked = v1::ForecastRequest {
        explain: true,
        explain_features: 1,
        keys: vec!["a".into(), "b".into()],
        horizons_minutes: vec![15],
        ..request()
    };
    let answer = client.forecast(asked.clone()).await.unwrap().into_inner();
    let explanation = answer.forecasts[1].explanation.clone().unwrap();
    assert_eq!(
        (explanation.base, explanation.others, explanation.refusal.as_str()),
        (80.0, 1.0, "")
    );
    let [strongest] = explanation.contributions.as_slice() else {
        panic!("{explanation:?}")
    };
    assert_eq!((strongest.feature.as_str(), strongest.amount), ("step", 3.0));
    assert_eq!(answer.forecasts[1].quantiles[1].value, 84.0);
    // Data that came after the forecast are not what moved it.
    let revision = batch(&[("a", "north", 20, 1, Some(1.0))]);
    service.state.take(TOPIC, &revision, window(24));
    let answer = client.forecast(asked.clone()).await.unwrap().into_inner();
    let refusal = &answer.forecasts[0].explanation.as_ref().unwrap().refusal;
    assert!(refusal.contains("revised since"), "{refusal}");
    let many = v1::ForecastRequest {
        keys: (0..101).map(|number| number.to_string()).collect(),
        ..asked.clone()
    };
    let status = client.forecast(many).await.unwrap_err();
    assert!(
        status
            .message()
            .contains("at most 100 forecasts together with `explain`"),
        "{status}"
    );
    for features in [-1, 51] {
        let wrong = v1::ForecastRequest {
            explain_features: features,
            ..asked.clone()
        };
        let status = client.forecast(wrong).await.unwrap_err();
        assert!(
            status
                .message()
                .starts_with(&format!("`explain_features` is `{features}`")),
            "{status}"
        );
    }
    service.models.add(FakeModel::new(9, &["a", "b"], 12, Says::Last));
    let mute = v1::ForecastRequest {
        model: "constant@9".into(),
        ..asked
    };
    let status = client.forecast(mute).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_can_be_followed_from_rebuilding_to_the_end() {
    let service = waiting(Some(history(3))).await;
    let mut client = HealthClient::new(service.channel().await);
    let asked = |name: &str| HealthCheckRequest { service: name.into() };
    let mut followed = Vec::new();
    for name in ["", "arterial.v1.ForecastService", "arterial.v1.AlertService"] {
        followed.push(client.watch(asked(name)).await.unwrap().into_inner());
    }
    let mut said = async || {
        let mut all = Vec::new();
        for stream in &mut followed {
            let next = tokio::time::timeout(Duration::from_secs(10), stream.message()).await;
            all.push(next.unwrap().unwrap().unwrap().status());
        }
        all
    };
    assert_eq!(said().await, [ServingStatus::NotServing; 3]);
    service.state.start().await.unwrap();
    assert_eq!(said().await, [ServingStatus::Serving; 3]);
    let down = tokio::spawn(service.running.shutdown());
    assert_eq!(said().await, [ServingStatus::NotServing; 3]);
    drop(followed);
    down.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_answers_no_ping_is_closed() {
    let server = ServerConfig {
        keepalive_interval: Span(100_000),
        keepalive_timeout: Span(100_000),
        ..ServerConfig::default()
    };
    let service = ready_with(3, server).await;
    // A connection that answers, and that is older than the other.
    let mut live = HealthClient::new(service.channel().await);
    let whole = HealthCheckRequest { service: String::new() };
    let mut followed = live.watch(whole.clone()).await.unwrap().into_inner();
    assert!(followed.message().await.unwrap().is_some());
    let mut stream = tokio::net::TcpStream::connect(service.running.grpc_addr).await.unwrap();
    // The preface and empty settings; then nothing more is said, and nothing that comes is answered.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut received = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut received)).await;
    assert!(end.is_ok(), "still open");
    // A frame of type 6 is a ping.
    assert!(
        received.windows(9).any(|frame| frame[..5] == [0, 0, 8, 6, 0]),
        "no ping came"
    );
    // The older one is still there, and so is the call on it.
    assert!(live.check(whole).await.is_ok());
    let said = followed.message().now_or_never();
    assert!(!matches!(said, Some(Ok(None) | Err(_))), "{said:?}");
}
