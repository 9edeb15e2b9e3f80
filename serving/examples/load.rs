//! Loads a gRPC service with forecast requests and says how long answers take and what they cost.
//!
//! ```text
//! cargo run --release -p arterial-serving --example load -- 127.0.0.1:50051 --rate 1667 --seconds 10 --pid PID
//! ```
//!
//! With `--rate` calls begin on a schedule whatever becomes of those before, and the time of an answer counts from the instant when
//! its call was due: a server that stalls is charged for everybody who had to wait (no coordinated omission). Without it as
//! many calls as `--in-flight` a connection are under way at any time: saturation. `--pid` is the server's process, whose
//! processor time is taken from `/proc`. One JSON line is printed.
//!
//! The first run asks the service for its keys and writes the request to `--question`, the bytes of its answer to `--answer`; where
//! the file is there already its bytes are sent as they are, to whatever server. Answers are counted, not decoded, so that the client
//! costs little.

mod raw;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arterial_proto::v1;
use arterial_proto::v1::catalog_service_client::CatalogServiceClient;
use prost::Message;
use prost::bytes::Bytes;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use raw::Raw;

const CALL: &str = "/arterial.v1.ForecastService/Forecast";
/// Clock ticks a second, as Linux counts processor time.
const TICKS: f64 = 100.0;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is asked for on the command line.
struct Options {
    address: String,
    rate: Option<f64>,
    seconds: f64,
    connections: usize,
    in_flight: usize,
    pid: Option<u32>,
    question: Option<PathBuf>,
    answer: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, Failure> {
        let mut words = std::env::args().skip(1);
        let mut options = Self {
            address: words
                .next()
                .ok_or("the address of the service is missing, such as 127.0.0.1:50051")?,
            rate: None,
            seconds: 10.0,
            connections: 4,
            in_flight: 16,
            pid: None,
            question: None,
            answer: None,
        };
        while let Some(name) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{name}` has no value"))?;
            match name.as_str() {
                "--rate" => options.rate = Some(value.parse()?),
                "--seconds" => options.seconds = value.parse()?,
                "--connections" => options.connections = value.parse()?,
                "--in-flight" => options.in_flight = value.parse()?,
                "--pid" => options.pid = Some(value.parse()?),
                "--question" => options.question = Some(value.into()),
                "--answer" => options.answer = Some(value.into()),
                _ => return Err(format!("`{name}` is no option").into()),
            }
        }
        Ok(options)
    }
}

/// Who asks, and what came of it.
#[derive(Clone)]
struct Caller {
    client: Grpc<Channel>,
    question: Bytes,
    results: Arc<Results>,
}

#[derive(Default)]
struct Results {
    /// How long each answer took, in microseconds.
    taken: Mutex<Vec<u32>>,
    errors: AtomicU64,
}

impl Caller {
    async fn ask(&mut self) -> Result<Bytes, Status> {
        let ready = self.client.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let request = Request::new(self.question.clone());
        let answer = self.client.unary(request, PathAndQuery::from_static(CALL), Raw).await?;
        Ok(answer.into_inner())
    }

    /// One call; its time counts from `due`.
    async fn call(&mut self, due: Instant) {
        if let Err(status) = self.ask().await {
            if self.results.errors.fetch_add(1, Ordering::Relaxed) == 0 {
                eprintln!("the first call that failed: {status}");
            }
            return;
        }
        let taken = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
        if let Ok(mut all) = self.results.taken.lock() {
            all.push(taken);
        }
    }
}

/// Begins calls on a schedule, from a thread of its own: timers of the runtime are as coarse as a millisecond.
#[expect(
    clippy::disallowed_methods,
    reason = "calls are due at instants, whatever becomes of others"
)]
fn on_schedule(callers: &[Caller], rate: f64, seconds: f64, runtime: &tokio::runtime::Handle) {
    let begun = Instant::now();
    let mut calls = Vec::new();
    for number in 0..(rate * seconds) as u64 {
        let due = begun + Duration::from_secs_f64(number as f64 / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut caller = callers[number as usize % callers.len()].clone();
        calls.push(runtime.spawn(async move { caller.call(due).await }));
    }
    for call in calls {
        // A call that broke off is missing among the answers.
        let _ = runtime.block_on(call);
    }
}

/// Keeps `in_flight` calls a connection under way.
async fn saturate(callers: &[Caller], in_flight: usize, seconds: f64) {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut workers = tokio::task::JoinSet::new();
    for caller in callers {
        for _ in 0..in_flight {
            let mut caller = caller.clone();
            workers.spawn(async move {
                while Instant::now() < until {
                    caller.call(Instant::now()).await;
                }
            });
        }
    }
    while workers.join_next().await.is_some() {}
}

/// The bytes of the request: ten keys, four horizons, three quantiles.
async fn question(channel: &Channel, options: &Options) -> Result<Bytes, Failure> {
    if let Some(path) = options.question.as_ref().filter(|path| path.exists()) {
        return Ok(std::fs::read(path)?.into());
    }
    let (topic, target) = ("traffic-sensors".to_owned(), "speed_kmh".to_owned());
    let request = v1::ListKeysRequest {
        topic: topic.clone(),
        page_size: 10,
        ..v1::ListKeysRequest::default()
    };
    let listed = CatalogServiceClient::new(channel.clone()).list_keys(request).await?;
    let request = v1::ForecastRequest {
        topic,
        target,
        keys: listed.into_inner().keys.into_iter().map(|key| key.key).collect(),
        horizons_minutes: vec![15, 30, 45, 60],
        quantiles: vec![0.1, 0.5, 0.9],
        ..v1::ForecastRequest::default()
    };
    let bytes = request.encode_to_vec();
    if let Some(path) = &options.question {
        std::fs::write(path, &bytes)?;
    }
    Ok(bytes.into())
}

/// Processor time of a process, in seconds.
fn processor_seconds(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

fn report(results: &Results, forecasts: usize, seconds: f64, cost: Option<f64>) -> serde_json::Value {
    let mut taken = results.taken.lock().map(|taken| taken.clone()).unwrap_or_default();
    taken.sort_unstable();
    let at = |share: f64| {
        let place = (taken.len() as f64 * share) as usize;
        taken.get(place.min(taken.len().saturating_sub(1))).copied()
    };
    serde_json::json!({
        "forecasts_in_an_answer": forecasts,
        "calls": taken.len(),
        "errors": results.errors.load(Ordering::Relaxed),
        "seconds": seconds,
        "calls_per_second": taken.len() as f64 / seconds,
        "p50_us": at(0.5), "p90_us": at(0.9), "p95_us": at(0.95), "p99_us": at(0.99), "p999_us": at(0.999), "most_us": at(1.0),
        "server_cpu_seconds": cost,
        "calls_per_cpu_second": cost.filter(|cost| *cost > 0.0).map(|cost| taken.len() as f64 / cost),
    })
}

fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let results = Arc::new(Results::default());
    let (callers, forecasts) = runtime.block_on(async {
        let endpoint = Endpoint::from_shared(format!("http://{}", options.address))?;
        let question = question(&endpoint.connect().await?, &options).await?;
        let mut callers = Vec::new();
        for _ in 0..options.connections {
            callers.push(Caller {
                client: Grpc::new(endpoint.connect().await?),
                question: question.clone(),
                results: Arc::clone(&results),
            });
        }
        let answer = callers[0].ask().await?;
        if let Some(path) = &options.answer {
            std::fs::write(path, &answer)?;
        }
        let first = v1::ForecastResponse::decode(answer)?;
        Ok::<_, Failure>((callers, first.forecasts.len()))
    })?;
    let cost = || options.pid.and_then(processor_seconds);
    let (begun, before) = (Instant::now(), cost());
    match options.rate {
        Some(rate) => on_schedule(&callers, rate, options.seconds, runtime.handle()),
        None => runtime.block_on(saturate(&callers, options.in_flight, options.seconds)),
    }
    let spent = cost().zip(before).map(|(after, before)| after - before);
    println!("{}", report(&results, forecasts, begun.elapsed().as_secs_f64(), spent));
    Ok(())
}
