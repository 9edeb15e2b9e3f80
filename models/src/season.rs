//! The local clock: which slot of the day and of the week an instant lies in, and the same clock time on another day.

use arterial_datasets::panel::{Holidays, Panel};
use arterial_datasets::time::{DAY, Duration, INSTANTS, SECOND, Timestamp};
use jiff::ToSpan;
use jiff::tz::TimeZone;

use crate::{Error, Result};

/// Days in a week.
pub const WEEK: usize = 7;

/// The clock of a zone, cut into slots of one step.
#[derive(Debug, Clone)]
pub struct LocalClock {
    zone: TimeZone,
    step: Duration,
    slots: usize,
    holidays: Holidays,
}

/// A place in the week by the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The day of the week, Monday 0; holidays count as Sundays.
    pub weekday: usize,
    /// The slot of the day, midnight 0. In the hour that a clock change repeats, slots come twice.
    pub slot: usize,
}

/// A date and time by the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The month, January 1.
    pub month: i64,
    /// The day of the week, Monday 0; holidays count as Sundays.
    pub weekday: usize,
    /// The day of the week by the calendar, Monday 0, on holidays, too.
    pub calendar_weekday: usize,
    /// Whether it is a holiday.
    pub is_holiday: bool,
    /// Seconds since midnight, as the clock shows them.
    pub second: i64,
}

impl LocalClock {
    /// The clock of `timezone`, which knows no holidays, in slots of `step`; steps of a day and more have one slot a day.
    ///
    /// # Errors
    /// An unknown zone or a step that is not positive.
    pub fn new(timezone: &str, step: Duration) -> Result<Self> {
        let zone = TimeZone::get(timezone)
            .map_err(|_| Error::invalid("timezone", timezone, "an IANA zone, such as Europe/Copenhagen"))?;
        if step.0 <= 0 {
            return Err(Error::invalid("step", step, "a positive duration, such as 5m"));
        }
        let slots = (DAY + step.0 - 1) / step.0;
        Ok(Self {
            zone,
            step,
            slots: usize::try_from(slots).unwrap_or(1).max(1),
            holidays: Holidays::default(),
        })
    }

    /// The same clock with days that count as Sundays.
    #[must_use]
    pub fn with_holidays(self, holidays: &Holidays) -> Self {
        Self {
            holidays: holidays.clone(),
            ..self
        }
    }

    /// The clock of `panel`.
    ///
    /// # Errors
    /// An unknown zone.
    pub fn of(panel: &Panel) -> Result<Self> {
        Ok(Self::new(panel.timezone(), panel.step())?.with_holidays(panel.holidays()))
    }

    /// Slots in a day.
    #[must_use]
    pub fn slots_per_day(&self) -> usize {
        self.slots
    }

