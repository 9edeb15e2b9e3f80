//! The columns that the usual week gives: where a series stands relative to it, and where it usually goes.

use std::f64::consts::TAU;
use std::ops::Range;

use arterial_datasets::panel::Panel;
use arterial_datasets::time::MINUTE;
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;

use super::same_time::SameTime;
use crate::Result;
use crate::profile::{Profile, WithoutOwnDay};
use crate::season::{LocalClock, Slot, WEEK};

/// Recent deviations that are columns of their own.
const LAGS: usize = 6;
/// How many rows back a last deviation is looked for.
pub(crate) const LOOK_BACK: usize = 12;
/// Means over longer and longer stretches: an hour or so, three of them, a day, a week.
pub(crate) const MEANS: usize = 4;
pub(crate) const LAST: usize = LAGS;
/// What is known of an origin whatever the step ahead: lags, the last one seen, means.
pub(crate) const RECENT: usize = LAGS + 1 + MEANS;
/// What was seen at the target's slot before: the last day, the last week, means of some days and of some weeks.
pub(crate) const RETURNING: usize = 4;
/// Days and weeks of these means.
const DAYS: usize = 5;
const WEEKS: usize = 4;
/// With fewer days than this, what was seen at the target's slot on other days is not told: the deviations of the other
/// days of a training row add up to the opposite of its own, so that of few days a learner would be shown its target.
/// Nor do networks learn anything of weekdays then, which would be the names of single days.
pub(crate) const FEWEST_DAYS: usize = 28;
/// How far around a slot is looked at, in minutes to each side.
const AROUND: i64 = 30;
/// The anchor's columns; the last one is the constant.
pub(crate) const OWN: usize = RECENT + RETURNING + 13;
/// What these columns are called when a forecast is explained.
pub(crate) const OWN_NAMES: [&str; OWN] = [
    "deviation_now",
    "deviation_1_window_ago",
    "deviation_2_windows_ago",
    "deviation_3_windows_ago",
    "deviation_4_windows_ago",
    "deviation_5_windows_ago",
    "last_deviation",
    "mean_deviation_12_windows",
    "mean_deviation_36_windows",
    "mean_deviation_day",
    "mean_deviation_week",
    "same_slot_last_day",
    "same_slot_last_week",
    "same_slot_days",
    "same_slot_weeks",
    "usual_change",
    "usual_level",
    "usual_spread",
    "last_deviation_x_usual_spread",
    "last_deviation_x_spread_change",
    "last_deviation_x_usual_level",
    "last_deviation_above_usual",
    "last_deviation_x_cos_day",
    "last_deviation_x_sin_day",
    "last_deviation_x_cos_half_day",
    "last_deviation_x_sin_half_day",
    "last_deviation_missing",
    "constant",
];
/// Terms that a series may have of its own: constant, last deviation, way of the usual level.
pub(crate) const SERIES_TERMS: usize = 3;
/// The columns of these terms.
pub(crate) const SERIES_COLUMNS: [usize; SERIES_TERMS] = [OWN - 1, LAST, RECENT + RETURNING];
/// Deviations are summed as whole multiples of one in so many, so that a sum does not depend on where it began.
const UNITS: f64 = 4_294_967_296.0;
/// Deviations beyond this many usual ones count as this many.
const MOST: f64 = 10_000.0;

/// With fewer origins than this, sums are added up where they are needed.
const FEW: usize = 32;

/// A panel seen from the usual week.
pub(crate) struct Anchor<'a> {
    profile: &'a Profile,
    own_day: Option<&'a WithoutOwnDay>,
    target: ArrayView2<'a, f64>,
    slots: Vec<Slot>,
    slots_per_day: usize,
    /// Rows to each side that belong to a slot.
    around: usize,
    days: SameTime,
    weeks: SameTime,
    sums: Option<Sums>,
}

/// Sums and counts of the deviations before each row, from row `first` on.
struct Sums {
    first: usize,
    units: Array2<i64>,
    counts: Array2<u32>,
}

impl<'a> Anchor<'a> {
    /// Sees `panel` from `profile`, from each of `origins` and `horizon` rows ahead. On training rows, `own_day` gives
    /// the levels that do not know the row's own day.
    pub(crate) fn new(
        profile: &'a Profile,
        own_day: Option<&'a WithoutOwnDay>,
        panel: &'a Panel,
        origins: &[usize],
        horizon: usize,
    ) -> Result<Self> {
        let clock = LocalClock::of(panel)?;
        let first = origins.iter().min().map_or(0, |origin| origin + 1);
        let last = origins.iter().max().map_or(0, |origin| origin + 1);
        let same_time = |days, count| SameTime::new(&clock, panel, first..last + horizon, horizon, days, count);
        let mut anchor = Self {
            profile,
            own_day,
            target: panel.target(),
            slots: clock.slots(panel, 0..last + horizon)?,
            slots_per_day: clock.slots_per_day(),
            around: usize::try_from(AROUND * MINUTE / panel.step().0).unwrap_or(0),
            days: same_time(1, DAYS),
            weeks: same_time(WEEK, WEEKS),
            sums: None,
        };
        if origins.len() > FEW {
            // A week more than it takes between two changes of the clock.
            let longest = (WEEKS + 2) * WEEK * clock.slots_per_day() + anchor.around;
            let first = first.saturating_sub(longest.max(3 * LOOK_BACK));
            anchor.sums = Some(anchor.sum_up(first..last));
        }
        Ok(anchor)
    }

