//! How far event time has come.
//!
//! ```text
//! watermark = min over partitions that are not idle of (largest event time - allowed lateness)
//! ```
//! A partition is idle where it has no unread records and gave none for the idle timeout, by the clock. While all partitions
//! are idle, the watermark is the largest event time of them all less the allowed lateness, plus what the clock has advanced
//! since the last record less the idle timeout, but never beyond the end of the newest open window: a stream that fell silent
//! gets its last window, and no record of a later window can ever be late because of a silence. The watermark never goes back.

use std::collections::HashSet;

use arterial_datasets::time::Timestamp;

/// What an earlier run has already done with a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resume {
    /// Every record below this offset has been read; none where nothing was committed.
    pub next: i64,
    /// Where reading begins: the lowest offset that an open window held; at most `next`.
    pub read_from: i64,
    /// Windows that end at or before are closed, with everything read of them in the table.
    pub closed_through: Option<Timestamp>,
    /// Offsets that are in quarantine already.
    pub refused: HashSet<i64>,
}

/// One partition as the windows see it.
#[derive(Debug)]
pub(super) struct Partition {
    pub number: i32,
    /// The next offset that no run has read.
    pub next: i64,
    /// The next offset that this run has not read: behind `next` until everything of the open windows is read again.
    pub read: i64,
    /// The largest event time seen in this run.
    pub latest: Option<i64>,
    /// When the last record came, or when the partition was assigned.
    pub active_at: i64,
    pub resume: Resume,
}

impl Partition {
    pub(super) fn new(number: i32, resume: Resume, now: Timestamp) -> Self {
        Self {
            number,
            next: resume.next,
            read: resume.read_from,
            latest: None,
            active_at: now.0,
            resume,
        }
    }

    /// Everything below `next` has been read, by this run or, before where this one began, by an earlier one.
    #[inline]
    pub(super) fn read_to(&mut self, next: i64) {
        self.read = self.read.max(next);
        self.next = self.next.max(next);
    }

    /// Whether records that an earlier run has read are still to be read again.
    pub(super) fn is_behind(&self, unread: &dyn Fn(i32) -> bool) -> bool {
        self.read < self.resume.next && unread(self.number)
    }

    /// Whether an earlier run has dealt with the event at `offset` in a window that ends at `end`.
    #[inline]
    pub(super) fn is_done(&self, offset: i64, end: i64) -> bool {
        if offset >= self.resume.next && self.resume.refused.is_empty() {
            return false;
        }
        let closed = self.resume.closed_through.is_some_and(|through| end <= through.0);
        (offset < self.resume.next && closed) || self.resume.refused.contains(&offset)
    }
}

/// The watermark and what it rests on.
#[derive(Debug)]
pub(super) struct Watermark {
    pub lateness: i64,
    pub idle_timeout: i64,
    pub partitions: Vec<Partition>,
    /// The largest so far.
    pub now: Option<i64>,
    /// The minimum over the partitions at present: behind `now` where a partition that lags was assigned later. What lies a
    /// revision horizon behind it is final.
    pub certain: Option<i64>,
}

impl Watermark {
    /// Moves on. `unread` says whether a partition, by its number, has unread records; `newest_end` is the end
    /// of the newest open window.
    pub(super) fn advance(&mut self, now: Timestamp, unread: &dyn Fn(i32) -> bool, newest_end: Option<i64>) {
        let idle_since = now.0 - self.idle_timeout;
        let mut awake = self
            .partitions
            .iter()
            .filter(|one| one.active_at > idle_since || unread(one.number))
            .map(|one| one.latest.filter(|_| !one.is_behind(unread)))
            .peekable();
        let candidate = if awake.peek().is_some() {
            // A partition that is awake but has shown no event yet, or not all of those that an earlier run had read, holds the
            // watermark: a window must not close before everything below `next` is in it again.
            awake
                .try_fold(i64::MAX, |least, latest| latest.map(|latest| least.min(latest)))
                .map(|least| least - self.lateness)
        } else {
            self.silent(now.0, newest_end)
        };
        self.certain = candidate;
        self.now = self.now.max(candidate);
    }

    fn silent(&self, now: i64, newest_end: Option<i64>) -> Option<i64> {
        let latest = self.partitions.iter().filter_map(|one| one.latest).max()?;
        let seen = latest - self.lateness;
        let active_at = self.partitions.iter().map(|one| one.active_at).max()?;
        let elapsed = (now - active_at - self.idle_timeout).max(0);
        Some(newest_end.map_or(seen, |end| seen.max(end.min(seen + elapsed))))
    }

    /// Whether an event of `partition` in a window that ends at `end` comes after the `horizon`: behind the watermark, and
    /// behind its own partition too, so that a partition that lags after a move loses nothing.
    pub(super) fn is_beyond(&self, horizon: i64, partition: &Partition, end: i64) -> bool {
        let passed = |through: Option<i64>| through.is_some_and(|through| through >= end + horizon);
        passed(self.now) && passed(partition.latest.map(|latest| latest - self.lateness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENESS: i64 = 30;
    const IDLE: i64 = 60;

    fn watermark(partitions: i32) -> Watermark {
        let partitions = (0..partitions)
            .map(|number| Partition::new(number, Resume::default(), Timestamp(0)))
            .collect();
        Watermark {
            lateness: LATENESS,
            idle_timeout: IDLE,
            partitions,
            now: None,
            certain: None,
        }
    }

    fn see(mark: &mut Watermark, partition: usize, time: i64, at: i64) {
        let one = &mut mark.partitions[partition];
        one.latest = one.latest.max(Some(time));
        one.active_at = at;
    }

    #[test]
    fn the_slowest_partition_that_is_not_idle_holds_it() {
        let mut mark = watermark(2);
        see(&mut mark, 0, 1000, 1);
        mark.advance(Timestamp(1), &|_| false, None);
        assert_eq!(mark.now, None, "a partition that has shown nothing yet holds");
        see(&mut mark, 1, 500, 2);
        mark.advance(Timestamp(2), &|_| false, None);
        assert_eq!(mark.now, Some(470));
        see(&mut mark, 0, 2000, 61);
        mark.advance(Timestamp(70), &|_| false, None);
        assert_eq!(mark.now, Some(1970), "the idle one holds no longer");
        see(&mut mark, 1, 600, 71);
        mark.advance(Timestamp(71), &|_| false, None);
        assert_eq!((mark.now, mark.certain), (Some(1970), Some(570)), "it never goes back");
    }

    #[test]
    fn a_partition_with_unread_records_is_not_idle() {
        let mut mark = watermark(2);
        see(&mut mark, 0, 1000, 900);
        mark.advance(Timestamp(900), &|partition| partition == 1, None);
        assert_eq!(mark.now, None);
        mark.advance(Timestamp(901), &|_| false, None);
        assert_eq!(mark.now, Some(970));
    }

    #[test]
    fn a_silent_stream_gets_its_last_window_and_no_more() {
        let mut mark = watermark(1);
        see(&mut mark, 0, 1000, 5000);
        let silent = |mark: &mut Watermark, at| {
            mark.advance(Timestamp(at), &|_| false, Some(1200));
            mark.now
        };
        assert_eq!(silent(&mut mark, 5060), Some(970));
        assert_eq!(silent(&mut mark, 5160), Some(1070));
        assert_eq!(silent(&mut mark, 5290), Some(1200));
        assert_eq!(silent(&mut mark, 9999), Some(1200));
    }
}
