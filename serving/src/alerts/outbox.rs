//! Brings revisions to one sink, in order, from where it stood.
//!
//! What a sink has not taken yet is not kept here: it stands among the last revisions at hand or in the table `alerts`. So a sink
//! that is down costs the memory of one batch, and holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::lake::Lake;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::deliveries::{Deliveries, Delivery};
use super::ledger::Ledger;
use super::revision::AlertRevision;
use super::sink::{AlertSink, Undelivered};
use crate::error::chain;
use crate::metrics::Metric;
use crate::sinks::alerts::backoff::Backoff;
use crate::sinks::alerts::dead_letters::DeadLetter;
use crate::state::AppState;
use crate::traces::TARGET;
use crate::{Error, Result};

/// Revisions that are taken at a time; where the process is killed in between, so many may come twice.
const BATCH: usize = 64;

/// Delivers to `sink` while this service makes the alerts, until it stops.
pub(crate) async fn deliver_forever(state: Arc<AppState>, sink: Arc<dyn AlertSink>) {
    let mut backoff = Backoff::new(seed(sink.name()));
    let mut lost = 0;
    while let Some(term) = state.alerts.until_in_charge(&state, lost).await {
        let began = Instant::now();
        let Err(error) = deliver(&state, sink.as_ref()).await else {
            continue;
        };
        if error.is_fenced() {
            // Whoever took the alerts over delivers them; it would be taken back from him by trying again.
            tracing::warn!(sink = sink.name(), "another service delivers the alerts of this lake");
            lost = term;
            continue;
        }
        let error = chain(&error);
        tracing::error!(sink = sink.name(), error, "alerts are not delivered, trying again");
        let pause = backoff.pause(None);
        if began.elapsed() > pause {
            backoff.succeeded();
        }
        if stopped_within(&state, pause).await {
            return;
        }
    }
}

/// Delivers from where the sink stands in the table; returns when the service stops, or another makes the alerts.
async fn deliver(state: &AppState, sink: &dyn AlertSink) -> Result<()> {
    let Some(lake) = &state.lake else { return Ok(()) };
    state.alerts.count_letters(state).await?;
    let mut outbox = Outbox::open(state, sink, lake).await?;
    outbox.resume().await?;
    outbox.run().await
}

/// One sink, and how far it is.
struct Outbox<'a> {
    state: &'a AppState,
    sink: &'a dyn AlertSink,
    ledger: Ledger,
    deliveries: Deliveries,
    backoff: Backoff,
    /// The sink has everything up to this sequence ...
    done: u64,
    /// ... and the lake knows of it up to this one; it does not know of these deliveries yet.
    noted: u64,
    fresh: Vec<Delivery>,
    /// Since when nothing was taken.
    failing_since: Option<Instant>,
    /// When the receiver was reminded last.
    reminded: Instant,
}

impl<'a> Outbox<'a> {
    async fn open(state: &'a AppState, sink: &'a dyn AlertSink, lake: &Lake) -> Result<Self> {
        let mut deliveries = Deliveries::open(lake, sink.name()).await?;
        deliveries.acquire().await?;
        // A sink that is new is told what comes, not what was.
        let known = deliveries.through();
        let done = known.unwrap_or_else(|| state.alerts.store.last());
        if known.is_none() {
            deliveries.note(&[], done).await?;
        }
        Ok(Self {
            state,
            sink,
            ledger: Ledger::open(lake).await?,
            deliveries,
            backoff: Backoff::new(seed(sink.name())),
            done,
            noted: done,
            fresh: Vec::new(),
            failing_since: None,
            reminded: Instant::now(),
        })
    }

    /// Tells the sink what it was told by processes before: of alerts that go on, or of whose end it was not told yet.
    async fn resume(&mut self) -> Result<()> {
        let told = self.ledger.find(&self.deliveries.newest().await?).await?;
        let goes_on = |one: &AlertRevision| {
            let newest = self.state.alerts.store.get(&one.alert.alert_id);
            one.alert.is_live() && newest.is_ok_and(|newest| newest.alert.is_live() || newest.sequence > self.done)
        };
        let told: Vec<_> = told.into_values().filter(goes_on).map(Arc::new).collect();
        self.sink.resume(&told);
        Ok(())
    }

    /// Delivers until the service stops or another makes the alerts; what was delivered is noted when this returns without an error.
    async fn run(&mut self) -> Result<()> {
        let mut news = self.state.alerts.store.subscribe();
        while self.state.alerts.is_in_charge() {
            news.borrow_and_update();
            let batch = self.next().await?;
            for revision in &batch {
                if !self.hand_over(revision).await? {
                    return self.note().await;
                }
                self.done = revision.sequence;
            }
            self.note().await?;
            self.remind().await;
            if batch.is_empty() && !self.rest(&mut news).await? {
                return Ok(());
            }
        }
        self.note().await
    }

