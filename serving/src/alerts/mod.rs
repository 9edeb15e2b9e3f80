//! Alerts: from closed windows to whoever should know.
//!
//! | file | what stands there |
//! |---|---|
//! | `worker` | the loop: a window, its signals, what the book makes of them, one commit; who is in charge of it |
//! | `windows`, `detect`, `surroundings`, `flows` | what a window holds, what is strange in it, what is known around it |
//! | `ledger`, `rows`, `revision` | the table `alerts` |
//! | `signals`, `preview` | what detectors said in the last weeks, and what a judgement would change in them |
//! | `store`, `find`, `filter`, `place`, `follow` | the alerts at hand, page by page, and who follows them |
//! | `told` | words, units and history of an alert |
//! | `deeds` | what people do: acknowledge, judge |
//! | `sink`, `outbox`, `deliveries`, `letters` | where alerts go, beside those who ask, what a receiver took, and what it did not |

mod config;
mod deeds;
mod deliveries;
mod detect;
mod filter;
mod find;
mod flows;
mod follow;
mod ledger;
mod letters;
mod outbox;
mod place;
mod preview;
mod revision;
mod rows;
mod signals;
mod sink;
mod store;
mod surroundings;
mod told;
mod windows;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Suppression;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Notify, OnceCell, mpsc, watch};

pub use config::AlertsConfig;
pub use deeds::Deed;
pub use deliveries::DELIVERIES;
pub use filter::AlertFilter;
pub use follow::Follower;
pub use ledger::ALERTS;
pub use letters::Retried;
pub use place::PagePlace;
pub use preview::Effect;
pub use revision::AlertRevision;
#[cfg(test)]
pub(crate) use revision::examples::one as revision_example;
pub use signals::SIGNALS;
pub use sink::{AlertSink, Undelivered};
pub use store::{AlertStore, Changes};
pub use told::{Seen, Told, feature, language, text, told};
pub use worker::Watched;

use crate::error::chain;
use crate::sinks::alerts::dead_letters::DeadLetters;
use crate::state::AppState;
use crate::sync::lock;
use crate::{Error, Result};
use deeds::Command;
use ledger::Ledger;

/// The term of a service that makes no alerts.
const NOT_IN_CHARGE: u64 = 0;
/// Deeds that wait for the worker.
const WAITING: usize = 64;

/// The alerts of a service.
#[derive(Debug)]
pub struct Alerts {
    /// What is watched, and how alerts are made of it.
    pub config: AlertsConfig,
    /// The alerts at hand.
    pub store: AlertStore,
    /// What holds alerts back now.
    suppressions: watch::Sender<Vec<Suppression>>,
    /// The clock that texts tell times by.
    zone: jiff::tz::TimeZone,
    /// What was expected of the last windows.
    expected: told::Expected,
    /// How far the worker is with each number.
    watched: Mutex<Vec<Watched>>,
    /// Whether the table was read.
    loaded: watch::Sender<bool>,
    /// Counts how often this service took the watch over; [`NOT_IN_CHARGE`] while another makes the alerts.
    term: watch::Sender<u64>,
    terms: AtomicU64,
    /// The sequence of the newest revision of all when this service took the watch over.
    known_before: AtomicU64,
    /// What detectors said lately and the lake does not hold yet.
    recent: signals::Recent,
    /// A window may have closed.
    wake: Notify,
    /// How often the worker has looked for a window.
    looks: AtomicU64,
    /// What sinks did not take.
    letters: OnceCell<DeadLetters>,
    /// Held by whoever sends dead letters again, as two at once would send each of them twice.
    retrying: tokio::sync::Mutex<()>,
    /// Held by whoever reads the table for somebody who asks, so that many who ask have it read once.
    reading: tokio::sync::Mutex<()>,
    commands: mpsc::Sender<Command>,
    inbox: Mutex<Option<mpsc::Receiver<Command>>>,
}

impl Alerts {
    /// None at hand yet.
    pub fn new(config: AlertsConfig) -> Self {
        let (commands, inbox) = mpsc::channel(WAITING);
        Self {
            // A zone that does not exist was refused before.
            zone: jiff::tz::TimeZone::get(&config.settings.timezone).unwrap_or(jiff::tz::TimeZone::UTC),
            suppressions: watch::Sender::new(config.settings.suppressions.clone()),
            config,
            store: AlertStore::default(),
            expected: told::Expected::default(),
            watched: Mutex::default(),
            loaded: watch::Sender::new(false),
            term: watch::Sender::new(NOT_IN_CHARGE),
            terms: AtomicU64::new(NOT_IN_CHARGE),
            known_before: AtomicU64::new(0),
            recent: signals::Recent::default(),
            wake: Notify::new(),
            looks: AtomicU64::new(0),
            letters: OnceCell::new(),
            retrying: tokio::sync::Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            commands,
            inbox: Mutex::new(Some(inbox)),
        }
    }

    /// How far the worker is with each number.
    pub fn watched(&self) -> Vec<Watched> {
        lock(&self.watched).clone()
    }

