//! From a written time to an instant.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::options::{PanelOptions, UtcOffset};
use crate::time::{INSTANTS, SECOND};
use crate::{Error, Result};

const ACCEPTED: &str =
    "a time such as 2026-01-31T08:00:00, with or without an offset, or seconds or milliseconds since 1970";

/// Turns written times into UTC microseconds, and remembers which kinds it met.
#[derive(Debug, Clone)]
pub(super) struct PanelClock {
    zone: TimeZone,
    zone_name: String,
    fixed: Option<Offset>,
    /// Whether a time that the zone's clock skips or shows twice is read as before the change, not refused.
    forgiving: bool,
    /// Whether a time without offset was met.
    pub naive: bool,
}

impl PanelClock {
    pub(super) fn new(options: &PanelOptions) -> Result<Self> {
        let zone = TimeZone::get(&options.timezone)
            .map_err(|_| Error::invalid("timezone", &options.timezone, "an IANA zone, such as Europe/Copenhagen"))?;
        let fixed = options.utc_offset.map(UtcOffset::get);
        Ok(Self {
            zone,
            zone_name: options.timezone.clone(),
            fixed,
            forgiving: false,
            naive: false,
        })
    }

    /// This clock where a time that is skipped or shown twice is read at the offset before the change.
    pub(super) fn forgiving(self) -> Self {
        Self {
            forgiving: true,
            ..self
        }
    }

    /// What to try where the local clock jumps, or nothing where it never does.
    pub(super) fn hint(&self) -> &'static str {
        if self.naive && self.fixed.is_none() && self.zone_name != "UTC" {
            " (where the file runs evenly through clock changes, `--utc-offset` reads it, such as --utc-offset +10:00)"
        } else {
            ""
        }
    }

    /// Reads a text: RFC 3339 with an offset, a date with or without a time of day, or a count since 1970.
    pub(super) fn read(&mut self, text: &str) -> Result<i64, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("no time, accepted: {ACCEPTED}"));
        }
        let count = text.strip_suffix(".0").unwrap_or(text).parse();
        if let Some(instant) = count.ok().and_then(epoch) {
            return Ok(instant);
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(instant.as_microsecond());
        }
        let refuse = || format!("`{}` is no time, accepted: {ACCEPTED}", cut(text));
        if text.contains('[') {
            let zoned = text.parse::<jiff::Zoned>().map_err(|_| refuse())?;
            return Ok(zoned.timestamp().as_microsecond());
        }
        let civil = text.parse::<DateTime>().map_err(|_| refuse())?;
        self.place(civil)
    }

    /// The instant of a time without offset.
    pub(super) fn place(&mut self, civil: DateTime) -> Result<i64, String> {
        self.naive = true;
        let too_far = |_| format!("`{civil}` is outside {INSTANTS}");
        if let Some(offset) = self.fixed {
            return offset
                .to_timestamp(civil)
                .map(jiff::Timestamp::as_microsecond)
                .map_err(too_far);
        }
        let zone = &self.zone_name;
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset
                .to_timestamp(civil)
                .map(jiff::Timestamp::as_microsecond)
                .map_err(too_far),
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } if self.forgiving => before
                .to_timestamp(civil)
                .map(jiff::Timestamp::as_microsecond)
                .map_err(too_far),
            AmbiguousOffset::Gap { before, .. } => Err(format!(
                "`{civil}` does not exist in {zone}, accepted: times of that zone, or `--utc-offset {}` for files that \
                 run evenly through clock changes",
                UtcOffset::from(before)
            )),
            AmbiguousOffset::Fold { after, .. } => Err(format!(
                "`{civil}` exists twice in {zone}, accepted: times with an offset, or `--utc-offset {}` for files that \
                 run evenly through clock changes",
                UtcOffset::from(after)
            )),
        }
    }
}

/// The instant of a count since 1970: seconds (nine or ten digits) or milliseconds (thirteen), until the year 2286.
/// Numbers of other lengths are none, and neither is one that reads as a date and an hour, such as 2031013108.
pub(super) fn epoch(count: i64) -> Option<i64> {
    let (month, day, hour) = (count / 10_000 % 100, count / 100 % 100, count % 100);
    let date = (1_900_000_000..2_100_000_000).contains(&count)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24;
    match count {
        100_000_000..10_000_000_000 if !date => Some(count * SECOND),
        1_000_000_000_000..10_000_000_000_000 => Some(count * (SECOND / 1_000)),
        _ => None,
    }
}

