//! The words around what a service says, in the language of its texts.

use arterial_datasets::time::{Duration, SECOND};
use arterial_models::alerts::{Language, counted_label, label};

/// Words in one language.
#[derive(Debug, Clone, Copy)]
pub struct Words(Language);

impl Words {
    /// The words of the language called `name`, English where it is none.
    pub fn of(name: &str) -> Self {
        Self(name.parse().unwrap_or(Language::English))
    }

    /// The message `id` with `values` in it.
    pub fn say(self, id: &str, values: &[(&str, &str)]) -> String {
        label(id, values, self.0).unwrap_or_else(|| id.to_owned())
    }

    /// The message `id` of `count` things, in the form that the language has for so many.
    pub fn counted(self, id: &str, count: f64) -> String {
        counted_label(id, count, self.0).unwrap_or_else(|| id.to_owned())
    }

    /// The word for `name`, one of the names of `group`; the name itself where a newer service has one that is not known here.
    pub fn name(self, group: &str, name: &str) -> String {
        label(&format!("{group}-{name}"), &[], self.0).unwrap_or_else(|| name.replace('_', " "))
    }

    /// A duration, rounded down as [`Duration::in_words`] does.
    pub fn lasting(self, duration: Duration) -> String {
        let seconds = duration.0.max(0) / SECOND;
        let (id, value) = match seconds {
            0..120 => ("lasting-seconds", seconds),
            120..7_200 => ("lasting-minutes", seconds / 60),
            7_200..172_800 => ("lasting-hours", seconds / 3_600),
            _ => ("lasting-days", seconds / 86_400),
        };
        self.say(id, &[("value", &value.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::{DAY, MINUTE};

    use super::*;

    #[test]
    fn a_name_that_is_not_known_is_said_as_it_is() {
        assert_eq!(Words::of("ru").name("state", "open"), "открыто");
        assert_eq!(Words::of("ru").name("state", "on_hold"), "on hold");
    }

    #[test]
    fn what_is_counted_has_the_form_of_its_number() {
        let lost = |language, hours| Words::of(language).counted("show-lost", hours);
        assert_eq!(lost("ru", 21.0), "21 машино-час");
        assert_eq!(lost("ru", 120.0), "120 машино-часов");
        assert_eq!(lost("ru", 0.5), "0,5 машино-часа");
        assert_eq!(lost("fr", 0.5), "0,5 heure-véhicule");
        assert_eq!(lost("en", 1.04), "1 vehicle-hour");
        assert_eq!(lost("en", f64::MAX).split(' ').next_back(), Some("vehicle-hours"));
    }

    #[test]
    fn english_durations_are_those_of_everywhere_else() {
        for duration in [30 * SECOND, 19 * MINUTE, 419 * MINUTE, 319 * DAY].map(Duration) {
            assert_eq!(Words::of("en").lasting(duration), duration.in_words());
        }
        assert_eq!(Words::of("fr").lasting(Duration(3 * DAY)), "3 j");
    }
}
