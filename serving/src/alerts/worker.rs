//! The worker: takes each closed window of each watched stream, in order of time, and makes alerts of what is strange in it.
//!
//! ```text
//! window closed -> rows from the lake -> signals (residual, rules) -> book -> one commit: revisions, next window -> store
//! ```
//!
//! A revision is shown to nobody before it is in the table. After a start, or any error of the lake, everything is made anew from
//! the table: the book from its newest revisions, the detectors from the windows of the last day. Windows that were looked at
//! before teach the detectors, and those of the book's memory are shown to the book, which they change nothing in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arterial_datasets::lake::{Lake, Table};
use arterial_datasets::time::{DAY, HOUR, Timestamp};
use arterial_models::alerts::{Alert, AlertBook, Signal};
use arterial_models::registry::Target;
use arterial_models::season::LocalClock;
use tokio::sync::mpsc;

use super::deeds::Command;
use super::detect::{TargetWatch, TopicWatch, by_topic};
use super::ledger::Ledger;
use super::revision::AlertRevision;
use super::surroundings::Around;
use super::windows::{WindowRow, read_windows};
use crate::error::chain;
use crate::live::LiveStream;
use crate::metrics::Metric;
use crate::readiness::Reason;
use crate::score::{self, Outlook};
use crate::state::AppState;
use crate::sync::lock;
use crate::{Error, Result};

/// The first pause after a failure; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Where another service makes the alerts, the table is looked at so often, and taken over where it is so many windows behind.
const STANDING_BY: Duration = Duration::from_secs(5);
const FALLEN_BEHIND: i64 = 6;
/// Detectors learn from the windows of so long before the first one that counts.
const LEARNED: i64 = DAY;
/// Windows that are read at a time.
const CHUNK: i64 = 12;
/// A window further behind the newest than this is held against its key's usual week where no forecast of it is at hand: to ask the
/// model again takes too long for many.
const FURTHEST_ASKED: i64 = HOUR;

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

