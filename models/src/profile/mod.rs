//! The usual week of each series: its level and the usual size of the deviation from it, by slot of the local week.
//!
//! ```text
//! mean(s)        = mean over all rows
//! day(s, k)      = (sum over rows of slot k + 1 mean(s)) / (count + 1)
//! type(s, y, k)  = (sum over days of type y + 1/2 day(s, k)) / (count + 1/2)         working days, weekends
//! level(s, w, k) = (sum over weekday w + K type(s, y, k)) / (count + K), then smoothed over neighbouring slots
//! spread(s, y, k) = mean of |value - level| over days of type y, shrunk towards the series' own mean, smoothed
//! ```
//!
//! So a slot that was seen seldom leans on its day type, then on its slot of the day, then on the series. `K` and the
//! width of the smoothing are those that err least when each day is forecast from all the others.

mod learn;
mod sums;

use ndarray::{Array1, Array3};

use crate::Result;
use crate::artefact::Parts;
use crate::season::{Slot, WEEK};

pub(crate) use learn::{WithoutOwnDay, learn};

/// Working days and weekends.
pub(crate) const DAY_TYPES: usize = 2;

/// 0 on working days, 1 on Saturday and Sunday.
pub(crate) fn day_type(weekday: usize) -> usize {
    usize::from(weekday >= 5)
}

/// The usual week.
///
/// # Shapes
/// `level` is weekday x slot x series, `spread` day type x slot x series, `mean` and `scale` one value a series; in
/// the unit of the target. NaN for a series without a single value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pub(crate) level: Array3<f64>,
    pub(crate) spread: Array3<f64>,
    /// The mean of the series.
    pub(crate) mean: Array1<f64>,
    /// The mean absolute deviation from the level, above zero; NaN for a series without a single value, too.
    pub(crate) scale: Array1<f64>,
    /// The days that it was learned from.
    pub(crate) days: usize,
}

impl Profile {
    /// The usual level of `series` at `slot`.
    pub(crate) fn level(&self, slot: Slot, series: usize) -> f64 {
        self.level[(slot.weekday, slot.slot, series)]
    }

    /// The usual size of the deviation of `series` at `slot`.
    pub(crate) fn spread(&self, slot: Slot, series: usize) -> f64 {
        self.spread[(day_type(slot.weekday), slot.slot, series)]
    }

    /// The positions of the series that had a value.
    pub(crate) fn known(&self) -> Vec<usize> {
        (0..self.mean.len())
            .filter(|series| self.mean[*series].is_finite())
            .collect()
    }

    /// The mean of the series' usual deviations.
    pub(crate) fn usual_scale(&self) -> f64 {
        let known = self.scale.iter().filter(|scale| scale.is_finite());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), scale| (sum + scale, count + 1.0));
        if count > 0.0 { sum / count } else { 1.0 }
    }

    /// `parts` with this profile in them.
    pub(crate) fn save(&self, parts: Parts) -> Parts {
        parts
            .with("profile.level", &self.level)
            .with("profile.spread", &self.spread)
            .with("profile.mean", &self.mean)
            .with("profile.scale", &self.scale)
            .with("profile.days", &Array1::from_elem(1, self.days as f64))
    }

    /// The profile in `parts`, of `series` series and `slots` slots a day.
    pub(crate) fn load(parts: &Parts, slots: usize, series: usize) -> Result<Self> {
        // Models saved before days were counted look at no other days.
        let days: Array1<f64> = match parts.tensors.get("profile.days") {
            Some(_) => parts.shaped("profile.days", &[1])?,
            None => Array1::zeros(1),
        };
        Ok(Self {
            days: days[0] as usize,
            level: parts.shaped("profile.level", &[WEEK, slots, series])?,
            spread: parts.shaped("profile.spread", &[DAY_TYPES, slots, series])?,
            mean: parts.shaped("profile.mean", &[series])?,
            scale: parts.shaped("profile.scale", &[series])?,
        })
    }
}
