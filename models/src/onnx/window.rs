//! What a network reads: windows of a panel as an input tensor.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::ops::{Range, RangeInclusive};

use arterial_datasets::panel::Panel;
use ndarray::{Array4, ArrayView2};

use super::description::{Channel, Description, Missing};
use super::scaling::{Scale, Scales};
use crate::Result;
use crate::scope::Scope;
use crate::season::{LocalClock, LocalTime, WEEK};

/// One row of the batch: the series `series`, seen from the origin `origins[at]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The position among the origins.
    pub(super) at: usize,
    /// The last row that is read.
    pub(super) origin: usize,
    /// One series, or all of them.
    pub(super) series: Range<usize>,
}

/// A panel as a network sees it.
pub(super) struct Windows<'a> {
    description: &'a Description,
    scales: &'a Scales,
    panel: &'a Panel,
    target: ArrayView2<'a, f64>,
    /// The positions of the covariates among the panel's channels, by their names.
    sources: BTreeMap<String, usize>,
    clock: LocalClock,
    /// The local times of the rows from `first` on.
    times: Vec<LocalTime>,
    first: usize,
}

impl<'a> Windows<'a> {
    /// Sees `panel`, one of `scope`, from each of `origins`.
    pub(super) fn new(
        description: &'a Description,
        scales: &'a Scales,
        scope: &Scope,
        panel: &'a Panel,
        origins: &[usize],
    ) -> Result<Self> {
        let clock = LocalClock::of(panel)?;
        let first = origins
            .iter()
            .min()
            .map_or(0, |origin| (origin + 1).saturating_sub(description.context));
        let last = origins.iter().max().map_or(0, |origin| origin + 1);
        Ok(Self {
            description,
            scales,
            panel,
            target: panel.target(),
            sources: description.input.sources(scope)?,
            times: (first..last)
                .map(|row| clock.local_time(panel.time(row)))
                .collect::<Result<_>>()?,
            clock,
            first,
        })
    }

    /// The windows seen from `origins` that can be read: long enough, and without gaps where gaps are refused.
    pub(super) fn items(&self, origins: &[usize]) -> Vec<Item> {
        let count = self.target.ncols();
        let width = if self.description.reads_all_series() { count } else { 1 };
        let mut items = Vec::new();
        for (at, &origin) in origins.iter().enumerate() {
            for first in (0..count).step_by(width.max(1)) {
                let series = first..first + width;
                let item = Item { at, origin, series };
                if self.can_read(&item) {
                    items.push(item);
                }
            }
        }
        items
    }

    fn can_read(&self, item: &Item) -> bool {
        let long = item.origin + 1 >= self.description.context;
        let may_miss = self.description.input.missing != Missing::Refuse;
        long && item.series.clone().any(|series| self.knows(item.origin, series))
            && (may_miss || item.series.clone().all(|series| self.is_whole(item.origin, series)))
    }

    /// Whether nothing is missing in the context of `origin`, of the target and of the covariates.
    fn is_whole(&self, origin: usize, series: usize) -> bool {
        let mut covariates = self.sources.values();
        self.context(origin, series).all(f64::is_finite)
            && covariates.all(|channel| self.covariate(*channel, origin, series).all(f64::is_finite))
    }

    /// Whether anything is known of `series` in the context of `origin`.
    pub(super) fn knows(&self, origin: usize, series: usize) -> bool {
        self.scales.knows(series) && self.context(origin, series).any(f64::is_finite)
    }

    /// The rows of the context, the oldest first.
    fn rows(&self, origin: usize) -> RangeInclusive<usize> {
        (origin + 1).saturating_sub(self.description.context)..=origin
    }

    /// The target in the context.
    fn context(&self, origin: usize, series: usize) -> impl Iterator<Item = f64> {
        self.rows(origin).map(move |row| self.target[(row, series)])
    }

    /// The covariate at `channel` of the panel in the context.
    fn covariate(&self, channel: usize, origin: usize, series: usize) -> impl Iterator<Item = f64> {
        self.rows(origin).map(move |row| self.panel.known(row, series, channel))
    }

    /// The windows of `items` and empty ones up to `batch` of them.
    ///
    /// # Shapes
    /// batch x time x series x channel.
    pub(super) fn tensor(&self, items: &[Item], batch: usize) -> Array4<f32> {
        let width = items.first().map_or(0, |item| item.series.len());
        let channels = &self.description.input.channels;
        let mut tensor = Array4::zeros((batch, self.description.context, width, channels.len()));
        for (index, item) in items.iter().enumerate() {
            for (place, series) in item.series.clone().enumerate() {
                for (depth, channel) in channels.iter().enumerate() {
                    let values = self.values(channel, item.origin, series);
                    for (step, value) in values.into_iter().enumerate() {
                        tensor[(index, step, place, depth)] = value as f32;
                    }
                }
            }
        }
        tensor
    }

    /// What stands in `channel` for the rows of the context.
    fn values(&self, channel: &Channel, origin: usize, series: usize) -> Vec<f64> {
        let knows = self.scales.knows(series);
        match channel {
            Channel::Target => {
                let scaled = |value: f64| (value.is_finite() && knows).then(|| self.scales.apply(value, series));
                let instead = match self.description.input.missing {
                    Missing::Value(value) if knows => self.scales.apply(value, series),
                    _ => 0.0,
                };
                self.filled(self.context(origin, series).map(scaled), instead)
            }
            Channel::Mask => {
                let seen = |value: f64| f64::from(u8::from(value.is_finite() && knows));
                self.context(origin, series).map(seen).collect()
            }
            Channel::Covariate(name) => {
                let scale = self.description.input.scales.get(name).copied().unwrap_or(Scale::UNIT);
                let scaled = |value: f64| value.is_finite().then(|| scale.apply(value));
                self.filled(self.covariate(self.sources[name], origin, series).map(scaled), 0.0)
            }
            of_time => {
                let told = |row: usize| self.told(of_time, self.times[row - self.first]);
                self.rows(origin).map(told).collect()
            }
        }
    }

    /// `values` with gaps as the network wants them: `instead`, or the last value before.
    fn filled(&self, values: impl Iterator<Item = Option<f64>>, instead: f64) -> Vec<f64> {
        let repeats = self.description.input.missing == Missing::Last;
        let mut last = 0.0;
        let mut filled = Vec::with_capacity(self.description.context);
        for value in values {
            last = value.unwrap_or(if repeats { last } else { instead });
            filled.push(last);
        }
        filled
    }

    /// What a channel of time tells of `time`; 0 of other channels.
    fn told(&self, channel: &Channel, time: LocalTime) -> f64 {
        let day = self.clock.slot_of_day(time) as f64 / self.clock.slots_per_day() as f64;
        match channel {
            Channel::Target | Channel::Mask | Channel::Covariate(_) => 0.0,
            Channel::TimeOfDay => day,
            Channel::TimeOfDaySine => (TAU * day).sin(),
            Channel::TimeOfDayCosine => (TAU * day).cos(),
            Channel::DayOfWeek => time.calendar_weekday as f64,
            Channel::DayOfWeekFraction => time.calendar_weekday as f64 / WEEK as f64,
            Channel::IsHoliday => f64::from(u8::from(time.is_holiday)),
        }
    }
}
