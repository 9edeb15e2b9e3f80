//! Conformal intervals on top of any model.
//!
//! A model forecasts from origins of a calibration part that it was not fitted on. Its signed residuals there are divided
//! by the spread that the model itself expected on that side of its median, where it expects any, and by what is usual
//! for the series. They are pooled by step ahead and by local hour of the target time, and their order statistics become
//! the distance of each quantile from the point forecast:
//!
//! ```text
//! unit(x)   = the model's own distance from its median to its 10 % or 90 % quantile, or 1
//! scale(s)  = (sum of |r / unit| over series s + K * mean |r / unit| over all) / (count over s + K)
//! size(g)   = mean |r / unit / scale| over the targets in the group g of hours
//! z         = r / unit / scale / size, of all hours, each in the size of its own group
//! w(g)      = 1 for a z of group g itself, 7 / (7 + 6 days(g)) for one of the other hours;  W = the sum of all w
//! bound(q)  = point + unit(x) * scale(s) * size(g) * z_(k)
//! k         = the first at which the sum of w reaches (W + 1) q above the median, the last at which it does not exceed it
//!             below the median
//! ```
//!
//! Each side of the median has quantiles of its own. What a day has of its own, such as snow or a slow morning, makes all
//! series err to the same side for hours: a hundred series that were watched for one morning tell how far forecasts of
//! mornings are off, but hardly to which side. So the size of errors is that of their own hours, and what share of them lies
//! where is learned from the other hours, too, until the group itself was seen on many days: all other hours together count
//! like a week of them. Where a group has only a few residuals, those of all hours stand for it as they are.
//!
//! For a model with a spread of its own this is conformalised quantile regression, in the form that stretches the model's
//! quantiles instead of shifting them, so that several quantiles need only one pair of the model's; for other models it is
//! split-conformal prediction. With exchangeable residuals the interval between q and 1 - q holds the truth with a
//! probability of at least 1 - 2q over all series together. Residuals of a time series are exchangeable only roughly:
//! where levels drift or a disturbance lasts, the cover is off until the model is fitted again; it holds on average over
//! series, days and the hours of a group, not for each of them; and where the shown model was fitted again on the calibration
//! rows too, its errors are, if anything, smaller than the ones measured. A calibration part of a day or two has seen little
//! of how days differ, so that intervals are then somewhat too narrow. With fewer than `1 / q` residuals the largest one
//! stands for the bound, which is then too narrow, too.
//!
//! Sources: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman: Distribution-free predictive inference for regression (2018);
//! Romano, Patterson, Candès: Conformalized quantile regression (2019); Sesia, Candès: A comparison of some conformal
//! quantile regression methods (2020), there CQR-r; Barber, Candès, Ramdas, Tibshirani: Conformal prediction beyond
//! exchangeability (2023), for the weights; Kish: Survey sampling (1965), for the number of days.

mod hours;

