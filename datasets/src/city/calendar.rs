//! The city's local clock: hours, weekdays and holidays of its zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::time::Timestamp;
use crate::{Error, Result};

/// Fixed public holidays as month and day; movable ones are left out.
const HOLIDAYS: [(i8, i8); 8] = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];

/// What kind of day it is for traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Monday to Friday.
    Workday,
    /// Saturday.
    Saturday,
    /// Sunday, or a holiday.
    Sunday,
}

/// The local time of an instant.
#[derive(Debug, Clone, Copy)]
pub struct LocalTime {
    /// Hours since local midnight by the clock on the wall, 0..24.
    pub hour: f64,
    /// The local date.
    pub date: Date,
    /// What kind of day it is.
    pub kind: DayKind,
}

/// Converts instants to local time.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    holidays: bool,
}

impl Calendar {
    /// The clock of an IANA zone; `holidays` says whether holidays count as Sundays.
    ///
    /// # Errors
    /// A zone that does not exist.
    pub fn new(zone: &str, holidays: bool) -> Result<Self> {
        let zone =
            TimeZone::get(zone).map_err(|_| Error::invalid("timezone", zone, "an IANA zone, such as Europe/Paris"))?;
        Ok(Self { zone, holidays })
    }

    /// The local time at an instant.
    ///
    /// # Errors
    /// An instant outside of [`INSTANTS`](crate::time::INSTANTS).
    pub fn at(&self, instant: Timestamp) -> Result<LocalTime> {
        let local = instant.to_jiff()?.to_zoned(self.zone.clone());
        let date = local.date();
        let holiday = self.holidays && HOLIDAYS.contains(&(date.month(), date.day()));
        let kind = match date.weekday() {
            _ if holiday => DayKind::Sunday,
            jiff::civil::Weekday::Saturday => DayKind::Saturday,
            jiff::civil::Weekday::Sunday => DayKind::Sunday,
            _ => DayKind::Workday,
        };
        let time = local.time();
        let hour = f64::from(time.hour()) + f64::from(time.minute()) / 60.0 + f64::from(time.second()) / 3600.0;
        Ok(LocalTime { hour, date, kind })
    }
}

impl LocalTime {
    /// The height of the sun as the sine of its elevation at a latitude (degrees); negative by night.
    #[must_use]
    pub fn sun(&self, latitude: f64) -> f64 {
        let day = f64::from(self.date.day_of_year());
        let declination = -23.44_f64.to_radians() * (2.0 * std::f64::consts::PI * (day + 10.0) / 365.25).cos();
        let turned = (self.hour - 12.9) / 12.0 * std::f64::consts::PI;
        let latitude = latitude.to_radians();
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * turned.cos()
    }
}
