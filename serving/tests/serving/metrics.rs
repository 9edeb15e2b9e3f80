//! What the service says of itself to Prometheus.

use std::fmt::Write;

use arterial_proto::v1;
use arterial_serving::metrics::families;
use arterial_testing::Promtool;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::Code;

use crate::support::asking::{client, request};
use crate::support::{Service, eventually, ready, window};

/// The value of the sample whose name and labels are `series`.
fn sample(service: &Service, series: &str) -> Option<f64> {
    let text = service.state.metrics_text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

fn handled(method: &str, kind: &str, code: &str) -> String {
    format!(
        "grpc_server_handled_total{{grpc_type=\"{kind}\",grpc_service=\"arterial.v1.ForecastService\",\
         grpc_method=\"{method}\",grpc_code=\"{code}\"}}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_count_by_method_and_by_how_they_ended() {
    let service = ready(3).await;
    let mut client = client(&service).await;
    client.forecast(request()).await.unwrap();
    let wrong = v1::ForecastRequest {
        topic: "trafic".into(),
        ..request()
    };
    let status = client.forecast(wrong).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut watching = client.watch_forecasts(request()).await.unwrap().into_inner();
    watching.message().await.unwrap().unwrap();
    drop(watching);
    for series in [
        handled("Forecast", "unary", "OK"),
        handled("Forecast", "unary", "InvalidArgument"),
        handled("WatchForecasts", "server_stream", "Canceled"),
    ] {
        eventually(&series, async || sample(&service, &series) == Some(1.0)).await;
    }
    let labels = "grpc_type=\"unary\",grpc_service=\"arterial.v1.ForecastService\",grpc_method=\"Forecast\"";
    assert_eq!(
        sample(&service, &format!("grpc_server_started_total{{{labels}}}")),
        Some(2.0)
    );
    assert_eq!(
        sample(&service, &format!("grpc_server_handling_seconds_count{{{labels}}}")),
        Some(2.0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_nobody_serves_counts_as_unknown() {
    let service = ready(3).await;
    // A collector's client: the service is none.
    let mut client = TraceServiceClient::new(service.channel().await);
    let answer = client.export(ExportTraceServiceRequest::default()).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    let labels = "grpc_type=\"unknown\",grpc_service=\"unknown\",grpc_method=\"unknown\",grpc_code=\"Unimplemented\"";
    assert_eq!(
        sample(&service, &format!("grpc_server_handled_total{{{labels}}}")),
        Some(1.0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lag_of_windows_and_forecasts_grows_while_nothing_comes() {
    let service = ready(3).await;
    let lag = || {
        (
            sample(&service, "arterial_live_lag_seconds{topic=\"traffic-sensors\"}"),
            sample(
                &service,
                "arterial_forecast_age_seconds{target=\"traffic-sensors.speed_kmh\"}",
            ),
        )
    };
    assert_eq!(lag(), (Some(0.0), Some(0.0)));
    service.clock.set(window(5));
    assert_eq!(lag(), (Some(600.0), Some(600.0)));
    service.close_window(3, [50.0, 80.0]).await;
    assert_eq!(
        lag(),
        (Some(0.0), Some(0.0)),
        "the test's clock went to the window's end"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_requests_count_by_route_and_promtool_has_nothing_to_say() {
    let service = ready(3).await;
    client(&service).await.forecast(request()).await.unwrap();
    let url = |path: &str| format!("http://{}{path}", service.running.http_addr);
    for path in ["/v1/forecasts?topic=trafic", "/nowhere", "/metrics"] {
        reqwest::get(url(path)).await.unwrap();
    }
    let text = reqwest::get(url("/metrics")).await.unwrap().text().await.unwrap();
    for labels in [
        "http_request_method=\"GET\",http_route=\"/v1/forecasts\",http_response_status_code=\"400\"",
        "http_request_method=\"GET\",http_route=\"unknown\",http_response_status_code=\"404\"",
        "http_request_method=\"GET\",http_route=\"/metrics\",http_response_status_code=\"200\"",
    ] {
        let line = format!("http_server_request_duration_seconds_count{{{labels}}} 1\n");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(text.contains("process_cpu_seconds_total ") && text.contains("arterial_server_build_info{version="));
    if let Some(promtool) = Promtool::find() {
        assert_eq!(promtool.lint_metrics(&text), "");
    }
}

/// The table of `docs/metrics.md`.
fn documented() -> String {
    let mut table = String::from("| metric | kind | what it says |\n|---|---|---|\n");
    for family in families() {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} |",
            family.name,
            family.kind.name(),
            family.help
        );
    }
    table
}

#[test]
fn every_metric_is_documented_and_nothing_else() {
    let page = include_str!("../../../docs/metrics.md");
    assert!(
        page.contains(&format!("{}\n", documented())),
        "docs/metrics.md lacks this table:\n{}",
        documented()
    );
}
