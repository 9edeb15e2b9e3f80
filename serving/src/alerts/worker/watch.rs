//! Who makes the alerts of a lake: one service at a time.
//!
//! The service that starts last takes the watch over by raising its epoch in the table; from then on the commits of the former are
//! refused, and it stands by: it shows what the other makes, and takes the watch back where the other falls behind, as one does
//! that has ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::lake::Lake;
use tokio::sync::mpsc;

use super::Worker;
use super::progress::newest_closed;
use crate::alerts::NOT_IN_CHARGE;
use crate::alerts::deeds::Command;
use crate::alerts::detect::by_topic;
use crate::alerts::ledger::Ledger;
use crate::error::chain;
use crate::metrics::Metric;
use crate::readiness::Reason;
use crate::state::AppState;
use crate::{Error, Result};

/// The first pause after a failure; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Where another service makes the alerts, the table is looked at so often, and taken over where it is so many windows behind and has not gone
/// on since the look before: two that have much to catch up with would else take it from each other at every look.
const STANDING_BY: Duration = Duration::from_secs(5);
const FALLEN_BEHIND: i64 = 3;

/// The pauses between tries.
pub(super) struct Pause(Duration);

impl Pause {
    /// Something went well: the next pause is short again.
    pub(super) fn shorten(&mut self) {
        self.0 = FIRST_PAUSE;
    }

    /// Waits; the next pause is longer.
    async fn wait(&mut self, state: &AppState) {
        tokio::select! {
            () = state.stop.cancelled() => {}
            () = tokio::time::sleep(self.0) => {}
        }
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

/// Watches until the service stops. Whatever fails is reported, and begun anew.
pub(in crate::alerts) async fn watch_forever(state: Arc<AppState>, mut inbox: mpsc::Receiver<Command>) {
    let Some(lake) = state.lake.clone().filter(|_| !state.alerts.config.watch.is_empty()) else {
        state.alerts.loaded.send_replace(true);
        return;
    };
    let mut pause = Pause(FIRST_PAUSE);
    while !state.stop.is_cancelled() {
        let Err(error) = take_charge(&state, &lake, &mut inbox, &mut pause).await else {
            return;
        };
        if error.is_fenced() {
            state.alerts.term.send_replace(NOT_IN_CHARGE);
            tracing::warn!("another service makes the alerts of this lake; this one stands by");
            stand_by_until_needed(&state, &lake, &mut inbox, &mut pause).await;
            continue;
        }
        let error = chain(&error);
        state.metrics.count(Metric::AlertFailures, 1);
        state
            .readiness
            .raise(Reason::AlertsStopped, format!("no alerts are made: {error}"));
        tracing::error!(error, "alerts are not made; they are begun anew from the lake");
        pause.wait(&state).await;
    }
}

/// Takes the watch over and makes alerts; returns without an error when the service stops.
async fn take_charge(
    state: &Arc<AppState>,
    lake: &Lake,
    inbox: &mut mpsc::Receiver<Command>,
    pause: &mut Pause,
) -> Result<()> {
    let mut worker = Worker::open(state, lake).await?;
    state.readiness.clear(Reason::AlertsStopped);
    state.alerts.begin_term();
    worker.run(inbox, pause).await
}

/// Stands by, however often the lake cannot be read meanwhile.
async fn stand_by_until_needed(state: &AppState, lake: &Lake, inbox: &mut mpsc::Receiver<Command>, pause: &mut Pause) {
    while let Err(error) = stand_by(state, lake, inbox).await {
        tracing::warn!(error = chain(&error), "the lake cannot be read");
        pause.wait(state).await;
    }
}

/// Shows what another service makes, until it falls behind. Returns when this one stops, too.
async fn stand_by(state: &AppState, lake: &Lake, inbox: &mut mpsc::Receiver<Command>) -> Result<()> {
    let mut every = tokio::time::interval(STANDING_BY);
    let mut ledger = Ledger::open(lake).await?;
    let mut shown = None;
    let mut seen = BTreeMap::new();
    loop {
        tokio::select! {
            () = state.stop.cancelled() => return Ok(()),
            command = inbox.recv() => {
                let Some(command) = command else { return Ok(()) };
                let refusal = "another service makes the alerts of this lake: ask that one";
                // Whoever asked may have gone.
                let _ = command.reply.send(Err(Error::NotReady(refusal.into())));
                continue;
            }
            _ = every.tick() => {}
        }
        let version = Some(ledger.refresh().await?);
        if shown != version {
            state.alerts.catch_up(&ledger, state.clock.now()).await?;
            shown = version;
        }
        for topic in by_topic(&state.alerts.config.watch).keys() {
            let stream = state.live.stream(topic)?;
            let next = ledger.next_window(topic);
            let stands_still = seen.insert(*topic, next) == Some(next);
            let behind = newest_closed(stream).zip(next);
            let behind = behind.map(|(closed, next)| (closed.0 - next.0) / stream.definition().window.0);
            if stands_still && behind.is_some_and(|windows| windows >= FALLEN_BEHIND) {
                tracing::warn!(
                    topic,
                    "the service that makes the alerts has fallen behind; this one takes over"
                );
                return Ok(());
            }
        }
    }
}
