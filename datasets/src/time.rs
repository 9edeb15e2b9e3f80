//! UTC microseconds, durations and windows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;

/// The first and the last instant that can be written in every zone, for messages.
pub const INSTANTS: &str = "-009999-01-02T01:59:59Z to 9999-12-30T22:00:00Z";

/// Checks that `name` is a time zone.
///
/// # Errors
/// [`Error::Invalid`] of the field `timezone` for a name that the IANA database does not have.
pub fn check_zone(name: &str) -> Result<()> {
    match jiff::tz::TimeZone::get(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::invalid(
            "timezone",
            name,
            "an IANA zone, such as Europe/Copenhagen",
        )),
    }
}

/// Where the time of day comes from: an argument everywhere, so that tests never wait.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// An instant: microseconds since 1970-01-01T00:00:00Z. Displayed as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The start of the window of length `window` that holds this instant; windows are aligned to UTC.
    #[must_use]
    pub fn window_start(self, window: Duration) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(window.0)))
    }

    /// This instant as jiff's type.
    ///
    /// # Errors
    /// An instant outside of [`INSTANTS`].
    pub fn to_jiff(self) -> Result<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0)
            .map_err(|_| Error::invalid("timestamp", format!("{} us", self.0), INSTANTS))
    }

    /// Days since 1970-01-01 in UTC.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_jiff() {
            Ok(instant) => write!(formatter, "{instant}"),
            Err(_) => write!(formatter, "{} us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 with an offset.
    fn from_str(text: &str) -> Result<Self> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self(instant.as_microsecond()))
            .map_err(|_| {
                Error::invalid(
                    "timestamp",
                    text,
                    "RFC 3339 with an offset, such as 2026-01-31T08:00:00Z",
                )
            })
    }
}

/// A length of time in microseconds. Written as `5s`, `5m`, `24h`, `30d` or `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub i64);

impl Duration {
    const UNITS: [(&'static str, i64); 5] = [("ms", 1_000), ("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY)];
    /// The longest that is read, so that no instant plus or minus a duration leaves the range of either.
    const LONGEST: i64 = 36_500 * DAY;

    /// This duration in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 us")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// This duration as the standard library's type; negative ones are zero.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }
}

impl Duration {
    /// This duration for people, rounded down: `45 s`, `19 min`, `7 h` or `319 days`; negative ones are `0 s`.
    #[must_use]
    pub fn in_words(self) -> String {
        let seconds = self.0.max(0) / SECOND;
        match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            7_200..172_800 => format!("{} h", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Self::UNITS.iter().rev().find(|(_, size)| self.0 % size == 0);
        match unit {
            Some((name, size)) if self.0 != 0 => write!(formatter, "{}{name}", self.0 / size),
            Some(_) => formatter.write_str("0s"),
            None => write!(formatter, "{}us", self.0),
        }
    }
}

impl FromStr for Duration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(
                "duration",
                text,
                "a whole number and a unit, at most 36500d: 250ms, 5s, 5m, 24h, 30d",
            )
        };
        let split = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(refuse)?;
        let (digits, name) = text.split_at(split);
        let number: i64 = digits.parse().map_err(|_| refuse())?;
        let (_, size) = Self::UNITS
            .iter()
            .find(|(unit, _)| *unit == name.trim())
            .ok_or_else(refuse)?;
        let length = number.checked_mul(*size).filter(|&length| length <= Self::LONGEST);
        length.map(Self).ok_or_else(refuse)
    }
}

impl Serialize for Duration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_prints_in_its_largest_whole_unit() {
        for text in ["250ms", "5s", "5m", "24h", "36h", "30d"] {
            let duration: Duration = text.parse().unwrap();
            let again: Duration = duration.to_string().parse().unwrap();
            assert_eq!(duration, again, "{text}");
        }
        assert_eq!("90m".parse::<Duration>().unwrap().to_string(), "90m");
    }

    #[test]
    fn a_duration_in_words_is_one_number_that_people_can_grasp() {
        let words = |seconds: i64| Duration(seconds * SECOND).in_words();
        assert_eq!(
            [-1, 119, 900, 7_200, 172_800, 27_560_770].map(words),
            ["0 s", "119 s", "15 min", "2 h", "2 days", "318 days"]
        );
    }

    #[test]
    fn a_duration_without_unit_is_refused_with_what_is_accepted() {
        let error = "300".parse::<Duration>().unwrap_err().to_string();
        assert!(error.contains("300") && error.contains("5m"), "{error}");
    }

    #[test]
    fn a_duration_that_no_calendar_reaches_is_refused() {
        assert!("36500d".parse::<Duration>().is_ok());
        for long in ["36501d", "106751991d", "9223372036854775807h"] {
            let error = long.parse::<Duration>().unwrap_err().to_string();
            assert!(error.contains("at most 36500d"), "{error}");
        }
    }

    #[test]
    fn an_instant_that_cannot_be_written_names_the_first_and_the_last_that_can() {
        let refused = Timestamp(i64::MAX).to_jiff().unwrap_err().to_string();
        assert_eq!(
            refused,
            format!("`timestamp` is `9223372036854775807 us`, accepted: {INSTANTS}")
        );
        for end in INSTANTS.split(" to ") {
            let end: Timestamp = end.parse().unwrap();
            assert!(end.to_jiff().is_ok());
        }
        assert!("9999-12-31T00:00:00Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn no_instant_is_too_extreme_for_its_window() {
        let window = Duration(5 * MINUTE);
        assert_eq!(Timestamp(i64::MIN).window_start(window), Timestamp(i64::MIN));
        assert!(Timestamp(i64::MAX).window_start(window).0 % window.0 == 0);
    }

    #[test]
    fn windows_are_aligned_to_utc_before_and_after_1970() {
        let window: Duration = "5m".parse().unwrap();
        assert_eq!(Timestamp(-1).window_start(window), Timestamp(-5 * MINUTE));
        assert_eq!(Timestamp(5 * MINUTE).window_start(window), Timestamp(5 * MINUTE));
    }
}
