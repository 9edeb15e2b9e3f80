//! How far a stream is: its next window, once that has closed, with the rows that the lake holds of it.

use std::collections::{BTreeMap, VecDeque};

use arterial_datasets::lake::{Lake, Progress as TableProgress, Table};
use arterial_datasets::time::{DAY, Duration, Timestamp};

use super::silence::Silence;
use crate::Result;
use crate::alerts::detect::TopicWatch;
use crate::alerts::windows::{WindowRow, read_windows};
use crate::live::LiveStream;

/// Detectors learn from the windows of so long before the first one that counts; what they learned earlier is kept nowhere.
const LEARNED: i64 = DAY;
/// Windows that are read at a time.
const CHUNK: i64 = 12;
/// A partition that is so many windows behind another is waited for no longer: what its keys would say is silence.
pub(super) const GIVEN_UP: i64 = 6;

/// How far a stream is.
pub(super) struct Progress {
    pub(super) watch: TopicWatch,
    /// The first window that the book may see again.
    pub(super) known_from: Option<Timestamp>,
    /// The first window that counts; none before the first window of all.
    pub(super) first: Option<Timestamp>,
    /// The next window to look at.
    pub(super) next: Option<Timestamp>,
    silence: Silence,
    /// The newest window up to which it is silent rather than late; none where it is neither.
    silent: Option<Timestamp>,
    /// The newest window that this service has closed, when that was last looked at.
    own: Option<Timestamp>,
    /// The newest window that all services have committed, as the table said while this one closed none.
    elsewhere: Option<Timestamp>,
    /// Its windows, once there are any.
    table: Option<Table>,
    /// Windows that have been read already.
    read: VecDeque<(Timestamp, Vec<WindowRow>)>,
}

impl Progress {
    pub(super) fn new(watch: TopicWatch, known_from: Option<Timestamp>, first: Option<Timestamp>) -> Self {
        let mut progress = Self {
            silence: Silence::new(&watch.stream),
            watch,
            known_from,
            first: None,
            next: None,
            silent: None,
            own: None,
            elsewhere: None,
            table: None,
            read: VecDeque::new(),
        };
        if let Some(first) = first {
            progress.count_from(first);
        }
        progress
    }

    /// The newest window that counts as closed, where the stream that is furthest has come to `furthest`: an empty one where this one is
    /// silent. None before the first window of all.
    pub(super) fn closed(
        &mut self,
        stream: &LiveStream,
        furthest: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.silence.hear(stream.watermark(), now);
        let closed = self.newest_closed(stream)?;
        let silent = self.silence.through(furthest, now);
        self.silent = silent.map(|end| last_before(end, self.watch.stream.window));
        self.silent.max(Some(closed))
    }

    /// Learns how far the others are where this service has closed no window since it was last asked, as one that has none of the
    /// stream's partitions: while this one makes the alerts, nobody else looks at those windows.
    pub(super) async fn follow(&mut self, lake: &Lake, stream: &LiveStream, now: Timestamp) -> Result<()> {
        let own = newest_closed(stream);
        if own == self.own {
            self.elsewhere = self.closed_by_all(lake, now).await?;
        }
        self.own = own;
        Ok(())
    }

    /// Whether nothing came for `lasting`, and no windows are made of its silence either.
    pub(super) fn is_gone(&self, lasting: Duration, now: Timestamp) -> bool {
        self.silent.is_none() && self.silence.is_gone(lasting, now)
    }

    /// The newest window that has closed here, or elsewhere while none did here.
    fn newest_closed(&self, stream: &LiveStream) -> Option<Timestamp> {
        newest_closed(stream).max(self.elsewhere)
    }

    /// The newest window that every service has committed, as the table says now.
    async fn closed_by_all(&mut self, lake: &Lake, now: Timestamp) -> Result<Option<Timestamp>> {
        match &mut self.table {
            Some(table) => table.refresh().await?,
            None => self.table = lake.existing(&self.watch.stream.windows_table()).await?,
        }
        let progress = self.table.as_ref().map(Table::progress);
        // Another service may have gone on with a stream of which this one hears nothing.
        if self.silence.hear(progress.and_then(largest_watermark), now) {
            self.silent = None;
        }
        Ok(progress.and_then(|progress| closed_by_all(progress, self.watch.stream.window)))
    }

