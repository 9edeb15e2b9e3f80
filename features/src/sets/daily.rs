//! A panel by local day and slot.

use arterial_datasets::Result;
use arterial_datasets::panel::Panel;
use ndarray::{Array2, ArrayView2, Axis};

use super::layout::Layout;
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
    /// Days x padded slots on the first axis, series on the second; NaN where missing.
    pub values: Array2<f64>,
}

impl Daily {
    pub fn new(panel: &Panel) -> Result<Self> {
        let calendar = Calendar::new(panel)?;
        let moments = (0..panel.steps())
            .map(|row| calendar.moment(row))
            .collect::<Result<Vec<_>>>()?;
        let days = moments.iter().map(|moment| moment.day + 1).max().unwrap_or(0);
        let reach = SMOOTHED_MINUTES * arterial_datasets::time::MINUTE / panel.step().0;
        let reach = reach.min(calendar.slots() as i64 / 4);
        let slots = calendar.slots() as i64 + 2 * reach;
        let layout = Layout {
            series: 1,
            slots,
            reach,
            ahead: 0,
        };
        let mut daily = Self {
            calendar,
            moments,
            days,
            layout,
            values: Array2::zeros((0, 0)),
        };
        daily.values = daily.place(&panel.target());
        Ok(daily)
    }

    /// The row of the daily frame for a day and slot.
    pub fn row(&self, day: usize, slot: usize) -> usize {
        day * self.layout.slots as usize + slot
    }

    /// Values by day and slot. Where the clock is set back, a slot holds the mean of its two times.
    fn place(&self, values: &ArrayView2<f64>) -> Array2<f64> {
        let rows = self.days * self.layout.slots as usize;
        let mut daily = Array2::from_elem((rows, values.ncols()), f64::NAN);
        for (moment, source) in self.moments.iter().zip(values.rows()) {
            let mut target = daily.row_mut(self.row(moment.day, moment.slot));
            for (slot, &value) in target.iter_mut().zip(source) {
                if slot.is_nan() {
                    *slot = value;
                } else if !value.is_nan() {
                    *slot = f64::midpoint(*slot, value);
                }
            }
        }
        daily
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

    /// The sum, the count and the 85th percentile of each day, days x series.
    pub fn totals(&self) -> [Array2<f64>; 3] {
        let shape = (self.days, self.values.ncols());
        let [mut sum, mut seen] = [Array2::zeros(shape), Array2::zeros(shape)];
        let mut high = Array2::from_elem(shape, f64::NAN);
        let mut present = Vec::new();
        for (day, rows) in self
            .values
            .axis_chunks_iter(Axis(0), self.layout.slots as usize)
            .enumerate()
        {
            for (series, column) in rows.columns().into_iter().enumerate() {
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
        [sum, seen, high]
    }
}
