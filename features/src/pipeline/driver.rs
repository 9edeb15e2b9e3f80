//! One thread that polls, decodes, closes windows and commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arterial_datasets::lake::{Lake, TopicPartition};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Clock, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::Span;

use super::commit::{Due, is_fenced};
use super::lane::Lane;
use super::observer::{CommitObserver, TRACE_TARGET};
use super::options::{LakeAddress, PipelineOptions};
use super::status::{PipelineStatus, StreamState};
use crate::source::{Change, Source};
use crate::{Error, Result};

/// How often the status is published where nothing of note happens, in microseconds.
const PUBLISH_EVERY: i64 = 200_000;

/// All streams of one source, from records to durable windows.
///
/// One thread of its own drives it, outside of the async runtime, whose threads do the lake's work.
pub struct Pipeline<S> {
    source: S,
    lanes: Vec<Lane>,
    /// Partitions that are ours.
    owned: BTreeSet<TopicPartition>,
    /// Those of them that were not taken over in the tables yet.
    new: BTreeSet<TopicPartition>,
    /// Topics that begin again from what their tables say.
    stale: BTreeSet<String>,
    address: LakeAddress,
    lake: Option<Lake>,
    runtime: Handle,
    clock: Arc<dyn Clock>,
    options: PipelineOptions,
    observers: Vec<Arc<dyn CommitObserver>>,
    status: watch::Sender<PipelineStatus>,
    published_at: i64,
    unreachable: bool,
    suspended: Option<Suspended>,
    wait: Duration,
}

/// The lake or the broker failed.
struct Suspended {
    reason: String,
    until: Timestamp,
}

/// What one turn did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Records read.
    pub records: usize,
    /// Commits of windows.
    pub commits: usize,
}

