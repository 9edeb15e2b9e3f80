//! Event times: RFC 3339, and civil times in the stream's zone.
//!
//! Read are `2026-01-31T08:00:00`, with a space or `t` for `T`, with or without a fraction (beyond microseconds it is
//! cut), and then `Z`, `z`, `+01:00`, `+0100` or `+01`; without one of these it is the clock of the stream's zone. The
//! second 60 is read as 59, since neither microseconds since 1970 nor windows know leap seconds.

use arterial_datasets::time::{DAY, HOUR, MINUTE, SECOND};
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// What is wrong with an event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFlaw {
    /// Not of the accepted shape, or a date that no calendar has.
    Unreadable,
    /// The clocks of the zone were put forward over it.
    Skipped,
    /// The clocks of the zone were put back over it.
    Twice,
}

/// Reads event times of one stream.
#[derive(Debug)]
pub(super) struct TimeReader {
    zone: TimeZone,
    is_utc: bool,
    /// The last civil date: its ten bytes and its days since 1970.
    date: ([u8; 10], i64),
    /// The last civil hour (microseconds since 1970 on the zone's clock) and its offset, where the hour has only one.
    hour: Option<(i64, i64)>,
}

impl TimeReader {
    /// A reader of civil times in `zone`.
    pub fn new(zone: TimeZone) -> Self {
        let is_utc = zone == TimeZone::UTC || zone.iana_name().is_some_and(|name| matches!(name, "UTC" | "Etc/UTC"));
        Self {
            zone,
            is_utc,
            date: (*b"1970-01-01", 0),
            hour: None,
        }
    }

    /// The instant of `text` in UTC microseconds.
    ///
    /// # Errors
    /// A text that is no instant.
    #[inline]
    pub fn read(&mut self, text: &[u8]) -> Result<i64, TimeFlaw> {
        let (clock, rest) = self.clock(text).ok_or(TimeFlaw::Unreadable)?;
        match rest {
            [b'Z' | b'z'] => Ok(clock),
            [] if self.is_utc => Ok(clock),
            [] => self.civil(clock),
            _ => offset(rest).map(|offset| clock - offset).ok_or(TimeFlaw::Unreadable),
        }
    }

    /// Date and time of day as microseconds, and what stands behind them.
    #[inline]
    fn clock<'a>(&mut self, text: &'a [u8]) -> Option<(i64, &'a [u8])> {
        let (date, rest) = text.split_first_chunk::<10>()?;
        let (time, rest) = rest.split_first_chunk::<9>()?;
        let days = self.days(date)?;
        let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = *time else {
            return None;
        };
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let clock = days * DAY + hour * HOUR + minute * MINUTE + second.min(59) * SECOND;
        match rest.split_first() {
            Some((b'.', digits)) => fraction(digits).map(|(part, rest)| (clock + part, rest)),
            _ => Some((clock, rest)),
        }
    }

    /// Days since 1970; producers repeat the date, so the last one is kept.
    #[inline]
    fn days(&mut self, date: &[u8; 10]) -> Option<i64> {
        if self.date.0 == *date {
            return Some(self.date.1);
        }
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
            return None;
        };
        let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
        let date_of = civil::Date::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        );
        let midnight = TimeZone::UTC
            .to_timestamp(date_of.ok()?.to_datetime(civil::Time::midnight()))
            .ok()?;
        self.date = (*date, midnight.as_microsecond() / DAY);
        Some(self.date.1)
    }

    /// The instant at which the zone's clocks show `clock`.
    fn civil(&mut self, clock: i64) -> Result<i64, TimeFlaw> {
        let start = clock.div_euclid(HOUR) * HOUR;
        if let Some((hour, offset)) = self.hour
            && hour == start
        {
            return Ok(clock - offset);
        }
        // An hour whose two ends stand at one and the same offset has no change of clocks inside.
        if let (Ok(first), Ok(last)) = (self.offset_at(start), self.offset_at(start + HOUR))
            && first == last
        {
            self.hour = Some((start, first));
            return Ok(clock - first);
        }
        self.offset_at(clock).map(|offset| clock - offset)
    }

    fn offset_at(&self, clock: i64) -> Result<i64, TimeFlaw> {
        let civil = jiff::Timestamp::from_microsecond(clock)
            .map(|instant| TimeZone::UTC.to_datetime(instant))
            .map_err(|_| TimeFlaw::Unreadable)?;
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(i64::from(offset.seconds()) * SECOND),
            AmbiguousOffset::Gap { .. } => Err(TimeFlaw::Skipped),
            AmbiguousOffset::Fold { .. } => Err(TimeFlaw::Twice),
        }
    }
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// The microseconds of a fraction's digits, and what stands behind them.
#[inline]
fn fraction(digits: &[u8]) -> Option<(i64, &[u8])> {
    let length = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let part = (0..6).fold(0, |part, place| {
        let digit = if place < length { digits[place] - b'0' } else { 0 };
        part * 10 + i64::from(digit)
    });
    Some((part, &digits[length..]))
}

