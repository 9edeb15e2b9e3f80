//! One trace from a Kafka record to what is sent on, and from a caller to the forecasts: `arterial run` beside a collector, and without one.

use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arterial_datasets::time::{Clock, DAY, MINUTE, SystemClock, Timestamp};
use arterial_features::source::{KafkaSettings, KafkaSource, Source};
use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use arterial_serving::sinks::kafka::{KafkaWriter, MockBrokers, Outgoing};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use tonic::transport::server::TcpIncoming;

const TOPIC: &str = "traffic-sensors";

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let scopes = request
            .into_inner()
            .resource_spans
            .into_iter()
            .flat_map(|one| one.scope_spans);
        self.0.lock().unwrap().extend(scopes.flat_map(|one| one.spans));
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Listens on a free port; gives its address.
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        format!("http://{address}")
    }

    /// Waits for a span of that name in that trace which `fits`.
    async fn span(&self, name: &str, trace: &str, fits: impl Fn(&Span) -> bool) -> Span {
        until(&format!("the span {name} of {trace}"), async || {
            let spans = self.0.lock().unwrap();
            let found = spans
                .iter()
                .find(|span| span.name == name && hex(&span.trace_id) == trace && fits(span));
            found.cloned()
        })
        .await
    }

    fn traces(&self) -> std::collections::BTreeSet<String> {
        self.0.lock().unwrap().iter().map(|span| hex(&span.trace_id)).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Asks again and again until there is an answer, at most a minute.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A running service; killed where a test fails.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start(folder: &Path, brokers: &str, collector: &str) -> (Service, serde_json::Value) {
    let config = format!(
        "[kafka]\nbrokers = \"{brokers}\"\nassignment = \"manual\"\n[streams]\nenabled = [\"{TOPIC}\"]\n\
         [lake]\nurl = \"{}/lake\"\nfsync = false\n[alerts]\nwatch = []\n\
         [server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n\
         [telemetry]\nlog = \"warn\"\notlp_endpoint = \"{collector}\"\ntrace_ratio = 0.0\n",
        folder.display()
    );
    std::fs::write(folder.join("arterial.toml"), config).unwrap();
    let ready = folder.join("ready.json");
    let child = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["run", "--config"])
        .arg(folder.join("arterial.toml"))
        .arg("--ready-file")
        .arg(&ready)
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .stdin(Stdio::null())
        .spawn();
    let service = Service(child.unwrap());
    let text = until("the service to be ready", async || std::fs::read_to_string(&ready).ok()).await;
    (service, serde_json::from_str(&text).unwrap())
}

