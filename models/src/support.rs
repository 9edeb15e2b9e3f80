//! Which values a target takes at all: never a negative one, only whole numbers, none far from all that was seen.

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array4, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::{Outlook, Result};

/// The name of the part of an artefact.
const NAME: &str = "support";
/// Medians of larger counts are not rounded: half a vehicle in hundreds tells nobody anything.
const MOST_WHOLE: f64 = 20.0;
/// With fewer values a series has not shown how far it goes.
const ENOUGH: usize = 200;
/// How far an interval may go beyond all that the series was seen to do ...
const BEYOND_SEEN: f64 = 0.1;
/// ... or beyond the median where that is out there already, in units of the range that was seen.
const BEYOND_MEDIAN: f64 = 0.25;

/// The values that were seen in training, as far as they bound forecasts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Support {
    kind: Kind,
    /// Series x (the least, the largest value); NaN where nothing is known.
    seen: Array2<f64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    /// No value was below zero, so no forecast is.
    is_never_negative: bool,
    /// All values were small whole numbers, so a median, which is one of the values, is whole.
    is_whole: bool,
}

impl Support {
    /// What the target of `panel` shows.
    pub(crate) fn of(panel: &Panel) -> Self {
        let mut kind = Kind {
            is_never_negative: true,
            is_whole: true,
        };
        let (mut count, mut sum) = (0.0, 0.0);
        for value in panel.target().iter().filter(|value| value.is_finite()) {
            kind.is_never_negative &= *value >= 0.0;
            kind.is_whole &= value.fract() == 0.0;
            sum += value.abs();
            count += 1.0;
        }
        kind.is_never_negative &= count > 0.0;
        kind.is_whole &= count > 0.0 && sum <= MOST_WHOLE * count;
        let mut seen = Array2::from_elem((panel.series().len(), 2), f64::NAN);
        for (column, mut seen) in panel.target().columns().into_iter().zip(seen.rows_mut()) {
            let values = || column.iter().copied().filter(|value| value.is_finite());
            if values().count() >= ENOUGH {
                seen[0] = values().fold(f64::INFINITY, f64::min);
                seen[1] = values().fold(f64::NEG_INFINITY, f64::max);
            }
        }
        Self { kind, seen }
    }

    /// Nothing is known of what `series` series do.
    pub(crate) fn unknown(series: usize) -> Self {
        Self {
            kind: Kind::default(),
            seen: Array2::from_elem((series, 2), f64::NAN),
        }
    }

    /// The parameters, for the artefact.
    pub(crate) fn save(&self) -> Result<Parts> {
        Ok(Parts::new(NAME, &self.kind)?.with("seen", &self.seen))
    }

    /// Puts the support of `series` series together again.
    pub(crate) fn load(parts: &Parts, series: usize) -> Result<Self> {
        // Models saved before intervals were bounded have no ranges.
        let seen = match parts.tensors.get("seen") {
            Some(_) => parts.shaped("seen", &[series, 2])?,
            None => Self::unknown(series).seen,
        };
        Ok(Self {
            kind: parts.settings(NAME)?,
            seen,
        })
    }

    /// Brings medians to values that the target can take.
    pub(crate) fn bring_into(&self, outlook: &mut Outlook) {
        outlook.points.par_mapv_inplace(|point| self.median(point));
    }

    /// Brings quantiles (origin x series x step x quantile) around the medians of `outlook` to where the target can be.
    ///
    /// A spread that fits most places can be far too wide in some: where a jam begins, an interval for a road without one would reach
    /// beyond any speed that there ever was. So none goes further than
    ///
    /// ```text
    /// max(largest + range / 10, median + range / 4)    and    min(least - range / 10, median - range / 4)
    /// ```
    ///
    /// with the least, the largest and their difference as seen in training, and the median because levels may move.
    pub(crate) fn bound(&self, quantiles: &mut Array4<f64>, outlook: &Outlook) {
        let medians = outlook.points.axis_iter(Axis(0)).into_par_iter();
        let blocks = quantiles.axis_iter_mut(Axis(0)).into_par_iter().zip(medians);
        blocks.for_each(|(mut block, medians)| {
            for ((series, step, _), value) in block.indexed_iter_mut() {
                *value = self.within(series, medians[(series, step)], *value);
            }
        });
    }

    /// The nearest value to `value` that a quantile around `median` may have.
    fn within(&self, series: usize, median: f64, value: f64) -> f64 {
        let (least, largest) = (self.seen[(series, 0)], self.seen[(series, 1)]);
        let range = largest - least;
        // A series that was never seen to move tells nothing of how far it goes, nor does a missing one.
        let value = if range > 0.0 && value.is_finite() {
            let low = (least - BEYOND_SEEN * range).min(median - BEYOND_MEDIAN * range);
            let high = (largest + BEYOND_SEEN * range).max(median + BEYOND_MEDIAN * range);
            value.max(low).min(high)
        } else {
            value
        };
        self.not_negative(value)
    }

    /// The nearest median that the target can take.
    fn median(&self, value: f64) -> f64 {
        let value = self.not_negative(value);
        if self.kind.is_whole { value.round() } else { value }
    }

    /// The least value that there is: 0 where none was below, otherwise minus infinity.
    pub(crate) fn least(&self) -> f64 {
        if self.kind.is_never_negative {
            0.0
        } else {
            f64::NEG_INFINITY
        }
    }

    fn not_negative(&self, value: f64) -> f64 {
        if self.kind.is_never_negative && value < 0.0 {
            0.0
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn speeds() -> Support {
        Support {
            kind: Kind {
                is_never_negative: true,
                is_whole: true,
            },
            seen: array![[20.0, 120.0], [f64::NAN, f64::NAN], [50.0, 50.0]],
        }
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let support = speeds();
        assert!(support.median(f64::NAN).is_nan() && support.within(0, 1.0, f64::NAN).is_nan());
        assert!((support.median(1.6) - 2.0).abs() < f64::EPSILON);
        assert!(support.within(1, 0.1, -0.2).abs() < f64::EPSILON);
    }

    #[test]
    fn an_interval_ends_near_what_the_series_was_seen_to_do_or_near_its_median() {
        let support = speeds();
        let within = |series, median, value| support.within(series, median, value);
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        near(within(0, 100.0, 295.0), 130.0);
        near(within(0, 100.0, 110.0), 110.0);
        near(within(0, 118.0, 295.0), 143.0);
        near(within(0, 60.0, -30.0), 10.0);
        near(within(0, 22.0, -30.0), 0.0);
        // Of these nothing is known.
        near(within(1, 100.0, 295.0), 295.0);
        near(within(2, 50.0, 60.0), 60.0);
    }
}