/// The microseconds east of UTC of `+01:00`, `+0100` or `+01`.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = text.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = match *rest {
        [h1, h2] => (two(h1, h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader(zone: &str) -> TimeReader {
        TimeReader::new(TimeZone::get(zone).unwrap())
    }

    fn jiff_says(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn every_accepted_shape_is_the_same_instant() {
        let expected = jiff_says("2026-01-31T08:00:00.250Z");
        for text in [
            "2026-01-31T08:00:00.25Z",
            "2026-01-31t08:00:00.250z",
            "2026-01-31 08:00:00.250000Z",
            "2026-01-31T08:00:00.2500009Z",
            "2026-01-31T09:00:00.25+01:00",
            "2026-01-31T09:00:00.25+0100",
            "2026-01-31T09:00:00.25+01",
            "2026-01-31T02:30:00.25-05:30",
            "2026-01-31T08:00:00.25",
        ] {
            assert_eq!(reader("UTC").read(text.as_bytes()), Ok(expected), "{text}");
        }
        assert_eq!(
            reader("Europe/Copenhagen").read(b"2026-01-31T09:00:00.25"),
            Ok(expected)
        );
    }

    #[test]
    fn what_no_calendar_has_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T08:00",
            "2026-01-31T08:00Z",
            "2026-02-29T08:00:00Z",
            "2026-13-01T08:00:00Z",
            "2026-00-01T08:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T08:60:00Z",
            "2026-01-31T08:00:61Z",
            "2026-01-31T08:00:00.Z",
            "2026-01-31T08:00:00+",
            "2026-01-31T08:00:00+1",
            "2026-01-31T08:00:00+24:00",
            "2026-01-31T08:00:00ZZ",
            "2026-01-31T08:00:00Z ",
            " 2026-01-31T08:00:00Z",
            "2026-01-31_08:00:00Z",
            "2026/01/31T08:00:00Z",
            "20260131T080000Z",
            "1769846400",
            "2026-01-31T08:00:00[Europe/Paris]",
            "+026-01-31T08:00:00Z",
        ] {
            assert_eq!(reader("UTC").read(text.as_bytes()), Err(TimeFlaw::Unreadable), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_before() {
        assert_eq!(
            reader("UTC").read(b"2016-12-31T23:59:60Z"),
            Ok(jiff_says("2016-12-31T23:59:59Z"))
        );
    }

    #[test]
    fn times_that_the_clocks_skip_or_show_twice_are_refused() {
        let mut copenhagen = reader("Europe/Copenhagen");
        assert_eq!(
            copenhagen.read(b"2026-03-29T01:59:59"),
            Ok(jiff_says("2026-03-29T00:59:59Z"))
        );
        assert_eq!(copenhagen.read(b"2026-03-29T02:00:00"), Err(TimeFlaw::Skipped));
        assert_eq!(copenhagen.read(b"2026-03-29T02:59:59"), Err(TimeFlaw::Skipped));
        assert_eq!(
            copenhagen.read(b"2026-03-29T03:00:00"),
            Ok(jiff_says("2026-03-29T01:00:00Z"))
        );
        assert_eq!(
            copenhagen.read(b"2026-10-25T01:59:59"),
            Ok(jiff_says("2026-10-24T23:59:59Z"))
        );
        assert_eq!(copenhagen.read(b"2026-10-25T02:30:00"), Err(TimeFlaw::Twice));
        assert_eq!(
            copenhagen.read(b"2026-10-25T02:30:00+02:00"),
            Ok(jiff_says("2026-10-25T00:30:00Z"))
        );
        assert_eq!(
            copenhagen.read(b"2026-10-25T03:00:00"),
            Ok(jiff_says("2026-10-25T02:00:00Z"))
        );
        let mut lord_howe = reader("Australia/Lord_Howe");
        assert_eq!(
            lord_howe.read(b"2026-10-04T01:59:00"),
            Ok(jiff_says("2026-10-03T15:29:00Z"))
        );
        assert_eq!(lord_howe.read(b"2026-10-04T02:15:00"), Err(TimeFlaw::Skipped));
        assert_eq!(
            lord_howe.read(b"2026-10-04T02:30:00"),
            Ok(jiff_says("2026-10-03T15:30:00Z"))
        );
    }

    proptest! {
        #[test]
        fn instants_are_read_as_jiff_reads_them(
            micros in -62_000_000_000_000_000_i64..250_000_000_000_000_000,
            minutes in -1439_i32..1440,
            digits in 0_usize..10,
        ) {
            let instant = jiff::Timestamp::from_microsecond(micros).unwrap();
            let fixed = TimeZone::fixed(jiff::tz::Offset::from_seconds(minutes * 60).unwrap());
            let civil = fixed.to_datetime(instant);
            prop_assume!((0..=9999).contains(&civil.year()));
            let fraction = format!("{:09}", civil.subsec_nanosecond());
            let fraction = if digits == 0 { String::new() } else { format!(".{}", &fraction[..digits]) };
            let (sign, size) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
            let text = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{sign}{:02}:{:02}",
                civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second(), size / 60, size % 60,
            );
            prop_assert_eq!(reader("UTC").read(text.as_bytes()), Ok(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond().div_euclid(1000) as i64), "{}", text);
        }

        #[test]
        fn civil_times_are_read_as_jiff_reads_them(clocks in prop::collection::vec(946_684_800_i64..2_500_000_000, 1..8), zone in prop::sample::select(vec!["Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"])) {
            let mut reader = reader(zone);
            let zone = TimeZone::get(zone).unwrap();
            for clock in clocks {
                let civil = TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(clock).unwrap());
                let known = zone.to_ambiguous_timestamp(civil);
                let expected = known.is_ambiguous().then_some(()).map_or_else(|| Some(known.compatible().unwrap().as_microsecond()), |()| None);
                prop_assert_eq!(reader.read(civil.to_string().as_bytes()).ok(), expected, "{}", civil);
            }
        }
    }
}
