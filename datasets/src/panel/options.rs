//! What a reader is told about a file beyond what the file says itself.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::time::Duration;
use crate::{Error, Result};

/// How a panel is read from files. Every default refuses rather than guesses.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelOptions {
    /// The IANA zone of naive times, whose clock seasonality follows. Default `UTC`.
    pub timezone: String,
    /// A fixed offset at which naive times are read instead. Default: none.
    pub utc_offset: Option<UtcOffset>,
    /// The time between rows, only where the file does not show it. Default: the usual one of the file.
    pub step: Option<Duration>,
    /// The grid that uneven times are put on: each row at the start of its step, with the mean of those that share it.
    /// Takes the place of `step` and `duplicates`. Default: none, uneven times are refused.
    pub resample: Option<Duration>,
    /// Whether 0 is missing in the target. Default: no.
    pub missing_zero: bool,
    /// What happens to repeated times. Default: refused.
    pub duplicates: Duplicates,
    /// What happens to rows that are absent on an otherwise regular grid. Default: refused.
    pub gaps: Gaps,
    /// A graph over the series: a square matrix, or edges. Default: none.
    pub graph: Option<PathBuf>,
    /// A second panel, known up to the origin. Default: none.
    pub covariates: Option<PathBuf>,
    /// A second panel, known ahead; its rows beyond the last one of the first are read, too. Default: none.
    pub known_covariates: Option<PathBuf>,
    /// Static attributes of the series, and in a column `zone_id` their zones. Default: none.
    pub attributes: Option<PathBuf>,
    /// Days that count as Sundays. Default: none.
    pub holidays: Option<PathBuf>,
}

impl Default for PanelOptions {
    fn default() -> Self {
        Self {
            timezone: "UTC".into(),
            utc_offset: None,
            step: None,
            resample: None,
            missing_zero: false,
            duplicates: Duplicates::Refuse,
            gaps: Gaps::Refuse,
            graph: None,
            covariates: None,
            known_covariates: None,
            attributes: None,
            holidays: None,
        }
    }
}

impl PanelOptions {
    /// The time between rows, where it is said rather than seen.
    pub(super) fn fixed_step(&self) -> Option<Duration> {
        self.resample.or(self.step)
    }

    /// What happens to rows that share a time.
    pub(super) fn merging(&self) -> Duplicates {
        match self.resample {
            Some(_) => Duplicates::Mean,
            None => self.duplicates,
        }
    }
}

/// What happens to repeated times of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// They are an error.
    #[default]
    Refuse,
    /// The first one counts.
    First,
    /// The last one counts.
    Last,
    /// Their mean counts, missing ones apart.
    Mean,
}

impl FromStr for Duplicates {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            "mean" => Ok(Self::Mean),
            _ => Err(Error::invalid("duplicates", text, "refuse, first, last, mean")),
        }
    }
}

/// What happens to rows that are absent on an otherwise regular grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// They are an error.
    #[default]
    Refuse,
    /// They are inserted, with every value missing.
    Missing,
}

impl FromStr for Gaps {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "missing" => Ok(Self::Missing),
            _ => Err(Error::invalid("gaps", text, "refuse, missing")),
        }
    }
}

/// A fixed distance from UTC, written `+10:00`, `-03:30` or `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcOffset(jiff::tz::Offset);

impl UtcOffset {
    pub(super) fn get(self) -> jiff::tz::Offset {
        self.0
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.abs() / 60;
        write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl From<jiff::tz::Offset> for UtcOffset {
    fn from(offset: jiff::tz::Offset) -> Self {
        Self(offset)
    }
}

impl FromStr for UtcOffset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || Error::invalid("utc-offset", text, "an offset from UTC, such as +10:00, -03:30 or Z");
        if text == "Z" {
            return Ok(Self(jiff::tz::Offset::UTC));
        }
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(refuse()),
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
        let number = |digits: &str, limit: i32| match digits.parse::<u8>() {
            Ok(number) if digits.len() == 2 && i32::from(number) <= limit => Ok(i32::from(number)),
            _ => Err(refuse()),
        };
        let seconds = sign * (number(hours, 14)? * 3600 + number(minutes, 59)? * 60);
        jiff::tz::Offset::from_seconds(seconds).map(Self).map_err(|_| refuse())
    }
}