impl<S: Source> Pipeline<S> {
    /// A pipeline of `streams` from `source` into the lake at `address`. Nothing is read or opened before the first
    /// [`turn`](Self::turn).
    ///
    /// # Errors
    /// Options or definitions that do not check.
    pub fn new(
        source: S,
        streams: impl IntoIterator<Item = Arc<StreamDefinition>>,
        address: LakeAddress,
        clock: Arc<dyn Clock>,
        runtime: Handle,
        options: PipelineOptions,
    ) -> Result<Self> {
        options.check()?;
        let lanes = streams
            .into_iter()
            .map(|stream| Lane::new(stream, &options))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            source,
            lanes,
            owned: BTreeSet::new(),
            new: BTreeSet::new(),
            stale: BTreeSet::new(),
            address,
            lake: None,
            runtime,
            clock,
            wait: options.retry_least,
            options,
            observers: Vec::new(),
            status: watch::channel(PipelineStatus::default()).0,
            published_at: i64::MIN,
            unreachable: false,
            suspended: None,
        })
    }

    /// Adds an observer of commits.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn CommitObserver>) -> Self {
        self.observers.push(observer);
        self
    }

    /// The status, published a few times a second and whenever windows are committed.
    pub fn watch(&self) -> watch::Receiver<PipelineStatus> {
        self.status.subscribe()
    }

    /// The source.
    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// Runs until `stop` is set, then drains: what is closed, refused or archived is committed; open windows are made again
    /// from the source by the next start.
    ///
    /// # Errors
    /// Bad input, settings that the broker refuses, or [`Error::Stopped`] once no stream is left that could be read. Failures of
    /// lake and broker are no errors here: they are tried again and stand in the status.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            self.turn()?;
            self.check_alive()?;
        }
        self.shutdown()
    }

    /// One turn: begins again what has to, polls once, takes the records in, commits what is due.
    ///
    /// # Errors
    /// As [`run`](Self::run), all streams stopped apart.
    pub fn turn(&mut self) -> Result<Turn> {
        let now = self.clock.now();
        if let Some(suspended) = &self.suspended {
            if now < suspended.until {
                self.rest();
                return Ok(Turn::default());
            }
            self.suspended = None;
        }
        if let Err(error) = self.begin_stale(now) {
            return self.suspend(&error).map(|()| Turn::default());
        }
        let records = self.poll(now)?;
        let mut turn = Turn { records, commits: 0 };
        for place in 0..self.lanes.len() {
            match self.lane_turn(place, now) {
                Ok(committed) => turn.commits += usize::from(committed),
                Err(error) if is_fenced(&error) => self.fence(place, &error),
                Err(error) => {
                    self.suspend(&error)?;
                    break;
                }
            }
        }
        if turn.commits > 0 || now.0.saturating_sub(self.published_at) >= PUBLISH_EVERY {
            self.stop_shrunk();
            self.publish(now);
        }
        Ok(turn)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "between two tries nothing else is to be waited for"
    )]
    fn rest(&self) {
        std::thread::sleep(self.options.poll_timeout.min(Duration::from_millis(20)));
    }

    fn poll(&mut self, now: Timestamp) -> Result<usize> {
        let Self {
            source, lanes, options, ..
        } = self;
        let mut last = 0;
        let mut each = |topic: &str, record: crate::record::RecordRef<'_>| {
            if lanes.get(last).is_none_or(|lane| lane.topic() != topic) {
                let Some(place) = lanes.iter().position(|lane| lane.topic() == topic) else {
                    return;
                };
                last = place;
            }
            if lanes[last].is_running() {
                lanes[last].push(record, now);
            }
        };
        let polled = source.poll(options.poll_timeout, options.poll_records, &mut each)?;
        for place in 0..self.lanes.len() {
            self.lanes[place].absorb(now)?;
        }
        for change in polled.changes {
            self.change(&change);
        }
        Ok(polled.records)
    }

    fn change(&mut self, change: &Change) {
        tracing::debug!(%change, "source");
        match change {
            Change::Assigned(partitions) => {
                self.owned.extend(partitions.iter().cloned());
                self.new.extend(partitions.iter().cloned());
                self.stale.extend(partitions.iter().map(|one| one.topic.clone()));
            }
            Change::Revoked(partitions) => {
                self.owned.retain(|one| !partitions.contains(one));
                self.new.retain(|one| !partitions.contains(one));
                self.stale.extend(partitions.iter().map(|one| one.topic.clone()));
            }
            Change::Unreachable => {
                tracing::warn!("no broker answers");
                self.unreachable = true;
            }
            Change::Reachable => {
                tracing::info!("a broker answers");
                self.unreachable = false;
            }
            Change::UnknownTopic(topic) => tracing::warn!(topic, "the topic does not exist"),
            Change::Gap {
                partition,
                expected,
                got,
            } => {
                let Some(lane) = self.lane(&partition.topic) else {
                    return;
                };
                match u64::try_from(got - expected) {
                    Ok(lost) => {
                        tracing::warn!(%partition, expected, got, "records are gone: the source no longer has them");
                        lane.status.lost += lost;
                    }
                    Err(_) => lane.stop(change.to_string()),
                }
            }
            Change::Recreated { topic, .. } => {
                self.stale.insert(topic.clone());
            }
            // Which partitions have unread records, the source is asked when it matters.
            _ => {}
        }
        self.published_at = i64::MIN;
    }

    fn lane(&mut self, topic: &str) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.topic() == topic)
    }

    /// Begins the stale streams again from what their tables say.
    fn begin_stale(&mut self, now: Timestamp) -> Result<()> {
        while let Some(topic) = self.stale.first().cloned() {
            if let Some(place) = self.lanes.iter().position(|lane| lane.topic() == topic) {
                match self.begin(place, now) {
                    Err(error) if is_fenced(&error) => self.fence(place, &error),
                    outcome => outcome?,
                }
            }
            self.stale.remove(&topic);
        }
        Ok(())
    }

    fn begin(&mut self, place: usize, now: Timestamp) -> Result<()> {
        let lake = match &self.lake {
            Some(lake) => lake.clone(),
            None => self
                .runtime
                .block_on(Lake::open(&self.address.url, self.address.options.clone()))?,
        };
        self.lake = Some(lake.clone());
        let Self {
            source,
            lanes,
            options,
            runtime,
            owned,
            new,
            ..
        } = self;
        let lane = &mut lanes[place];
        let ours =
            |all: &BTreeSet<TopicPartition>| all.iter().filter(|one| one.topic == lane.topic()).cloned().collect();
        let (owned, taken): (BTreeSet<_>, BTreeSet<_>) = (ours(owned), ours(new));
        let seeks = runtime.block_on(lane.begin(&lake, &owned, &taken, source, options, now))?;
        new.retain(|one| !taken.contains(one));
        source.seek(&seeks)?;
        self.wait = self.options.retry_least;
        Ok(())
    }

    /// Moves one stream's watermark on and commits what is due.
    fn lane_turn(&mut self, place: usize, now: Timestamp) -> Result<bool> {
        let lane = &mut self.lanes[place];
        if !lane.is_running() || self.stale.contains(lane.topic()) {
            return Ok(false);
        }
        lane.advance(now, &self.source, false);
        let due = lane.due(now, &self.options);
        self.commit(place, due, now)
    }

    fn commit(&mut self, place: usize, due: Due, now: Timestamp) -> Result<bool> {
        if !(due.windows || due.refused || due.archive) {
            return Ok(false);
        }
        let lane = &mut self.lanes[place];
        let mut span = Span::none();
        if due.windows {
            span = tracing::info_span!(target: TRACE_TARGET, "commit", topic = lane.topic());
            let traces = std::mem::take(&mut lane.traces);
            self.observers.iter().for_each(|one| one.committing(&span, &traces));
        }
        let _entered = span.enter();
        let told = self.runtime.block_on(lane.commit(due, now))?;
        if due.windows {
            let read: BTreeMap<_, _> = lane
                .owned
                .iter()
                .map(|(&number, owned)| (lane.partition(number), owned.next))
                .collect();
            self.source.courtesy_commit(&read);
        }
        for observer in &self.observers {
            told.windows.iter().for_each(|commit| observer.committed(commit));
            told.events.iter().for_each(|commit| observer.archived(commit));
        }
        Ok(told.windows.is_some())
    }

    /// Stops streams whose log ends below what was read.
    fn stop_shrunk(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.is_running()) {
            if let Some(reason) = lane.shrunk(&self.source) {
                lane.stop(reason);
            }
        }
    }

    /// Another writer has taken this stream's partitions over.
    fn fence(&mut self, place: usize, error: &Error) {
        let reason = in_full(error);
        let lane = &mut self.lanes[place];
        tracing::error!(
            topic = lane.topic(),
            reason,
            "another instance writes this stream: it is left to it"
        );
        lane.forget();
        lane.status.state = StreamState::Fenced(reason);
        let topic = lane.topic().to_owned();
        self.owned.retain(|one| one.topic != topic);
        self.new.retain(|one| one.topic != topic);
        self.stale.remove(&topic);
        self.published_at = i64::MIN;
    }

    /// Drops all memory and waits before everything begins again.
    fn suspend(&mut self, error: &Error) -> Result<()> {
        if error.is_bad_input() {
            return Err(Error::Stopped { reason: in_full(error) });
        }
        let reason = in_full(error);
        tracing::error!(reason, wait = ?self.wait, "consuming stops: everything begins again from the last commits");
        for lane in &mut self.lanes {
            if lane.is_running() {
                lane.forget();
            }
        }
        self.stale.extend(self.owned.iter().map(|one| one.topic.clone()));
        self.lake = None;
        let now = self.clock.now();
        let wait = i64::try_from(self.wait.as_micros()).unwrap_or(i64::MAX / 2);
        self.suspended = Some(Suspended {
            reason,
            until: Timestamp(now.0 + wait),
        });
        self.wait = (self.wait * 2).min(self.options.retry_most);
        self.publish(now);
        Ok(())
    }

    /// Closes every open window, as the input has ended, and commits everything.
    ///
    /// # Errors
    /// The lake's errors: what was not committed then is read again by the next start.
    pub fn finish(&mut self) -> Result<()> {
        let now = self.clock.now();
        for lane in self.lanes.iter_mut().filter(|lane| lane.is_running()) {
            lane.advance(now, &self.source, true);
        }
        self.shutdown()
    }

    /// Commits what is closed, refused or archived.
    ///
    /// # Errors
    /// The lake's errors: what was not committed then is read again by the next start.
    pub fn shutdown(&mut self) -> Result<()> {
        let now = self.clock.now();
        for place in 0..self.lanes.len() {
            if self.lanes[place].is_running() {
                self.commit(place, Due::ALL, now)?;
            }
        }
        self.publish(now);
        Ok(())
    }

    /// Whether a stream is left that is read, or may yet be.
    ///
    /// # Errors
    /// [`Error::Stopped`] where none is.
    pub fn check_alive(&self) -> Result<()> {
        let why = |lane: &Lane| match &lane.status.state {
            StreamState::Fenced(why) | StreamState::Stopped(why) => Some(format!("{}: {why}", lane.topic())),
            StreamState::Waiting | StreamState::Running => None,
        };
        let reasons: Option<Vec<String>> = self.lanes.iter().map(why).collect();
        match reasons {
            Some(reasons) if !reasons.is_empty() => Err(Error::Stopped {
                reason: reasons.join("; "),
            }),
            _ => Ok(()),
        }
    }

    /// Why nothing is consumed at present; none while all is well.
    pub fn suspended(&self) -> Option<&str> {
        self.suspended.as_ref().map(|suspended| suspended.reason.as_str())
    }

    /// The status as of now.
    pub fn status(&mut self) -> PipelineStatus {
        let Self { lanes, source, .. } = self;
        let streams = lanes.iter_mut().map(|lane| {
            lane.observe(source);
            (lane.topic().to_owned(), lane.status.clone())
        });
        let streams = streams.collect();
        PipelineStatus {
            suspended: self.suspended().map(str::to_owned),
            unreachable: self.unreachable,
            streams,
        }
    }

    fn publish(&mut self, now: Timestamp) {
        let status = self.status();
        self.status.send_replace(status);
        self.published_at = now.0;
    }
}

/// An error with its causes.
fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
