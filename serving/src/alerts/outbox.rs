//! Brings revisions to one sink, in order, from where it stood.
//!
//! What a sink has not taken yet is not kept here: it stands among the last revisions at hand or in the table `alerts`. So a sink
//! that is down costs the memory of one batch, and holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::Ledger;
use super::revision::AlertRevision;
use super::sink::{AlertSink, Undelivered};
use crate::error::chain;
use crate::metrics::Metric;
use crate::state::AppState;
use crate::{Error, Result};

/// Revisions that are taken at a time; where the process ends in between, so many may come twice.
const BATCH: usize = 64;
/// The first pause after a failure; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Delivers to `sink` until the service stops.
pub(crate) async fn deliver_forever(state: Arc<AppState>, sink: Arc<dyn AlertSink>) {
    let mut pause = FIRST_PAUSE;
    while !state.stop.is_cancelled() {
        let Err(error) = deliver(&state, sink.as_ref(), &mut pause).await else {
            return;
        };
        let error = chain(&error);
        tracing::error!(sink = sink.name(), error, "alerts are not delivered, trying again");
        if stopped_within(&state, pause).await {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Delivers from where the sink stands in the table; returns when the service stops.
async fn deliver(state: &AppState, sink: &dyn AlertSink, pause: &mut Duration) -> Result<()> {
    let Some(lake) = &state.lake else { return Ok(()) };
    let mut news = state.alerts.store.subscribe();
    if !state.alerts.until_loaded(state).await {
        return Ok(());
    }
    let mut ledger = Ledger::open(lake).await?;
    let mut delivered = if let Some(delivered) = ledger.delivered(sink.name()) {
        delivered
    } else {
        // A sink that is new is told what comes, not what was.
        let newest = state.alerts.store.last();
        ledger.note_delivered(sink.name(), newest).await?;
        newest
    };
    loop {
        news.borrow_and_update();
        let batch = match state.alerts.store.log_after(delivered, BATCH) {
            Some(batch) => batch,
            None => ledger
                .after(delivered, BATCH)
                .await?
                .into_iter()
                .map(Arc::new)
                .collect(),
        };
        for revision in &batch {
            if !hand_over(state, sink, revision).await {
                return Ok(());
            }
        }
        if let Some(last) = batch.last() {
            ledger.note_delivered(sink.name(), last.sequence).await?;
            delivered = last.sequence;
            *pause = FIRST_PAUSE;
            continue;
        }
        tokio::select! {
            () = state.stop.cancelled() => return Ok(()),
            changed = news.changed() => changed.map_err(|error| Error::Background(error.to_string()))?,
        }
    }
}

/// Delivers one revision, however often it takes; false where the service stopped before.
async fn hand_over(state: &AppState, sink: &dyn AlertSink, revision: &AlertRevision) -> bool {
    if !sink.wants(revision) {
        return true;
    }
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = tokio::select! {
            outcome = sink.deliver(revision) => outcome,
            () = state.stop.cancelled() => return false,
        };
        let (sequence, alert_id) = (revision.sequence, revision.alert.alert_id.as_str());
        match outcome {
            Ok(()) => {
                state.metrics.count_by(Metric::AlertDeliveries, "sink", sink.name(), 1);
                return true;
            }
            Err(Undelivered::Never { reason }) => {
                state.metrics.count_by(Metric::AlertDeadLetters, "sink", sink.name(), 1);
                tracing::error!(
                    sink = sink.name(),
                    alert_id,
                    sequence,
                    reason,
                    "a receiver refused an alert for good"
                );
                return true;
            }
            Err(Undelivered::Later { reason, after }) => {
                state.metrics.count_by(Metric::AlertRetries, "sink", sink.name(), 1);
                tracing::warn!(
                    sink = sink.name(),
                    alert_id,
                    sequence,
                    reason,
                    "an alert was not delivered, trying again"
                );
                if stopped_within(state, pause.max(after.unwrap_or_default())).await {
                    return false;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Waits; true where the service stopped meanwhile.
async fn stopped_within(state: &AppState, pause: Duration) -> bool {
    tokio::select! {
        () = state.stop.cancelled() => true,
        () = tokio::time::sleep(pause) => false,
    }
}
