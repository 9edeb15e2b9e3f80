//! A panel by local day and slot.

use std::collections::BTreeMap;

use arterial_datasets::Result;
use arterial_datasets::feature::{Waits, Wanted};
use arterial_datasets::panel::Panel;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1};

use super::layout::Layout;
use super::section::{self, Section};
use crate::calendar::{Calendar, Moment};

/// Minutes to either side over which profiles are smoothed, twice.
const SMOOTHED_MINUTES: i64 = 20;

/// The target by local day and slot, and the calendar of its rows.
pub struct Daily {
    pub calendar: Calendar,
    /// Where each row of the panel stands.
    pub moments: Vec<Moment>,
    /// Local days that the panel touches.
    pub days: usize,
    pub layout: Layout,
    /// What is computed.
    pub section: Section,
    /// Where each slot of the day stands among those that are computed.
    places: Vec<usize>,
    /// Days x padded slots on the first axis, series on the second; NaN where missing.
    pub values: Array2<f64>,
}

impl Daily {
    /// As much of `panel` as `wanted` needs, all of it where nothing is said.
    pub fn new(panel: &Panel, wanted: Option<Wanted<'_>>, waits: Waits<'_>) -> Result<Self> {
        let calendar = Calendar::new(panel)?;
        let moments = (0..panel.steps())
            .map(|row| calendar.moment(row))
            .collect::<Result<Vec<_>>>()?;
        let reach = SMOOTHED_MINUTES * arterial_datasets::time::MINUTE / panel.step().0;
        let reach = reach.min(calendar.slots() as i64 / 4);
        let section = match wanted {
            Some(wanted) => Section::of(wanted, &calendar, &moments, reach as usize)?,
            None => Section::whole(&calendar, &moments),
        };
        let mut places = vec![section.slots.len(); calendar.slots()];
        for (place, &slot) in section.slots.iter().enumerate() {
            places[slot] = place;
        }
        let layout = Layout {
            series: 1,
            slots: section.slots.len() as i64 + 2 * reach,
            reach,
            ahead: 0,
        };
        let mut daily = Self {
            days: section::days(&moments),
            calendar,
            moments,
            layout,
            section,
            places,
            values: Array2::zeros((0, 0)),
        };
        daily.values = daily.place(&panel.target(), waits)?;
        Ok(daily)
    }

    /// The row of the daily frame for a day and a slot that is computed.
    pub fn row(&self, day: usize, slot: usize) -> usize {
        day * self.layout.slots as usize + self.places[slot]
    }

    /// Values by day and slot.
    fn place(&self, values: &ArrayView2<f64>, waits: Waits<'_>) -> Result<Array2<f64>> {
        let rows = self.days * self.layout.slots as usize;
        let mut daily = Array2::from_elem((rows, values.ncols()), f64::NAN);
        for (moment, source) in self.moments.iter().zip(values.rows()) {
            waits.go_on()?;
            if self.places[moment.slot] < self.section.slots.len() {
                merge(daily.row_mut(self.row(moment.day, moment.slot)), &source);
            }
        }
        Ok(daily)
    }

    /// A column of the daily frame that is the same for every series: 1 where the day's target day is a work day.
    pub fn work_days(&self, ahead: usize) -> Array2<f64> {
        let slots = self.layout.slots as usize;
        let mut work = Array2::zeros(self.values.dim());
        for day in 0..self.days {
            let flag = if self.calendar.weekday(day + ahead) < 5 {
                1.0
            } else {
                0.0
            };
            work.slice_mut(ndarray::s![day * slots..(day + 1) * slots, ..])
                .fill(flag);
        }
        work
    }

    /// The sum, the count and the 85th percentile of each day of `values`, days x series.
    pub fn totals(&self, values: &ArrayView2<f64>, waits: Waits<'_>) -> Result<[Array2<f64>; 3]> {
        let shape = (self.days, values.ncols());
        let [mut sum, mut seen] = [Array2::zeros(shape), Array2::zeros(shape)];
        let mut high = Array2::from_elem(shape, f64::NAN);
        let mut present = Vec::new();
        for (day, rows) in self.rows_by_day() {
            waits.go_on()?;
            let mut slots = Array2::from_elem((self.places.len(), values.ncols()), f64::NAN);
            for row in rows {
                merge(slots.row_mut(self.moments[row].slot), &values.row(row));
            }
            for (series, column) in slots.columns().into_iter().enumerate() {
                present.clear();
                present.extend(column.iter().copied().filter(|value| !value.is_nan()));
                sum[[day, series]] = present.iter().sum();
                seen[[day, series]] = present.len() as f64;
                if !present.is_empty() {
                    let place = (present.len() - 1) * 85 / 100;
                    high[[day, series]] = *present.select_nth_unstable_by(place, f64::total_cmp).1;
                }
            }
        }
        Ok([sum, seen, high])
    }

    /// The rows of each day that has totals, in their order.
    fn rows_by_day(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, moment) in self.moments.iter().enumerate() {
            if self.section.days.contains(&moment.day) {
                rows.entry(moment.day).or_default().push(row);
            }
        }
        rows
    }
}

/// Puts values into slots. Where the clock is set back, a slot holds the mean of its two times.
fn merge(slots: ArrayViewMut1<'_, f64>, values: &ArrayView1<'_, f64>) {
    for (slot, &value) in slots.into_iter().zip(values) {
        if slot.is_nan() {
            *slot = value;
        } else if !value.is_nan() {
            *slot = f64::midpoint(*slot, value);
        }
    }
}
