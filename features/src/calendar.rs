//! The local clock of a panel: days, slots and weekdays, through clock changes.

use arterial_datasets::panel::{Holidays, Panel};
use arterial_datasets::time::{DAY, HOUR, SECOND, Timestamp};
use arterial_datasets::{Error, Result};
use jiff::tz::TimeZone;

/// Where an instant stands on the local clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Local days since the local day of the panel's first row.
    pub day: usize,
    /// The slot of the local day: local time of day / step, rounded down.
    pub slot: usize,
    /// The local weekday, Monday 0 to Sunday 6; holidays count as Sundays.
    pub weekday: u8,
    /// The local time of day in hours, 0 to 24.
    pub hour: f64,
}

/// Turns rows of a panel into moments of its local clock.
///
/// A day of 23 hours lacks some slots; on a day of 25 hours some slots come twice.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    start: Timestamp,
    step: i64,
    first_day: i64,
    holidays: Holidays,
}

impl Calendar {
    /// The calendar of a panel.
    ///
    /// # Errors
    /// An unknown zone, or a start outside of [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub fn new(panel: &Panel) -> Result<Self> {
        let zone = TimeZone::get(panel.timezone())
            .map_err(|_| Error::invalid("timezone", panel.timezone(), "an IANA zone, such as Europe/Copenhagen"))?;
        let mut calendar = Self {
            zone,
            start: panel.start(),
            step: panel.step().0,
            first_day: 0,
            holidays: panel.holidays().clone(),
        };
        calendar.first_day = calendar.local(0)?.div_euclid(DAY);
        Ok(calendar)
    }

    /// Slots of a day.
    #[must_use]
    pub fn slots(&self) -> usize {
        ((DAY + self.step - 1) / self.step).max(1) as usize
    }

    /// Where row `row` stands; it may lie behind the panel's end.
    ///
    /// # Errors
    /// An instant outside of [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub fn moment(&self, row: usize) -> Result<Moment> {
        let local = self.local(row)?;
        let (day, time) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        // A clock that is set back over midnight would lead before the first day; such rows count to it.
        let since = (day - self.first_day).max(0);
        Ok(Moment {
            day: since as usize,
            slot: (time / self.step) as usize,
            weekday: self.holidays.weekday(day),
            hour: time as f64 / HOUR as f64,
        })
    }

    /// The weekday of local day `day`, Monday 0; holidays count as Sundays.
    #[must_use]
    pub fn weekday(&self, day: usize) -> u8 {
        self.holidays.weekday(self.first_day + day as i64)
    }

    /// Microseconds since 1970 on the local clock.
    fn local(&self, row: usize) -> Result<i64> {
        let instant = self.start.0 + self.step * row as i64;
        let offset = self.zone.to_offset(Timestamp(instant).to_jiff()?);
        Ok(instant + i64::from(offset.seconds()) * SECOND)
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};
    use ndarray::Array3;

    use super::*;

    fn calendar(start: &str, step: &str) -> Calendar {
        let channels = vec![Channel {
            name: "y".into(),
            role: ChannelRole::Target,
        }];
        let (start, step) = (start.parse().unwrap(), step.parse().unwrap());
        let values = Array3::zeros((1, 1, 1));
        Calendar::new(&Panel::new(start, step, "Europe/Copenhagen", vec!["a".into()], channels, values).unwrap())
            .unwrap()
    }

    #[test]
    fn the_clock_jumps_over_an_hour_in_march_and_repeats_one_in_october() {
        let march = calendar("2026-03-28T23:00:00Z", "1h");
        let hours: Vec<usize> = (0..4).map(|row| march.moment(row).unwrap().slot).collect();
        assert_eq!(hours, [0, 1, 3, 4]);
        let october = calendar("2026-10-24T22:00:00Z", "1h");
        let hours: Vec<usize> = (0..5).map(|row| october.moment(row).unwrap().slot).collect();
        assert_eq!(hours, [0, 1, 2, 2, 3]);
        assert_eq!(october.moment(24).unwrap().day, 0, "that day has 25 hours");
        assert_eq!(october.moment(25).unwrap().day, 1);
        assert_eq!(october.moment(0).unwrap().weekday, 6);
    }

    #[test]
    fn a_day_has_as_many_slots_as_steps_begin_in_it() {
        assert_eq!(calendar("2026-01-01T00:00:00Z", "5m").slots(), 288);
        assert_eq!(calendar("2026-01-01T00:00:00Z", "7m").slots(), 206);
        assert_eq!(calendar("2026-01-01T00:00:00Z", "7d").slots(), 1);
    }
}
