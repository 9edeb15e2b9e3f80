//! How long it takes from a window being told of until its alerts are in the lake, at a client that watches, and at a webhook.
//!
//! ```text
//! cargo run --release -p arterial-serving --example alerts -- 10000 24
//! ```
//!
//! So many traffic sensors, so many windows. Before them lie the same three hours of four days, all in a local lake with fsync, so that
//! every key has a usual week. In every window one sensor in 500 stands still, each time others.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use arterial_datasets::lake::{Lake, LakeOptions, Table, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::{Clock, DAY, SystemClock, Timestamp};
use arterial_models::alerts::AlertSettings;
use arterial_proto::v1;
use arterial_proto::v1::alert_service_client::AlertServiceClient;
use arterial_serving::alerts::{AlertSink, AlertsConfig};
use arterial_serving::sinks::alerts::config::{SinkSettings, Surroundings};
use arterial_serving::{AppState, Parts, Server, ServerConfig, ServingConfig};
use axum::routing::post;
use axum::{Json, Router};
use tokio::net::TcpListener;

const TOPIC: &str = "traffic-sensors";
/// A Thursday at nine, 2026-01-08T09:00:00Z.
const FIRST: Timestamp = Timestamp(1_767_862_800_000_000);
const BEFORE: i64 = 36;

