//! Everything that the services share, and the work that goes on behind them.

mod following;
mod opening;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::lake::Lake;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Clock, Timestamp};
use arterial_models::Quantile;
use arterial_models::registry::{Registry, Target};
use futures::future::BoxFuture;
use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Result;
use crate::admission::Crowd;
use crate::alerts::{self, AlertSink, Alerts, AlertsConfig};
use crate::analytics::Analytics;
use crate::config::ServingConfig;
use crate::error::chain;
use crate::live::Live;
use crate::metrics::{Metric, Metrics};
use crate::model::{Champions, ModelSource, ServedModel};
use crate::readiness::{Readiness, Reason};
use crate::registry_list::Shelf;
use crate::score::{self, Issue, Scores, Turns};
use crate::sinks::{self, ForecastSink, LakeSink};
use crate::tables::Tables;

/// Issues that wait for the sinks; with more, scoring waits and then takes the newest window only.
const WAITING: usize = 16;

/// Calls that wait for computing: a quarter of those that are answered at the same time by default. Many of them want the same, which is
/// computed once.
const ASKING: usize = 64;

/// What the state is made of.
pub struct Parts {
    /// What is forecast, and from what.
    pub config: ServingConfig,
    /// Where the time comes from; an accelerated one in a demonstration.
    pub clock: Arc<dyn Clock>,
    /// The streams that are defined.
    pub catalog: Arc<StreamCatalog>,
    /// Where tables are read; without it live state starts empty and Flight has no tables.
    pub lake: Option<Lake>,
    /// Where models are listed; without it nothing is listed.
    pub registry: Option<Registry>,
    /// Where champions come from; without it only the profile answers.
    pub models: Option<Arc<dyn ModelSource>>,
    /// Where forecasts go, beside those who ask.
    pub sinks: Vec<Arc<dyn ForecastSink>>,
    /// What is watched for alerts, and how they are made.
    pub alerts: AlertsConfig,
    /// Where alerts go, beside those who ask.
    pub alert_sinks: Vec<Arc<dyn AlertSink>>,
    /// Whether the data come from a simulator, which the page and the log then say.
    pub synthetic: bool,
}

/// What the services share.
pub struct AppState {
    /// What is forecast, and from what.
    pub config: ServingConfig,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Since when this instance runs.
    pub since: Timestamp,
    /// The streams that are defined.
    pub catalog: Arc<StreamCatalog>,
    /// Where tables are read.
    pub lake: Option<Lake>,
    /// The handles of its tables.
    pub(crate) tables: Option<Tables>,
    /// Where models are listed.
    pub registry: Option<Registry>,
    /// What was read of them.
    pub(crate) shelf: Option<Arc<Shelf>>,
    /// Whether the data come from a simulator.
    pub synthetic: bool,
    /// Recent windows.
    pub live: Live,
    /// The models in charge.
    pub champions: Champions,
    /// The forecasts at hand.
    pub scores: Scores,
    /// The alerts at hand, and who makes them.
    pub alerts: Alerts,
    /// What questions about the city keep between them.
    pub analytics: Analytics,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the service may be asked.
    pub readiness: Readiness,
    /// Cancelled when the service shuts down.
    pub stop: CancellationToken,
    /// The quantiles that are computed for each window.
    pub(crate) grid: Vec<Quantile>,
    /// One issue is computed at a time.
    pub(crate) turns: Turns,
    /// Those who wait for a turn because they asked.
    pub(crate) asking: Crowd,
    /// One model is prepared at a time.
    preparing: Mutex<()>,
    /// Where the forecasts of shadows go, opened for the first of them.
    shadow_sink: OnceCell<LakeSink>,
    alert_sinks: Vec<Arc<dyn AlertSink>>,
    tasks: TaskTracker,
    outbox: mpsc::Sender<Arc<Issue>>,
}

