//! Which values a target takes at all: never a negative one, or only whole numbers.

use arterial_datasets::panel::Panel;
use serde::{Deserialize, Serialize};

use crate::Outlook;

/// Medians of larger counts are not rounded: half a vehicle in hundreds tells nobody anything.
const MOST_WHOLE: f64 = 20.0;

/// The values that were seen in training, as far as they bound forecasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Support {
    /// No value was below zero, so no forecast is.
    is_never_negative: bool,
    /// All values were small whole numbers, so a median, which is one of the values, is whole.
    is_whole: bool,
}

impl Support {
    /// What the target of `panel` shows.
    pub(crate) fn of(panel: &Panel) -> Self {
        let (mut count, mut sum) = (0.0, 0.0);
        let mut support = Self {
            is_never_negative: true,
            is_whole: true,
        };
        for value in panel.target().iter().filter(|value| value.is_finite()) {
            support.is_never_negative &= *value >= 0.0;
            support.is_whole &= value.fract() == 0.0;
            sum += value.abs();
            count += 1.0;
        }
        support.is_never_negative &= count > 0.0;
        support.is_whole &= count > 0.0 && sum <= MOST_WHOLE * count;
        support
    }

    /// Brings medians to values that the target can take.
    pub(crate) fn bring_into(self, outlook: &mut Outlook) {
        outlook.points.par_mapv_inplace(|point| self.median(point));
    }

    /// The nearest median that the target can take.
    fn median(self, value: f64) -> f64 {
        let value = self.bound(value);
        if self.is_whole { value.round() } else { value }
    }

    /// The nearest end of an interval.
    pub(crate) fn bound(self, value: f64) -> f64 {
        if self.is_never_negative && value < 0.0 {
            0.0
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_stays_missing() {
        let support = Support {
            is_never_negative: true,
            is_whole: true,
        };
        assert!(support.median(f64::NAN).is_nan() && support.bound(f64::NAN).is_nan());
        assert!((support.median(1.6) - 2.0).abs() < f64::EPSILON);
        assert!(support.bound(-0.2).abs() < f64::EPSILON);
    }
}
