//! Times of day as people say them, by the local clock.

use arterial_datasets::time::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::words::Words;
use crate::alerts::settings::Language;

/// Tells instants of a city; the day is left out where it is the day of telling.
pub(super) struct Moments<'a> {
    language: Language,
    words: &'static Words,
    zone: &'a TimeZone,
    told_at: Timestamp,
}

impl<'a> Moments<'a> {
    pub(super) fn new(language: Language, zone: &'a TimeZone, told_at: Timestamp) -> Self {
        Self {
            language,
            words: Words::of(language),
            zone,
            told_at,
        }
    }

    pub(super) fn since(&self, at: Timestamp) -> String {
        self.say("since", at)
    }

    pub(super) fn end(&self, at: Timestamp) -> String {
        self.say("end", at)
    }

    pub(super) fn moment(&self, at: Timestamp) -> String {
        self.say("moment", at)
    }

    fn say(&self, id: &str, at: Timestamp) -> String {
        let (Ok(at), Ok(told_at)) = (at.to_jiff(), self.told_at.to_jiff()) else {
            return at.to_string();
        };
        let local = at.to_zoned(self.zone.clone());
        let (hour, minute) = (local.hour(), local.minute());
        let time = match self.language {
            Language::English | Language::Russian => format!("{hour:02}:{minute:02}"),
            Language::French => format!("{hour}\u{a0}h\u{a0}{minute:02}"),
        };
        let clock = self.clock(&local);
        if local.date() == told_at.to_zoned(self.zone.clone()).date() {
            return self.words.say(
                &format!("{id}-today"),
                &[("time", time.into()), ("clock", clock.into())],
            );
        }
        let month = self.words.say(&format!("month-{}", local.month()), &[]);
        let values = [
            ("time", time.into()),
            ("clock", clock.into()),
            ("day", local.day().to_string().into()),
            ("month", month.into()),
        ];
        self.words.say(&format!("{id}-day"), &values)
    }

    /// Whose clock it is, so that nobody takes it for UTC or for his own.
    fn clock(&self, local: &Zoned) -> String {
        let offset = || format!("UTC{}", local.offset());
        self.zone.iana_name().map_or_else(offset, str::to_owned)
    }
}
