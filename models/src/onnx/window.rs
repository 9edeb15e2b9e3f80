//! What a network reads: windows of a panel as an input tensor.

use std::f64::consts::TAU;
use std::ops::Range;

use arterial_datasets::panel::Panel;
use ndarray::{Array4, ArrayView2};

use super::description::{Channel, Description, Missing};
use super::scaling::Scales;
use crate::Result;
use crate::season::{LocalClock, Slot, WEEK};

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
    target: ArrayView2<'a, f64>,
    /// The slots of the rows from `first` on.
    slots: Vec<Slot>,
    first: usize,
    slots_per_day: usize,
}

impl<'a> Windows<'a> {
    /// Sees `panel` from each of `origins`.
    pub(super) fn new(
        description: &'a Description,
        scales: &'a Scales,
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
            target: panel.target(),
            slots: clock.slots(panel, first..last)?,
            first,
            slots_per_day: clock.slots_per_day(),
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
            && (may_miss
                || item
                    .series
                    .clone()
                    .all(|series| self.context(item.origin, series).all(f64::is_finite)))
    }

    /// Whether anything is known of `series` in the context of `origin`.
    pub(super) fn knows(&self, origin: usize, series: usize) -> bool {
        self.scales.knows(series) && self.context(origin, series).any(f64::is_finite)
    }

    /// The values of the context, the oldest first.
    fn context(&self, origin: usize, series: usize) -> impl Iterator<Item = f64> {
        let first = (origin + 1).saturating_sub(self.description.context);
        (first..=origin).map(move |row| self.target[(row, series)])
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
                let values = self.filled(item.origin, series);
                for (step, (seen, value)) in values.into_iter().enumerate() {
                    let slot = self.slots[item.origin + 1 - self.description.context + step - self.first];
                    for (depth, channel) in channels.iter().enumerate() {
                        tensor[(index, step, place, depth)] = self.value(*channel, seen, value, slot) as f32;
                    }
                }
            }
        }
        tensor
    }

    /// The target in the context, scaled and with gaps as the network wants them, and whether each value was seen.
    fn filled(&self, origin: usize, series: usize) -> Vec<(bool, f64)> {
        let mut last = 0.0;
        let fill = |value: f64| {
            let seen = value.is_finite() && self.scales.knows(series);
            if seen {
                last = self.scales.apply(value, series);
                return (true, last);
            }
            let instead = match self.description.input.missing {
                Missing::Last => last,
                Missing::Value(value) if self.scales.knows(series) => self.scales.apply(value, series),
                Missing::Value(_) | Missing::Zero | Missing::Refuse => 0.0,
            };
            (false, instead)
        };
        self.context(origin, series).map(fill).collect()
    }

    fn value(&self, channel: Channel, seen: bool, target: f64, slot: Slot) -> f64 {
        let day = slot.slot as f64 / self.slots_per_day as f64;
        match channel {
            Channel::Target => target,
            Channel::Mask => f64::from(u8::from(seen)),
            Channel::TimeOfDay => day,
            Channel::TimeOfDaySine => (TAU * day).sin(),
            Channel::TimeOfDayCosine => (TAU * day).cos(),
            Channel::DayOfWeek => slot.weekday as f64,
            Channel::DayOfWeekFraction => slot.weekday as f64 / WEEK as f64,
        }
    }
}