/// A number between 0 and 1 that looks like chance, the same for the same place.
fn chance(key: usize, window: i64) -> f64 {
    let mut mixed =
        (key as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (window as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// A window of all sensors; those for which `still` holds stand still.
fn rows(stream: &StreamDefinition, sensors: usize, start: Timestamp, still: impl Fn(usize) -> bool) -> RecordBatch {
    let speed = |key: usize| {
        if still(key) {
            3.0
        } else {
            50.0 + 10.0 * chance(key, start.0)
        }
    };
    let speeds: ArrayRef = Arc::new(Float64Array::from_iter_values((0..sensors).map(speed)));
    let flows: ArrayRef = Arc::new(Float64Array::from_iter_values(
        (0..sensors).map(|key| 40.0 + 20.0 * chance(key, start.0 + 1)),
    ));
    let schema = schema::windows(stream);
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        match name {
            "key" => Arc::new(StringArray::from_iter_values(
                (0..sensors).map(|key| format!("TS-{key:05}")),
            )),
            "zone_id" => Arc::new(StringArray::from_iter_values(
                (0..sensors).map(|key| format!("Z{:02}", key / 500)),
            )),
            "lat_last" => Arc::new(Float64Array::from_iter_values(
                (0..sensors).map(|key| 56.0 + (key / 100) as f64 * 0.01),
            )),
            "lon_last" => Arc::new(Float64Array::from_iter_values(
                (0..sensors).map(|key| 10.0 + (key % 100) as f64 * 0.01),
            )),
            "window_start" | "committed_at" => {
                Arc::new(TimestampMicrosecondArray::from(vec![start.0; sensors]).with_timezone("UTC"))
            }
            "revision" => Arc::new(Int32Array::from(vec![0; sensors])),
            "day" => Arc::new(Date32Array::from(vec![start.day() as i32; sensors])),
            "quality" => Arc::new(Float64Array::from(vec![1.0; sensors])),
            name if name.starts_with("speed_kmh_") => Arc::clone(&speeds),
            name if name.starts_with("vehicle_flow_") => Arc::clone(&flows),
            _ => match kind {
                DataType::Int64 => Arc::new(Int64Array::from(vec![60; sensors])),
                DataType::Boolean => Arc::new(BooleanArray::from(vec![false; sensors])),
                other => new_null_array(other, sensors),
            },
        }
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("the columns fit the schema")
}

fn argument(at: usize, default: usize) -> usize {
    std::env::args()
        .nth(at)
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

async fn past(table: &mut Table, stream: &StreamDefinition, sensors: usize) -> Result<(), Box<dyn Error>> {
    for day in (0..4).rev() {
        let windows = (1..=BEFORE)
            .rev()
            .map(|back| Timestamp(FIRST.0 - day * DAY - back * stream.window.0));
        let batches: Vec<RecordBatch> = windows.map(|start| rows(stream, sensors, start, |_| false)).collect();
        table.append(&batches).await?;
    }
    Ok(())
}

/// When each revision came, by its sequence.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<BTreeMap<u64, Instant>>>);

impl Arrivals {
    fn note(&self, sequences: impl Iterator<Item = u64>) {
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for sequence in sequences {
            seen.entry(sequence).or_insert(now);
        }
    }

    /// Waits for what was told up to `last`; when the newest of it came.
    async fn until(&self, last: u64) -> Instant {
        loop {
            let newest = {
                let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.last_key_value().map(|(sequence, at)| (*sequence, *at))
            };
            match newest {
                Some((sequence, at)) if sequence >= last => return at,
                _ => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            }
        }
    }
}

/// A webhook on this machine, and what it is told.
async fn webhook() -> Result<(Arc<dyn AlertSink>, Arrivals), Box<dyn Error>> {
    let arrivals = Arrivals::default();
    let told = arrivals.clone();
    let take = move |Json(message): Json<serde_json::Value>| async move {
        told.note(message["data"]["sequence"].as_u64().into_iter());
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, Router::new().route("/", post(take))).into_future());
    let secret = tempfile::NamedTempFile::new()?;
    std::fs::write(secret.path(), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
    let settings = format!(
        "kind = \"webhook\"\nurl = \"{url}\"\nsecret_file = \"{}\"",
        secret.path().display()
    );
    let around = Surroundings {
        alerts: &AlertSettings::default(),
        site: "benchmark",
        clock: Arc::new(SystemClock),
        writer: None,
    };
    let sink = toml::from_str::<SinkSettings>(&settings)?.build("webhook", &around)?;
    Ok((sink, arrivals))
}

/// A client that watches all alerts over gRPC, and what it is told.
async fn watcher(address: String) -> Result<Arrivals, Box<dyn Error>> {
    let mut client = AlertServiceClient::connect(address).await?;
    let mut stream = client
        .watch_alerts(v1::WatchAlertsRequest::default())
        .await?
        .into_inner();
    let arrivals = Arrivals::default();
    let told = arrivals.clone();
    tokio::spawn(async move {
        while let Ok(Some(answer)) = stream.message().await {
            told.note(std::iter::once(answer.resume_after));
        }
    });
    Ok(arrivals)
}

/// Prints the median and the most of `took`, in seconds.
fn report(what: &str, mut took: Vec<f64>) {
    took.sort_by(f64::total_cmp);
    if let (Some(median), Some(most)) = (took.get(took.len() / 2), took.last()) {
        println!(
            "from a window being told of to {what}: median {median:.3} s, most {most:.3} s, {} windows",
            took.len()
        );
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (sensors, windows) = (argument(1, 10_000), argument(2, 24));
    let folder = tempfile::tempdir()?;
    let lake = Lake::open(&folder.path().to_string_lossy(), LakeOptions::default()).await?;
    let catalog = Arc::new(StreamCatalog::built_in()?);
    let stream = Arc::clone(catalog.get(TOPIC)?);
    let mut table = lake
        .table(&TableSpec::new(stream.windows_table(), schema::windows(&stream)))
        .await?;
    past(&mut table, &stream, sensors).await?;
    let (sink, delivered) = webhook().await?;
    let state = AppState::new(Parts {
        config: ServingConfig::default(),
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        catalog,
        lake: Some(lake),
        registry: None,
        models: None,
        sinks: Vec::new(),
        alerts: AlertsConfig {
            watch: vec!["traffic-sensors.speed_kmh".parse()?],
            ..AlertsConfig::default()
        },
        alert_sinks: vec![sink],
        synthetic: true,
    })?;
    let config = ServerConfig {
        grpc: "127.0.0.1:0".into(),
        http: "127.0.0.1:0".into(),
        ..ServerConfig::default()
    };
    let server = Server::start(config, Arc::clone(&state)).await?;
    let began = Instant::now();
    state.start().await?;
    until(&state, FIRST).await;
    println!(
        "{sensors} sensors; begun from {} windows in {:.1} s",
        4 * BEFORE,
        began.elapsed().as_secs_f64()
    );
    let watched = watcher(format!("http://{}", server.grpc_addr)).await?;

    let (mut stored, mut seen, mut posted) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..windows {
        let start = Timestamp(FIRST.0 + number as i64 * stream.window.0);
        // Each group stands still for three windows.
        let batch = rows(&stream, sensors, start, |key| key % 500 == number / 3);
        table.append(std::slice::from_ref(&batch)).await?;
        let before = state.alerts.store.last();
        let told = Instant::now();
        let end = Timestamp(start.0 + stream.window.0);
        state.take(TOPIC, &batch, end);
        until(&state, end).await;
        stored.push(told.elapsed().as_secs_f64());
        let last = state.alerts.store.last();
        if last > before {
            seen.push((watched.until(last).await - told).as_secs_f64());
            posted.push((delivered.until(last).await - told).as_secs_f64());
        }
    }
    report("its alerts being in the lake", stored);
    report("the last of them at a client that watches", seen);
    report("the last of them at a webhook", posted);
    println!(
        "{} revisions, {} alerts open at the end",
        state.alerts.store.last(),
        state.alerts.store.live().len()
    );
    server.shutdown().await?;
    Ok(())
}

/// Waits until the windows before `next` were looked at.
async fn until(state: &AppState, next: Timestamp) {
    let behind = || state.alerts.watched().is_empty() || state.alerts.watched().iter().any(|one| one.next < Some(next));
    while behind() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
