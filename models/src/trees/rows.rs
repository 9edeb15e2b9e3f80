//! What the models read: a panel as rows of features.

use std::f64::consts::TAU;

use arterial_datasets::panel::Panel;
use ndarray::{Array2, ArrayView2};

use super::covariate::{CovariateRow, CovariateValue, Source};
use super::description::{Description, TimeOf};
use super::feature::Feature;
use crate::Result;
use crate::season::{LocalClock, LocalTime};

/// Seconds in a day, by the clock.
const DAY: f64 = 86_400.0;
/// The first day of the weekend, Monday 0.
const SATURDAY: usize = 5;

/// A panel as the models see it.
pub(super) struct Rows<'a> {
    description: &'a Description,
    /// Series x features, see [`constants`](super::feature::constants).
    constants: &'a Array2<f64>,
    /// By feature, see [`sources`](super::covariate::sources).
    sources: &'a [Option<Source>],
    panel: &'a Panel,
    target: ArrayView2<'a, f64>,
    /// The local times of the rows from `first` on.
    times: Vec<LocalTime>,
    first: usize,
}

/// One series, seen from one origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// The position among the origins.
    pub(super) at: usize,
    /// The last row of the panel that is read.
    pub(super) origin: usize,
    pub(super) series: usize,
    /// Forecasts that stand in for the rows behind the origin, the nearest first; none where each step is forecast by itself.
    pub(super) made: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// Sees `panel` from each of `origins`, up to `horizon` steps ahead.
    pub(super) fn new(
        description: &'a Description,
        constants: &'a Array2<f64>,
        sources: &'a [Option<Source>],
        panel: &'a Panel,
        origins: &[usize],
        horizon: usize,
    ) -> Result<Self> {
        let clock = LocalClock::of(panel)?;
        let first = origins.iter().min().copied().unwrap_or(0);
        let behind = origins.iter().max().map_or(0, |origin| origin + horizon + 1);
        Ok(Self {
            description,
            constants,
            sources,
            panel,
            target: panel.target(),
            times: (first..behind)
                .map(|row| clock.local_time(panel.time(row)))
                .collect::<Result<_>>()?,
            first,
        })
    }

    /// The number of series.
    pub(super) fn series(&self) -> usize {
        self.target.ncols()
    }

    /// Every series from each of `origins` of which at least one value is there that is read.
    pub(super) fn lines(&self, origins: &[usize]) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, &origin) in origins.iter().enumerate() {
            for series in 0..self.series() {
                let line = Line {
                    at,
                    origin,
                    series,
                    made: Vec::new(),
                };
                if self.knows(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }

    fn knows(&self, line: &Line) -> bool {
        let mut read = self.description.features.iter().filter_map(Feature::lags);
        read.any(|[first, last]| (first..=last).any(|lag| self.seen(line, lag).is_finite()))
    }

    /// The last value of a line, that of lag 0.
    pub(super) fn last(&self, line: &Line) -> f64 {
        self.seen(line, 0)
    }

    /// What the models read of `lines` to forecast `step` steps ahead.
    ///
    /// # Shapes
    /// Lines x features.
    pub(super) fn table(&self, lines: &[Line], step: usize) -> Array2<f32> {
        let features = &self.description.features;
        let mut table = Array2::zeros((lines.len(), features.len()));
        for (mut row, line) in table.rows_mut().into_iter().zip(lines) {
            for (column, feature) in features.iter().enumerate() {
                row[column] = self.value(feature, column, line, step) as f32;
            }
        }
        table
    }

    fn value(&self, feature: &Feature, column: usize, line: &Line, step: usize) -> f64 {
        let time = self.time(line, step);
        let day = time.second as f64 / DAY;
        match feature {
            Feature::Lag(lag) => self.seen(line, *lag),
            Feature::Mean(lags) => mean(&self.span(line, *lags)),
            Feature::Std(lags) => deviation(&self.span(line, *lags)),
            Feature::Min(lags) => extreme(&self.span(line, *lags), f64::min),
            Feature::Max(lags) => extreme(&self.span(line, *lags), f64::max),
            Feature::Covariate(value) => self.covariate(value, column, line, step),
            Feature::MinuteOfDay => (time.second / 60) as f64,
            Feature::TimeOfDay => day,
            Feature::TimeOfDaySine => (TAU * day).sin(),
            Feature::TimeOfDayCosine => (TAU * day).cos(),
            Feature::Hour => (time.second / 3600) as f64,
            Feature::DayOfWeek => time.calendar_weekday as f64,
            Feature::IsWeekend => f64::from(u8::from(time.calendar_weekday >= SATURDAY)),
            Feature::IsHoliday => f64::from(u8::from(time.is_holiday)),
            Feature::Month => time.month as f64,
            Feature::Horizon => step as f64,
            Feature::Series(_) | Feature::Static(_) => self.constants[(line.series, column)],
        }
    }

    /// The value `lag` rows before the last one that is read, which may be a forecast; NaN before the panel's first row.
    fn seen(&self, line: &Line, lag: usize) -> f64 {
        let made = line.made.len();
        if lag < made {
            return line.made[made - 1 - lag];
        }
        let row = line.origin.checked_sub(lag - made);
        row.map_or(f64::NAN, |row| self.target[(row, line.series)])
    }

    /// The values from the first to the last lag, both included.
    fn span(&self, line: &Line, [first, last]: [usize; 2]) -> Vec<f64> {
        (first..=last).map(|lag| self.seen(line, lag)).collect()
    }

    /// A value of the covariate in column `column`. Behind the origin it is NaN, unless it is known ahead.
    fn covariate(&self, value: &CovariateValue, column: usize, line: &Line, step: usize) -> f64 {
        // Where forecasts stand in for values, the origin moves on with them.
        let now = line.origin + line.made.len();
        let row = match value.row {
            CovariateRow::Lag(lag) => now.checked_sub(lag),
            CovariateRow::Ahead(ahead) => Some(now + ahead),
            CovariateRow::Target => Some(line.origin + step),
        };
        match (row, self.sources[column]) {
            (Some(row), Some(source)) if row <= line.origin || source.is_known_ahead => {
                self.panel.known(row, line.series, source.channel)
            }
            _ => f64::NAN,
        }
    }

    /// The time that features of a line tell, `step` steps ahead.
    fn time(&self, line: &Line, step: usize) -> LocalTime {
        let ahead = match self.description.time_of {
            Some(TimeOf::Target) => step,
            Some(TimeOf::Origin) | None => line.made.len(),
        };
        self.times[line.origin + ahead - self.first]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The value that `better` chooses; NaN where one is.
fn extreme(values: &[f64], better: fn(f64, f64) -> f64) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    values.iter().copied().reduce(better).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests;
