//! Zones and the whole city, forecast from their members.
//!
//! The forecast of an area is the mean over those of its members that have one, so that it agrees with them by construction
//! (bottom-up): the city is the mean of its zones, weighted by how many members each has. What holds for medians does not hold
//! for other quantiles: errors of members cancel out as far as they are independent, and add up as far as they are not. So the
//! intervals of areas are calibrated by errors of their own, measured where those of the members are (`conformal.rs`):
//!
//! ```text
//! point(a)  = mean of point(s)          over the members s of a that have a forecast
//! error(a)  = mean of y(s) - point(s)   over the members s of a that have a forecast and were observed
//! unit(a)   = mean of unit(s)           the members' own spread, where the model has one
//! bound(q)  = point(a) + unit(a) * scale(a) * size(g) * z_(k)
//! ```
//!
//! After Hyndman, Ahmed, Athanasopoulos, Shang: Optimal combination forecasts for hierarchical time series (2011), there the
//! bottom-up approach; split-conformal intervals at each level as in Principato, Stoltz, Amara-Ouali, Goude, Hamrouche, Poggi:
//! Conformal prediction for hierarchical data (2024).

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the three-dimensional kind"
)]

mod means;

use std::collections::BTreeMap;

use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Array4, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::conformal::Calibration;
use crate::held_out::HeldOut;
use crate::scope::Scope;
use crate::{Error, Outlook, Quantile, QuantileForecasts, Result};

/// The names of the parts of an artefact.
const NAME: &str = "areas";
const LIST: &str = "list";
const CALIBRATION: &str = "calibration";

/// Series that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// The zone; none is the whole city.
    pub zone: Option<String>,
    /// The positions of its series, ascending.
    pub members: Vec<usize>,
}

/// The areas that the series of a model make, and what their intervals are calibrated by.
#[derive(Debug, Clone, PartialEq)]
pub struct Areas {
    /// The zones in alphabetical order, and last the city.
    list: Vec<Area>,
    calibration: Calibration,
}

/// Forecasts of areas.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaForecasts {
    /// Origins x areas x horizon x quantile, in the order of [`Areas::list`]; NaN where no member has a forecast.
    pub forecasts: QuantileForecasts,
    /// From how many members each is made: origins x areas x horizon.
    pub members: Array3<usize>,
}

impl Areas {
    /// Learns which areas the series of the panel make, and calibrates them by the `errors` of their members.
    ///
    /// # Errors
    /// A step ahead without a single error.
    pub(crate) fn fit(held_out: &HeldOut<'_>, errors: &Array3<f64>) -> Result<Self> {
        let list = areas_of(held_out.panel);
        let outlook = outlook_of(&list, &held_out.outlook);
        let errors = means::of(&list, errors.view());
        let calibration = Calibration::fit(held_out.panel, &held_out.origins, &outlook, errors)?;
        Ok(Self { list, calibration })
    }

    /// The areas: the zones in alphabetical order, and last the city.
    #[must_use]
    pub fn list(&self) -> &[Area] {
        &self.list
    }

    /// Whether there are any zones, beside the city.
    #[must_use]
    pub fn has_zones(&self) -> bool {
        self.list.iter().any(|area| area.zone.is_some())
    }

    /// The means over the members of each area that have a value (origins x series x steps): origins x areas x steps, NaN where
    /// none has.
    #[must_use]
    pub fn means(&self, values: ArrayView3<'_, f64>) -> Array3<f64> {
        means::of(&self.list, values)
    }

    /// How far each quantile lies from the median of an area whose members have the forecasts `outlook`: origins x areas x
    /// horizon x quantile, not positive below the median and not negative above; NaN where no member has a forecast.
    ///
    /// # Errors
    /// No quantile, quantiles that do not increase, more steps ahead than were calibrated.
    pub fn distances(
        &self,
        panel: &Panel,
        origins: &[usize],
        outlook: &Outlook,
        quantiles: &[Quantile],
    ) -> Result<Array4<f64>> {
        let mut areas = outlook_of(&self.list, outlook);
        let at_zero = |point: f64| if point.is_finite() { 0.0 } else { f64::NAN };
        areas.points.mapv_inplace(at_zero);
        Ok(self.calibration.apply(panel, origins, &areas, quantiles)?.values)
    }

    /// Forecasts of the areas whose members have the forecasts `outlook`, none below `least` (origins x areas).
    ///
    /// # Errors
    /// As [`Areas::distances`].
    pub(crate) fn forecast(
        &self,
        panel: &Panel,
        origins: &[usize],
        outlook: &Outlook,
        quantiles: &[Quantile],
        least: &Array2<f64>,
    ) -> Result<AreaForecasts> {
        let medians = self.means(outlook.points.view());
        let mut values = self.distances(panel, origins, outlook, quantiles)?;
        for ((at, area, step, _), value) in values.indexed_iter_mut() {
            *value = around(medians[(at, area, step)], *value, least[(at, area)]);
        }
        Ok(AreaForecasts {
            forecasts: QuantileForecasts {
                quantiles: quantiles.to_vec(),
                values,
            },
            members: means::counts(&self.list, outlook.points.view()),
        })
    }

    /// The parameters, for the artefact.
    pub(crate) fn save(&self) -> Result<Parts> {
        let list = Parts::new(LIST, &self.list)?;
        let calibration = self.calibration.save()?;
        let parts = [(LIST, list), (CALIBRATION, calibration)];
        Parts::of(NAME, parts.map(|(name, part)| (name.to_owned(), part)))
    }

    /// Puts the areas of a model of that scope together again.
    pub(crate) fn load(parts: &Parts, scope: &Scope, horizon: usize) -> Result<Self> {
        let list: Vec<Area> = parts.part(LIST, LIST)?.settings(LIST)?;
        let series = scope.series.len();
        for area in &list {
            let members = &area.members;
            if members.is_empty() || members.iter().any(|&member| member >= series) {
                let message = format!("an area has the members {members:?}, accepted: some below {series}");
                return Err(Error::malformed("parameters.json", message));
            }
        }
        let calibration = parts.part(CALIBRATION, "conformal")?;
        Ok(Self {
            calibration: Calibration::load(&calibration, scope, list.len(), horizon)?,
            list,
        })
    }
}

/// The quantile at `distance` from `median`, not below `least`; NaN where either is missing.
#[must_use]
pub fn around(median: f64, distance: f64, least: f64) -> f64 {
    let value = median + distance;
    if value < least { least } else { value }
}

/// The zones of `panel` in alphabetical order, and last the city: all of its series.
fn areas_of(panel: &Panel) -> Vec<Area> {
    let all = 0..panel.series().len();
    let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for series in all.clone() {
        if let Some(zone) = panel.zone(series) {
            zones.entry(zone).or_default().push(series);
        }
    }
    let city = Area {
        zone: None,
        members: all.collect(),
    };
    let zones = zones.into_iter().map(|(zone, members)| Area {
        zone: Some(zone.to_owned()),
        members,
    });
    zones.chain([city]).collect()
}

/// What the members' forecasts make of their areas: mean medians and mean spreads.
fn outlook_of(list: &[Area], members: &Outlook) -> Outlook {
    let points = means::of(list, members.points.view());
    let spread = members.spread.as_ref().map(|spread| {
        let (origins, areas, steps) = points.dim();
        let mut means = Array4::zeros((origins, areas, steps, 2));
        for side in 0..2 {
            let sides = means::of(list, spread.index_axis(Axis(3), side));
            means.index_axis_mut(Axis(3), side).assign(&sides);
        }
        means
    });
    Outlook { points, spread }
}
