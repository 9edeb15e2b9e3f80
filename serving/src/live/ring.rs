//! The recent windows of one number of one stream: time x key, the newest revision of each.

use std::collections::VecDeque;

use arterial_datasets::time::{Duration, Timestamp};

/// No window of the key was ever seen.
const NEVER: i64 = i64::MIN;

/// Recent values of one target.
///
/// # Shapes
/// One row a window, one column a key, NaN where missing. A row may be narrower than the number of keys: keys that
/// came later have no value in it.
#[derive(Debug)]
pub struct Ring {
    step: Duration,
    capacity: usize,
    /// The number of the first row's window: its start divided by the step.
    first: i64,
    rows: VecDeque<Row>,
    /// The newest window with a value, by key.
    newest: Vec<i64>,
    /// So many keys a row has room for, once it is written to.
    width: usize,
}

/// Which revisions of a key's windows were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revisions {
    /// The start of the newest window with a value.
    pub window: Timestamp,
    /// The revision of that window, 0 first.
    pub newest: u16,
    /// How many windows had been revised.
    pub revised: u32,
}

#[derive(Debug, Default, Clone)]
struct Row {
    values: Vec<f64>,
    /// Revision + 1; 0 where no window was seen.
    revisions: Vec<u16>,
}

impl Ring {
    /// An empty ring of at most `history`, at least one window.
    pub fn new(step: Duration, history: Duration) -> Self {
        let capacity = (history.0 / step.0).max(1) as usize;
        Self {
            step,
            capacity,
            first: 0,
            rows: VecDeque::new(),
            newest: Vec::new(),
            width: 0,
        }
    }

    /// Makes room for `keys` keys at once, rather than for one after the other.
    pub fn widen(&mut self, keys: usize) {
        self.width = self.width.max(keys);
    }

    /// Takes the values of windows of one key. An older revision than the one held changes nothing, nor does a window from before the
    /// kept history. Windows that follow each other in time are quicker.
    pub fn set_run(&mut self, key: usize, starts: &[i64], revisions: &[i32], values: impl Iterator<Item = f64>) {
        let step = self.step.0;
        let mut before: Option<(i64, i64)> = None;
        for ((&start, &revision), value) in starts.iter().zip(revisions).zip(values) {
            // A division is dear where there are millions.
            let window = match before {
                Some((last, window)) if start == last.saturating_add(step) => window + 1,
                _ => start.div_euclid(step),
            };
            before = Some((start, window));
            self.put(key, window, revision, value);
        }
    }

    /// The same of a single window.
    #[cfg(test)]
    pub(crate) fn set(&mut self, key: usize, start: Timestamp, revision: i32, value: f64) {
        self.set_run(key, &[start.0], &[revision], std::iter::once(value));
    }

    fn put(&mut self, key: usize, window: i64, revision: i32, value: f64) {
        let width = self.width.max(key + 1);
        let Some(row) = self.row(window) else { return };
        if row.values.len() <= key {
            row.values.resize(width, f64::NAN);
            row.revisions.resize(width, 0);
        }
        let revision = u16::try_from(revision.max(0)).unwrap_or(u16::MAX - 1).saturating_add(1);
        if revision < row.revisions[key] {
            return;
        }
        row.revisions[key] = revision;
        row.values[key] = value;
        self.note(key, window, value);
    }

    /// The row of `window`, made where it is absent and within the kept history.
    fn row(&mut self, window: i64) -> Option<&mut Row> {
        if self.rows.is_empty() {
            self.first = window;
        }
        let end = self.first + self.rows.len() as i64;
        if window >= end {
            let ahead = (window - end) as usize + 1;
            if ahead > self.capacity {
                self.rows.clear();
                self.first = window + 1 - self.capacity as i64;
                self.rows.resize(self.capacity, Row::default());
            } else {
                self.rows.resize(self.rows.len() + ahead, Row::default());
            }
            self.trim(self.capacity);
        }
        while window < self.first && self.rows.len() < self.capacity {
            self.rows.push_front(Row::default());
            self.first -= 1;
        }
        let at = usize::try_from(window - self.first).ok()?;
        self.rows.get_mut(at)
    }

