//! Brings revisions to one sink, in order, from where it stood.
//!
//! What a sink has not taken yet is not kept here: it stands among the last revisions at hand or in the table `alerts`. So a sink
//! that is down costs the memory of one reading, and holds up nobody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::lake::Lake;
use arterial_datasets::time::{DAY, MINUTE, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::deliveries::{Deliveries, Delivery};
use super::ledger::Ledger;
use super::letters::count;
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
/// Revisions that are read from the table at a time, as each reading looks through all that comes behind.
const READ: usize = 4_096;
/// By so much at most the clock that deliveries are noted by is behind the events that alerts are made of.
const CLOCKS_APART: i64 = DAY;
/// Where a receiver has answered a revision with failures for so long, that may be at fault rather than the receiver.
const CHOKING: i64 = 10 * MINUTE;

/// Delivers to `sink` while this service makes the alerts, until it stops.
pub(crate) async fn deliver_forever(state: Arc<AppState>, sink: Arc<dyn AlertSink>) {
    let mut backoff = Backoff::new(seed(sink.name()));
    let mut lost = 0;
    while let Some(term) = state.alerts.until_in_charge(&state, lost).await {
        let began = Instant::now();
        let Err(error) = deliver(&state, sink.as_ref(), term).await else {
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

/// Delivers from where the sink stands in the table; returns when the service stops, or `term` is over.
async fn deliver(state: &AppState, sink: &dyn AlertSink, term: u64) -> Result<()> {
    let Some(lake) = &state.lake else { return Ok(()) };
    count(state, state.alerts.letters(state).await?);
    let mut outbox = Outbox::open(state, sink, lake, term).await?;
    outbox.resume().await?;
    outbox.run().await
}

/// One sink, and how far it is.
struct Outbox<'a> {
    state: &'a AppState,
    sink: &'a dyn AlertSink,
    /// The term of this service in which it delivers: what it knows of the sink is old in the next one.
    term: u64,
    ledger: Ledger,
    deliveries: Deliveries,
    backoff: Backoff,
    /// What was read from the table, and is not handed over yet.
    ahead: VecDeque<Arc<AlertRevision>>,
    /// What comes up to this sequence was settled out of turn.
    settled: u64,
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
    async fn open(state: &'a AppState, sink: &'a dyn AlertSink, lake: &Lake, term: u64) -> Result<Self> {
        let mut deliveries = Deliveries::open(lake, sink.name()).await?;
        deliveries.acquire().await?;
        // A sink that is new is told what comes, not what was; what came while its place was made is not forgotten.
        let known = deliveries.through();
        let done = known.unwrap_or_else(|| state.alerts.known_before());
        if known.is_none() {
            deliveries.note(&[], done).await?;
        }
        Ok(Self {
            state,
            sink,
            term,
            ledger: Ledger::open(lake).await?,
            deliveries,
            backoff: Backoff::new(seed(sink.name())),
            ahead: VecDeque::new(),
            settled: 0,
            done,
            noted: done,
            fresh: Vec::new(),
            failing_since: None,
            reminded: Instant::now(),
        })
    }

    /// Tells the sink what it was told in terms before: of alerts that go on, or of whose end it was not told yet.
    async fn resume(&mut self) -> Result<()> {
        let told = self.told_of_unfinished().await?;
        let told = self.ledger.find(&told).await?;
        let live = told.into_values().filter(|one| one.alert.is_live());
        let live: Vec<_> = live.map(Arc::new).collect();
        self.sink.resume(&live);
        Ok(())
    }

    /// The sequence of the newest revision that the sink took of each alert that goes on, or whose end it has yet to come to. Nobody was told
    /// of an alert before it was opened.
    async fn told_of_unfinished(&self) -> Result<BTreeSet<u64>> {
        let all = self.state.alerts.store.all();
        let unfinished = all.iter().filter(|one| self.is_unfinished(one));
        let opened: BTreeMap<&str, Timestamp> = unfinished
            .map(|one| (one.alert.alert_id.as_str(), one.alert.opened_at))
            .collect();
        let Some(first) = opened.values().min() else {
            return Ok(BTreeSet::new());
        };
        let since = Timestamp(first.0.saturating_sub(CLOCKS_APART));
        let newest = self.deliveries.newest(since).await?.into_iter();
        let told = newest.filter(|(alert_id, _)| opened.contains_key(alert_id.as_str()));
        Ok(told.map(|(_, sequence)| sequence).collect())
    }

    /// Whether it is for this service to deliver, still.
    fn goes_on(&self) -> bool {
        !self.state.stop.is_cancelled() && self.state.alerts.is_in_term(self.term)
    }

    /// Whether an alert goes on, or the sink has yet to come to its end.
    fn is_unfinished(&self, newest: &AlertRevision) -> bool {
        newest.alert.is_live() || newest.sequence > self.done
    }

    /// Delivers until the service stops or its term is over; what was delivered is noted when this returns without an error.
    async fn run(&mut self) -> Result<()> {
        let mut news = self.state.alerts.store.subscribe();
        while self.goes_on() {
            news.borrow_and_update();
            let batch = self.next().await?;
            for revision in &batch {
                if !self.hand_over(revision).await? {
                    return self.note().await;
                }
                self.done = revision.sequence.max(self.settled);
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
        if self.ahead.is_empty() {
            if let Some(batch) = self.state.alerts.store.log_after(self.done, BATCH) {
                return Ok(batch);
            }
            let read = self.ledger.after(self.done, READ).await?;
            self.ahead.extend(read.into_iter().map(Arc::new));
        }
        let most = self.ahead.len().min(BATCH);
        Ok(self.ahead.drain(..most).collect())
    }

    /// Delivers one revision, however often it takes, or puts it on the list of dead letters; false where the service stopped
    /// before, or its term was over.
    async fn hand_over(&mut self, revision: &AlertRevision) -> Result<bool> {
        let mut answered_since: Option<Timestamp> = None;
        while self.goes_on() {
            if revision.sequence <= self.settled || !self.is_wanted(revision) {
                return Ok(true);
            }
            let Some(outcome) = self.offer(revision).await else {
                return Ok(false);
            };
            let Err(error) = outcome else {
                self.taken(revision);
                return Ok(true);
            };
            let now = self.state.clock.now();
            answered_since = answered_since.or(Some(now)).filter(|_| error.is_answer());
            let is_long = answered_since.is_some_and(|since| now.0.saturating_sub(since.0) >= CHOKING);
            if self.is_given_up(revision, &error) || (is_long && self.takes_another(revision).await?) {
                self.bury(revision, &error).await?;
                return Ok(true);
            }
            // What was taken before this one is not to come again, however long the pause.
            self.note().await?;
            self.wait(revision, &error).await;
        }
        Ok(false)
    }

    /// Whether the sink is to be told of it: after an outage most of what waits is no longer how things stand.
    fn is_wanted(&self, revision: &AlertRevision) -> bool {
        self.sink.wants(revision) && !self.state.alerts.is_overtaken(self.sink, revision)
    }

    /// Delivers a revision once; none where the service stopped meanwhile.
    async fn offer(&self, revision: &AlertRevision) -> Option<Result<(), Undelivered>> {
        tokio::select! {
            outcome = self.sink.deliver(revision).instrument(self.span(revision)) => Some(outcome),
            () = self.state.stop.cancelled() => None,
        }
    }

    fn taken(&mut self, revision: &AlertRevision) {
        self.state
            .metrics
            .count_by(Metric::AlertDeliveries, "sink", self.sink.name(), 1);
        self.failing_since = None;
        self.backoff.succeeded();
        self.fresh.push(Delivery::new(revision, self.state.clock.now()));
    }

    /// Whether the receiver takes the next revision that is for it, tried once and out of turn, while it does not take `stuck`: then that is
    /// at fault, and holds up the others no longer.
    async fn takes_another(&mut self, stuck: &AlertRevision) -> Result<bool> {
        let at_hand = self.state.alerts.store.log_after(stuck.sequence, READ);
        let behind: Vec<Arc<AlertRevision>> = if let Some(behind) = at_hand {
            behind
        } else {
            let read = self.ledger.after(stuck.sequence, READ).await?;
            read.into_iter().map(Arc::new).collect()
        };
        let Some(next) = behind.into_iter().find(|one| self.is_wanted(one)) else {
            return Ok(false);
        };
        let is_taken = matches!(self.offer(&next).await, Some(Ok(())));
        if is_taken {
            self.taken(&next);
            self.settled = next.sequence;
        }
        Ok(is_taken)
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
        let letters = self.state.alerts.known_letters(self.state).await?;
        letters.bury(&letter).await?;
        count(self.state, letters);
        tracing::error!(sink, alert_id, reason, "an alert was given up and is a dead letter");
        Ok(())
    }

    /// Waits before another try, no longer than the service runs and its term goes on.
    async fn wait(&mut self, revision: &AlertRevision, error: &Undelivered) {
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
        tokio::select! {
            () = self.state.stop.cancelled() => {}
            () = self.state.alerts.until_over(self.term) => {}
            () = tokio::time::sleep(pause) => {}
        }
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