fn event(time: Timestamp, trace: Option<&str>) -> Outgoing {
    let speed = 40 + (time.0 / MINUTE) % 7;
    let payload = format!(r#"{{"sensor_id":"TS-1","timestamp":"{time}","zone_id":"Z1","speed_kmh":{speed}}}"#);
    Outgoing {
        topic: TOPIC.into(),
        key: Some("TS-1".into()),
        partition: None,
        payload: payload.into_bytes(),
        trace: trace.map(|id| format!("00-{id}-00f067aa0ba902b7-01")),
    }
}

/// The status, headers and body of a plain HTTP request with one header more.
async fn get(address: &str, path: &str, header: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

const RECORD: &str = "11111111111111111111111111111111";
const CALL: &str = "22222222222222222222222222222222";
const REQUEST: &str = "33333333333333333333333333333333";
const CALLER: &str = "00f067aa0ba902b7";

/// The header of an answer that says of which trace it is.
fn traceresponse(reply: &tonic::Response<v1::ForecastResponse>) -> &str {
    reply.metadata().get("traceresponse").unwrap().to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_a_record_to_what_is_sent_on_and_from_a_call_to_the_forecasts() {
    let collector = Collector::default();
    let topics = [TOPIC, "forecasts", "quarantine"].map(|name| (name.to_owned(), 1));
    let brokers = MockBrokers::start(&topics).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (service, ready) = start(folder.path(), brokers.address(), &collector.listen().await).await;
    let [grpc, http] = ["grpc", "http"].map(|name| ready[name].as_str().unwrap().to_owned());

    // Enough for a profile; none of it is in a trace.
    let writer = KafkaWriter::new(brokers.address(), "", &std::collections::BTreeMap::new()).unwrap();
    let window = arterial_datasets::time::Duration(5 * MINUTE);
    let last = SystemClock.now().window_start(window).0 - 2 * window.0;
    let history = (1..=9 * DAY / window.0)
        .rev()
        .map(|back| event(Timestamp(last - back * window.0), None));
    writer.send_all(history).await.unwrap();
    let windows = format!("arterial_live_windows_total{{topic=\"{TOPIC}\"}} ");
    until("the history", async || {
        let metrics = get(&http, "/metrics", "").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(&windows))?;
        (line.parse::<f64>().ok()? >= (9 * DAY / window.0 - 2) as f64).then_some(())
    })
    .await;

    let closing = [
        event(Timestamp(last), Some(RECORD)),
        event(Timestamp(last + 90 * 1_000_000 + window.0), None),
    ];
    writer.send_all(closing).await.unwrap();
    let commit = collector.span("commit", RECORD, |_| true).await;
    assert_eq!(hex(&commit.parent_span_id), CALLER);
    let score = collector
        .span("score", RECORD, |span| span.parent_span_id == commit.span_id)
        .await;
    let sent = |sink: &'static str| {
        let score = score.span_id.clone();
        move |span: &Span| {
            let named = span
                .attributes
                .iter()
                .any(|one| one.key == "sink" && format!("{:?}", one.value).contains(sink));
            named && span.parent_span_id == score
        }
    };
    collector.span("deliver", RECORD, sent("lake")).await;
    let deliver = collector.span("deliver", RECORD, sent("kafka")).await;
    assert_eq!(
        trace_of_a_forecast(brokers.address()),
        Some(format!("00-{RECORD}-{}-01", hex(&deliver.span_id)))
    );

    let mut client = ForecastServiceClient::connect(format!("http://{grpc}")).await.unwrap();
    let request = || {
        tonic::Request::new(v1::ForecastRequest {
            topic: TOPIC.into(),
            target: "speed_kmh".into(),
            ..v1::ForecastRequest::default()
        })
    };
    let mut traced = request();
    let header = format!("00-{CALL}-{CALLER}-01");
    traced.metadata_mut().insert("traceparent", header.parse().unwrap());
    let reply = client.forecast(traced).await.unwrap();
    let call = collector
        .span("arterial.v1.ForecastService/Forecast", CALL, |_| true)
        .await;
    assert_eq!(traceresponse(&reply), format!("00-{CALL}-{}-01", hex(&call.span_id)));
    assert_eq!(hex(&call.parent_span_id), CALLER);
    let record = reply.metadata().get("arterial-window-trace").unwrap();
    assert_eq!(record, &format!("00-{RECORD}-{}-01", hex(&score.span_id)));
    let answer = collector
        .span("answer", CALL, |span| span.parent_span_id == call.span_id)
        .await;
    let linked = |link: &opentelemetry_proto::tonic::trace::v1::span::Link| {
        (hex(&link.trace_id), link.span_id.clone()) == (RECORD.to_owned(), score.span_id.clone())
    };
    assert!(answer.links.iter().any(linked), "{answer:?}");

    let header = format!("traceparent: 00-{REQUEST}-{CALLER}-01\r\n");
    let answer = get(&http, "/v1/forecasts?keys=TS-1", &header).await;
    assert!(answer.contains(&format!("traceresponse: 00-{REQUEST}-")), "{answer}");
    collector.span("GET /v1/forecasts", REQUEST, |_| true).await;

    let reply = client.forecast(request()).await.unwrap();
    let response = traceresponse(&reply);
    assert!(response.ends_with("-00"), "nobody asked for this trace: {response}");
    let mut service = service;
    arterial_testing::signal(&service.0, "TERM");
    assert_eq!(service.0.wait().unwrap().code(), Some(0));
    let expected = [RECORD, CALL, REQUEST].map(str::to_owned).into();
    assert_eq!(collector.traces(), expected, "what nobody asked for is not kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_the_trace_of_a_record_and_that_of_the_caller_reach_the_reply() {
    let brokers = MockBrokers::start(&[(TOPIC.to_owned(), 1), ("forecasts".to_owned(), 1)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut service, ready) = start(folder.path(), brokers.address(), "").await;
    let writer = KafkaWriter::new(brokers.address(), "", &std::collections::BTreeMap::new()).unwrap();
    let window = arterial_datasets::time::Duration(5 * MINUTE);
    let last = SystemClock.now().window_start(window).0 - 2 * window.0;
    let closing = [
        event(Timestamp(last), Some(RECORD)),
        event(Timestamp(last + 90 * 1_000_000 + window.0), None),
    ];
    writer.send_all(closing).await.unwrap();
    let grpc = ready["grpc"].as_str().unwrap();
    let mut client = ForecastServiceClient::connect(format!("http://{grpc}")).await.unwrap();
    let caller = format!("00-{CALL}-{CALLER}-01");
    let told = until("the trace of the window", async || {
        let mut request = tonic::Request::new(v1::ForecastRequest {
            topic: TOPIC.into(),
            target: "speed_kmh".into(),
            ..v1::ForecastRequest::default()
        });
        request.metadata_mut().insert("traceparent", caller.parse().unwrap());
        let reply = client.forecast(request).await.unwrap();
        let record = reply.metadata().get("arterial-window-trace")?;
        Some([record.to_str().unwrap(), traceresponse(&reply)].map(str::to_owned))
    })
    .await;
    assert_eq!(told, [format!("00-{RECORD}-{CALLER}-01"), caller]);
    arterial_testing::signal(&service.0, "TERM");
    assert_eq!(service.0.wait().unwrap().code(), Some(0));
}

/// The header of a record of the topic `forecasts`.
fn trace_of_a_forecast(brokers: &str) -> Option<String> {
    let settings = KafkaSettings {
        traces: true,
        ..KafkaSettings::new(brokers, ["forecasts".to_owned()])
    };
    let mut source = KafkaSource::new(settings).unwrap();
    let mut found = None;
    let began = Instant::now();
    while found.is_none() && began.elapsed() < Duration::from_secs(30) {
        let polled = source.poll(Duration::from_millis(100), 10_000, &mut |_, record| {
            found = found.take().or(record.trace.map(str::to_owned));
        });
        polled.unwrap();
    }
    found
}