    fn sum_up(&self, rows: Range<usize>) -> Sums {
        let shape = (rows.len() + 1, self.target.ncols());
        let mut sums = Sums {
            first: rows.start,
            units: Array2::zeros(shape),
            counts: Array2::zeros(shape),
        };
        for (at, row) in rows.enumerate() {
            for series in 0..shape.1 {
                let (units, count) = self.units(row, series);
                sums.units[(at + 1, series)] = sums.units[(at, series)].wrapping_add(units);
                sums.counts[(at + 1, series)] = sums.counts[(at, series)] + count;
            }
        }
        sums
    }

    /// The deviation from the usual level in usual deviations, NaN where missing.
    pub(crate) fn deviation(&self, row: usize, series: usize) -> f64 {
        let deviation = (self.target[(row, series)] - self.level(row, series)) / self.profile.scale[series];
        if deviation.is_finite() {
            deviation.clamp(-MOST, MOST)
        } else {
            f64::NAN
        }
    }

    /// The deviation as whole units, and whether there is one.
    fn units(&self, row: usize, series: usize) -> (i64, u32) {
        let deviation = self.deviation(row, series);
        if deviation.is_nan() {
            (0, 0)
        } else {
            ((deviation * UNITS) as i64, 1)
        }
    }

    /// Slots in a day.
    pub(crate) fn slots_per_day(&self) -> usize {
        self.slots_per_day
    }

    /// The slot of a row, which may lie `horizon` rows behind the last one.
    pub(crate) fn slot(&self, row: usize) -> Slot {
        self.slots[row]
    }

    /// The usual level at a row.
    pub(crate) fn level(&self, row: usize, series: usize) -> f64 {
        match self.own_day {
            Some(own) => own.level[(row, series)],
            None => self.profile.level(self.slots[row], series),
        }
    }

    /// The usual size of the deviation at a row.
    pub(crate) fn spread(&self, row: usize, series: usize) -> f64 {
        match self.own_day {
            Some(own) => own.spread[(row, series)],
            None => self.profile.spread(self.slots[row], series),
        }
    }

    /// What is known at each of `origins`: origin x series x [`RECENT`], NaN where missing.
    pub(crate) fn recent(&self, origins: &[usize]) -> Array3<f64> {
        let mut recent = Array3::from_elem((origins.len(), self.target.ncols(), RECENT), f64::NAN);
        let blocks = recent.axis_iter_mut(Axis(0)).into_par_iter().zip(origins);
        blocks.for_each(|(mut block, &origin)| {
            for (series, mut row) in block.outer_iter_mut().enumerate() {
                let known = self.recent_without(origin, 0, series);
                row.iter_mut().zip(known).for_each(|(to, from)| *to = from);
            }
        });
        recent
    }

    /// What is known of `series` at `origin` where the `hidden` newest rows are missing.
    fn recent_without(&self, origin: usize, hidden: usize, series: usize) -> [f64; RECENT] {
        let windows = [LOOK_BACK, 3 * LOOK_BACK, self.slots_per_day, WEEK * self.slots_per_day];
        let end = (origin + 1).saturating_sub(hidden);
        let since = |rows: usize| (origin + 1).saturating_sub(rows).min(end)..end;
        let mut recent = [f64::NAN; RECENT];
        for (value, lag) in recent.iter_mut().zip(0..LAGS.min(origin + 1)).skip(hidden) {
            *value = self.deviation(origin - lag, series);
        }
        let seen = since(LOOK_BACK).rev().map(|at| self.deviation(at, series));
        recent[LAST] = seen.into_iter().find(|value| !value.is_nan()).unwrap_or(f64::NAN);
        for (mean, window) in recent[LAST + 1..].iter_mut().zip(windows) {
            *mean = self.mean(since(window), series);
        }
        recent
    }

