//! Sums by slot of the week, from which the profile with or without one day follows.

use std::ops::Range;

use arterial_datasets::panel::Panel;
use ndarray::{Array1, Array2, Array3, Axis, Zip, s};

use super::{DAY_TYPES, day_type};
use crate::Result;
use crate::season::{LocalClock, Slot, WEEK};

/// Values lent by the series' mean to each slot of the day.
const LENT_BY_MEAN: f64 = 1.0;
/// Values lent by the slot of the day to each slot of a day type.
const LENT_BY_DAY: f64 = 0.5;

/// How much a profile leans on its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Values lent by the day type to each slot of the week.
    pub(super) lent: f64,
    /// How many slots to each side the smoothing reaches.
    pub(super) reach: usize,
}

/// One local day of a panel.
#[derive(Debug, Clone)]
pub(super) struct Day {
    pub(super) weekday: usize,
    pub(super) rows: Range<usize>,
}

/// The days of a panel and the slot of each row.
pub(super) struct Calendar {
    pub(super) slots_per_day: usize,
    pub(super) slots: Vec<Slot>,
    pub(super) days: Vec<Day>,
}

impl Calendar {
    pub(super) fn of(panel: &Panel) -> Result<Self> {
        let clock = LocalClock::of(panel)?;
        let slots = clock.slots(panel, 0..panel.steps())?;
        let mut days: Vec<Day> = Vec::new();
        for (row, slot) in slots.iter().enumerate() {
            match days.last_mut() {
                Some(day) if day.weekday == slot.weekday => day.rows.end = row + 1,
                _ => days.push(Day {
                    weekday: slot.weekday,
                    rows: row..row + 1,
                }),
            }
        }
        Ok(Self {
            slots_per_day: clock.slots_per_day(),
            slots,
            days,
        })
    }
}

/// Sums and counts of the values seen, by group of days and slot.
///
/// # Shapes
/// group x slot x series, where a group is a weekday or a day type.
pub(super) struct Sums {
    pub(super) sum: Array3<f64>,
    pub(super) count: Array3<f64>,
}

impl Sums {
    /// Sums `values` (row x series, NaN is missing) over the days of each weekday.
    pub(super) fn by_weekday(calendar: &Calendar, values: &Array2<f64>) -> Self {
        Self::grouped(calendar, values, WEEK, |day| day.weekday)
    }

    /// Sums `values` over the days of each day type.
    pub(super) fn by_type(calendar: &Calendar, values: &Array2<f64>) -> Self {
        Self::grouped(calendar, values, DAY_TYPES, |day| day_type(day.weekday))
    }

    fn grouped(calendar: &Calendar, values: &Array2<f64>, groups: usize, group: impl Fn(&Day) -> usize) -> Self {
        let shape = (groups, calendar.slots_per_day, values.ncols());
        let mut sums = Self {
            sum: Array3::zeros(shape),
            count: Array3::zeros(shape),
        };
        for day in &calendar.days {
            for row in day.rows.clone() {
                sums.add(
                    group(day),
                    calendar.slots[row].slot,
                    values.row(row).as_slice().unwrap_or(&[]),
                    1.0,
                );
            }
        }
        sums
    }

    fn add(&mut self, group: usize, slot: usize, values: &[f64], sign: f64) {
        let mut sum = self.sum.slice_mut(s![group, slot, ..]);
        let mut count = self.count.slice_mut(s![group, slot, ..]);
        for ((sum, count), value) in sum.iter_mut().zip(&mut count).zip(values) {
            if value.is_finite() {
                *sum += sign * value;
                *count += sign;
            }
        }
    }

    /// The sums of one group less those of `day`, which belongs to it.
    pub(super) fn group_without(&self, group: usize, calendar: &Calendar, values: &Array2<f64>, day: &Day) -> Self {
        let own = s![group..=group, .., ..];
        let mut sums = Self {
            sum: self.sum.slice(own).to_owned(),
            count: self.count.slice(own).to_owned(),
        };
        for row in day.rows.clone() {
            sums.add(
                0,
                calendar.slots[row].slot,
                values.row(row).as_slice().unwrap_or(&[]),
                -1.0,
            );
        }
        sums
    }
}

