//! A small city for the tests: a clock that stands where it is put, models that answer as they are told, windows of
//! five minutes.

pub mod asking;
mod models;
pub mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::array::{BooleanArray, Date32Array, Int64Array};
use arrow::datatypes::DataType;
use arterial_datasets::lake::{Fault, Lake, LakeOptions, Scan, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Clock, DAY, Duration, MINUTE, Timestamp};
use arterial_models::registry::{ModelVersion, Registry, Target};
use arterial_serving::alerts::{AlertSink, AlertsConfig};
use arterial_serving::model::ModelSource;
use arterial_serving::sql::{Sql, SqlConfig};
use arterial_serving::{AppState, Parts, Running, Server, ServerConfig, ServingConfig};
use tonic::transport::Channel;

pub use models::{FakeModel, FakeModels, Says};

pub const TOPIC: &str = "traffic-sensors";
pub const FIELD: &str = "speed_kmh";
pub const STEP: Duration = Duration(5 * MINUTE);
/// A Monday, 2026-01-05T00:00:00Z.
pub const START: Timestamp = Timestamp(1_767_571_200_000_000);

/// A clock that stands where it is put.
#[derive(Default)]
pub struct StoppedClock(AtomicI64);

impl StoppedClock {
    pub fn at(instant: Timestamp) -> Arc<Self> {
        let clock = Self::default();
        clock.set(instant);
        Arc::new(clock)
    }

    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.0, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub fn target() -> Target {
    Target {
        topic: TOPIC.into(),
        field: FIELD.into(),
    }
}

pub fn version(number: u32) -> ModelVersion {
    ModelVersion {
        name: "constant".into(),
        version: number,
    }
}

/// One window row: key, zone, window number from [`START`], revision, mean speed.
pub type WindowRow<'a> = (&'a str, &'a str, i64, i32, Option<f64>);

/// The start of window `number`.
pub fn window(number: i64) -> Timestamp {
    Timestamp(START.0 + number * STEP.0)
}

/// Rows under the windows schema of `traffic-sensors`.
pub fn batch(rows: &[WindowRow<'_>]) -> RecordBatch {
    batch_of(TOPIC, "speed_kmh_mean", rows)
}

/// Rows under the windows schema of `topic`; the values stand in `column`.
pub fn batch_of(topic: &str, values: &str, rows: &[WindowRow<'_>]) -> RecordBatch {
    let catalog = StreamCatalog::built_in().unwrap();
    let schema = schema::windows(catalog.get(topic).unwrap());
    let starts: Vec<i64> = rows.iter().map(|row| window(row.2).0).collect();
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        match name {
            "key" => Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()),
            "zone_id" => Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>()),
            "window_start" | "committed_at" => {
                Arc::new(TimestampMicrosecondArray::from(starts.clone()).with_timezone("UTC"))
            }
            "revision" => Arc::new(rows.iter().map(|row| Some(row.3)).collect::<Int32Array>()),
            name if name == values => Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
            "day" => Arc::new(
                starts
                    .iter()
                    .map(|start| Some(start.div_euclid(DAY) as i32))
                    .collect::<Date32Array>(),
            ),
            _ => match kind {
                DataType::Int64 => Arc::new(Int64Array::from(vec![1; rows.len()])),
                DataType::Boolean => Arc::new(BooleanArray::from(vec![false; rows.len()])),
                DataType::Float64 if name == "quality" => Arc::new(Float64Array::from(vec![1.0; rows.len()])),
                other => new_null_array(other, rows.len()),
            },
        }
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type()))
        .collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

/// Two sensors in two zones, `windows` full windows from [`START`]: speeds 50 and 80.
pub fn history(windows: i64) -> RecordBatch {
    let rows: Vec<WindowRow<'_>> = (0..windows)
        .flat_map(|at| [("a", "north", at, 0, Some(50.0)), ("b", "south", at, 0, Some(80.0))])
        .collect();
    batch(&rows)
}

/// A service under test.
pub struct Service {
    pub state: Arc<AppState>,
    pub clock: Arc<StoppedClock>,
    pub models: Arc<FakeModels>,
    pub running: Running,
    /// Removed with everything in it when the test ends.
    pub folder: Arc<tempfile::TempDir>,
    pub lake: Lake,
}

/// Starts a service over an empty lake, with `history` committed to its windows table; not yet ready.
pub async fn waiting(history: Option<RecordBatch>) -> Service {
    let models = Arc::new(FakeModels::default());
    let source = Arc::clone(&models) as Arc<dyn ModelSource>;
    launch(history, models, source, None).await
}

/// The same over any source of models.
pub async fn launch(
    history: Option<RecordBatch>,
    models: Arc<FakeModels>,
    source: Arc<dyn ModelSource>,
    registry: Option<Registry>,
) -> Service {
    let order = Order {
        history,
        registry,
        ..Order::default()
    };
    order.launch(models, source).await
}

/// What a service is to be like.
#[derive(Default)]
pub struct Order {
    /// What its windows table holds before it starts.
    pub history: Option<RecordBatch>,
    pub registry: Option<Registry>,
    pub alerts: AlertsConfig,
    pub alert_sinks: Vec<Arc<dyn AlertSink>>,
    /// Where the lake is; none for a new folder.
    pub folder: Option<Arc<tempfile::TempDir>>,
    pub fault: Option<Arc<dyn Fault>>,
    /// What queries may take.
    pub sql: SqlConfig,
    /// What the servers bear; where they listen is not taken from here.
    pub server: ServerConfig,
}

