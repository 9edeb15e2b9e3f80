//! Traces without a collector: whose trace a call or a record is in is handed on all the same.

use arterial_proto::v1;
use arterial_serving::traces::Trace;
use reqwest::header::HeaderMap;
use tonic::metadata::MetadataMap;

use crate::support::asking::{client, request};
use crate::support::{Service, TOPIC, batch, ready, window};

const CALL: &str = "00-22222222222222222222222222222222-00f067aa0ba902b7-01";
const RECORD: &str = "00-11111111111111111111111111111111-00f067aa0ba902b7-01";

/// The metadata of an answer over gRPC to a call with this header.
async fn over_grpc(service: &Service, traceparent: &str, request: v1::ForecastRequest) -> MetadataMap {
    let mut request = tonic::Request::new(request);
    if !traceparent.is_empty() {
        let value = traceparent.parse().unwrap();
        request.metadata_mut().insert("traceparent", value);
    }
    client(service)
        .await
        .forecast(request)
        .await
        .unwrap()
        .metadata()
        .clone()
}

/// The headers of an answer over HTTP.
async fn over_http(service: &Service, traceparent: &str, path: &str) -> HeaderMap {
    let url = format!("http://{}{path}", service.running.http_addr);
    let mut request = reqwest::Client::new().get(url);
    if !traceparent.is_empty() {
        request = request.header("traceparent", traceparent);
    }
    request.send().await.unwrap().headers().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_in_the_trace_of_its_caller_without_a_collector() {
    let service = ready(24).await;
    for (traceparent, told) in [(CALL, Some(CALL)), ("", None), ("nonsense", None)] {
        let answer = over_grpc(&service, traceparent, request()).await;
        let response = answer.get("traceresponse").map(|value| value.to_str().unwrap());
        assert_eq!(response, told, "{traceparent}");
        let answer = over_http(&service, traceparent, "/v1/forecasts").await;
        let response = answer.get("traceresponse").map(|value| value.to_str().unwrap());
        assert_eq!(response, told, "{traceparent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_tell_the_trace_of_a_record_behind_their_window_without_a_collector() {
    let service = ready(24).await;
    let name = "arterial-window-trace";
    assert!(over_grpc(&service, "", request()).await.get(name).is_none());
    service.clock.set(window(25));
    let rows = [("a", "north", 24, 0, Some(60.0)), ("b", "south", 24, 0, Some(90.0))];
    {
        let _entered = Trace::parse(RECORD).enter();
        service.state.take(TOPIC, &batch(&rows), window(25));
    }
    service.until_scored(24).await;
    let computed = v1::ForecastRequest {
        quantiles: vec![0.33],
        ..request()
    };
    for request in [request(), computed] {
        let answer = over_grpc(&service, CALL, request).await;
        assert_eq!(answer.get(name).unwrap(), RECORD);
        assert_eq!(answer.get("traceresponse").unwrap(), CALL);
    }
    let answer = over_http(&service, "", "/v1/forecasts?keys=a").await;
    assert_eq!(answer.get(name).unwrap(), RECORD);
    service.close_window(25, [61.0, 91.0]).await;
    let answer = over_grpc(&service, "", request()).await;
    assert!(
        answer.get(name).is_none(),
        "nobody sent a record of this one in a trace"
    );
}