/// Sums over all days, from which single days can be taken out.
pub(super) struct Totals<'a> {
    calendar: &'a Calendar,
    values: &'a Array2<f64>,
    weekdays: Sums,
    types: Sums,
    mean: Array1<f64>,
}

impl<'a> Totals<'a> {
    pub(super) fn new(calendar: &'a Calendar, values: &'a Array2<f64>) -> Self {
        let weekdays = Sums::by_weekday(calendar, values);
        let types = Sums::by_type(calendar, values);
        let total = |sums: &Array3<f64>| sums.sum_axis(Axis(0)).sum_axis(Axis(0));
        let mean = total(&types.sum) / total(&types.count);
        Self {
            calendar,
            values,
            weekdays,
            types,
            mean,
        }
    }

    /// The mean of each series; NaN where nothing was seen.
    pub(super) fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// The level by slot x series of `weekday`, as all days say.
    pub(super) fn level(&self, weekday: usize, shape: Shape) -> Array2<f64> {
        let kind = day_type(weekday);
        let whole = self.types.sum.sum_axis(Axis(0));
        let count = self.types.count.sum_axis(Axis(0));
        let of = |sums: &Array3<f64>, group: usize| sums.index_axis(Axis(0), group).to_owned();
        let own = (of(&self.weekdays.sum, weekday), of(&self.weekdays.count, weekday));
        let alike = (of(&self.types.sum, kind), of(&self.types.count, kind));
        self.shrink([own, alike, (whole, count)], shape)
    }

    /// The level by slot x series of the weekday of `day`, as all other days say.
    pub(super) fn level_without(&self, day: &Day, shape: Shape) -> Array2<f64> {
        let kind = day_type(day.weekday);
        let other = 1 - kind;
        let take = |sums: Sums| {
            (
                sums.sum.index_axis_move(Axis(0), 0),
                sums.count.index_axis_move(Axis(0), 0),
            )
        };
        let own = take(
            self.weekdays
                .group_without(day.weekday, self.calendar, self.values, day),
        );
        let alike = take(self.types.group_without(kind, self.calendar, self.values, day));
        let whole = (
            &alike.0 + &self.types.sum.index_axis(Axis(0), other),
            &alike.1 + &self.types.count.index_axis(Axis(0), other),
        );
        self.shrink([own, alike, whole], shape)
    }

    /// Shrinks (sum, count) of the weekday towards its day type, towards the slot of the day, towards the mean.
    fn shrink(&self, [own, alike, whole]: [(Array2<f64>, Array2<f64>); 3], shape: Shape) -> Array2<f64> {
        let mut level = (whole.0 + &self.mean * LENT_BY_MEAN) / (whole.1 + LENT_BY_MEAN);
        for (lent, (sum, count)) in [(LENT_BY_DAY, alike), (shape.lent, own)] {
            Zip::from(&mut level)
                .and(&sum)
                .and(&count)
                .for_each(|level, sum, count| {
                    *level = (sum + lent * *level) / (count + lent);
                });
        }
        smooth(&level, shape.reach)
    }
}

/// Averages each slot with its neighbours up to `reach` slots away, weights falling to zero, within the day.
pub(super) fn smooth(level: &Array2<f64>, reach: usize) -> Array2<f64> {
    if reach == 0 {
        return level.clone();
    }
    let mut smoothed = Array2::zeros(level.raw_dim());
    for (slot, mut row) in smoothed.outer_iter_mut().enumerate() {
        let first = slot.saturating_sub(reach);
        let last = (slot + reach).min(level.nrows() - 1);
        let mut total = 0.0;
        for other in first..=last {
            let weight = (reach + 1 - slot.abs_diff(other)) as f64;
            row.scaled_add(weight, &level.row(other));
            total += weight;
        }
        row /= total;
    }
    smoothed
}
