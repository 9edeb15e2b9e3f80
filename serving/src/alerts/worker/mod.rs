//! The worker: takes each closed window of each watched stream, in order of time, and makes alerts of what is strange in it.
//!
//! ```text
//! window closed -> rows from the lake -> signals (residual, rules) -> book -> one commit: revisions, next window -> store
//! ```
//!
//! A revision is shown to nobody before it is in the table. After a start, or any error of the lake, everything is made anew from
//! the table: the book from its newest revisions (those at hand are in it, and not read again), the detectors from the windows of the last
//! day. Windows that were looked at before teach the detectors, and those of the book's memory are shown to the book, which they change
//! nothing in. Keys that were silent for longer than that are known from their alerts.
//!
//! | file | what stands there |
//! |---|---|
//! | `watch` | who makes the alerts of a lake, and what the others do |
//! | `progress` | how far a stream is, and the rows of its next window |
//! | `silence` | streams and keys that give nothing any more |
//! | `expected` | what was expected of a window, and what is usual |

mod expected;
mod progress;
mod silence;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arterial_datasets::lake::Lake;
use arterial_datasets::time::{HOUR, Timestamp};
use arterial_models::alerts::{Alert, AlertBook, Signal};
use arterial_models::registry::Target;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::Instrument;

use self::expected::Expectations;
use self::progress::{Progress, at_length, closed_until, newest_closed};
use self::watch::Pause;
pub(super) use self::watch::watch_forever;
use super::deeds::Command;
use super::detect::{TargetWatch, TopicWatch, Views, by_topic};
use super::flows::Flows;
use super::ledger::Ledger;
use super::revision::AlertRevision;
use super::signals::SignalLog;
use super::surroundings::Around;
use super::windows::WindowRow;
use crate::error::chain;
use crate::metrics::Metric;
use crate::state::AppState;
use crate::sync::lock;
use crate::traces::{self, TARGET};
use crate::{Error, Result};

/// Windows of which another service has yet to commit its part are looked for so often.
const OTHERS: Duration = Duration::from_secs(1);
/// With nothing to commit, this service looks so often whether it still makes the alerts.
const STILL_IN_CHARGE: Duration = Duration::from_secs(5);

/// How far the worker is with one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The number.
    pub target: Target,
    /// The start of the next window to look at; none before the first window.
    pub next: Option<Timestamp>,
    /// Windows that were held against what was expected of them, up to what is needed.
    pub learned: usize,
    /// With fewer, its detector is still learning.
    pub needed: usize,
}

struct Worker<'a> {
    state: &'a Arc<AppState>,
    lake: Lake,
    ledger: Ledger,
    log: SignalLog,
    book: AlertBook,
    around: Around,
    expected: Expectations,
    topics: Vec<Progress>,
    /// Changes that came of windows that the book had seen before, to be committed with the next.
    leftover: Vec<Alert>,
}

impl<'a> Worker<'a> {
    /// Takes the watch over, and begins from what the table says.
    async fn open(state: &'a Arc<AppState>, lake: &Lake) -> Result<Self> {
        let config = &state.alerts.config;
        let mut ledger = Ledger::open(lake).await?;
        let topics = by_topic(&config.watch);
        let names: Vec<&str> = topics.keys().copied().collect();
        ledger.acquire(&names).await?;
        let log = SignalLog::open(lake, &names, &state.alerts.recent).await?;
        state.alerts.catch_up(&ledger, state.clock.now()).await?;
        let store = &state.alerts.store;
        ledger.number_behind(store.last());
        let newest = store.all().iter().map(|one| one.alert.clone()).collect();
        let book = AlertBook::restore(config.settings.clone(), newest)?;
        let mut expected = Expectations::new(state);
        let mut progress = Vec::new();
        for (topic, fields) in &topics {
            let stream = state.live.stream(topic)?;
            let watch = TopicWatch::new(stream.definition(), fields, config.residual)?;
            expected.hold(lake, stream, &[fields, watch.asked()].concat()).await?;
            let next = ledger.next_window(topic);
            let memory = next.map(|next| Timestamp(next.0 - AlertBook::MEMORY.0));
            let known_from = memory.max(ledger.first_window(topic));
            let window = stream.definition().window;
            let begins = next.or_else(|| Some(Timestamp(newest_closed(stream)?.0 + window.0)));
            let mut one = Progress::new(watch, known_from, begins);
            silence::recall(&mut one, stream, &book);
            progress.push(one);
        }
        // What was there before anybody watched is learned from; that it was seen is noted, so that no restart makes it news.
        let begins = progress
            .iter()
            .filter_map(|one| Some((one.watch.stream.name.as_str(), one.first?)));
        ledger.commit(Vec::new(), &begins.collect::<Vec<_>>()).await?;
        state.alerts.loaded.send_replace(true);
        Ok(Self {
            state,
            lake: lake.clone(),
            ledger,
            log,
            book,
            around: Around::new(Flows::new(config)),
            expected,
            topics: progress,
            leftover: Vec::new(),
        })
    }

