//! The rows at a target's local clock time on days or weeks before.

use std::ops::Range;

use arterial_datasets::panel::Panel;
use arterial_datasets::time::{DAY, Timestamp};
use rayon::prelude::*;

use crate::season::LocalClock;

/// Days or weeks, of which each target row finds the same clock time on some before it.
///
/// Between two changes of the clock that is a whole number of periods of rows back; across one, the clock time stood
/// some rows earlier or later, as [`LocalClock::days_before`] says.
pub(super) struct SameTime {
    /// Rows of a period.
    period: usize,
    /// How many periods are looked at.
    count: usize,
    /// The first target row that `moved` tells of.
    first: usize,
    /// By target row, how many rows later the clock time stood one, two and more periods before than so many times
    /// `period` rows back; empty where the clock was not changed in between.
    moved: Vec<Vec<isize>>,
}

impl SameTime {
    /// The last `count` periods of `days` days before each of the target rows `targets` of `panel`, which are forecast
    /// from at most `horizon` rows before.
    pub(super) fn new(
        clock: &LocalClock,
        panel: &Panel,
        targets: Range<usize>,
        horizon: usize,
        days: usize,
        count: usize,
    ) -> Self {
        let period = days * clock.slots_per_day();
        let furthest = horizon.div_ceil(period) + count;
        let is_changed = |first: usize, last: usize| {
            // A day more, so that a time which comes twice is found wherever the rows begin.
            let from = panel.time(first.saturating_sub((furthest + 1) * period)).0 - DAY;
            clock.is_changed(Timestamp(from), panel.time(last))
        };
        let of_row = |target: usize| -> Vec<isize> {
            if is_changed(target, target) {
                let back = 1..=furthest;
                back.map(|back| moved(clock, panel, target, back * days)).collect()
            } else {
                Vec::new()
            }
        };
        let is_needed = !targets.is_empty() && is_changed(targets.start, targets.end - 1);
        Self {
            period,
            count,
            first: targets.start,
            moved: if is_needed {
                targets.into_par_iter().map(of_row).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// The rows at the clock time of `target` on the periods before it, from the newest on that does not lie behind
    /// `origin`.
    pub(super) fn rows(&self, origin: usize, target: usize) -> impl Iterator<Item = usize> {
        let of_target = target.checked_sub(self.first).and_then(|at| self.moved.get(at));
        let moved = of_target.map(Vec::as_slice).unwrap_or_default();
        // A change may bring a time back to the origin that would otherwise lie behind it.
        let first = (target - origin).div_ceil(self.period).saturating_sub(1).max(1);
        (first..)
            .map_while(move |back| {
                let moved = moved.get(back - 1).copied().unwrap_or(0);
                target.checked_add_signed(moved)?.checked_sub(back * self.period)
            })
            .filter(move |row| *row <= origin)
            .take(self.count)
    }
}

/// How many rows later the clock time of `target` stood `days` days before than 24 hours a day say: at the row nearest to
/// it, of two the earlier one.
fn moved(clock: &LocalClock, panel: &Panel, target: usize, days: usize) -> isize {
    let time = panel.time(target);
    // Before the earliest instant there is no row either.
    let Ok(before) = clock.days_before(time, days) else {
        return 0;
    };
    let later = before.0 - (time.0 - DAY * days as i64);
    let step = panel.step().0;
    let rows = -(step - 2 * later).div_euclid(2 * step);
    rows as isize
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};
    use ndarray::Array3;

    use super::*;
    use crate::season::WEEK;

    /// `days` days of rows from `start` in Copenhagen.
    fn panel(start: &str, step: &str, days: usize) -> Panel {
        let target = Channel {
            name: "value".into(),
            role: ChannelRole::Target,
        };
        let rows = days * LocalClock::new("UTC", step.parse().unwrap()).unwrap().slots_per_day();
        Panel::new(
            start.parse().unwrap(),
            step.parse().unwrap(),
            "Europe/Copenhagen",
            vec!["a".into()],
            vec![target],
            Array3::zeros((rows, 1, 1)),
        )
        .unwrap()
    }

    fn same_time(panel: &Panel, days: usize, horizon: usize) -> SameTime {
        let clock = LocalClock::of(panel).unwrap();
        SameTime::new(&clock, panel, 0..panel.steps(), horizon, days, 4)
    }

    #[test]
    fn rows_have_the_clock_time_of_their_target_across_both_changes_of_the_year() {
        for (start, change) in [
            ("2026-03-01T00:00:00Z", "2026-03-29T01:00:00Z"),
            ("2026-09-27T00:00:00Z", "2026-10-25T01:00:00Z"),
        ] {
            let panel = panel(start, "15m", 63);
            let clock = LocalClock::of(&panel).unwrap();
            let slots = clock.slots(&panel, 0..panel.steps()).unwrap();
            let change: Timestamp = change.parse().unwrap();
            let change = ((change.0 - panel.start().0) / panel.step().0) as usize;
            for days in [1, WEEK] {
                let before = same_time(&panel, days, 4);
                for target in (4 * days + 1) * 96..panel.steps() {
                    let found: Vec<usize> = before.rows(target - 4, target).collect();
                    assert_eq!(found.len(), 4, "{days} days, row {target}");
                    for (number, row) in found.into_iter().enumerate() {
                        // The hours of the change itself do not come once.
                        let is_odd = |row: usize| row.abs_diff(change) <= 8;
                        let same = slots[row].slot == slots[target].slot;
                        assert!(same || is_odd(row), "{days} days, rows {row} and {target}");
                        let away = (target - row).abs_diff((number + 1) * days * 96);
                        assert!(away <= 4, "{days} days, rows {row} and {target}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_are_those_of_days_before() {
        let panel = panel("2026-03-01T00:00:00Z", "15m", 63);
        let clock = LocalClock::of(&panel).unwrap();
        let before = same_time(&panel, 1, 4);
        for target in 27 * 96..34 * 96 {
            let yesterday = clock.days_before(panel.time(target), 1).unwrap();
            let row = before.rows(target - 4, target).next();
            assert_eq!(row.map(|row| panel.time(row)), Some(yesterday), "row {target}");
        }
    }

    #[test]
    fn rows_are_whole_periods_back_where_the_clock_is_not_changed() {
        for step in ["7m", "1h", "3h", "1d"] {
            let panel = panel("2026-05-01T00:00:00Z", step, 80);
            let before = same_time(&panel, 1, 30);
            let period = LocalClock::of(&panel).unwrap().slots_per_day();
            for (origin, target) in [(50, 51), (50, 50 + period), (50, 51 + period), (60, 77)] {
                let first = (target - origin).div_ceil(period);
                let expected: Vec<usize> = (first..first + 4)
                    .map_while(|back| target.checked_sub(back * period))
                    .collect();
                assert_eq!(before.rows(origin, target).collect::<Vec<_>>(), expected, "{step}");
            }
        }
    }

    #[test]
    fn no_row_lies_behind_the_origin_however_the_clock_is_changed() {
        for start in ["2026-03-20T00:00:00Z", "2026-10-16T00:00:00Z"] {
            let panel = panel(start, "15m", 20);
            let before = same_time(&panel, 1, 120);
            for origin in 6 * 96..12 * 96 {
                for target in [origin + 1, origin + 95, origin + 97, origin + 100, origin + 120] {
                    let rows: Vec<usize> = before.rows(origin, target).collect();
                    assert!(rows.len() == 4 && rows[0] <= origin, "{origin} {target} {rows:?}");
                    assert!(rows.windows(2).all(|pair| pair[1] < pair[0]), "{rows:?}");
                    assert!(target - rows[0] <= 2 * 96 + 4, "{origin} {target} {rows:?}");
                }
            }
        }
    }

    #[test]
    fn steps_longer_than_the_change_find_the_row_of_the_day_before() {
        let panel = panel("2026-10-01T22:00:00Z", "1d", 60);
        let before = same_time(&panel, 1, 2);
        for target in 10..60 {
            assert_eq!(before.rows(target - 1, target).next(), Some(target - 1));
        }
    }
}