    fn span(&self, revision: &AlertRevision) -> Span {
        let alert_id = &revision.alert.alert_id;
        tracing::info_span!(target: TARGET, "deliver", otel.kind = "producer", sink = self.sink.name(), alert_id)
    }

    async fn next(&mut self) -> Result<Vec<Arc<AlertRevision>>> {
        if let Some(batch) = self.state.alerts.store.log_after(self.done, BATCH) {
            return Ok(batch);
        }
        let read = self.ledger.after(self.done, BATCH).await?;
        Ok(read.into_iter().map(Arc::new).collect())
    }

    /// Delivers one revision, however often it takes, or puts it on the list of dead letters; false where the service stopped
    /// before.
    async fn hand_over(&mut self, revision: &AlertRevision) -> Result<bool> {
        if !self.sink.wants(revision) {
            return Ok(true);
        }
        loop {
            let outcome = tokio::select! {
                outcome = self.sink.deliver(revision).instrument(self.span(revision)) => outcome,
                () = self.state.stop.cancelled() => return Ok(false),
            };
            let Err(error) = outcome else {
                self.state
                    .metrics
                    .count_by(Metric::AlertDeliveries, "sink", self.sink.name(), 1);
                self.failing_since = None;
                self.backoff.succeeded();
                self.fresh.push(Delivery::new(revision, self.state.clock.now()));
                return Ok(true);
            };
            if self.is_given_up(revision, &error) {
                self.bury(revision, &error).await?;
                return Ok(true);
            }
            // What was taken before this one is not to come again, however long the pause.
            self.note().await?;
            if self.stopped_while_waiting(revision, &error).await {
                return Ok(false);
            }
        }
    }

    /// Whether another try is in vain: the receiver said so, or both the revision and the trouble are old enough. A revision that is
    /// merely late, because the service was down, has its tries like any other.
    fn is_given_up(&mut self, revision: &AlertRevision, error: &Undelivered) -> bool {
        if matches!(error, Undelivered::Never { .. }) {
            return true;
        }
        let patience = self.sink.patience();
        let failing = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        let age = self.state.clock.now().0 - revision.alert.updated_at.0;
        failing >= patience && u128::try_from(age).is_ok_and(|age| age >= patience.as_micros())
    }

    async fn bury(&self, revision: &AlertRevision, error: &Undelivered) -> Result<()> {
        let (sink, alert_id, reason) = (self.sink.name(), &revision.alert.alert_id, error.reason());
        let letter = DeadLetter {
            sink: sink.into(),
            alert_id: alert_id.clone(),
            revision: revision.alert.revision,
            sequence: revision.sequence,
            reason: reason.into(),
            at: self.state.clock.now(),
        };
        self.state.alerts.letters(self.state).await?.bury(letter).await?;
        self.state.alerts.count_letters(self.state).await?;
        tracing::error!(sink, alert_id, reason, "an alert was given up and is a dead letter");
        Ok(())
    }

    async fn stopped_while_waiting(&mut self, revision: &AlertRevision, error: &Undelivered) -> bool {
        let (sink, alert_id, reason) = (self.sink.name(), &revision.alert.alert_id, error.reason());
        let pause = self.backoff.pause(error.asked());
        self.state.metrics.count_by(Metric::AlertRetries, "sink", sink, 1);
        tracing::warn!(
            sink,
            alert_id,
            reason,
            ?pause,
            "an alert was not delivered, trying again"
        );
        stopped_within(self.state, pause).await
    }

    /// Notes in the lake how far the sink is.
    async fn note(&mut self) -> Result<()> {
        if self.done > self.noted || !self.fresh.is_empty() {
            self.deliveries.note(&self.fresh, self.done).await?;
            self.noted = self.done;
            self.fresh.clear();
        }
        Ok(())
    }

    /// Reminds the receiver where it is time to; one that does not listen is reminded again later.
    async fn remind(&mut self) {
        let Some(every) = self.sink.remind_every() else { return };
        if self.reminded.elapsed() < every {
            return;
        }
        self.reminded = Instant::now();
        if let Err(error) = self.sink.remind().await {
            tracing::warn!(sink = self.sink.name(), %error, "a receiver was not reminded of open alerts");
        }
    }

    /// Waits until there is something to do; false where the service stopped.
    async fn rest(&self, news: &mut watch::Receiver<u64>) -> Result<bool> {
        let remind_at = self.sink.remind_every().map(|every| self.reminded + every);
        let reminder = async {
            match remind_at {
                Some(instant) => tokio::time::sleep_until(instant).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.state.stop.cancelled() => Ok(false),
            () = reminder => Ok(true),
            changed = news.changed() => changed.map(|()| true).map_err(|error| Error::Background(error.to_string())),
        }
    }
}

/// Each sink has pauses of its own, and the same ones each time (FNV-1a).
fn seed(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Waits; true where the service stopped meanwhile.
async fn stopped_within(state: &AppState, pause: Duration) -> bool {
    tokio::select! {
        () = state.stop.cancelled() => true,
        () = tokio::time::sleep(pause) => false,
    }
}