    /// The mean deviation over `rows`, NaN where nothing was seen.
    fn mean(&self, rows: Range<usize>, series: usize) -> f64 {
        let (sum, count) = match &self.sums {
            Some(sums) => {
                let [from, until] = [rows.start, rows.end].map(|row| row.saturating_sub(sums.first));
                let sum = sums.units[(until, series)].wrapping_sub(sums.units[(from, series)]);
                (sum, sums.counts[(until, series)] - sums.counts[(from, series)])
            }
            None => rows
                .map(|row| self.units(row, series))
                .fold((0_i64, 0), |all, one| (all.0.wrapping_add(one.0), all.1 + one.1)),
        };
        if count == 0 {
            f64::NAN
        } else {
            sum as f64 / UNITS / f64::from(count)
        }
    }

    /// Where the usual level goes from `origin` to `target`, in usual deviations; 0 at the same time of another day.
    ///
    /// There the levels of training rows, each without its own day, differ by little but the rows' own values: a learner
    /// would be shown its target.
    pub(crate) fn way(&self, origin: usize, target: usize, series: usize) -> f64 {
        if self.slots[origin].slot == self.slots[target].slot {
            return 0.0;
        }
        (self.level(target, series) - self.level(origin, series)) / self.profile.scale[series]
    }

    /// How the usual deviation changes from `origin` to `target`, in usual deviations; 0 at the same time of another day,
    /// for the same reason.
    fn spread_change(&self, origin: usize, target: usize, series: usize) -> f64 {
        if self.slots[origin].slot == self.slots[target].slot {
            return 0.0;
        }
        (self.spread(target, series) - self.spread(origin, series)) / self.profile.scale[series]
    }

    /// What was seen up to `origin` around the slot that `target` lies in: [`RETURNING`] mean deviations, NaN where
    /// nothing was.
    pub(crate) fn returning(&self, origin: usize, target: usize, series: usize) -> [f64; RETURNING] {
        self.returning_without(origin, 0, target, series)
    }

    fn returning_without(&self, origin: usize, hidden: usize, target: usize, series: usize) -> [f64; RETURNING] {
        if self.profile.days < FEWEST_DAYS {
            return [f64::NAN; RETURNING];
        }
        let end = (origin + 1).saturating_sub(hidden);
        let [last_day, days] = self.before(self.days.rows(origin, target), end, series);
        let [last_week, weeks] = self.before(self.weeks.rows(origin, target), end, series);
        [last_day, last_week, days, weeks]
    }

    /// The mean deviation around the first of `middles`, and around all of them, of what was seen before row `end`.
    fn before(&self, middles: impl Iterator<Item = usize>, end: usize, series: usize) -> [f64; 2] {
        let (mut last, mut sum, mut seen) = (f64::NAN, 0.0, 0.0);
        for (place, middle) in middles.enumerate() {
            let until = (middle + self.around + 1).min(end);
            let mean = self.mean(middle.saturating_sub(self.around).min(until)..until, series);
            if mean.is_finite() {
                if place == 0 {
                    last = mean;
                }
                sum += mean;
                seen += 1.0;
            }
        }
        [last, sum / seen]
    }

    /// Fills the anchor's columns for the target `step` rows behind `origin`. Missing deviations count as none, and a
    /// column says so for the last one.
    pub(crate) fn fill(&self, recent: &[f64], origin: usize, step: usize, series: usize, row: &mut [f64; OWN]) {
        self.fill_without(recent, origin, 0, step, series, row);
    }

    /// The same as if the `hidden` newest rows of the series were missing.
    pub(crate) fn fill_hiding(&self, origin: usize, hidden: usize, step: usize, series: usize, row: &mut [f64; OWN]) {
        let recent = self.recent_without(origin, hidden, series);
        self.fill_without(&recent, origin, hidden, step, series, row);
    }

    fn fill_without(
        &self,
        recent: &[f64],
        origin: usize,
        hidden: usize,
        step: usize,
        series: usize,
        row: &mut [f64; OWN],
    ) {
        let scale = self.profile.scale[series];
        let target = origin + step;
        let level = self.level(target, series);
        for (out, value) in row.iter_mut().zip(recent) {
            *out = if value.is_nan() { 0.0 } else { *value };
        }
        let last = row[LAST];
        let height = (level - self.profile.mean[series]) / scale;
        let spread = self.spread(target, series) / scale;
        let angle = TAU * self.slots[origin].slot as f64 / self.slots_per_day as f64;
        let behind = [
            self.way(origin, target, series),
            height,
            spread,
            last * spread,
            last * self.spread_change(origin, target, series),
            last * height,
            last.max(0.0),
            last * angle.cos(),
            last * angle.sin(),
            last * (2.0 * angle).cos(),
            last * (2.0 * angle).sin(),
            f64::from(u8::from(recent[LAST].is_nan())),
            1.0,
        ];
        row[RECENT + RETURNING..].copy_from_slice(&behind);
        let returning = self.returning_without(origin, hidden, target, series);
        for (out, value) in row[RECENT..].iter_mut().zip(returning) {
            *out = if value.is_nan() { 0.0 } else { value };
        }
    }
}

#[cfg(test)]
mod tests;
