//! The columns that the usual week gives: where a series stands relative to it, and where it usually goes.

use std::f64::consts::TAU;

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

use crate::Result;
use crate::profile::{Profile, WithoutOwnDay};
use crate::season::{LocalClock, Slot, WEEK};

/// Recent deviations that are columns of their own.
const LAGS: usize = 6;
/// How many rows back a last deviation is looked for.
pub(super) const LOOK_BACK: usize = 12;
const MEANS: usize = 4;
const LAST: usize = LAGS;
/// What is known of an origin whatever the step ahead: lags, the last one seen, means.
pub(super) const RECENT: usize = LAGS + 1 + MEANS;
/// The anchor's columns; the last one is the constant.
pub(super) const OWN: usize = RECENT + 13;
/// The columns that each series has a term of its own for.
pub(super) const SERIES_COLUMNS: [usize; super::SERIES_TERMS] = [OWN - 1, LAST, RECENT];
/// Deviations are summed as whole multiples of one in so many, so that a sum does not depend on where it began.
const UNITS: f64 = 4_294_967_296.0;
/// Deviations beyond this many usual ones count as this many.
const MOST: f64 = 10_000.0;

/// A panel seen from the usual week.
pub(super) struct Anchor<'a> {
    profile: &'a Profile,
    own_day: Option<&'a WithoutOwnDay>,
    slots: Vec<Slot>,
    slots_per_day: usize,
    /// Row x series, in usual deviations; NaN is missing.
    deviation: Array2<f64>,
    /// Sums and counts of the deviations before each row.
    sums: Array2<i64>,
    counts: Array2<u32>,
}

impl<'a> Anchor<'a> {
    /// Sees the first `rows` rows of `panel` from `profile`, and `horizon` rows ahead. On training rows, `own_day`
    /// gives the levels that do not know the row's own day.
    pub(super) fn new(
        profile: &'a Profile,
        own_day: Option<&'a WithoutOwnDay>,
        panel: &Panel,
        rows: usize,
        horizon: usize,
    ) -> Result<Self> {
        let clock = LocalClock::of(panel)?;
        let width = panel.series().len();
        let mut anchor = Self {
            profile,
            own_day,
            slots: clock.slots(panel, 0..rows + horizon)?,
            slots_per_day: clock.slots_per_day(),
            deviation: Array2::zeros((rows, width)),
            sums: Array2::zeros((rows + 1, width)),
            counts: Array2::zeros((rows + 1, width)),
        };
        let target = panel.target();
        let mut deviation = Array2::zeros((rows, width));
        deviation.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(row, mut out)| {
            for (series, value) in out.iter_mut().enumerate() {
                let deviation = (target[(row, series)] - anchor.level(row, series)) / profile.scale[series];
                *value = if deviation.is_finite() { deviation.clamp(-MOST, MOST) } else { f64::NAN };
            }
        });
        for row in 0..rows {
            for series in 0..width {
                let value = deviation[(row, series)];
                let seen = !value.is_nan();
                let units = if seen { (value * UNITS) as i64 } else { 0 };
                anchor.sums[(row + 1, series)] = anchor.sums[(row, series)].wrapping_add(units);
                anchor.counts[(row + 1, series)] = anchor.counts[(row, series)] + u32::from(seen);
            }
        }
        anchor.deviation = deviation;
        Ok(anchor)
    }

    /// The slot of a row, which may lie `horizon` rows behind the last one.
    pub(super) fn slot(&self, row: usize) -> Slot {
        self.slots[row]
    }

    /// The usual level at a row.
    pub(super) fn level(&self, row: usize, series: usize) -> f64 {
        match self.own_day {
            Some(own) => own.level[(row, series)],
            None => self.profile.level(self.slots[row], series),
        }
    }

    fn spread(&self, row: usize, series: usize) -> f64 {
        match self.own_day {
            Some(own) => own.spread[(row, series)],
            None => self.profile.spread(self.slots[row], series),
        }
    }

    /// What is known at each of `origins`: origin x series x [`RECENT`], NaN where missing.
    pub(super) fn recent(&self, origins: &[usize]) -> Array3<f64> {
        let mut recent = Array3::from_elem((origins.len(), self.deviation.ncols(), RECENT), f64::NAN);
        let blocks = recent.axis_iter_mut(Axis(0)).into_par_iter().zip(origins);
        blocks.for_each(|(mut block, &origin)| {
            let windows = [LOOK_BACK, 3 * LOOK_BACK, self.slots_per_day, WEEK * self.slots_per_day];
            for (series, mut row) in block.outer_iter_mut().enumerate() {
                for lag in 0..LAGS.min(origin + 1) {
                    row[lag] = self.deviation[(origin - lag, series)];
                }
                let first = (origin + 1).saturating_sub(LOOK_BACK);
                let seen = (first..=origin).rev().map(|at| self.deviation[(at, series)]);
                row[LAST] = seen.into_iter().find(|value| !value.is_nan()).unwrap_or(f64::NAN);
                for (index, window) in windows.into_iter().enumerate() {
                    row[LAST + 1 + index] = self.mean(origin, window, series);
                }
            }
        });
        recent
    }

    fn mean(&self, origin: usize, window: usize, series: usize) -> f64 {
        let first = (origin + 1).saturating_sub(window);
        let sum = self.sums[(origin + 1, series)].wrapping_sub(self.sums[(first, series)]);
        let count = self.counts[(origin + 1, series)] - self.counts[(first, series)];
        if count == 0 { f64::NAN } else { sum as f64 / UNITS / f64::from(count) }
    }

    /// Fills the anchor's columns for the target `step` rows behind `origin`. Missing deviations count as none, and a
    /// column says so for the last one.
    pub(super) fn fill(&self, recent: &[f64], origin: usize, step: usize, series: usize, row: &mut [f64; OWN]) {
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
            (level - self.level(origin, series)) / scale,
            height,
            spread,
            last * spread,
            last * self.spread(origin, series) / scale,
            last * height,
            last.max(0.0),
            last * angle.cos(),
            last * angle.sin(),
            last * (2.0 * angle).cos(),
            last * (2.0 * angle).sin(),
            f64::from(u8::from(recent[LAST].is_nan())),
            1.0,
        ];
        row[RECENT..].copy_from_slice(&behind);
    }
}
