//! The thread that drives the pipeline, and what it says of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use arterial_features::pipeline::{CommitObserver, Pipeline, PipelineOptions, PipelineStatus, StreamState};
use arterial_features::source::Source;
use arterial_serving::AppState;
use arterial_serving::metrics::Metric;
use arterial_serving::readiness::Reason;
use tokio::sync::{oneshot, watch};

use super::Foundation;

/// A running pipeline.
pub struct Ingest {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    ended: oneshot::Receiver<arterial_features::Result<()>>,
    /// What the pipeline says of itself.
    pub status: watch::Receiver<PipelineStatus>,
}

impl Ingest {
    /// Starts consuming `source` into the lake.
    ///
    /// # Errors
    /// Options or streams that do not check, a thread that the system refuses.
    pub fn start<S: Source + Send + 'static>(
        foundation: &Foundation,
        options: PipelineOptions,
        source: S,
        observers: Vec<Arc<dyn CommitObserver>>,
    ) -> anyhow::Result<Self> {
        let mut pipeline = Pipeline::new(
            source,
            foundation.streams()?,
            foundation.lake_address(),
            Arc::clone(&foundation.clock),
            tokio::runtime::Handle::current(),
            options,
        )?;
        for observer in observers {
            pipeline = pipeline.with_observer(observer);
        }
        let status = pipeline.watch();
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, ended) = oneshot::channel();
        let until = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("ingest".into()).spawn(move || {
            // Nobody listens any more once the process ends.
            let _ = tell.send(pipeline.run(&until));
        })?;
        Ok(Self {
            stop,
            thread,
            ended,
            status,
        })
    }

    /// Returns when the pipeline has ended by itself.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn failed(&mut self) -> anyhow::Result<()> {
        match (&mut self.ended).await {
            Ok(result) => Ok(result?),
            Err(_) => anyhow::bail!("the ingest thread broke off"),
        }
    }

    /// Commits what is closed, and ends.
    ///
    /// # Errors
    /// What could not be committed; it is read again by the next start.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread;
        tokio::task::spawn_blocking(move || thread.join())
            .await?
            .map_err(|_| anyhow::anyhow!("the ingest thread broke off"))?;
        match self.ended.try_recv() {
            Ok(result) => Ok(result?),
            // Whoever asked whether it had failed was told.
            Err(_) => Ok(()),
        }
    }
}

/// Carries the pipeline's status into readiness and metrics, as long as the service lives.
pub async fn report(mut status: watch::Receiver<PipelineStatus>, state: Arc<AppState>) {
    let mut suspended = false;
    loop {
        let now = status.borrow_and_update().clone();
        ready(&now, &state);
        measure(&now, &state);
        // A commit whose reply was lost has reached the lake, and nobody was told.
        if suspended
            && now.suspended.is_none()
            && let Err(error) = state.read_again().await
        {
            tracing::warn!(%error, "windows committed meanwhile could not be read");
        }
        suspended = now.suspended.is_some();
        tokio::select! {
            changed = status.changed() => if changed.is_err() { return },
            () = state.stop.cancelled() => return,
        }
    }
}

fn ready(status: &PipelineStatus, state: &AppState) {
    let set = |reason: Reason, text: Option<String>| match text {
        Some(text) => state.readiness.raise(reason, text),
        None => state.readiness.clear(reason),
    };
    set(
        Reason::BrokerUnreachable,
        status.unreachable.then(|| "no broker answers".to_owned()),
    );
    set(Reason::LakeUnwritable, status.suspended.clone());
    let stopped: Vec<String> = status
        .streams
        .iter()
        .filter_map(|(topic, stream)| match &stream.state {
            StreamState::Fenced(why) | StreamState::Stopped(why) => Some(format!("{topic}: {why}")),
            StreamState::Waiting | StreamState::Running => None,
        })
        .collect();
    set(Reason::StreamStopped, (!stopped.is_empty()).then(|| stopped.join("; ")));
}

fn measure(status: &PipelineStatus, state: &AppState) {
    for (topic, stream) in &status.streams {
        let set = |metric, value: u64| state.metrics.set_by(metric, "topic", topic, value as f64);
        set(Metric::IngestEvents, stream.events);
        set(Metric::IngestDuplicates, stream.duplicates);
        set(Metric::IngestLate, stream.late);
        set(Metric::IngestQuarantined, stream.quarantined);
        set(Metric::IngestLost, stream.lost);
        set(Metric::IngestLag, stream.lag);
        set(Metric::IngestBytes, stream.memory as u64);
    }
}
