//! Which values a target takes at all: never a negative one, only whole numbers, none far from all that was seen.
//!
//! All of it holds in any unit but one thing: the medians of small whole numbers are rounded, as a count is one. The same target in a unit
//! in which its values are not whole is not rounded; its medians then differ by up to a half in the unit that is.

mod below_zero;

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array4, Axis, Zip};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::below_zero::BelowZero;
pub(crate) use self::below_zero::Read;
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
    /// No value was below zero, so no forecast is, unless it reads one that has been since.
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
    pub(crate) fn bring_into(&self, outlook: &mut Outlook, read: &Read<'_>) {
        if self.kind.is_never_negative && outlook.points.iter().any(|point| *point < 0.0) {
            let least = self.least(read);
            Zip::indexed(&mut outlook.points)
                .par_for_each(|(at, series, _), point| *point = not_below(*point, least[(at, series)]));
        }
        if self.kind.is_whole {
            outlook.points.par_mapv_inplace(f64::round);
        }
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
    pub(crate) fn bound(&self, quantiles: &mut Array4<f64>, outlook: &Outlook, read: &Read<'_>) {
        let medians = outlook.points.axis_iter(Axis(0)).into_par_iter();
        let blocks = quantiles.axis_iter_mut(Axis(0)).into_par_iter().zip(medians);
        blocks.for_each(|(mut block, medians)| {
            for ((series, step, _), value) in block.indexed_iter_mut() {
                *value = self.within(series, medians[(series, step)], *value);
            }
        });
        if self.kind.is_never_negative && quantiles.iter().any(|value| *value < 0.0) {
            let least = self.least(read);
            Zip::indexed(quantiles)
                .par_for_each(|(at, series, _, _), value| *value = not_below(*value, least[(at, series)]));
        }
    }

    /// The nearest value to `value` that a quantile around `median` may have.
    fn within(&self, series: usize, median: f64, value: f64) -> f64 {
        let (least, largest) = (self.seen[(series, 0)], self.seen[(series, 1)]);
        let range = largest - least;
        // A series that was never seen to move tells nothing of how far it goes, nor does a missing one.
        if range > 0.0 && value.is_finite() {
            let low = (least - BEYOND_SEEN * range).min(median - BEYOND_MEDIAN * range);
            let high = (largest + BEYOND_SEEN * range).max(median + BEYOND_MEDIAN * range);
            value.max(low).min(high)
        } else {
            value
        }
    }

    /// The least value that a forecast from each of the origins may have (origin x series): 0 where the series was never below in
    /// training nor in what the forecast reads, otherwise minus infinity.
    pub(crate) fn least(&self, read: &Read<'_>) -> Array2<f64> {
        let shape = (read.origins.len(), self.seen.nrows());
        if !self.kind.is_never_negative {
            return Array2::from_elem(shape, f64::NEG_INFINITY);
        }
        let below = BelowZero::of(read);
        Array2::from_shape_fn(shape, |(at, series)| {
            if below.is_read(read.origins[at], series) {
                f64::NEG_INFINITY
            } else {
                0.0
            }
        })
    }
}

/// The nearest value to `value` that is not below `least`; a missing one stays missing.
fn not_below(value: f64, least: f64) -> f64 {
    if value < least { least } else { value }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};
    use ndarray::{Array3, array};

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

    /// One row of three series.
    fn panel(values: [f64; 3]) -> Panel {
        let target = Channel {
            name: "value".into(),
            role: ChannelRole::Target,
        };
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let start = "2026-01-05T00:00:00Z".parse().unwrap();
        let values = Array3::from_shape_fn((1, 3, 1), |(_, series, _)| values[series]);
        Panel::new(start, "15m".parse().unwrap(), "UTC", names, vec![target], values).unwrap()
    }

    fn read(panel: &Panel) -> Read<'_> {
        Read {
            panel,
            origins: &[0],
            history: 1,
        }
    }

    #[test]
    fn medians_are_whole_and_below_zero_only_where_the_target_is_seen_there() {
        let panel = panel([3.0, -1.0, f64::NAN]);
        let mut outlook: Outlook = array![[[-2.4, 1.6], [-2.4, 1.6], [f64::NAN, -0.2]]].into();
        speeds().bring_into(&mut outlook, &read(&panel));
        let expected = array![[[0.0, 2.0], [-2.0, 2.0], [f64::NAN, 0.0]]];
        for (found, expected) in outlook.points.iter().zip(&expected) {
            let same = found.is_nan() && expected.is_nan() || (found - expected).abs() < 1e-12;
            assert!(same, "{}", outlook.points);
        }
    }

    #[test]
    fn quantiles_are_below_zero_only_where_the_target_is_seen_there() {
        let panel = panel([3.0, -1.0, 0.0]);
        let outlook: Outlook = array![[[0.1], [-2.0], [f64::NAN]]].into();
        let mut quantiles = array![[[[-0.2, 1.0]], [[-4.0, 1.0]], [[f64::NAN, f64::NAN]]]];
        speeds().bound(&mut quantiles, &outlook, &read(&panel));
        assert!(quantiles[(0, 0, 0, 0)].abs() < 1e-12, "{quantiles}");
        assert!((quantiles[(0, 1, 0, 0)] + 4.0).abs() < 1e-12, "{quantiles}");
        assert!(quantiles[(0, 2, 0, 0)].is_nan(), "{quantiles}");
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
        near(within(0, 22.0, -30.0), -3.0);
        // Of these nothing is known.
        near(within(1, 100.0, 295.0), 295.0);
        near(within(2, 50.0, 60.0), 60.0);
    }
}
