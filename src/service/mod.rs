//! What `run` and `demo` have in common: the parts that the configuration names, put together.

mod foundation;
pub mod indices;
pub mod ingest;
mod secret;
pub mod upkeep;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arterial_datasets::time::SystemClock;
use arterial_features::pipeline::{CommitObserver, EventCommit, WindowCommit};
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_serving::model::RegistryModels;
use arterial_serving::sinks::alerts::config::{Surroundings, build_all};
use arterial_serving::sinks::kafka::{KafkaSink, KafkaWriter};
use arterial_serving::sinks::redis::RedisMirror;
use arterial_serving::sinks::{ForecastSink, LakeSink};
use arterial_serving::traces::{self, Trace};
use arterial_serving::{AppState, Parts, Running, Server};

use crate::config::Config;
pub use foundation::{Foundation, catalog, lake_options};
pub use ingest::Ingest;

/// A service that answers.
pub struct Service {
    /// What the servers share.
    pub state: Arc<AppState>,
    mirror: Option<Arc<RedisMirror>>,
    running: Running,
}

impl Service {
    /// Listens. Calls are told to wait until [`open`](Self::open) has returned; commits may be taken at once.
    ///
    /// # Errors
    /// An address that is taken, a lake that cannot be read.
    pub async fn listen(
        foundation: &Foundation,
        publish: Option<KafkaWriter>,
        synthetic: bool,
    ) -> anyhow::Result<Self> {
        let config = &foundation.config;
        let serving = config.serving_config()?;
        let mut sinks: Vec<Arc<dyn ForecastSink>> = vec![Arc::new(LakeSink::open(&foundation.lake, &serving).await?)];
        if let Some(writer) = &publish {
            sinks.push(Arc::new(KafkaSink::new(writer.clone(), &serving)));
        }
        let mirror = RedisMirror::new(&config.redis_settings(), &serving)?;
        sinks.extend(mirror.clone().map(|mirror| mirror as Arc<dyn ForecastSink>));
        let alerts = config.alerts_config()?;
        let around = Surroundings {
            alerts: &alerts.settings,
            site: &config.site.name,
            // Receivers compare with their own clocks, whatever time it is in a simulated city.
            clock: Arc::new(SystemClock),
            writer: publish,
        };
        let alert_sinks = build_all(&config.alerts.sinks, &around)?;
        let kinds = forecasters::list(sets::standard());
        let state = AppState::new(Parts {
            config: serving,
            clock: Arc::clone(&foundation.clock),
            catalog: Arc::clone(&foundation.catalog),
            lake: Some(foundation.lake.clone()),
            registry: Some(foundation.registry.clone()),
            models: Some(Arc::new(RegistryModels::new(foundation.registry.clone(), kinds))),
            sinks,
            alerts,
            alert_sinks,
            synthetic,
        })?;
        let running = Server::start(config.server_config(), Arc::clone(&state)).await?;
        if let Some(mirror) = &mirror {
            tokio::spawn(Arc::clone(mirror).run(Arc::clone(&state)));
        }
        Ok(Self { state, mirror, running })
    }

    /// Who is to be told of commits.
    pub fn observer(&self) -> Arc<LiveObserver> {
        Arc::new(LiveObserver {
            state: Arc::clone(&self.state),
            mirror: self.mirror.clone(),
            records: Mutex::default(),
        })
    }

    /// Rebuilds live state from the lake, scores the newest windows, and begins to answer.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn open(&self) -> anyhow::Result<()> {
        Ok(self.state.start().await?)
    }

    /// Says where calls are answered, in the log and, where asked for, in a file. Whether brokers are there is said by whoever asks them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn announce(&self, ready_file: Option<&Path>) -> anyhow::Result<()> {
        let (grpc, http) = (self.running.grpc_addr, self.running.http_addr);
        tracing::info!(%grpc, %http, "ready to answer calls");
        if let Some(path) = ready_file {
            let ready = serde_json::json!({
                "grpc": grpc.to_string(), "http": http.to_string(), "pid": std::process::id(),
            });
            // Whoever waits for the file must never read half of it.
            let unfinished = path.with_extension("unfinished");
            std::fs::write(&unfinished, ready.to_string())?;
            std::fs::rename(&unfinished, path)?;
        }
        Ok(())
    }

    /// Where it listens: gRPC, then HTTP.
    pub fn addresses(&self) -> (std::net::SocketAddr, std::net::SocketAddr) {
        (self.running.grpc_addr, self.running.http_addr)
    }

    /// Returns when a server has stopped by itself.
    pub async fn failed(&self) {
        self.running.failed().await;
    }

    /// Sends callers elsewhere, and answers those who have not heard of it yet, for as long as is configured.
    pub async fn leave(&self) {
        self.running.leave().await;
    }

    /// Finishes the calls in flight and what the sinks still hold.
    ///
    /// # Errors
    /// A server that had failed before.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        Ok(self.running.shutdown().await?)
    }
}

/// Takes the windows and the archived events of each commit into live state, and the windows to the mirror.
pub struct LiveObserver {
    state: Arc<AppState>,
    mirror: Option<Arc<RedisMirror>>,
    /// Where in a trace the first of the records behind the newest commit was sent.
    records: Mutex<Trace>,
}

impl CommitObserver for LiveObserver {
    fn committing(&self, span: &tracing::Span, traceparents: &[String]) {
        let first = traces::continue_records(span, traceparents);
        *self.records.lock().unwrap_or_else(PoisonError::into_inner) = first;
    }

    fn committed(&self, commit: &WindowCommit) {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let _entered = records.enter();
        self.state.note_commit(&commit.stream.name, commit.version);
        self.state.take(&commit.stream.name, &commit.batch, commit.watermark);
        if let Some(mirror) = &self.mirror {
            mirror.take(&commit.stream.name, &commit.batch);
        }
    }

    fn archived(&self, commit: &EventCommit) {
        self.state.note_archived(&commit.stream.name, commit.version);
        self.state.take_events(&commit.stream.name, &commit.batches);
    }
}

/// A writer for results, where the configuration wants them published.
///
/// # Errors
/// Settings that Kafka refuses.
pub fn publisher(config: &Config) -> anyhow::Result<Option<KafkaWriter>> {
    let kafka = &config.kafka;
    if kafka.brokers.is_empty() || !kafka.publish_results {
        return Ok(None);
    }
    Ok(Some(KafkaWriter::new(
        &kafka.brokers,
        &kafka.result_prefix,
        &kafka.properties,
    )?))
}
