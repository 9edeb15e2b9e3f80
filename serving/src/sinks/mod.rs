//! Where forecasts go, beside those who ask: the lake, Kafka's result topics, and a mirror in Redis.

pub mod alerts;
pub mod kafka;
mod lake;
pub mod redis;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tracing::Instrument;

pub use lake::{FORECASTS, LakeSink, SHADOW_FORECASTS};

use crate::Result;
use crate::error::chain;
use crate::metrics::Metric;
use crate::score::Issue;
use crate::state::AppState;
use crate::traces::{self, TARGET};

/// A sink that did not take an issue is asked again after each of these, and then the loss is reported.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// Somewhere that forecasts go.
pub trait ForecastSink: Send + Sync {
    /// Its name in metrics.
    fn name(&self) -> &'static str;

    /// Delivers an issue; durable when it returns, with the number of rows.
    fn deliver(&self, issue: Arc<Issue>) -> BoxFuture<'_, Result<u64>>;
}

/// Delivers issues until nobody can send any more, in order; what is waiting when the service stops still goes out.
pub(crate) async fn deliver_forever(
    state: Arc<AppState>,
    mut inbox: mpsc::Receiver<Arc<Issue>>,
    sinks: Vec<Arc<dyn ForecastSink>>,
) {
    loop {
        let issue = tokio::select! {
            biased;
            issue = inbox.recv() => issue,
            () = state.stop.cancelled() => inbox.try_recv().ok(),
        };
        let Some(issue) = issue else { return };
        for sink in &sinks {
            let span = tracing::info_span!(target: TARGET, "deliver", otel.kind = "producer", sink = sink.name());
            traces::continue_from(&span, &issue.trace);
            let delivered = deliver(&state, sink.as_ref(), &issue);
            issue.trace.around(delivered).instrument(span).await;
        }
    }
}

/// Delivers one issue to one sink, again where it is not taken at once.
pub(crate) async fn deliver(state: &AppState, sink: &dyn ForecastSink, issue: &Arc<Issue>) {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match sink.deliver(Arc::clone(issue)).await {
            Ok(rows) => return state.metrics.count_by(Metric::SinkRows, "sink", sink.name(), rows),
            Err(error) => chain(&error),
        };
        let Some(pause) = pauses.next() else {
            state
                .metrics
                .count_by(Metric::SinkFailures, "sink", sink.name(), issue.given() as u64);
            tracing::error!(sink = sink.name(), origin = %issue.origin, error, "forecasts were not delivered and are lost for this sink");
            return;
        };
        tracing::warn!(sink = sink.name(), origin = %issue.origin, error, "forecasts were not delivered, trying again");
        tokio::time::sleep(*pause).await;
    }
}