    /// The slot that `instant` lies in.
    ///
    /// # Errors
    /// An instant outside of [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub fn slot(&self, instant: Timestamp) -> Result<Slot> {
        let local = self.local_time(instant)?;
        Ok(Slot {
            weekday: local.weekday,
            slot: self.slot_of_day(local),
        })
    }

    /// The slot of the day that `time` lies in.
    #[must_use]
    pub fn slot_of_day(&self, time: LocalTime) -> usize {
        let slot = time.second * SECOND / self.step.0;
        usize::try_from(slot).unwrap_or(0).min(self.slots - 1)
    }

    /// What the clock shows at `instant`.
    ///
    /// # Errors
    /// An instant outside of [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub fn local_time(&self, instant: Timestamp) -> Result<LocalTime> {
        let local = self.zone.to_datetime(instant.to_jiff()?);
        let day = Holidays::day(local.date());
        Ok(LocalTime {
            month: i64::from(local.month()),
            weekday: usize::from(self.holidays.weekday(day)),
            calendar_weekday: local.date().weekday().to_monday_zero_offset() as usize,
            is_holiday: self.holidays.contains(day),
            second: i64::from(local.hour()) * 3600 + i64::from(local.minute()) * 60 + i64::from(local.second()),
        })
    }

    /// The slots of rows `rows` of `panel`; rows may lie behind its last one.
    ///
    /// # Errors
    /// Instants outside of [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub fn slots(&self, panel: &Panel, rows: std::ops::Range<usize>) -> Result<Vec<Slot>> {
        rows.map(|row| self.slot(panel.time(row))).collect()
    }

    /// The instant that showed the same local clock time `days` days before `instant`. A time that a clock change
    /// skipped moves forward by the change; of a time that came twice, the first is taken.
    ///
    /// # Errors
    /// Instants outside of [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub fn days_before(&self, instant: Timestamp, days: usize) -> Result<Timestamp> {
        let outside = |_| Error::invalid("days", days, format!("few enough to stay within {INSTANTS}"));
        let span = i64::try_from(days).unwrap_or(i64::MAX).min(4_000_000).days();
        let local = self
            .zone
            .to_datetime(instant.to_jiff()?)
            .checked_sub(span)
            .map_err(outside)?;
        let zoned = self.zone.to_ambiguous_zoned(local).compatible().map_err(outside)?;
        Ok(Timestamp(zoned.timestamp().as_microsecond()))
    }

    /// Whether the clock is changed behind `from` and up to `until`; also where one of them lies outside of
    /// [`INSTANTS`](arterial_datasets::time::INSTANTS).
    pub(crate) fn is_changed(&self, from: Timestamp, until: Timestamp) -> bool {
        let (Ok(from), Ok(until)) = (from.to_jiff(), until.to_jiff()) else {
            return true;
        };
        let next = self.zone.following(from).next();
        next.is_some_and(|change| change.timestamp() <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copenhagen() -> LocalClock {
        LocalClock::new("Europe/Copenhagen", "5m".parse().unwrap()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn eight_in_the_morning_is_the_same_slot_in_winter_and_summer() {
        let winter = copenhagen().slot(at("2026-03-23T07:00:00Z")).unwrap();
        let summer = copenhagen().slot(at("2026-03-30T06:00:00Z")).unwrap();
        assert_eq!(winter, summer);
        assert_eq!((winter.weekday, winter.slot), (0, 8 * 12));
    }

    #[test]
    fn a_holiday_counts_as_a_sunday_and_keeps_its_weekday_by_the_calendar() {
        let christmas: jiff::civil::Date = "2026-12-25".parse().unwrap();
        let holidays: Holidays = [christmas].into_iter().collect();
        let clock = copenhagen().with_holidays(&holidays);
        let friday = clock.local_time(at("2026-12-25T11:00:00Z")).unwrap();
        assert_eq!(
            (friday.weekday, friday.calendar_weekday, friday.is_holiday),
            (6, 4, true)
        );
        let sunday = clock.local_time(at("2026-12-27T11:00:00Z")).unwrap();
        assert_eq!(
            (sunday.weekday, sunday.calendar_weekday, sunday.is_holiday),
            (6, 6, false)
        );
    }

    #[test]
    fn a_week_before_follows_the_clock_across_its_change() {
        let before = copenhagen().days_before(at("2026-03-30T06:00:00Z"), 7).unwrap();
        assert_eq!(before, at("2026-03-23T07:00:00Z"));
    }

    #[test]
    fn a_clock_is_changed_from_the_moment_of_its_change_on() {
        let [before, change] = [at("2026-03-29T00:59:59Z"), at("2026-03-29T01:00:00Z")];
        assert!(copenhagen().is_changed(before, change));
        assert!(!copenhagen().is_changed(change, at("2026-10-25T00:59:59Z")));
        assert!(copenhagen().is_changed(change, at("2026-10-25T01:00:00Z")));
        let utc = LocalClock::new("UTC", "5m".parse().unwrap()).unwrap();
        assert!(!utc.is_changed(before, at("2026-12-31T00:00:00Z")));
    }

    #[test]
    fn a_skipped_time_moves_forward() {
        let before = copenhagen().days_before(at("2026-03-30T00:30:00Z"), 1).unwrap();
        assert_eq!(before, at("2026-03-29T01:30:00Z"));
    }
}
