//! Zones and the city in a backtest: how far the means of their forecasts are off, and how often their intervals hold.

use arterial_datasets::panel::Panel;
use arterial_models::forecaster::{Outlook, Quantile};
use arterial_models::pipeline::Pipeline;
use ndarray::s;
use serde::Serialize;

use crate::Result;
use crate::tally::Mean;

/// The level of the interval that is measured, percent.
const LEVEL: f64 = 80.0;

/// Which areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    /// The zones.
    Zone,
    /// The whole city.
    City,
}

impl AreaLevel {
    /// Every level.
    pub const ALL: [Self; 2] = [Self::Zone, Self::City];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::City => "city",
        }
    }
}

/// Sums over the forecasts of the areas of one level at one step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AreaTally {
    /// Absolute errors.
    pub absolute: Mean,
    /// 1 where the truth lies within the interval, ends included, and 0 elsewhere.
    pub covered: Mean,
}

/// What one model scored at the levels of areas; without a forecast where the data have no zones.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaScores {
    /// By level in the order of [`AreaLevel::ALL`], and by step.
    levels: [Vec<AreaTally>; 2],
}

impl AreaScores {
    /// No scores yet.
    pub fn new(horizon: usize) -> Self {
        Self {
            levels: [0, 1].map(|_| vec![AreaTally::default(); horizon]),
        }
    }

    /// The sums of one level, by step.
    pub fn level(&self, level: AreaLevel) -> &[AreaTally] {
        &self.levels[usize::from(level == AreaLevel::City)]
    }

    /// Adds the scores of other windows.
    pub fn merge(&mut self, other: &Self) {
        let others = other.levels.iter().flatten();
        for (sum, part) in self.levels.iter_mut().flatten().zip(others) {
            sum.absolute.merge(part.absolute);
            sum.covered.merge(part.covered);
        }
    }

    fn push(&mut self, level: AreaLevel, step: usize, error: f64, is_covered: bool) {
        let steps = &mut self.levels[usize::from(level == AreaLevel::City)];
        if let Some(tally) = steps.get_mut(step) {
            tally.absolute.push(error.abs());
            tally.covered.push(f64::from(u8::from(is_covered)));
        }
    }
}

/// Scores the areas of `pipeline` by what it forecast of `panel` from `origins`, where the data have zones. Forecast and truth are means
/// over the same members: those that have both.
///
/// # Errors
/// An outlook of another shape.
pub fn score(
    pipeline: &Pipeline,
    panel: &Panel,
    horizon: usize,
    origins: &[usize],
    outlook: &Outlook,
) -> Result<AreaScores> {
    let mut scores = AreaScores::new(horizon);
    let Some(areas) = pipeline.areas().filter(|areas| areas.has_zones()) else {
        return Ok(scores);
    };
    let (low, high) = Quantile::of_level(LEVEL)?;
    let quantiles = [low, Quantile::MEDIAN, high];
    let Some(answer) = pipeline.forecast_areas(panel, origins, outlook, &quantiles)? else {
        return Ok(scores);
    };
    let errors = areas.means(outlook.errors(panel, origins).view());
    for ((at, area, step), error) in errors.indexed_iter().filter(|(_, error)| error.is_finite()) {
        let level = match areas.list()[area].zone {
            Some(_) => AreaLevel::Zone,
            None => AreaLevel::City,
        };
        let lane = answer.forecasts.values.slice(s![at, area, step, ..]);
        let truth = lane[1] + error;
        scores.push(level, step, *error, lane[0] <= truth && truth <= lane[2]);
    }
    Ok(scores)
}
