//! Times that lie far from all others: a slip of the pen, or a clock that was never set.

use std::ops::Range;

use super::frame::Frame;
use super::table::Table;
use crate::Result;
use crate::time::{Duration, Timestamp};

/// A gap of more steps than this parts one run of times from the next.
const APART: i64 = 1000;
/// A run is far from the longest one where more than this many lengths of that one lie between them.
const FAR: i64 = 10;
/// One time may be a slip, and one in so many; more than these are a record of their own.
const SLIPS: usize = 100;

/// The places of those of `times`, which are distinct and in order, that lie far from all others; `step` is the usual distance.
pub(super) fn strays(times: &[i64], step: Duration) -> Vec<usize> {
    let apart = step.0.saturating_mul(APART);
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for run in times.chunk_by(|time, next| next - time <= apart) {
        runs.push(start..start + run.len());
        start += run.len();
    }
    let longest = runs.iter().max_by_key(|run| run.len());
    let Some(longest) = longest.filter(|run| 2 * run.len() > times.len()) else {
        return Vec::new();
    };
    let (first, last) = (times[longest.start], times[longest.end - 1]);
    let far = (last - first).saturating_mul(FAR);
    let most = (times.len() / SLIPS).max(1);
    let is_far = |run: &Range<usize>| first - times[run.end - 1] > far || times[run.start] - last > far;
    let strays = runs.iter().filter(|run| run.len() <= most && is_far(run));
    strays.cloned().flatten().collect()
}

/// The times that are no strays; their places are in order, too.
pub(super) fn near(times: &[i64], strays: &[usize]) -> Vec<i64> {
    let near = times
        .iter()
        .enumerate()
        .filter(|(place, _)| strays.binary_search(place).is_err());
    near.map(|(_, time)| *time).collect()
}

/// Refuses a time that lies far from all others: on an even grid nearly all rows between them would be missing.
pub(super) fn refuse_strays(table: &Table, frame: &Frame, step: Duration) -> Result<()> {
    match first_stray(&frame.times, &frame.rows, step) {
        Some((row, message)) => {
            let accepted = "accepted: times near each other: mend it, or remove the row";
            Err(table.time_error(row, format!("{message}, {accepted}")))
        }
        None => Ok(()),
    }
}

/// The first row whose time lies far from all others, and what is said of it. `times` are distinct and in order, `rows` has the first
/// row of each.
pub(super) fn first_stray(times: &[i64], rows: &[usize], step: Duration) -> Option<(usize, String)> {
    let strays = strays(times, step);
    let place = strays.iter().copied().min_by_key(|place| rows[*place])?;
    let near = near(times, &strays);
    let (from, until) = (Timestamp(near[0]), Timestamp(near[near.len() - 1]));
    let time = Timestamp(times[place]);
    let more = match strays.len() - 1 {
        0 => String::new(),
        more => format!(" (as do {more} more)"),
    };
    let message = format!("{time} lies far from the other times, {from} to {until}{more}");
    Some((rows[place], message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR};

    const STEP: Duration = Duration(HOUR);

    fn hours(count: i64) -> Vec<i64> {
        (0..count).map(|hour| hour * HOUR).collect()
    }

    #[test]
    fn a_time_before_and_a_time_behind_all_others_are_strays() {
        let century = 36_500 * DAY;
        let times = [vec![-century], hours(30), vec![century]].concat();
        assert_eq!(strays(&times, STEP), [0, 31]);
        assert_eq!(near(&times, &[0, 31]), hours(30));
    }

    #[test]
    fn a_gap_in_a_record_makes_no_strays() {
        let later = |count: i64, days: i64| hours(count).into_iter().map(move |time| time + days * DAY);
        let season: Vec<i64> = hours(2000).into_iter().chain(later(1, 500)).collect();
        assert!(
            strays(&season, STEP).is_empty(),
            "not ten times as far as the record is long"
        );
        let month: Vec<i64> = hours(20).into_iter().chain(later(1, 30)).collect();
        assert!(strays(&month, STEP).is_empty(), "a month of hours is no thousand steps");
        let halves: Vec<i64> = hours(20).into_iter().chain(later(20, 500)).collect();
        assert!(strays(&halves, STEP).is_empty(), "two records");
        assert!(
            strays(&[0, 500 * DAY], STEP).is_empty(),
            "either could be the wrong one"
        );
        assert!(strays(&[], STEP).is_empty());
    }
}