    /// Keeps the newest window with a value up to date, also where a revision takes the value away.
    fn note(&mut self, key: usize, window: i64, value: f64) {
        if self.newest.len() <= key {
            self.newest.resize(key + 1, NEVER);
        }
        if value.is_finite() {
            self.newest[key] = self.newest[key].max(window);
        } else if self.newest[key] == window {
            let values = self.rows.iter().enumerate().rev();
            let newest = values
                .filter(|(_, row)| row.values.get(key).is_some_and(|value| value.is_finite()))
                .map(|(at, _)| at)
                .next();
            self.newest[key] = newest.map_or(NEVER, |at| self.first + at as i64);
        }
    }

    /// Drops the oldest rows beyond `rows`.
    pub fn trim(&mut self, rows: usize) {
        while self.rows.len() > rows {
            self.rows.pop_front();
            self.first += 1;
        }
    }

    /// The number of rows held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The start of the newest window; none before the first.
    pub fn newest(&self) -> Option<Timestamp> {
        let last = self.first + self.rows.len() as i64 - 1;
        (!self.rows.is_empty()).then(|| Timestamp(last * self.step.0))
    }

    /// The length of a window.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// The start of the oldest window; none before the first.
    pub fn oldest(&self) -> Option<Timestamp> {
        (!self.rows.is_empty()).then(|| Timestamp(self.first * self.step.0))
    }

    /// The start of the newest window in which `key` has a value.
    pub fn newest_of(&self, key: usize) -> Option<Timestamp> {
        let window = self.newest.get(key).copied().filter(|&window| window != NEVER)?;
        Some(Timestamp(window * self.step.0))
    }