    /// How often the worker has looked for the next window of a stream, whether or not all of it was there.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Says that the worker has looked for a window.
    fn looked(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there is anything to say yet.
    ///
    /// # Errors
    /// A service that is starting or shutting down, or has not read the table yet.
    pub fn ready(&self, state: &AppState) -> Result<()> {
        match state.readiness.stopped_by() {
            Some(reason) => Err(Error::NotReady(reason)),
            None if !*self.loaded.borrow() => Err(Error::NotReady("the table `alerts` is being read".into())),
            None => Ok(()),
        }
    }

    /// Says that a window may have closed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Follows whether the table was read.
    pub(crate) fn subscribe_loaded(&self) -> watch::Receiver<bool> {
        self.loaded.subscribe()
    }

    /// From the next window on, these hold alerts back, in place of those that did.
    pub fn suppress(&self, suppressions: Vec<Suppression>) {
        self.suppressions.send_replace(suppressions);
    }

    /// Alerts that have been over since before this time are not at hand.
    fn kept_since(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.config.keep.0))
    }

    /// Has what is at hand reach the sequence `after`, where there is one: a service that stands by reads the table every few seconds only,
    /// and whoever asks may come from the one that makes the alerts.
    ///
    /// # Errors
    /// A table that cannot be read now.
    pub(crate) async fn reach(&self, state: &AppState, after: u64) -> Result<()> {
        let watches = !self.config.watch.is_empty();
        let is_behind = || watches && self.is_in_term(NOT_IN_CHARGE) && after > self.store.last();
        let Some(lake) = state.lake.as_ref().filter(|_| is_behind()) else {
            return Ok(());
        };
        let _turn = self.reading.lock().await;
        if is_behind() {
            let now = state.clock.now();
            let read = async { self.catch_up(&Ledger::open(lake).await?, now).await };
            let unread = |error: Error| format!("the table `alerts` cannot be read now: {}", chain(&error));
            read.await.map_err(|error| Error::NotReady(unread(error)))?;
        }
        Ok(())
    }

    /// Has what is at hand reach the newest revision that `ledger` knows of. A service that has some already reads only what came since, as
    /// nothing is at hand that the table does not have.
    ///
    /// # Errors
    /// A lake that cannot be read.
    async fn catch_up(&self, ledger: &Ledger, now: Timestamp) -> Result<()> {
        let (known, since) = (self.store.last(), self.kept_since(now));
        if known == 0 {
            self.store.load(ledger.remember(since).await?);
        } else {
            let behind = ledger.known_after(known, usize::MAX).await?;
            self.store.take(&behind, self.config.keep);
            self.store.forget(since);
        }
        Ok(())
    }

    /// Waits until the table was read; false where the service stopped before.
    pub async fn until_loaded(&self, state: &AppState) -> bool {
        let mut loaded = self.loaded.subscribe();
        tokio::select! {
            () = state.stop.cancelled() => false,
            loaded = loaded.wait_for(|loaded| *loaded) => loaded.is_ok(),
        }
    }

    /// A term begins: this service makes the alerts from now on, or begins anew after a failure.
    fn begin_term(&self) {
        // What was made before a failure is still news to a sink that had no place by then.
        if self.is_in_term(NOT_IN_CHARGE) {
            self.known_before.store(self.store.last(), Ordering::Relaxed);
        }
        self.term.send_replace(1 + self.terms.fetch_add(1, Ordering::Relaxed));
    }

    /// The sequence of the newest revision of all when this service took the watch over: what comes behind it is new.
    fn known_before(&self) -> u64 {
        self.known_before.load(Ordering::Relaxed)
    }

    /// Whether this service makes the alerts of its lake, without a break since `term` began.
    pub(crate) fn is_in_term(&self, term: u64) -> bool {
        *self.term.borrow() == term
    }

    /// Waits until `term` is over.
    pub(crate) async fn until_over(&self, term: u64) {
        let mut now = self.term.subscribe();
        // It fails only where the sender is gone, which is ours.
        let _ = now.wait_for(|now| *now != term).await;
    }

    /// Waits until this service makes the alerts, in another term than `lost`, and gives the term; none where the service stopped
    /// before.
    pub(crate) async fn until_in_charge(&self, state: &AppState, lost: u64) -> Option<u64> {
        let mut term = self.term.subscribe();
        let mine = |term: &u64| *term != NOT_IN_CHARGE && *term != lost;
        tokio::select! {
            () = state.stop.cancelled() => None,
            term = term.wait_for(mine) => term.ok().map(|term| *term),
        }
    }
}

/// The worker, and a task for each sink.
pub(crate) fn tasks(state: &Arc<AppState>, sinks: &[Arc<dyn AlertSink>]) -> Vec<BoxFuture<'static, ()>> {
    let inbox = lock(&state.alerts.inbox).take();
    let worker = inbox.map(|inbox| worker::watch_forever(Arc::clone(state), inbox).boxed());
    let outboxes = sinks
        .iter()
        .map(|sink| outbox::deliver_forever(Arc::clone(state), Arc::clone(sink)).boxed());
    worker.into_iter().chain(outboxes).collect()
}
