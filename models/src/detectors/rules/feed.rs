//! The silence of a whole stream of which no rule says when a single key is silent: lines do not run by night, zones have no taxi for long.
//!
//! What is usual is known from its own past. A feed that stops is out where it ran a day ago from then until an hour from now. One that ends
//! every night is not, nor is one that begins late on a Sunday. Once more than a week is known, it is out wherever it ran at this hour a day
//! ago and a week ago, so that a morning at which it never begins is told of, too. A feed of which no day is known is never out.

use std::collections::BTreeSet;
use std::ops::Range;

use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE, Timestamp};

/// A feed that should run is out once it gave nothing for so long, and for so many windows.
const OUT: i64 = 15 * MINUTE;
const WINDOWS: i64 = 3;
/// What is usual now is what was so long before and after this time of the day: clocks change, and the first bus may be late.
const ABOUT: i64 = HOUR;
const WEEK: i64 = 7 * DAY;
/// The share of its windows that a feed has while it runs: one may be lost.
const RUNNING: f64 = 0.9;
/// The keys that are missed are those that it spoke of so long before it stopped.
const MISSED: i64 = HOUR;

/// When a stream gave anything.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    step: Duration,
    /// The start of the first window that was ever heard.
    since: Option<Timestamp>,
    /// The starts of the windows of the last week that were heard.
    heard: BTreeSet<i64>,
    /// The window after which an open alert says that some key was silent.
    recalled: Option<Timestamp>,
    /// Whether it is out, until it is heard again; and whether it ever was.
    is_out: bool,
    was_out: bool,
}

impl Feed {
    /// A feed of windows of `step`, of which nothing is known.
    pub fn new(step: Duration) -> Self {
        Self {
            step,
            since: None,
            heard: BTreeSet::new(),
            recalled: None,
            is_out: false,
            was_out: false,
        }
    }

    /// Takes note of a window with a row.
    pub fn hear(&mut self, window: Timestamp) {
        self.since = self.since.or(Some(window));
        self.is_out = false;
        if self.heard.insert(window.0) {
            let oldest = window.0.saturating_sub(WEEK + 2 * ABOUT);
            while self.heard.first().is_some_and(|first| *first < oldest) {
                self.heard.pop_first();
            }
        }
    }

    /// Knows from an open alert that a key was silent after the window that starts at `newest`: who begins anew cannot tell any more that the
    /// feed should have run.
    pub fn recall(&mut self, newest: Timestamp) {
        self.recalled = self.recalled.max(Some(newest));
        self.was_out = true;
    }

    /// Whether it ever was out: then its rows say that it is back.
    pub fn was_out(&self) -> bool {
        self.was_out
    }

    /// How long a feed must be silent to be out.
    pub fn line(&self) -> Duration {
        Duration(OUT.max(WINDOWS * self.step.0))
    }

    /// Whether the feed is out although all windows that end at or before `closed` are closed: then the keys are missed that had a window
    /// from there on.
    pub fn missed_from(&mut self, closed: Timestamp) -> Option<Timestamp> {
        let heard = self.heard.last().map(|start| Timestamp(*start));
        let newest = heard.max(self.recalled)?;
        if closed.0 - newest.0 - self.step.0 < self.line().0 {
            return None;
        }
        let is_told = self.recalled.is_some_and(|recalled| newest.0 - recalled.0 <= MISSED);
        self.is_out = self.is_out || is_told || self.runs_usually(newest, closed);
        self.was_out |= self.is_out;
        self.is_out.then_some(Timestamp(newest.0 - MISSED))
    }

    fn runs_usually(&self, newest: Timestamp, closed: Timestamp) -> bool {
        let now = closed.0 - self.step.0 - ABOUT..closed.0 + ABOUT;
        let knows_a_week = self.since.is_some_and(|since| since.0 <= now.start - WEEK);
        if knows_a_week {
            self.ran(&now, DAY) && self.ran(&now, WEEK)
        } else {
            self.ran(&(newest.0..now.end), DAY)
        }
    }

    /// Whether it ran so long before `times`.
    fn ran(&self, times: &Range<i64>, before: i64) -> bool {
        let (start, end) = (times.start - before, times.end - before);
        let windows = (end - start) as f64 / self.step.0 as f64;
        self.heard.range(start..end).count() as f64 >= RUNNING * windows
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
