//! A small city for the tests: a clock that stands where it is put, models that answer as they are told, windows of
//! five minutes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::array::{BooleanArray, Date32Array, Int64Array};
use arrow::datatypes::DataType;
use arterial_datasets::lake::{Fault, Lake, LakeOptions, TableSpec};
use arterial_datasets::panel::Panel;
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Clock, DAY, Duration, MINUTE, Timestamp};
use arterial_models::explanation::{Contribution, Explanation, Place};
use arterial_models::registry::{ModelVersion, Reference, Registry, Share, Target};
use arterial_models::scope::Scope;
use arterial_models::{Progress, Quantile};
use arterial_serving::alerts::{AlertSink, AlertsConfig};
use arterial_serving::model::{ModelSource, Role, ServedModel, Standing};
use arterial_serving::sql::{Sql, SqlConfig};
use arterial_serving::{AppState, Parts, Running, Server, ServerConfig, ServingConfig};
use futures::FutureExt;
use futures::future::BoxFuture;
use ndarray::Array3;
use tonic::transport::Channel;

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

/// What a model says.
#[derive(Clone, Copy)]
pub enum Says {
    /// The last value of each series plus a constant, and one more for each step ahead.
    LastPlus(f64),
    /// The last value of each series, and nothing of why.
    Last,
    /// The last value of the channel beside the target.
    Covariate,
    /// No number.
    Nothing,
    /// An error.
    Error,
    /// Nothing for a minute, unless it is given up.
    NothingForLong,
}

/// A model that answers as it is told.
pub struct FakeModel {
    pub id: ModelVersion,
    pub scope: Scope,
    pub horizon: usize,
    pub says: Says,
    /// How many forecasts that take long were begun.
    pub begun: Arc<AtomicUsize>,
    /// How many of them were given up because nobody waited any more.
    pub given_up: Arc<AtomicUsize>,
    /// Whoever holds it lets the model wait.
    pub turn: Arc<Mutex<()>>,
}

impl FakeModel {
    pub fn new(number: u32, series: &[&str], horizon: usize, says: Says) -> Self {
        let scope = Scope {
            target: FIELD.into(),
            series: series.iter().map(ToString::to_string).collect(),
            step: STEP,
            timezone: "UTC".into(),
            covariates: Vec::new(),
        };
        Self {
            id: version(number),
            scope,
            horizon,
            says,
            begun: Arc::default(),
            given_up: Arc::default(),
            turn: Arc::default(),
        }
    }
}

