//! Times of files: ISO 8601 or another way of writing, with an offset or on a named clock.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::definition::{Ambiguous, TimeRule};
use crate::time::{HOUR, INSTANTS, Timestamp};
use crate::{Error, Result};

/// Reads the times of one file.
#[derive(Debug, Clone)]
pub struct FileClock {
    zone: TimeZone,
    rule: TimeRule,
}

impl TimeRule {
    /// Times in a zone.
    pub(super) fn in_zone(column: &str, zone: &str) -> Self {
        Self {
            column: column.into(),
            zone: Some(zone.into()),
            offset: None,
            format: None,
            hour: None,
            ambiguous: Ambiguous::Refuse,
        }
    }

    /// Checks zone and offset.
    pub(super) fn check(&self) -> Result<()> {
        self.clock().map(|_| ())
    }

    /// The clock that reads by this rule.
    pub(super) fn clock(&self) -> Result<FileClock> {
        let zone = match (&self.zone, &self.offset) {
            (Some(_), Some(offset)) => return Err(Error::invalid("offset", offset, "either `zone` or `offset`")),
            (Some(zone), None) => TimeZone::get(zone)
                .map_err(|_| Error::invalid("zone", zone, "an IANA zone, such as Europe/Copenhagen"))?,
            (None, Some(offset)) => fixed(offset)?,
            (None, None) => TimeZone::UTC,
        };
        Ok(FileClock {
            zone,
            rule: self.clone(),
        })
    }
}

/// Reads `+08:00` or `-05:30`.
fn fixed(text: &str) -> Result<TimeZone> {
    let refuse = || Error::invalid("offset", text, "a sign, hours and minutes, such as +08:00");
    let sign = match text.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(refuse()),
    };
    let (hours, minutes) = text[1..].split_once(':').ok_or_else(refuse)?;
    let hours: i32 = hours.parse().map_err(|_| refuse())?;
    let minutes: i32 = minutes.parse().map_err(|_| refuse())?;
    if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
        return Err(refuse());
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
        .map(TimeZone::fixed)
        .map_err(|_| refuse())
}

impl FileClock {
    /// The instant of a text, plus whole hours; the error says what is wrong with it.
    pub(super) fn read(&self, text: &str, hours: i64) -> std::result::Result<Timestamp, String> {
        let text = text.trim();
        if self.rule.format.is_none()
            && let Ok(instant) = text.parse::<jiff::Timestamp>()
        {
            return Ok(Timestamp(instant.as_microsecond() + hours * HOUR));
        }
        let naive = match &self.rule.format {
            Some(format) => jiff::fmt::strtime::parse(format, text)
                .and_then(|parsed| parsed.to_datetime().or_else(|_| Ok(parsed.to_date()?.at(0, 0, 0, 0)))),
            None => text.parse::<DateTime>(),
        };
        let naive = naive.map_err(|_| {
            let accepted = self
                .rule
                .format
                .as_deref()
                .unwrap_or("ISO 8601, such as 2026-01-31T08:00:00 or 2026-01-31 08:00:00Z");
            format!("is `{text}`, accepted: {accepted}")
        })?;
        self.place(naive, hours)
    }

    /// The instant of microseconds that count a clock without offset from 1970.
    pub(super) fn read_naive(&self, microseconds: i64) -> std::result::Result<Timestamp, String> {
        let naive = jiff::Timestamp::from_microsecond(microseconds)
            .map_err(|_| format!("is `{microseconds}`, accepted: microseconds of {INSTANTS}"))?;
        self.place(Offset::UTC.to_datetime(naive), 0)
    }

    fn place(&self, naive: DateTime, hours: i64) -> std::result::Result<Timestamp, String> {
        let naive = naive
            .checked_add(jiff::Span::new().hours(hours))
            .map_err(|_| format!("is `{naive}` plus {hours} hours, accepted: {INSTANTS}"))?;
        let candidates = self.zone.to_ambiguous_timestamp(naive);
        let clear = matches!(candidates.offset(), AmbiguousOffset::Unambiguous { .. });
        let instant = match self.rule.ambiguous {
            Ambiguous::Refuse if !clear => {
                return Err(format!(
                    "is `{naive}`, which the clock of the zone shows twice or never; accepted: another zone, a fixed `offset`, \
                     or `ambiguous = \"earlier\"`"
                ));
            }
            Ambiguous::Later => candidates.later(),
            Ambiguous::Earlier | Ambiguous::Refuse => candidates.earlier(),
        };
        instant
            .map(|instant| Timestamp(instant.as_microsecond()))
            .map_err(|_| format!("is `{naive}`, accepted: {INSTANTS}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rule: &TimeRule, text: &str, hours: i64) -> std::result::Result<String, String> {
        rule.clock()
            .unwrap()
            .read(text, hours)
            .map(|instant| instant.to_string())
    }

    #[test]
    fn naive_times_stand_on_the_clock_of_the_rule() {
        let zone = TimeRule::in_zone("t", "Europe/Copenhagen");
        assert_eq!(
            read(&zone, "2014-08-01 09:09:04.145", 0).unwrap(),
            "2014-08-01T07:09:04.145Z"
        );
        assert_eq!(read(&zone, "2014-08-01T09:00:00Z", 0).unwrap(), "2014-08-01T09:00:00Z");
        let offset = TimeRule {
            zone: None,
            offset: Some("+08:00".into()),
            ..TimeRule::in_zone("t", "UTC")
        };
        assert_eq!(read(&offset, "2013-03-01T00:00:00", 0).unwrap(), "2013-02-28T16:00:00Z");
    }

    #[test]
    fn a_date_and_an_hour_are_joined() {
        let rule = TimeRule {
            format: Some("%m/%d/%Y".into()),
            ..TimeRule::in_zone("t", "America/New_York")
        };
        assert_eq!(read(&rule, "1/2/2011", 23).unwrap(), "2011-01-03T04:00:00Z");
    }

    #[test]
    fn a_time_that_exists_twice_is_refused_or_chosen() {
        let rule = TimeRule::in_zone("t", "Europe/Copenhagen");
        assert!(read(&rule, "2014-10-26T02:30:00", 0).unwrap_err().contains("offset"));
        let earlier = TimeRule {
            ambiguous: Ambiguous::Earlier,
            ..rule
        };
        assert_eq!(
            read(&earlier, "2014-10-26T02:30:00", 0).unwrap(),
            "2014-10-26T00:30:00Z"
        );
    }
}