impl Order {
    /// Starts with these models, at the end of the window before `next`.
    pub async fn start(self, models: Arc<FakeModels>, next: i64) -> Service {
        let source = Arc::clone(&models) as Arc<dyn ModelSource>;
        let service = self.launch(models, source).await;
        service.clock.set(window(next));
        service.state.start().await.unwrap();
        service
    }

    /// The same, not yet ready, over any source of models.
    pub async fn launch(self, models: Arc<FakeModels>, source: Arc<dyn ModelSource>) -> Service {
        let folder = self.folder.unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let options = LakeOptions {
            fsync: false,
            fault: self.fault,
            ..LakeOptions::default()
        };
        let lake = Lake::open(folder.path().to_str().unwrap(), options).await.unwrap();
        let catalog = Arc::new(StreamCatalog::built_in().unwrap());
        let clock = StoppedClock::at(window(1));
        if let Some(history) = self.history {
            write(&lake, history).await;
        }
        let config = ServingConfig {
            targets: vec![target()],
            poll_every: Duration(20_000),
            history: Duration(7 * DAY),
            sql: self.sql,
            ..ServingConfig::default()
        };
        let sink = arterial_serving::sinks::LakeSink::open(&lake, &config).await.unwrap();
        let parts = Parts {
            config,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            catalog,
            lake: Some(lake.clone()),
            registry: self.registry,
            models: Some(source),
            sinks: vec![Arc::new(sink)],
            alerts: self.alerts,
            alert_sinks: self.alert_sinks,
            synthetic: true,
        };
        let state = AppState::new(parts).unwrap();
        let config = ServerConfig {
            grpc: "127.0.0.1:0".into(),
            http: "127.0.0.1:0".into(),
            drain: Duration(2_000_000),
            ..self.server
        };
        let running = Server::start(config, Arc::clone(&state)).await.unwrap();
        Service {
            state,
            clock,
            models,
            running,
            folder,
            lake,
        }
    }
}

/// Commits windows to the table.
pub async fn write(lake: &Lake, windows: RecordBatch) {
    let catalog = StreamCatalog::built_in().unwrap();
    let stream = catalog.get(TOPIC).unwrap();
    let spec = TableSpec::new(stream.windows_table(), schema::windows(stream));
    lake.table(&spec).await.unwrap().append(&[windows]).await.unwrap();
}

/// How many rows the table called `name` has; 0 where there is no such table.
pub async fn count_rows(lake: &Lake, name: &str) -> usize {
    let Some(table) = lake.existing(name).await.unwrap() else {
        return 0;
    };
    let batches = table.scan(&Scan::default()).await.unwrap();
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// A service with a champion that adds 1 to the last value, ready, at the end of the last window.
pub async fn ready(windows: i64) -> Service {
    ready_as(windows, Order::default()).await
}

/// The same, where queries may take so much.
pub async fn limited(windows: i64, set: impl FnOnce(&mut SqlConfig)) -> Service {
    let mut order = Order::default();
    set(&mut order.sql);
    ready_as(windows, order).await
}

/// The same behind other servers.
pub async fn ready_with(windows: i64, server: ServerConfig) -> Service {
    let order = Order {
        server,
        ..Order::default()
    };
    ready_as(windows, order).await
}

/// The same, as it is ordered.
pub async fn ready_as(windows: i64, order: Order) -> Service {
    let models = Arc::new(FakeModels::default());
    models.add(FakeModel::new(1, &["a", "b"], 12, Says::LastPlus(1.0)));
    models.promote(1);
    let order = Order {
        history: Some(history(windows)),
        ..order
    };
    order.start(models, windows).await
}

impl Service {
    pub async fn channel(&self) -> Channel {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", self.running.grpc_addr)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// How the datasets of a query are read.
    pub async fn pushed(&self, sql: &str) -> String {
        let engine = Sql::new(Arc::clone(&self.state)).unwrap();
        engine.explain(sql).await.unwrap()
    }

    /// Closes these windows in lake and live state; `next` is the first one that is still open.
    pub async fn commit(&self, windows: RecordBatch, next: i64) {
        self.clock.set(window(next));
        write(&self.lake, windows.clone()).await;
        self.state.take(TOPIC, &windows, window(next));
    }

    /// Commits one more window and waits until it has been scored.
    pub async fn close_window(&self, number: i64, speeds: [f64; 2]) {
        self.clock.set(window(number + 1));
        let rows = [
            ("a", "north", number, 0, Some(speeds[0])),
            ("b", "south", number, 0, Some(speeds[1])),
        ];
        self.state.take(TOPIC, &batch(&rows), window(number + 1));
        self.until_scored(number).await;
    }

    pub async fn until_scored(&self, number: i64) {
        let mut issues = self.state.scores.get(&target()).unwrap().subscribe();
        let scored = issues.wait_for(|issue| issue.as_ref().is_some_and(|issue| issue.origin >= window(number)));
        tokio::time::timeout(std::time::Duration::from_secs(10), scored)
            .await
            .expect("scored in time")
            .unwrap();
    }
}

/// Waits until `condition` holds, about a minute at most.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