    /// Takes windows and deeds as they come; returns when the service stops.
    async fn run(&mut self, inbox: &mut mpsc::Receiver<Command>, pause: &mut Pause) -> Result<()> {
        self.show();
        let mut still_in_charge = tokio::time::interval(STILL_IN_CHARGE);
        still_in_charge.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.state.stop.is_cancelled() {
                return self.log.write(&self.state.alerts.recent).await;
            }
            while let Ok(command) = inbox.try_recv() {
                self.act(command).await?;
            }
            let due = self.due();
            if let Some(at) = due
                && self.traced_window(at).await?
            {
                pause.shorten();
                continue;
            }
            // Nobody says when another service commits.
            let others = async {
                match due {
                    Some(_) => tokio::time::sleep(OTHERS).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.state.stop.cancelled() => {}
                () = self.state.alerts.wake.notified() => {}
                () = others => {}
                _ = still_in_charge.tick() => {
                    self.ledger.ensure_in_charge().await?;
                    self.follow_others().await?;
                }
                command = inbox.recv() => match command {
                    Some(command) => self.act(command).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Learns how far others are with what this service closes nothing of.
    async fn follow_others(&mut self) -> Result<()> {
        let now = self.state.clock.now();
        for topic in &mut self.topics {
            let stream = self.state.live.stream(&topic.watch.stream.name)?;
            topic.follow(&self.lake, stream, now).await?;
        }
        Ok(())
    }

    /// The stream whose next window is the earliest of those that have closed.
    fn due(&mut self) -> Option<usize> {
        let (live, now) = (&self.state.live, self.state.clock.now());
        let streams = self.topics.iter().map(|topic| live.stream(&topic.watch.stream.name));
        let furthest = streams.flatten().filter_map(closed_until).max();
        let mut earliest = None;
        for (at, topic) in self.topics.iter_mut().enumerate() {
            let Ok(stream) = live.stream(&topic.watch.stream.name) else {
                continue;
            };
            let Some(closed) = topic.closed(stream, furthest, now) else {
                continue;
            };
            let next = topic.begin(closed);
            if next <= closed && earliest.is_none_or(|(_, first)| next < first) {
                earliest = Some((at, next));
            }
        }
        earliest.map(|(at, _)| at)
    }

    /// The same as [`Worker::next_window`], in the trace that the window's commit is in.
    async fn traced_window(&mut self, at: usize) -> Result<bool> {
        let topic = &self.topics[at].watch.stream.name;
        let span = tracing::info_span!(target: TARGET, "watch", topic);
        if let Ok(stream) = self.state.live.stream(topic) {
            traces::continue_from(&span, &stream.trace());
        }
        let looked = self.next_window(at).instrument(span).await;
        self.state.alerts.looked();
        looked
    }

    /// Looks at the next window of one stream; false where not all of it is in the lake yet.
    async fn next_window(&mut self, at: usize) -> Result<bool> {
        let started = Instant::now();
        let topic = &mut self.topics[at];
        let name = topic.watch.stream.name.clone();
        let stream = self.state.live.stream(&name)?;
        let now = self.state.clock.now();
        let Some((window, rows)) = topic.read(&self.lake, stream, now).await? else {
            return Ok(false);
        };
        let step = topic.watch.stream.window;
        let first = topic.first.unwrap_or(window);
        if window >= first {
            self.meet_others(at, window, &rows).await?;
        }
        let signals = self.signals(at, window, &rows).await?;
        self.around.learn(&name, &self.topics[at].watch.columns, &rows);
        let next = Timestamp(window.0 + step.0);
        self.topics[at].next = Some(next);
        if window < self.topics[at].known_from.unwrap_or(first) {
            self.show();
            return Ok(true);
        }
        let recent = &self.state.alerts.recent;
        self.log.gather(&name, (window, step), &signals, recent);
        let live = &self.state.live;
        let mut around = self.around.of(live, &self.lake, &name, (window, step)).await?;
        around.gone = silence::gone(&self.topics, &self.book, now);
        // What is seen again after a start was found by detectors that had learned more than these have by then.
        if window >= first {
            around.learning = self.topics[at].watch.learning();
        }
        self.book.suppress(self.state.alerts.suppressions.borrow().clone())?;
        let changed = at_length(|| self.book.window(&name, window, &signals, &around));
        self.leftover.extend(changed);
        if window >= first {
            self.commit(&[(name.as_str(), next)]).await?;
            self.state.metrics.observe(Metric::AlertDuration, started.elapsed());
            self.state.metrics.count_by(Metric::AlertWindows, "topic", &name, 1);
            self.log.write_if_due(recent).await?;
        }
        self.show();
        Ok(true)
    }

    /// Where another service makes a part of the stream's windows, live state learns of them from the lake.
    async fn meet_others(&self, at: usize, window: Timestamp, rows: &[WindowRow]) -> Result<()> {
        let watch = &self.topics[at].watch;
        let Some(first) = watch.targets.first() else {
            return Ok(());
        };
        let stream = self.state.live.stream(&watch.stream.name)?;
        let unknown = stream.with(|state| {
            let Some(ring) = state.ring(&first.target.field) else {
                return false;
            };
            let knows = |key: &str| state.position(key).is_some_and(|key| ring.at(window, key).is_finite());
            rows.iter().any(|row| row.values[0].is_finite() && !knows(&row.key))
        });
        if unknown {
            let fields = stream.served();
            let lately = arterial_datasets::time::Duration(HOUR);
            stream.rebuild(&self.lake, &fields, lately).await?;
        }
        Ok(())
    }

    /// What the detectors of one stream say of a window.
    async fn signals(&mut self, at: usize, window: Timestamp, rows: &[WindowRow]) -> Result<Vec<Signal>> {
        let mut views = Views::default();
        if rows.is_empty() {
            return self.topics[at].watch.observe(window, rows, &views);
        }
        let watch = &self.topics[at].watch;
        for target in &watch.targets {
            let outlook = self.expected.outlook(&target.target, window).await?;
            if let Some(outlook) = &outlook {
                self.state.alerts.expected.note(&target.target, outlook);
            }
            views.outlooks.push(outlook);
        }
        views.usual = self.expected.usual_about(&watch.stream, watch.asked(), window)?;
        for (column, usual) in watch.asked().iter().zip(&views.usual) {
            if let Some(usual) = usual {
                self.state.alerts.expected.note_usual(&watch.stream.name, column, usual);
            }
        }
        let stream = self.state.live.stream(&watch.stream.name)?;
        views.positions = stream.with(|state| rows.iter().map(|row| state.position(&row.key)).collect());
        let watch = &mut self.topics[at].watch;
        at_length(|| watch.observe(window, rows, &views))
    }

    /// Does what somebody asked for, and answers once it is durable.
    async fn act(&mut self, command: Command) -> Result<()> {
        let done = command.act(&mut self.book, self.state.clock.now());
        let alert = match done {
            Ok(alert) => alert,
            Err(error) => {
                let _ = command.reply.send(Err(error));
                return Ok(());
            }
        };
        if let Ok(known) = self.state.alerts.store.get(&alert.alert_id)
            && known.alert.revision == alert.revision
        {
            let _ = command.reply.send(Ok(AlertRevision::clone(&known)));
            return Ok(());
        }
        let id = alert.alert_id.clone();
        self.leftover.push(alert);
        let committed = self.commit(&[]).await;
        // Whoever asked may have gone.
        let _ = match &committed {
            Ok(()) => command
                .reply
                .send(self.state.alerts.store.get(&id).map(|one| AlertRevision::clone(&one))),
            Err(error) => command.reply.send(Err(Error::NotReady(format!(
                "the lake did not take it: {}",
                chain(error)
            )))),
        };
        committed
    }

    /// Commits what changed, and shows it once it is durable.
    async fn commit(&mut self, processed: &[(&str, Timestamp)]) -> Result<()> {
        let changed = std::mem::take(&mut self.leftover);
        let made = self.ledger.commit(changed, processed).await?;
        let alerts = &self.state.alerts;
        alerts.store.take(&made, alerts.config.keep);
        for one in &made {
            self.state
                .metrics
                .count_by(Metric::AlertRevisions, "kind", one.alert.kind.name(), 1);
            tracing::info!(alert_id = one.alert.alert_id, revision = one.alert.revision, state = %one.alert.state, text = one.alert.text, "alert");
        }
        let live = alerts.store.live().len() as f64;
        self.state.metrics.set(Metric::AlertLive, live);
        Ok(())
    }

    /// Says how far everything is.
    fn show(&self) {
        let mut watched = Vec::new();
        for topic in &self.topics {
            let needed = TargetWatch::needed(topic.watch.stream.window);
            for target in &topic.watch.targets {
                let learned = target.learned.min(needed);
                let name = target.target.to_string();
                let learning = f64::from(u8::from(learned < needed));
                self.state
                    .metrics
                    .set_by(Metric::AlertLearning, "target", &name, learning);
                watched.push(Watched {
                    target: target.target.clone(),
                    next: topic.next,
                    learned,
                    needed,
                });
            }
        }
        *lock(&self.state.alerts.watched) = watched;
    }
}