use arterial_datasets::panel::Panel;
use arterial_datasets::time::Duration;
use ndarray::{Array1, Array3, Array4, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::hours::{GROUPS, TargetGroups, distances};
use crate::artefact::Parts;
use crate::scope::Scope;
use crate::{Error, Outlook, Quantile, QuantileForecasts, Result};

/// Quantiles are kept at the multiples of one in so many; others are rounded outwards.
const LEVELS: usize = 200;
/// How many residuals of the average series each series is lent, so that a short one has a sensible scale.
const LENT: f64 = 50.0;
/// A model's own spread counts as at least this share of its mean, so that a model that is too sure of itself somewhere
/// cannot make a residual endless.
const LEAST_SPREAD: f64 = 0.05;

/// Distances of quantiles from the point forecast, in units of the series' usual error.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    clock: Clocked,
    /// The least unit on either side; 0 for a model without a spread.
    least: [f64; 2],
    /// Series.
    scale: Array1<f64>,
    /// Step ahead x group of hours x level.
    distance: Array3<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clocked {
    timezone: String,
    step: Duration,
    residuals: usize,
}

impl Calibration {
    /// Calibrates by the errors (truth less point forecast) of `outlook` from `origins` of `panel`, which have the shape of its
    /// points and are NaN where there is no truth. Its series are those of the panel, or others that are made of them.
    ///
    /// # Errors
    /// A step ahead without a single error.
    pub(crate) fn fit(panel: &Panel, origins: &[usize], outlook: &Outlook, errors: Array3<f64>) -> Result<Self> {
        let least = least_units(outlook);
        let residuals = in_units(errors, outlook, least);
        let scale = scales(&residuals);
        let distance = distances(panel, origins, &residuals, &scale)?;
        let count = residuals.iter().filter(|value| value.is_finite()).count();
        let clock = Clocked {
            timezone: panel.timezone().into(),
            step: panel.step(),
            residuals: count,
        };
        Ok(Self {
            clock,
            least,
            scale,
            distance,
        })
    }

    /// How many residuals were measured.
    #[must_use]
    pub fn residuals(&self) -> usize {
        self.clock.residuals
    }

    /// Quantile forecasts around what the model says. The median is the point forecast itself, and quantiles never cross.
    ///
    /// # Errors
    /// No quantile, or quantiles that do not increase, or more steps ahead than were calibrated.
    pub fn apply(
        &self,
        panel: &Panel,
        origins: &[usize],
        outlook: &Outlook,
        quantiles: &[Quantile],
    ) -> Result<QuantileForecasts> {
        check_quantiles(quantiles)?;
        let (_, series, horizon) = outlook.points.dim();
        if horizon > self.distance.dim().0 || series != self.scale.len() {
            return Err(Error::invalid(
                "points",
                format!("{series} series x {horizon} steps"),
                format!("{} series x at most {} steps", self.scale.len(), self.distance.dim().0),
            ));
        }
        let groups = TargetGroups::new(panel, origins, horizon)?;
        let levels: Vec<Option<usize>> = quantiles.iter().map(|quantile| level(*quantile)).collect();
        let mut values = Array4::from_elem((origins.len(), series, horizon, levels.len()), f64::NAN);
        let blocks = values.axis_iter_mut(Axis(0)).into_par_iter().zip(origins).enumerate();
        blocks.for_each(|(at, (mut block, &origin))| {
            for ((series, step, index), value) in block.indexed_iter_mut() {
                let point = outlook.points[(at, series, step)];
                *value = match levels[index] {
                    None => point,
                    Some(level) => {
                        let group = groups.of(origin + step + 1);
                        let unit = unit(
                            outlook,
                            (at, series, step),
                            usize::from(2 * level >= LEVELS),
                            self.least,
                        );
                        point + unit * self.scale[series] * self.distance[(step, group, level)]
                    }
                };
            }
        });
        Ok(QuantileForecasts {
            quantiles: quantiles.to_vec(),
            values,
        })
    }

    /// The parameters, for the artefact.
    pub(crate) fn save(&self) -> Result<Parts> {
        let parts = Parts::new("conformal", &self.clock)?;
        Ok(parts
            .with("least", &Array1::from_iter(self.least))
            .with("scale", &self.scale)
            .with("distance", &self.distance))
    }

    /// Puts the calibration of so many series together again.
    pub(crate) fn load(parts: &Parts, scope: &Scope, series: usize, horizon: usize) -> Result<Self> {
        let clock: Clocked = parts.settings("conformal")?;
        if clock.step != scope.step || clock.timezone != scope.timezone {
            return Err(Error::malformed(
                "parameters.json",
                "the intervals are of another step or zone than the model",
            ));
        }
        // Models saved before models had a spread of their own have no units.
        let least: Array1<f64> = match parts.tensors.get("least") {
            Some(_) => parts.shaped("least", &[2])?,
            None => Array1::zeros(2),
        };
        Ok(Self {
            clock,
            least: [least[0], least[1]],
            scale: parts.shaped("scale", &[series])?,
            distance: parts.shaped("distance", &[horizon, GROUPS, LEVELS - 1])?,
        })
    }
}

fn check_quantiles(quantiles: &[Quantile]) -> Result<()> {
    let increasing = quantiles.windows(2).all(|pair| pair[0] < pair[1]);
    if quantiles.is_empty() || !increasing {
        let given: Vec<f64> = quantiles.iter().map(|quantile| f64::from(*quantile)).collect();
        return Err(Error::invalid(
            "quantiles",
            format!("{given:?}"),
            "at least one, each larger than the one before",
        ));
    }
    Ok(())
}

/// The place of a quantile among the kept ones, rounded away from the median; nothing for the median itself.
fn level(quantile: Quantile) -> Option<usize> {
    let exact = f64::from(quantile) * LEVELS as f64;
    let near = exact.round();
    let place = if (exact - near).abs() < 1e-6 {
        near
    } else if exact < LEVELS as f64 / 2.0 {
        exact.floor()
    } else {
        exact.ceil()
    } as usize;
    (2 * place != LEVELS).then(|| place.clamp(1, LEVELS - 1) - 1)
}

/// The least unit on either side of the median: a share of the mean spread, 0 where there is none.
fn least_units(outlook: &Outlook) -> [f64; 2] {
    let Some(spread) = &outlook.spread else {
        return [0.0; 2];
    };
    [0, 1].map(|side| {
        let seen = spread.index_axis(Axis(3), side);
        let seen = seen.iter().filter(|value| value.is_finite());
        let (sum, count) = seen.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        let least: f64 = LEAST_SPREAD * sum / count;
        // A model that is sure of everything leaves all to the calibration.
        if least > 0.0 { least } else { 1.0 }
    })
}

/// What residuals on `side` of the median (0 below, 1 above) are measured in.
fn unit(outlook: &Outlook, (at, series, step): (usize, usize, usize), side: usize, least: [f64; 2]) -> f64 {
    match &outlook.spread {
        Some(spread) => spread[(at, series, step, side)].max(least[side]),
        None => 1.0,
    }
}

/// Errors in the model's own units.
fn in_units(mut errors: Array3<f64>, outlook: &Outlook, least: [f64; 2]) -> Array3<f64> {
    for (place, error) in errors.indexed_iter_mut() {
        *error /= unit(outlook, place, usize::from(*error >= 0.0), least);
    }
    errors
}

fn scales(residuals: &Array3<f64>) -> Array1<f64> {
    let sums = residuals.axis_iter(Axis(1)).map(|block| {
        let seen = block.iter().filter(|value| value.is_finite());
        seen.fold((0.0, 0.0), |(sum, count), value| (sum + value.abs(), count + 1.0))
    });
    let sums: Vec<(f64, f64)> = sums.collect();
    let (sum, count) = sums.iter().fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    if sum <= 0.0 {
        return Array1::ones(sums.len());
    }
    let mean = sum / count;
    sums.iter()
        .map(|(sum, count)| (sum + LENT * mean) / (count + LENT))
        .collect()
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};
    use ndarray::s;

    use super::*;

    /// Quarter hours in a day.
    const DAY: usize = 96;
    const SERIES: usize = 30;

    fn quantile(value: f64) -> Quantile {
        Quantile::try_from(value).unwrap()
    }

    /// Quarter hours from a Monday on, by a clock without changes.
    fn panel(days: usize) -> Panel {
        let target = Channel {
            name: "value".into(),
            role: ChannelRole::Target,
        };
        Panel::new(
            "2026-01-05T00:00:00Z".parse().unwrap(),
            "15m".parse().unwrap(),
            "UTC",
            (0..SERIES).map(|series| format!("s{series}")).collect(),
            vec![target],
            Array3::zeros((days * DAY, SERIES, 1)),
        )
        .unwrap()
    }

    /// Errors a quarter of an hour after `origins`: for four hours all series are off by 2 to the same side, up to 1 more or less; the
    /// side changes after these hours, and from day to day.
    fn errors(origins: &[usize]) -> Array3<f64> {
        Array3::from_shape_fn((origins.len(), SERIES, 1), |(at, series, _)| {
            let target = origins[at] + 1;
            let is_above = ((target / DAY) + (target % DAY) / 16).is_multiple_of(2);
            let side = if is_above { 2.0 } else { -2.0 };
            side + ((7 * series + 3 * target) % 41) as f64 / 20.5 - 1.0
        })
    }

    /// Forecasts of 0 by a model without a spread of its own.
    fn zeros(origins: &[usize]) -> Outlook {
        Array3::<f64>::zeros((origins.len(), SERIES, 1)).into()
    }

    /// The share of errors after `origins` that lie between the 10 % and the 90 % quantile.
    fn cover(calibration: &Calibration, panel: &Panel, origins: &[usize]) -> f64 {
        let tenths = [quantile(0.1), quantile(0.9)];
        let forecasts = calibration.apply(panel, origins, &zeros(origins), &tenths).unwrap();
        let happened = errors(origins);
        let held = happened.indexed_iter().filter(|((at, series, step), error)| {
            let bounds = forecasts.values.slice(s![*at, *series, *step, ..]);
            (bounds[0]..=bounds[1]).contains(*error)
        });
        held.count() as f64 / happened.len() as f64
    }

    #[test]
    fn intervals_hold_on_other_days_though_a_single_day_calibrated_them() {
        let panel = panel(14);
        let origins: Vec<usize> = (DAY - 1..2 * DAY - 1).collect();
        let calibration = Calibration::fit(&panel, &origins, &zeros(&origins), errors(&origins)).unwrap();
        let later: Vec<usize> = (2 * DAY - 1..12 * DAY - 1).collect();
        let cover = cover(&calibration, &panel, &later);
        assert!((0.75..0.85).contains(&cover), "{cover}");
    }

    #[test]
    fn a_quantile_between_two_kept_ones_is_rounded_outwards() {
        assert_eq!(level(quantile(0.1)), Some(19));
        assert_eq!(level(quantile(0.9)), Some(179));
        assert_eq!(level(quantile(0.103)), Some(19));
        assert_eq!(level(quantile(0.897)), Some(179));
        assert_eq!(level(quantile(0.5)), None);
        assert_eq!(level(quantile(0.000_1)), Some(0));
    }

    #[test]
    fn quantiles_must_increase() {
        assert!(check_quantiles(&[quantile(0.9), quantile(0.1)]).is_err());
        assert!(check_quantiles(&[]).is_err());
        assert!(check_quantiles(&[quantile(0.1), quantile(0.9)]).is_ok());
    }

    #[test]
    fn the_scale_of_a_short_series_leans_on_the_others() {
        let mut residuals = Array3::from_elem((100, 2, 1), 2.0);
        residuals.slice_mut(s![1.., 1, ..]).fill(f64::NAN);
        residuals[(0, 1, 0)] = 100.0;
        let scale = scales(&residuals);
        assert!(scale[0] < 3.0 && scale[1] > 3.0 && scale[1] < 10.0, "{scale}");
    }
}