/// The beginning of a cell, short enough for a message.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a cell may hold; in any case.
const NUMBERS: &str = "a number such as 57.5, or where it is missing nothing, `NA`, `NaN` or `null`";

/// Reads a cell as a number; NaN where it is missing.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text.eq_ignore_ascii_case("na") {
        return Ok(f64::NAN);
    }
    match text.parse::<f64>() {
        Ok(value) if !value.is_infinite() => Ok(value),
        Ok(_) => Err(format!("`{}` is not finite, accepted: {NUMBERS}", cut(text))),
        Err(_) => Err(format!(
            "`{}` is no number, accepted: {NUMBERS}{}",
            cut(text),
            decimal_comma(text)
        )),
    }
}

/// What to write instead where `text` would be a number if its comma were a point; nothing elsewhere.
fn decimal_comma(text: &str) -> String {
    let mended = text.replacen(',', ".", 1);
    if text.contains(',') && mended.parse::<f64>().is_ok() {
        format!("; decimal commas are not read: write {}", cut(&mended))
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str) -> PanelClock {
        PanelClock::new(&PanelOptions {
            timezone: zone.into(),
            ..PanelOptions::default()
        })
        .unwrap()
    }

    #[test]
    fn times_are_read_with_and_without_offset() {
        let mut clock = clock("Europe/Copenhagen");
        let expected = "2026-07-01T06:00:00Z".parse::<crate::time::Timestamp>().unwrap().0;
        for text in [
            "2026-07-01T08:00:00",
            "2026-07-01 08:00:00",
            "2026-07-01 08:00",
            "2026-07-01T06:00:00Z",
            "2026-07-01T07:00:00+01:00",
            "2026-07-01T08:00:00.000000",
            "2026-07-01T08:00:00+02:00[Europe/Copenhagen]",
        ] {
            assert_eq!(clock.read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn counts_since_1970_are_instants_unless_they_could_be_something_else() {
        let mut clock = clock("Europe/Copenhagen");
        let expected = "2026-07-01T06:00:00Z".parse::<crate::time::Timestamp>().unwrap().0;
        for text in ["1782885600", "1782885600.0", "1782885600000"] {
            assert_eq!(clock.read(text), Ok(expected), "{text}");
        }
        assert!(!clock.naive, "a count stands in no zone");
        assert_eq!(clock.read("20260701"), clock.read("2026-07-01"));
        for text in ["2026070108", "202607010800", "20260701080000", "12345", "-1782885600"] {
            assert!(clock.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_that_is_skipped_or_repeated_is_refused_with_a_hint() {
        let mut clock = clock("Europe/Copenhagen");
        let skipped = clock.read("2026-03-29T02:30:00").unwrap_err();
        assert!(
            skipped.contains("does not exist") && skipped.contains("--utc-offset +01:00"),
            "{skipped}"
        );
        let repeated = clock.read("2026-10-25T02:30:00").unwrap_err();
        assert!(
            repeated.contains("exists twice") && repeated.contains("--utc-offset +01:00"),
            "{repeated}"
        );
    }

    #[test]
    fn cells_are_numbers_or_missing() {
        for missing in ["", "NaN", "nan", " null ", "NA", "na"] {
            assert!(number(missing).unwrap().is_nan(), "{missing}");
        }
        assert_eq!(number(" -1.5e3 "), Ok(-1500.0));
        let refused = number("n/a").unwrap_err();
        assert!(
            refused.contains("`n/a`") && refused.contains("`NA`, `NaN` or `null`"),
            "{refused}"
        );
        assert!(number("inf").is_err() && number("1e999").is_err() && number("abc").is_err());
    }

    #[test]
    fn a_decimal_comma_is_told_from_other_texts_and_how_to_mend_it() {
        for (text, mended) in [("50,14", "50.14"), ("-0,5", "-0.5"), (",5", ".5")] {
            let refused = number(text).unwrap_err();
            let hint = format!("; decimal commas are not read: write {mended}");
            assert!(refused.ends_with(&hint), "{refused}");
        }
        for text in ["1,234.5", "1,234,567", "a,b", "fast"] {
            let refused = number(text).unwrap_err();
            assert!(!refused.contains("decimal"), "{refused}");
        }
    }
}
