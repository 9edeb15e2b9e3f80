//! Public holidays: days on which a city lives as on a Sunday.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;

use crate::{Error, Result};

/// 1970-01-01 was a Thursday.
const FIRST_WEEKDAY: i64 = 3;
const SUNDAY: u8 = 6;

/// The holidays of a place, by its local calendar. They are known ahead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    /// Local days since 1970-01-01.
    days: BTreeSet<i64>,
}

impl FromIterator<Date> for Holidays {
    fn from_iter<T: IntoIterator<Item = Date>>(dates: T) -> Self {
        Self {
            days: dates.into_iter().map(Self::day).collect(),
        }
    }
}

impl Holidays {
    /// Reads a file with one date a line, such as `2026-12-25`; what stands behind a space or a comma is its name, and
    /// lines that begin with `#` are remarks.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that does not begin with a date: the error names it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.into(),
            source,
        })?;
        let mut dates = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let first = line.split([',', ' ', '\t']).next().unwrap_or_default();
            let date: Date = first.parse().map_err(|_| {
                let field = format!("line {number} of {}", path.display());
                Error::invalid(field, line, "a date such as 2026-12-25, and its name behind a comma")
            })?;
            dates.push(date);
        }
        Ok(dates.into_iter().collect())
    }

    /// Days from 1970-01-01 to `date`.
    #[must_use]
    pub fn day(date: Date) -> i64 {
        date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
    }

    /// Whether the local day `day` since 1970-01-01 is a holiday.
    #[must_use]
    pub fn contains(&self, day: i64) -> bool {
        self.days.contains(&day)
    }

    /// The weekday, Monday 0, as which the local day `day` since 1970-01-01 counts: 6 for a holiday.
    #[must_use]
    pub fn weekday(&self, day: i64) -> u8 {
        if self.contains(day) {
            SUNDAY
        } else {
            u8::try_from((day + FIRST_WEEKDAY).rem_euclid(7)).unwrap_or(SUNDAY)
        }
    }

    /// Local days since 1970-01-01, increasing.
    pub fn days(&self) -> impl Iterator<Item = i64> {
        self.days.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_holiday_counts_as_a_sunday_and_other_days_as_themselves() {
        let file = file("# Denmark\n2026-12-25,Christmas\n\n2027-01-01 New Year\n");
        let holidays = Holidays::read(file.path()).unwrap();
        let day = |date: &str| Holidays::day(date.parse().unwrap());
        assert_eq!(holidays.weekday(day("2026-12-25")), 6, "a Friday");
        assert_eq!(holidays.weekday(day("2027-01-01")), 6);
        assert_eq!(holidays.weekday(day("2026-12-28")), 0);
        assert!(holidays.contains(day("2026-12-25")) && !holidays.contains(day("2026-12-27")));
        assert_eq!(Holidays::default().weekday(day("2026-12-25")), 4);
        assert_eq!(Holidays::default().weekday(0), 3);
        assert_eq!(Holidays::default().weekday(-1), 2);
    }

    #[test]
    fn a_line_without_a_date_is_named() {
        let file = file("2026-12-25\n25.12.2027 Christmas\n");
        let error = Holidays::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("25.12.2027"), "{error}");
    }
}