    /// The value of `key` in row `row`, counted from the oldest; NaN where missing.
    pub fn value(&self, row: usize, key: usize) -> f64 {
        self.rows
            .get(row)
            .and_then(|row| row.values.get(key))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// Which revisions of a key's windows stand in the `rows` rows up to and including the window that starts at `origin`.
    pub fn revisions(&self, key: usize, origin: Timestamp, rows: usize) -> Option<Revisions> {
        let last = usize::try_from(origin.0.div_euclid(self.step.0) - self.first).ok()?;
        let first = (last + 1).saturating_sub(rows);
        let mut found = None;
        let mut revised = 0;
        for at in first..=last.min(self.rows.len().checked_sub(1)?) {
            let row = &self.rows[at];
            let (Some(&revision), Some(value)) = (row.revisions.get(key), row.values.get(key)) else {
                continue;
            };
            revised += u32::from(revision > 1);
            if value.is_finite() {
                found = Some((self.first + at as i64, revision.saturating_sub(1)));
            }
        }
        let (window, newest) = found?;
        Some(Revisions {
            window: Timestamp(window * self.step.0),
            newest,
            revised,
        })
    }

    /// The value of `key` in `window`; NaN where missing.
    pub fn at(&self, window: Timestamp, key: usize) -> f64 {
        let row = window.0.div_euclid(self.step.0) - self.first;
        usize::try_from(row).map_or(f64::NAN, |row| self.value(row, key))
    }

    /// The memory for the rows, in bytes.
    pub fn bytes(&self) -> usize {
        let row = |row: &Row| row.values.capacity() * 8 + row.revisions.capacity() * 2 + size_of::<Row>();
        self.rows.iter().map(row).sum()
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use arterial_datasets::time::MINUTE;

    const STEP: Duration = Duration(5 * MINUTE);

    fn at(window: i64) -> Timestamp {
        Timestamp(window * STEP.0)
    }

    fn ring(capacity: i64) -> Ring {
        Ring::new(STEP, Duration(capacity * STEP.0))
    }

    #[test]
    fn a_newer_revision_replaces_an_older_one_and_not_the_other_way_round() {
        let mut ring = ring(4);
        ring.set(0, at(10), 1, 2.0);
        ring.set(0, at(10), 0, 1.0);
        assert_eq!(ring.value(0, 0), 2.0);
        ring.set(0, at(10), 2, 3.0);
        assert_eq!(ring.value(0, 0), 3.0);
    }

    #[test]
    fn the_oldest_windows_make_room_and_gaps_are_missing() {
        let mut ring = ring(3);
        ring.set(0, at(10), 0, 1.0);
        ring.set(1, at(13), 0, 4.0);
        assert_eq!(
            (ring.len(), ring.oldest(), ring.newest()),
            (3, Some(at(11)), Some(at(13)))
        );
        assert!(ring.value(0, 0).is_nan() && ring.value(2, 0).is_nan());
        assert_eq!(ring.value(2, 1), 4.0);
        ring.set(0, at(100), 0, 5.0);
        assert_eq!(
            (ring.len(), ring.newest_of(0), ring.newest_of(1)),
            (3, Some(at(100)), Some(at(13)))
        );
    }

    #[test]
    fn history_that_is_read_after_live_windows_is_put_before_them() {
        let mut ring = ring(4);
        ring.set(0, at(10), 0, 10.0);
        ring.set(0, at(8), 0, 8.0);
        ring.set(0, at(2), 0, 2.0);
        assert_eq!((ring.len(), ring.oldest()), (4, Some(at(7))));
        assert_eq!(ring.value(1, 0), 8.0);
        assert_eq!(ring.newest_of(0), Some(at(10)));
    }

    #[test]
    fn what_was_read_is_told_by_its_revisions() {
        let mut ring = ring(6);
        for (window, revision) in [(9, 3), (10, 0), (11, 2), (12, 0)] {
            ring.set(0, at(window), revision, 1.0);
        }
        ring.set(1, at(12), 0, f64::NAN);
        let revisions = |window, newest, revised| {
            Some(Revisions {
                window: at(window),
                newest,
                revised,
            })
        };
        assert_eq!(ring.revisions(0, at(12), 100), revisions(12, 0, 2));
        assert_eq!(ring.revisions(0, at(11), 100), revisions(11, 2, 2));
        assert_eq!(ring.revisions(0, at(11), 1), revisions(11, 2, 1));
        assert_eq!(ring.revisions(0, at(8), 100), None);
        assert_eq!(
            (ring.revisions(1, at(12), 100), ring.revisions(7, at(12), 100)),
            (None, None)
        );
    }

    #[test]
    fn a_run_of_windows_is_taken_as_each_of_them_would_be() {
        let windows = [10, 11, 13, 12, 14, 14];
        let starts = windows.map(|window| at(window).0);
        let revisions = [0, 0, 0, 0, 2, 1];
        let values = [1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0];
        let (mut one, mut run) = (ring(4), ring(4));
        for (place, &window) in windows.iter().enumerate() {
            one.set(3, at(window), revisions[place], values[place]);
        }
        run.widen(8);
        run.set_run(3, &starts, &revisions, values.into_iter());
        assert_eq!((run.oldest(), run.newest()), (one.oldest(), one.newest()));
        assert_eq!(run.newest_of(3), Some(at(14)));
        for window in 9..16 {
            assert_eq!(
                run.at(at(window), 3).to_bits(),
                one.at(at(window), 3).to_bits(),
                "window {window}"
            );
        }
        assert_eq!(run.revisions(3, at(14), 4), one.revisions(3, at(14), 4));
        assert!(run.value(0, 7).is_nan(), "room is no value");
    }

    #[test]
    fn a_revision_without_value_moves_the_newest_window_back() {
        let mut ring = ring(4);
        ring.set(0, at(10), 0, 1.0);
        ring.set(0, at(11), 0, 2.0);
        ring.set(0, at(11), 1, f64::NAN);
        assert_eq!(ring.newest_of(0), Some(at(10)));
    }
}