impl AppState {
    /// Puts the parts together and starts the sinks. Nothing is scored before [`AppState::start`].
    ///
    /// # Errors
    /// A configured value outside its range, a target of an unknown stream or field.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(parts: Parts) -> Result<Arc<Self>> {
        parts.config.check()?;
        parts.config.check_streams(&parts.catalog)?;
        parts.alerts.check(&parts.catalog)?;
        let grid = parts.config.grid()?;
        let live = Live::new(&parts.catalog, parts.config.history, parts.config.history_bytes);
        for target in &parts.config.targets {
            live.stream(&target.topic)?.serve(&target.field)?;
        }
        let analytics = Analytics::new(&parts.catalog);
        let (outbox, inbox) = mpsc::channel(WAITING);
        let state = Arc::new(Self {
            champions: Champions::new(parts.models),
            config: parts.config,
            since: parts.clock.now(),
            clock: parts.clock,
            catalog: parts.catalog,
            tables: parts.lake.as_ref().map(Tables::new),
            lake: parts.lake,
            shelf: parts.registry.clone().map(Shelf::new).map(Arc::new),
            registry: parts.registry,
            synthetic: parts.synthetic,
            live,
            scores: Scores::default(),
            alerts: Alerts::new(parts.alerts),
            analytics,
            metrics: Metrics::default(),
            readiness: Readiness::default(),
            stop: CancellationToken::new(),
            grid,
            turns: Turns::default(),
            asking: Crowd::new("requests that are computed", ASKING),
            preparing: Mutex::new(()),
            shadow_sink: OnceCell::new(),
            alert_sinks: parts.alert_sinks,
            tasks: TaskTracker::new(),
            outbox,
        });
        state
            .tasks
            .spawn(sinks::deliver_forever(Arc::clone(&state), inbox, parts.sinks));
        Ok(state)
    }

    /// Loads the champions, rebuilds live state from the lake, begins to score and to follow the registry. In full charge of
    /// everything when it returns. Where there is much history, the hours of the newest days that the profile looks at are read first:
    /// it answers from them, and the service is ready, while all of it is read. Commits may be taken at any time.
    ///
    /// # Errors
    /// A lake that cannot be read. A registry that cannot be reached is tried again.
    pub async fn start(self: &Arc<Self>) -> Result<()> {
        let (incidents, ()) = tokio::join!(self.read_incidents(), self.look_for_models());
        incidents?;
        self.open_all().await?;
        self.readiness.clear(Reason::Rebuilding);
        self.tasks.spawn(Arc::clone(self).follow_registry());
        if let Some(lake) = self.lake.clone() {
            self.tasks.spawn(Arc::clone(self).follow_others(lake));
        }
        for task in alerts::tasks(self, &self.alert_sinks) {
            self.tasks.spawn(task);
        }
        Ok(())
    }

    async fn follow_registry(self: Arc<Self>) {
        let mut every = tokio::time::interval(self.config.poll_every.to_std());
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = every.tick() => {}
            }
            self.look_for_models().await;
            for target in self.wanted() {
                if let Err(error) = self.open(&target).await {
                    tracing::error!(target_name = %target, error = chain(&error), "target cannot be served");
                }
            }
        }
    }

    /// Looks at the registry once; what was promoted is in charge when it returns.
    pub async fn look_for_models(&self) {
        let prepare = |target: Target, model: Arc<dyn ServedModel>| -> BoxFuture<'_, Result<()>> {
            Box::pin(async move { self.prepare(&target, model.as_ref()).await })
        };
        let (clock, metrics) = (self.clock.as_ref(), &self.metrics);
        if let Err(error) = self.champions.poll(clock, metrics, &prepare).await {
            tracing::warn!(error = chain(&error), "the model registry cannot be read");
        }
    }

    /// Checks that a model can be asked about the live windows of `target`, and holds the numbers of other streams that it
    /// needs from now on.
    ///
    /// # Errors
    /// A model that does not fit, a lake that cannot be read.
    pub(crate) async fn prepare(&self, target: &Target, model: &dyn ServedModel) -> Result<()> {
        score::check_fit(self.live.stream(&target.topic)?, target, model)?;
        // Whoever comes second finds the history read, and not just begun.
        let _turn = self.preparing.lock().await;
        for covariate in score::covariates(model)? {
            let stream = self.live.stream(&covariate.topic)?;
            if stream.serve(&covariate.field)?
                && let Some(lake) = &self.lake
            {
                let rows = stream
                    .rebuild(lake, std::slice::from_ref(&covariate.field), self.config.history)
                    .await?;
                tracing::info!(%covariate, rows, "covariate read from the lake");
            }
        }
        Ok(())
    }

    /// Takes the rows of one commit of a windows table into live state. It is quick: scoring happens elsewhere.
    pub fn take(&self, topic: &str, batch: &RecordBatch, watermark: Timestamp) {
        if let Err(error) = self.live.take(topic, batch, watermark, &self.metrics) {
            tracing::error!(
                topic,
                error = chain(&error),
                "a commit could not be taken into live state"
            );
        }
        self.alerts.wake();
    }

    /// Takes archived events into live state.
    pub fn take_events(&self, topic: &str, batches: &[RecordBatch]) {
        for batch in batches {
            if let Err(error) = self.live.incidents().take(topic, batch) {
                tracing::error!(
                    topic,
                    error = chain(&error),
                    "incidents could not be taken into live state"
                );
            }
        }
    }

    /// Reads the incidents that the archive holds.
    async fn read_incidents(&self) -> Result<()> {
        if let Some(lake) = &self.lake {
            let rows = self.live.incidents().rebuild(lake).await?;
            tracing::info!(rows, "incidents read from the archive");
        }
        Ok(())
    }

    /// Reads the history of every served target again; what is known already stays as it is. For the end of a time in
    /// which commits failed: one whose reply was lost has reached the lake, and nobody was told.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn read_again(&self) -> Result<()> {
        let Some(lake) = &self.lake else { return Ok(()) };
        self.read_incidents().await?;
        for stream in self.live.streams() {
            stream.read_again(lake, self.config.history).await?;
        }
        self.alerts.wake();
        Ok(())
    }

    /// Hands an issue to the sinks; waits while they are behind.
    pub(crate) async fn deliver(&self, issue: Arc<Issue>) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            sent = self.outbox.send(issue) => {
                if sent.is_err() {
                    self.metrics.count_by(Metric::SinkFailures, "sink", "all", 1);
                }
            }
        }
    }

    /// Where the forecasts of shadows go; none without a lake.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub(crate) async fn shadow_sink(&self) -> Result<Option<&LakeSink>> {
        let Some(lake) = &self.lake else { return Ok(None) };
        let open = || LakeSink::shadow(lake, &self.config);
        self.shadow_sink.get_or_try_init(open).await.map(Some)
    }

    /// Where alerts go, beside those who ask.
    pub(crate) fn alert_sinks(&self) -> &[Arc<dyn AlertSink>] {
        &self.alert_sinks
    }

    /// Stops scoring and waits until the sinks have what was computed.
    pub async fn stop(&self) {
        self.readiness.raise(Reason::Draining, "the service is shutting down");
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