    /// The next window to look at. Where nobody ever looked, what is there already is learned from, and what comes counts.
    pub(super) fn begin(&mut self, closed: Timestamp) -> Timestamp {
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

    /// The next window with its rows, as they stand in the lake at `now`; none where another service has yet to commit its part of it.
    pub(super) async fn read(
        &mut self,
        lake: &Lake,
        stream: &LiveStream,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, Vec<WindowRow>)>> {
        let Some(next) = self.next else { return Ok(None) };
        if self.read.front().is_none_or(|(window, _)| *window != next) {
            self.read.clear();
            let by_all = self.closed_by_all(lake, now).await?;
            let step = self.watch.stream.window;
            let committed = self.newest_closed(stream).into_iter().chain(by_all).min();
            let Some(closed) = committed.max(self.silent).filter(|closed| *closed >= next) else {
                return Ok(None);
            };
            let to = Timestamp((closed.0 + step.0).min(next.0 + CHUNK * step.0));
            let mut found = match &self.table {
                Some(table) => read_windows(table, &self.watch.columns, (next, to)).await?,
                None => BTreeMap::new(),
            };
            let mut window = next;
            while window < to {
                let rows = found.remove(&window).unwrap_or_default();
                self.read.push_back((window, rows));
                window = Timestamp(window.0 + step.0);
            }
        }
        Ok(self.read.pop_front())
    }
}

/// The newest window of a stream that has closed.
pub(super) fn newest_closed(stream: &LiveStream) -> Option<Timestamp> {
    let window = stream.definition().window;
    let passed = stream.watermark().map(|watermark| last_before(watermark, window));
    stream.newest().max(passed)
}

/// The event time up to which a stream has come by its newest closed window; none before the first.
pub(super) fn closed_until(stream: &LiveStream) -> Option<Timestamp> {
    newest_closed(stream).map(|start| Timestamp(start.0 + stream.definition().window.0))
}

/// The watermarks of the partitions, those of replayed files apart.
fn watermarks(progress: &TableProgress) -> impl Iterator<Item = Timestamp> {
    let partitions = progress.partitions.iter().filter(|(place, _)| !place.is_history());
    partitions.filter_map(|(_, known)| known.watermark)
}

/// The largest watermark.
fn largest_watermark(progress: &TableProgress) -> Option<Timestamp> {
    watermarks(progress).max()
}

/// The newest window that every service that shares the stream's partitions has committed; none where the table does not say. Each commit
/// says of all partitions of its service how far it is, so that those of a service that has ended fall behind.
fn closed_by_all(progress: &TableProgress, window: Duration) -> Option<Timestamp> {
    let given_up = largest_watermark(progress)?.0.saturating_sub(GIVEN_UP * window.0);
    let slowest = watermarks(progress).filter(|watermark| watermark.0 >= given_up).min()?;
    Some(last_before(slowest, window))
}

/// The newest window that has ended at `watermark`.
fn last_before(watermark: Timestamp, window: Duration) -> Timestamp {
    Timestamp(watermark.0.saturating_sub(window.0)).window_start(window)
}

/// Does work that takes its time; other tasks of the runtime go elsewhere meanwhile, where there is an elsewhere.
pub(super) fn at_length<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::lake::{PartitionProgress, TopicPartition};
    use arterial_datasets::time::MINUTE;

    use super::*;

    const WINDOW: Duration = Duration(5 * MINUTE);

    fn closed(watermarks: &[Option<i64>]) -> Option<i64> {
        let partition = |(number, watermark): (usize, &Option<i64>)| {
            let known = PartitionProgress {
                watermark: watermark.map(|windows| Timestamp(windows * WINDOW.0)),
                ..PartitionProgress::default()
            };
            (TopicPartition::new("x", number as i32), known)
        };
        let progress = TableProgress {
            partitions: watermarks.iter().enumerate().map(partition).collect(),
            ..TableProgress::default()
        };
        closed_by_all(&progress, WINDOW).map(|window| window.0 / WINDOW.0)
    }

    #[test]
    fn a_window_has_closed_once_every_service_has_committed_its_part() {
        assert_eq!(closed(&[Some(100), Some(100)]), Some(99));
        assert_eq!(closed(&[Some(100), Some(98), None]), Some(97));
    }

    #[test]
    fn a_service_that_has_ended_is_not_waited_for() {
        assert_eq!(closed(&[Some(100), Some(93)]), Some(99));
        assert_eq!(closed(&[None]), None);
        assert_eq!(closed(&[]), None);
    }
}
