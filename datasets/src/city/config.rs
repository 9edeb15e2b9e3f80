//! What a simulated city is made from.

use std::str::FromStr;

use super::network::STEP_SECONDS;
use crate::time::{Duration, MINUTE, SECOND, Timestamp};
use crate::{Error, Result};

/// How large the city is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CitySize {
    /// About 80 traffic sensors.
    Small,
    /// About 110 traffic sensors.
    #[default]
    Medium,
    /// About 160 traffic sensors.
    Large,
}

impl CitySize {
    /// The radial streets.
    #[must_use]
    pub fn radials(self) -> usize {
        match self {
            Self::Small => 4,
            Self::Medium => 8,
            Self::Large => 14,
        }
    }
}

impl FromStr for CitySize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "small" => Ok(Self::Small),
            "medium" => Ok(Self::Medium),
            "large" => Ok(Self::Large),
            _ => Err(Error::invalid("size", text, "small, medium, large")),
        }
    }
}

/// What a simulated city is made from. The same configuration gives the same bytes.
#[derive(Debug, Clone)]
pub struct CityConfig {
    /// Everything that is drawn is drawn from it.
    pub seed: u64,
    /// The first instant, UTC; events follow it.
    pub start: Timestamp,
    /// The IANA zone whose clock people follow; default `Europe/Paris`.
    pub timezone: String,
    /// How large it is; default medium.
    pub size: CitySize,
    /// How often each reporter reports: a multiple of 5 s; default 5 s. Longer ones report means over the interval; the
    /// traffic is the same whatever it is.
    pub report_interval: Duration,
    /// Latitude and longitude of the centre, degrees.
    pub centre: (f64, f64),
    /// Whether the weather changes; else it stays clear. Default true.
    pub weather: bool,
    /// From when on the weather is stormy: mostly heavy rain or snow, and much wind. Default: never.
    pub storms_from: Option<Timestamp>,
    /// Whether public holidays have the traffic of Sundays; default true.
    pub holidays: bool,
    /// Unplanned incidents a usual day; default 6.
    pub incidents_per_day: f64,
    /// Planned roadworks and events a week; default 6.
    pub planned_per_week: f64,
    /// Sensor faults a day; default 2.
    pub faults_per_day: f64,
}

impl Default for CityConfig {
    /// Seed 1, from Monday 2026-01-05T00:00:00Z.
    fn default() -> Self {
        Self {
            seed: 1,
            start: Timestamp(1_767_571_200 * SECOND),
            timezone: "Europe/Paris".into(),
            size: CitySize::default(),
            report_interval: Duration(5 * SECOND),
            centre: (47.0, 3.0),
            weather: true,
            storms_from: None,
            holidays: true,
            incidents_per_day: 6.0,
            planned_per_week: 6.0,
            faults_per_day: 2.0,
        }
    }
}

impl CityConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// A value outside what is accepted, named.
    pub fn check(&self) -> Result<()> {
        let step = STEP_SECONDS as i64 * SECOND;
        let interval = self.report_interval;
        if interval.0 < step || interval.0 % step != 0 || interval.0 > 60 * MINUTE || (60 * MINUTE) % interval.0 != 0 {
            return Err(Error::invalid(
                "interval",
                interval,
                "a multiple of 5s that divides an hour, such as 5s, 60s, 5m",
            ));
        }
        if self.start.0 % interval.0 != 0 {
            return Err(Error::invalid(
                "start",
                self.start,
                format!("a multiple of the interval, {interval}"),
            ));
        }
        for (name, value, most) in [
            ("incidents_per_day", self.incidents_per_day, 1000.0),
            ("planned_per_week", self.planned_per_week, 1000.0),
            ("faults_per_day", self.faults_per_day, 1000.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(Error::invalid(name, value, format!("0 to {most}")));
            }
        }
        let (lat, lon) = self.centre;
        if !(-80.0..=80.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
            return Err(Error::invalid(
                "centre",
                format!("{lat},{lon}"),
                "latitude -80 to 80, longitude -180 to 180",
            ));
        }
        Ok(())
    }

    /// Degrees of a place so many km east and north of the centre.
    #[must_use]
    pub fn degrees(&self, (east, north): (f64, f64)) -> (f64, f64) {
        let per_degree = 111.32;
        let (lat, lon) = self.centre;
        (
            lat + north / per_degree,
            lon + east / (per_degree * lat.to_radians().cos()),
        )
    }
}
