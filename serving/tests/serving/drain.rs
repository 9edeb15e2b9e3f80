//! The end of a service under load: callers who go elsewhere once health says so see no call fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arterial_datasets::time::{Duration, SECOND};
use arterial_proto::inference as oip;
use arterial_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use arterial_serving::ServerConfig;
use arterial_serving::readiness::Reason;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::asking::{client, request};
use crate::support::{Service, eventually, ready, ready_with};

const CALLERS: usize = 4;
/// Nobody goes at once: so many calls more of each caller come after health has said it.
const LATE: usize = 10;

/// Follows what health says of the whole service.
async fn follow(service: &Service) -> tonic::Streaming<tonic_health::pb::HealthCheckResponse> {
    let whole = HealthCheckRequest { service: String::new() };
    let mut client = HealthClient::new(service.channel().await);
    client.watch(whole).await.unwrap().into_inner()
}

/// The status and the body of an answer.
async fn get(service: &Service, path: &str) -> (u16, serde_json::Value) {
    let url = format!("http://{}{path}", service.running.http_addr);
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_one_call_fails_where_callers_go_elsewhere_once_health_says_so() {
    let server = ServerConfig {
        drain_delay: Duration(3 * SECOND),
        ..ServerConfig::default()
    };
    let service = ready_with(24, server).await;
    let (elsewhere, calls) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let mut client = client(&service).await;
        let (elsewhere, calls) = (elsewhere.clone(), Arc::clone(&calls));
        callers.spawn(async move {
            let mut late = 0;
            while late < LATE {
                late += usize::from(elsewhere.is_cancelled());
                client.forecast(request()).await.expect("no call fails");
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    eventually("everybody calls", async || {
        calls.load(Ordering::Relaxed) >= 10 * CALLERS
    })
    .await;
    let mut health = follow(&service).await;
    let running = service.running;
    let down = tokio::spawn(async move {
        running.leave().await;
        running.shutdown().await
    });
    while health.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
    elsewhere.cancel();
    callers.join_all().await;
    assert!(!down.is_finished(), "the last calls came before the end");
    drop(health);
    down.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_not_heard_that_the_service_drains_is_answered() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let mut health = follow(&service).await;
    service.state.readiness.raise(Reason::Draining, "it shuts down");
    while health.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
    assert!(client.forecast(request()).await.is_ok());
    assert_eq!(get(&service, "/v1/forecasts?keys=a").await.0, 200);
    let (status, told) = get(&service, "/readyz").await;
    assert_eq!(
        (status, &told["ready"], &told["reasons"][0]["code"]),
        (503, &false.into(), &"draining".into())
    );
    let mut triton = GrpcInferenceServiceClient::new(service.channel().await);
    let ready = triton.server_ready(oip::ServerReadyRequest {}).await.unwrap();
    assert!(!ready.into_inner().ready);
    let asked = oip::ModelReadyRequest {
        name: "traffic-sensors.speed_kmh".into(),
        version: String::new(),
    };
    assert!(!triton.model_ready(asked).await.unwrap().into_inner().ready);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_lacks_something_is_ready_and_says_what() {
    let service = ready(24).await;
    for reason in [Reason::BrokerUnreachable, Reason::LakeUnwritable] {
        service.state.readiness.raise(reason, "it does not answer");
    }
    let (status, told) = get(&service, "/readyz").await;
    assert_eq!((status, &told["ready"]), (200, &true.into()));
    assert_eq!(told["reasons"], serde_json::json!([]));
    let lacks = serde_json::json!([
        {"code": "broker_unreachable", "message": "it does not answer"},
        {"code": "lake_unwritable", "message": "it does not answer"},
    ]);
    assert_eq!(told["degraded"], lacks);
    service.state.readiness.clear(Reason::BrokerUnreachable);
    service.state.readiness.clear(Reason::LakeUnwritable);
    eventually("nothing is lacking", async || {
        let metrics = reqwest::get(format!("http://{}/metrics", service.running.http_addr)).await;
        let metrics = metrics.unwrap().text().await.unwrap();
        metrics.contains("arterial_server_ready_state 1")
    })
    .await;
    assert_eq!(get(&service, "/readyz").await.1["degraded"], serde_json::json!([]));
}