/// Watches until the service stops. Whatever fails is reported, and begun anew.
pub(super) async fn watch_forever(state: Arc<AppState>, mut inbox: mpsc::Receiver<Command>) {
    let Some(lake) = state.lake.clone().filter(|_| !state.alerts.config.watch.is_empty()) else {
        state.alerts.loaded.send_replace(true);
        return;
    };
    let mut pause = FIRST_PAUSE;
    while !state.stop.is_cancelled() {
        let error = match Worker::open(&state, &lake).await {
            Ok(mut worker) => {
                state.readiness.clear(Reason::AlertsStopped);
                match worker.run(&mut inbox, &mut pause).await {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if matches!(error, Error::Ground(arterial_datasets::Error::Fenced { .. })) {
            tracing::warn!("another service makes the alerts of this lake; this one stands by");
            match stand_by(&state, &lake, &mut inbox).await {
                Ok(()) => continue,
                Err(error) => tracing::warn!(error = chain(&error), "the lake cannot be read"),
            }
        }
        let error = chain(&error);
        state.metrics.count(Metric::AlertFailures, 1);
        state
            .readiness
            .raise(Reason::AlertsStopped, format!("no alerts are made: {error}"));
        tracing::error!(error, "alerts are not made; they are begun anew from the lake");
        tokio::select! {
            () = state.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Shows what another service makes, until it falls behind, as one does that has ended. Returns when this one stops, too.
async fn stand_by(state: &AppState, lake: &Lake, inbox: &mut mpsc::Receiver<Command>) -> Result<()> {
    let mut every = tokio::time::interval(STANDING_BY);
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
        let mut ledger = Ledger::open(lake).await?;
        let since = Timestamp(state.clock.now().0.saturating_sub(state.alerts.config.keep.0));
        state.alerts.store.load(ledger.remember(since).await?);
        for topic in by_topic(&state.alerts.config.watch).keys() {
            let stream = state.live.stream(topic)?;
            let behind = newest_closed(stream).zip(ledger.next_window(topic));
            let behind = behind.map(|(closed, next)| (closed.0 - next.0) / stream.definition().window.0);
            if behind.is_some_and(|windows| windows >= FALLEN_BEHIND) {
                return Ok(());
            }
        }
    }
}

struct Worker<'a> {
    state: &'a Arc<AppState>,
    lake: Lake,
    ledger: Ledger,
    book: AlertBook,
    around: Around,
    clock: BTreeMap<String, LocalClock>,
    topics: Vec<Progress>,
    /// Changes that came of windows that the book had seen before, to be committed with the next.
    leftover: Vec<Alert>,
}

/// How far a stream is.
struct Progress {
    watch: TopicWatch,
    /// Its windows, once there are any.
    table: Option<Table>,
    /// The first window that the book may see again.
    known_from: Option<Timestamp>,
    /// The first window that counts; none before the first window of all.
    first: Option<Timestamp>,
    /// The next window to look at.
    next: Option<Timestamp>,
    /// Windows that have been read already.
    read: VecDeque<(Timestamp, Vec<WindowRow>)>,
}

impl<'a> Worker<'a> {
    /// Begins from what the table says.
    async fn open(state: &'a Arc<AppState>, lake: &Lake) -> Result<Self> {
        let config = &state.alerts.config;
        let mut ledger = Ledger::open(lake).await?;
        let topics = by_topic(&config.watch);
        let names: Vec<&str> = topics.keys().copied().collect();
        ledger.acquire(&names).await?;
        let since = Timestamp(state.clock.now().0.saturating_sub(config.keep.0));
        let remembered = ledger.remember(since).await?;
        let newest = remembered.newest.iter().map(|one| one.alert.clone()).collect();
        let book = AlertBook::restore(config.settings.clone(), newest)?;
        state.alerts.store.load(remembered);
        let mut clock = BTreeMap::new();
        let mut progress = Vec::new();
        for (topic, fields) in &topics {
            let stream = state.live.stream(topic)?;
            hold(state, lake, stream, fields).await?;
            let watch = TopicWatch::new(stream.definition(), fields, config.residual)?;
            let window = stream.definition().window;
            clock.insert(
                (*topic).to_owned(),
                LocalClock::new(&state.config.timezone, window)?.with_holidays(&state.config.holidays),
            );
            let memory = ledger
                .next_window(topic)
                .map(|next| Timestamp(next.0 - AlertBook::MEMORY.0));
            let known_from = memory.max(ledger.first_window(topic));
            let begins = ledger
                .next_window(topic)
                .or_else(|| Some(Timestamp(newest_closed(stream)?.0 + window.0)));
            progress.push(Progress::new(watch, known_from, begins));
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
            book,
            around: Around::default(),
            clock,
            topics: progress,
            leftover: Vec::new(),
        })
    }

    /// Takes windows and deeds as they come; returns when the service stops.
    async fn run(&mut self, inbox: &mut mpsc::Receiver<Command>, pause: &mut Duration) -> Result<()> {
        self.show();
        loop {
            if self.state.stop.is_cancelled() {
                return Ok(());
            }
            while let Ok(command) = inbox.try_recv() {
                self.act(command).await?;
            }
            if let Some(at) = self.due() {
                self.next_window(at).await?;
                *pause = FIRST_PAUSE;
                continue;
            }
            tokio::select! {
                () = self.state.stop.cancelled() => return Ok(()),
                () = self.state.alerts.wake.notified() => {}
                command = inbox.recv() => match command {
                    Some(command) => self.act(command).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// The stream whose next window is the earliest of those that have closed.
    fn due(&mut self) -> Option<usize> {
        let mut earliest = None;
        for (at, topic) in self.topics.iter_mut().enumerate() {
            let Ok(stream) = self.state.live.stream(&topic.watch.stream.name) else {
                continue;
            };
            let Some(closed) = newest_closed(stream) else { continue };
            let next = topic.begin(closed);
            if next <= closed && earliest.is_none_or(|(_, first)| next < first) {
                earliest = Some((at, next));
            }
        }
        earliest.map(|(at, _)| at)
    }

    /// Looks at the next window of one stream.
    async fn next_window(&mut self, at: usize) -> Result<()> {
        let started = Instant::now();
        let Some((window, rows)) = self.read(at).await? else {
            return Ok(());
        };
        let topic = &self.topics[at];
        let (name, step) = (topic.watch.stream.name.clone(), topic.watch.stream.window);
        let first = topic.first.unwrap_or(window);
        let signals = self.signals(at, window, &rows).await?;
        self.around.learn(&self.topics[at].watch.columns, &rows, step);
        let next = Timestamp(window.0 + step.0);
        self.topics[at].next = Some(next);
        if window < self.topics[at].known_from.unwrap_or(first) {
            self.show();
            return Ok(());
        }
        let names: Vec<&str> = self.topics.iter().map(|one| one.watch.stream.name.as_str()).collect();
        let around = self
            .around
            .of(&self.state.live, &self.lake, &names, (window, step))
            .await?;
        let changed = at_length(|| self.book.window(window, &signals, &around));
        self.leftover.extend(changed);
        if window >= first {
            self.commit(&[(name.as_str(), next)]).await?;
            self.state.metrics.observe(Metric::AlertDuration, started.elapsed());
            self.state.metrics.count_by(Metric::AlertWindows, "topic", &name, 1);
        }
        self.show();
        Ok(())
    }

    /// The next window of one stream with its rows; none where a stream's table does not exist.
    async fn read(&mut self, at: usize) -> Result<Option<(Timestamp, Vec<WindowRow>)>> {
        let topic = &mut self.topics[at];
        let Some(next) = topic.next else { return Ok(None) };
        if topic.read.front().is_none_or(|(window, _)| *window != next) {
            let stream = self.state.live.stream(&topic.watch.stream.name)?;
            let closed = newest_closed(stream).unwrap_or(next);
            let step = topic.watch.stream.window.0;
            let to = Timestamp((closed.0 + step).min(next.0 + CHUNK * step));
            match &mut topic.table {
                Some(table) => table.refresh().await?,
                None => topic.table = self.lake.existing(&topic.watch.stream.windows_table()).await?,
            }
            let mut found = match &topic.table {
                Some(table) => read_windows(table, &topic.watch.columns, (next, to)).await?,
                None => BTreeMap::new(),
            };
            topic.read.clear();
            let mut window = next;
            while window < to {
                topic
                    .read
                    .push_back((window, found.remove(&window).unwrap_or_default()));
                window = Timestamp(window.0 + step);
            }
        }
        Ok(topic.read.pop_front())
    }

    /// What the detectors of one stream say of a window.
    async fn signals(&mut self, at: usize, window: Timestamp, rows: &[WindowRow]) -> Result<Vec<Signal>> {
        let mut outlooks = Vec::new();
        if rows.is_empty() {
            let watch = &mut self.topics[at].watch;
            outlooks.resize(watch.targets.len(), None);
            return watch.observe(window, rows, &outlooks, &[]);
        }
        for target in 0..self.topics[at].watch.targets.len() {
            let target = self.topics[at].watch.targets[target].target.clone();
            outlooks.push(self.outlook(&target, window).await?);
        }
        let watch = &mut self.topics[at].watch;
        for (target, outlook) in watch.targets.iter().zip(&outlooks) {
            if let Some(outlook) = outlook {
                self.state.alerts.expected.note(&target.target, outlook);
            }
        }
        let stream = self.state.live.stream(&watch.stream.name)?;
        let positions: Vec<Option<usize>> =
            stream.with(|state| rows.iter().map(|row| state.position(&row.key)).collect());
        at_length(|| watch.observe(window, rows, &outlooks, &positions))
    }

    /// What was expected of `target` in `window`: as it was forecast an hour before, or as its model forecasts it now from the same
    /// windows; without model, as its usual week is.
    async fn outlook(&self, target: &Target, window: Timestamp) -> Result<Option<Outlook>> {
        let state = self.state;
        let has_model = state.champions.get(target).is_some();
        if has_model && let Some(scores) = state.scores.get(target) {
            if let Some(outlook) = scores.outlooks.on(window) {
                return Ok(Some(outlook));
            }
            if let Some(outlook) = self.asked_again(target, window).await? {
                return self.completed(outlook, target).map(Some);
            }
        }
        self.usual(target, window)
    }

    /// `outlook`, with the usual week of those keys that it says nothing of.
    fn completed(&self, mut outlook: Outlook, target: &Target) -> Result<Outlook> {
        let silent = |key: usize| outlook.values.row(key).iter().any(|value| !value.is_finite());
        let missing: Vec<usize> = (0..outlook.values.nrows()).filter(|key| silent(*key)).collect();
        if missing.is_empty() {
            return Ok(outlook);
        }
        if let Some(usual) = self.usual(target, outlook.window)? {
            for key in missing.into_iter().filter(|key| *key < usual.values.nrows()) {
                outlook.values.row_mut(key).assign(&usual.values.row(key));
            }
        }
        Ok(outlook)
    }

    async fn asked_again(&self, target: &Target, window: Timestamp) -> Result<Option<Outlook>> {
        let state = self.state;
        let stream = state.live.stream(&target.topic)?;
        let step = stream.definition().window;
        let newest = newest_closed(stream).unwrap_or(window);
        if newest.0 - window.0 > FURTHEST_ASKED {
            return Ok(None);
        }
        let mut order = score::order(state, target, &state.grid);
        let reach = order.models.first().map_or(0, |(_, model)| model.horizon());
        let ahead = score::steps_ahead(step).min(reach) as i64;
        order.origin = Some(Timestamp(window.0 - ahead * step.0));
        order.profile = false;
        let turn = state.computing.acquire().await;
        let _turn = turn.map_err(|error| Error::Background(error.to_string()))?;
        let computed = score::run(state, order).await?;
        let outlook = computed.and_then(|computed| Outlook::of(&computed.issue));
        Ok(outlook.filter(|outlook| outlook.window == window && outlook.values.iter().any(|value| value.is_finite())))
    }

    fn usual(&self, target: &Target, window: Timestamp) -> Result<Option<Outlook>> {
        let quantiles: Vec<f64> = self.state.grid.iter().map(|one| f64::from(*one)).collect();
        let Some(clock) = self.clock.get(&target.topic) else {
            return Ok(None);
        };
        let stream = self.state.live.stream(&target.topic)?;
        let usual = |state: &crate::live::State| {
            let ring = state.ring(&target.field)?;
            Some(score::of_window(ring, state.keys().len(), clock, window, &quantiles))
        };
        let values = at_length(|| stream.with(usual));
        let outlook = |values| Outlook {
            window,
            quantiles,
            values,
        };
        Ok(values.transpose()?.map(outlook))
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

impl Progress {
    fn new(watch: TopicWatch, known_from: Option<Timestamp>, first: Option<Timestamp>) -> Self {
        let mut progress = Self {
            watch,
            table: None,
            known_from,
            first: None,
            next: None,
            read: VecDeque::new(),
        };
        if let Some(first) = first {
            progress.count_from(first);
        }
        progress
    }

    /// The next window to look at. Where nobody ever looked, what is there already is learned from, and what comes counts.
    fn begin(&mut self, closed: Timestamp) -> Timestamp {
        match self.next {
            Some(next) => next,
            None => self.count_from(Timestamp(closed.0 + self.watch.stream.window.0)),
        }
    }

    fn count_from(&mut self, first: Timestamp) -> Timestamp {
        let next = Timestamp(first.0 - LEARNED).window_start(self.watch.stream.window);
        self.first = Some(first);
        self.next = Some(next);
        next
    }
}

/// The newest window of a stream that has closed.
fn newest_closed(stream: &LiveStream) -> Option<Timestamp> {
    let window = stream.definition().window;
    let passed = stream.watermark().map(|watermark| {
        let end = Timestamp(watermark.0.saturating_sub(window.0));
        end.window_start(window)
    });
    stream.newest().max(passed)
}

/// Holds the recent windows of `fields`, which what is usual is known by.
async fn hold(state: &AppState, lake: &Lake, stream: &LiveStream, fields: &[String]) -> Result<()> {
    let mut fresh = Vec::new();
    for field in fields {
        if stream.serve(field)? {
            fresh.push(field.clone());
        }
    }
    if !fresh.is_empty() {
        stream.rebuild(lake, &fresh, state.config.history).await?;
    }
    Ok(())
}

/// Does work that takes its time; other tasks of the runtime go elsewhere meanwhile, where there is an elsewhere.
fn at_length<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