impl ServedModel for FakeModel {
    fn id(&self) -> &ModelVersion {
        &self.id
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn history(&self) -> usize {
        12
    }

    fn forecast(&self, panel: &Panel, quantiles: &[Quantile]) -> arterial_serving::Result<Array3<f64>> {
        let _turn = self.turn.lock().unwrap();
        let shape = (panel.series().len(), self.horizon, quantiles.len());
        let target = panel.target();
        match self.says {
            Says::Error => Err(arterial_serving::Error::invalid(
                "model",
                "broken",
                "a model that works",
            )),
            Says::Covariate => Ok(Array3::from_elem(shape, panel.values()[[panel.steps() - 1, 0, 1]])),
            Says::Last => Ok(Array3::from_shape_fn(shape, |(series, ..)| {
                target[[panel.steps() - 1, series]]
            })),
            Says::Nothing | Says::NothingForLong => Ok(Array3::from_elem(shape, f64::NAN)),
            Says::LastPlus(add) => Ok(Array3::from_shape_fn(shape, |(series, step, quantile)| {
                let last = target[[panel.steps() - 1, series]];
                last + add + (step + 1) as f64 + 10.0 * (f64::from(quantiles[quantile]) - 0.5)
            })),
        }
    }

    fn forecast_while(
        &self,
        panel: &Panel,
        quantiles: &[Quantile],
        progress: &dyn Progress,
    ) -> arterial_serving::Result<Array3<f64>> {
        if matches!(self.says, Says::NothingForLong) {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let begun = std::time::Instant::now();
            while begun.elapsed() < std::time::Duration::from_mins(1) {
                if progress.is_cancelled() {
                    self.given_up.fetch_add(1, Ordering::SeqCst);
                    return Err(arterial_models::Error::Cancelled.into());
                }
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        }
        self.forecast(panel, quantiles)
    }

    fn explain(&self, panel: &Panel, places: &[Place]) -> arterial_serving::Result<Vec<Explanation>> {
        let Says::LastPlus(add) = self.says else {
            return Err(arterial_models::Error::Unexplained(self.id.to_string()).into());
        };
        let contribution = |feature: &str, amount| Contribution {
            feature: feature.into(),
            value: amount,
            amount,
        };
        let explain = |place: &Place| Explanation {
            base: panel.target()[[panel.steps() - 1, place.series]],
            contributions: vec![contribution("constant", add), contribution("step", place.step as f64)],
        };
        Ok(places.iter().map(explain).collect())
    }
}

/// Models in memory, promoted by hand.
#[derive(Default)]
pub struct FakeModels {
    pub models: Mutex<BTreeMap<u32, Arc<FakeModel>>>,
    pub standings: Mutex<Vec<Standing>>,
}

impl FakeModels {
    pub fn add(&self, model: FakeModel) {
        self.models.lock().unwrap().insert(model.id.version, Arc::new(model));
    }

    /// Points the champion alias at a version, which need not exist.
    pub fn promote(&self, number: u32) {
        self.point(Role::Champion, number, None);
    }

    /// Lets a version answer for a share of the keys.
    pub fn try_canary(&self, number: u32, share: f64) {
        self.point(Role::Canary, number, Some(share.try_into().unwrap()));
    }

    /// Lets a version be scored beside the champion.
    pub fn try_shadow(&self, number: u32) {
        self.point(Role::Shadow, number, None);
    }

    /// Ends a trial.
    pub fn withdraw(&self, role: Role) {
        self.standings.lock().unwrap().retain(|standing| standing.role != role);
    }

    fn point(&self, role: Role, number: u32, share: Option<Share>) {
        let mut standings = self.standings.lock().unwrap();
        let revision = 1 + standings.iter().map(|standing| standing.revision).max().unwrap_or(0);
        let old = standings.iter().position(|standing| standing.role == role);
        let old = old.map(|at| standings.remove(at));
        standings.push(Standing {
            target: target(),
            role,
            model: version(number),
            revision,
            former: old.map(|old| old.model),
            share,
        });
    }
}

impl ModelSource for FakeModels {
    fn standings(&self) -> BoxFuture<'_, arterial_serving::Result<Vec<Standing>>> {
        let standings = self.standings.lock().unwrap().clone();
        async move { Ok(standings) }.boxed()
    }

    fn load<'a>(&'a self, id: &'a ModelVersion) -> BoxFuture<'a, arterial_serving::Result<Arc<dyn ServedModel>>> {
        let found = self.models.lock().unwrap().get(&id.version).cloned();
        async move {
            match found {
                Some(model) => Ok(model as Arc<dyn ServedModel>),
                None => Err(arterial_serving::Error::Unknown {
                    what: "model",
                    name: id.to_string(),
                    known: "none".into(),
                }),
            }
        }
        .boxed()
    }

    fn resolve<'a>(
        &'a self,
        reference: &'a Reference,
        _: &'a Target,
    ) -> BoxFuture<'a, arterial_serving::Result<ModelVersion>> {
        async move {
            match reference {
                Reference::Version(id) => Ok(id.clone()),
                other => Err(arterial_serving::Error::Unknown {
                    what: "model",
                    name: other.to_string(),
                    known: "constant@N".into(),
                }),
            }
        }
        .boxed()
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

/// The same, with a champion that adds 1 to the last value, ready, at the end of the last window.
pub async fn ready(windows: i64) -> Service {
    launched(windows, Order::default()).await
}

/// The same, where queries may take so much.
pub async fn limited(windows: i64, set: impl FnOnce(&mut SqlConfig)) -> Service {
    let mut order = Order::default();
    set(&mut order.sql);
    launched(windows, order).await
}

/// The same behind other servers.
pub async fn ready_with(windows: i64, server: ServerConfig) -> Service {
    let order = Order {
        server,
        ..Order::default()
    };
    launched(windows, order).await
}

async fn launched(windows: i64, order: Order) -> Service {
    let models = Arc::new(FakeModels::default());
    let source = Arc::clone(&models) as Arc<dyn ModelSource>;
    let order = Order {
        history: Some(history(windows)),
        ..order
    };
    let service = order.launch(models, source).await;
    service
        .models
        .add(FakeModel::new(1, &["a", "b"], 12, Says::LastPlus(1.0)));
    service.models.promote(1);
    service.clock.set(window(windows));
    service.state.start().await.unwrap();
    service
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
