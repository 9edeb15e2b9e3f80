//! The free-flow speed of each sensor, from its own past.

use std::collections::VecDeque;

use arterial_datasets::time::Timestamp;
use hashbrown::HashMap;

/// UTC days that a free-flow speed looks back, the window's own day included.
pub const FREE_FLOW_DAYS: i64 = 28;
/// The share of window mean speeds that lie at or below the free-flow speed.
pub const FREE_FLOW_PERCENTILE: f64 = 0.85;
/// Speeds from here on share the last class, in km/h.
pub(super) const LAST_CLASS: u8 = 250;

/// Window mean speeds of the last 28 UTC days per sensor, in classes of 1 km/h.
///
/// The free-flow speed is the middle of the class that holds the 85th percentile, so it is exact to 0.5 km/h.
///
/// # Memory
/// Four bytes a class and day that occurred: at most 28 x 251 x 4 = 28 kB a sensor, 4 kB where speeds vary over 30 km/h.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FreeFlow {
    sensors: HashMap<String, VecDeque<Day>>,
}

/// One UTC day of one sensor: classes and how often each occurred, by class.
#[derive(Debug, Clone, PartialEq)]
struct Day {
    day: i64,
    counts: Vec<(u8, u16)>,
}

impl FreeFlow {
    /// Takes in the mean speed of a sensor's window. Speeds that are missing or negative are passed over, and so are
    /// windows from before the days that are kept. The order of windows does not matter.
    pub fn observe(&mut self, sensor: &str, window_start: Timestamp, speed: f64) {
        let Some(class) = class(speed) else { return };
        if let Some(known) = self.day(sensor, window_start.day()) {
            known.change(class, 1);
        }
    }

    /// Takes in a whole UTC day of a sensor: classes and how often each occurred, by class.
    pub(super) fn enter(&mut self, sensor: &str, day: i64, counts: Vec<(u8, u16)>) {
        if let Some(known) = self.day(sensor, day) {
            known.counts = counts;
        }
    }

    /// What is kept of a sensor's day; nothing of one from before the days that are kept. Days that are too old are dropped.
    fn day(&mut self, sensor: &str, day: i64) -> Option<&mut Day> {
        if !self.sensors.contains_key(sensor) {
            self.sensors.insert(sensor.to_owned(), VecDeque::new());
        }
        let days = self.sensors.get_mut(sensor)?;
        let newest = days.back().map_or(day, |newest| newest.day.max(day));
        if day <= newest - FREE_FLOW_DAYS {
            return None;
        }
        while days.front().is_some_and(|oldest| oldest.day <= newest - FREE_FLOW_DAYS) {
            days.pop_front();
        }
        let place = days.partition_point(|known| known.day < day);
        if days.get(place).is_none_or(|known| known.day != day) {
            days.insert(
                place,
                Day {
                    day,
                    counts: Vec::new(),
                },
            );
        }
        days.get_mut(place)
    }

    /// Takes a window's speed out again, as a revision replaces it.
    pub fn withdraw(&mut self, sensor: &str, window_start: Timestamp, speed: f64) {
        let (Some(class), Some(days)) = (class(speed), self.sensors.get_mut(sensor)) else {
            return;
        };
        let day = window_start.day();
        if let Some(known) = days.iter_mut().find(|known| known.day == day) {
            known.change(class, -1);
        }
    }

    /// The free-flow speed in km/h of a sensor for a window: over the 28 UTC days that end with the window's own, as far
    /// as they are known; nothing where none is.
    #[must_use]
    pub fn speed(&self, sensor: &str, window_start: Timestamp) -> Option<f64> {
        let last = window_start.day();
        let mut counts = [0_u64; LAST_CLASS as usize + 1];
        for day in self.sensors.get(sensor)? {
            if day.day <= last && day.day > last - FREE_FLOW_DAYS {
                for &(class, count) in &day.counts {
                    counts[usize::from(class)] += u64::from(count);
                }
            }
        }
        percentile(&counts)
    }

    /// How many sensors are known.
    #[must_use]
    pub fn sensors(&self) -> usize {
        self.sensors.len()
    }
}

impl Day {
    fn change(&mut self, class: u8, by: i16) {
        match self.counts.binary_search_by_key(&class, |(known, _)| *known) {
            Ok(place) => {
                self.counts[place].1 = self.counts[place].1.saturating_add_signed(by);
                if self.counts[place].1 == 0 {
                    self.counts.remove(place);
                }
            }
            Err(place) if by > 0 => self.counts.insert(place, (class, by.unsigned_abs())),
            Err(_) => {}
        }
    }
}

/// The free-flow speed in km/h that these window mean speeds of a sensor give, by the same rule; nothing where none of them is a
/// speed.
#[must_use]
pub fn free_flow_speed(speeds: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut counts = [0_u64; LAST_CLASS as usize + 1];
    for class in speeds.into_iter().filter_map(class) {
        counts[usize::from(class)] += 1;
    }
    percentile(&counts)
}

/// The middle of the class that holds the percentile; nothing where all classes are empty.
fn percentile(counts: &[u64]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let rank = ((total as f64 * FREE_FLOW_PERCENTILE).ceil() as u64).max(1);
    let mut below = 0;
    let class = counts.iter().position(|count| {
        below += count;
        below >= rank
    })?;
    Some(class as f64 + 0.5)
}

/// The class of a speed; nothing where it is none.
pub(super) fn class(speed: f64) -> Option<u8> {
    (speed.is_finite() && speed >= 0.0).then(|| speed.min(f64::from(LAST_CLASS)) as u8)
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::{DAY, MINUTE};

    use super::*;

    fn window(day: i64, place: i64) -> Timestamp {
        Timestamp(day * DAY + place * 5 * MINUTE)
    }

    #[test]
    fn free_flow_is_the_85th_percentile_of_the_sensors_own_windows() {
        let mut tracker = FreeFlow::default();
        for place in 0..100 {
            tracker.observe("a", window(100, place), place as f64);
        }
        assert_eq!(tracker.speed("a", window(100, 200)), Some(84.5));
        assert_eq!(tracker.speed("b", window(100, 200)), None);
    }

    #[test]
    fn speeds_at_hand_give_what_the_tracker_gives() {
        let speeds: Vec<f64> = (0..500).map(|place| f64::from(place * 37 % 91) + 0.25).collect();
        let mut tracker = FreeFlow::default();
        for (place, speed) in speeds.iter().enumerate() {
            tracker.observe("a", window(100 + place as i64 / 288, place as i64 % 288), *speed);
        }
        let missing = [f64::NAN, -1.0];
        let found = free_flow_speed(speeds.into_iter().chain(missing));
        assert_eq!(found, tracker.speed("a", window(101, 287)));
        assert_eq!(free_flow_speed(missing), None);
    }

    #[test]
    fn days_outside_of_the_trailing_window_do_not_count() {
        let mut tracker = FreeFlow::default();
        tracker.observe("a", window(100, 0), 90.0);
        tracker.observe("a", window(101, 0), 40.0);
        assert_eq!(tracker.speed("a", window(127, 0)), Some(90.5));
        assert_eq!(
            tracker.speed("a", window(128, 0)),
            Some(40.5),
            "day 100 is 28 days before"
        );
        assert_eq!(
            tracker.speed("a", window(100, 5)),
            Some(90.5),
            "day 101 is not yet there"
        );
        tracker.observe("a", window(140, 0), 50.0);
        tracker.observe("a", window(90, 0), 20.0);
        assert_eq!(tracker.sensors["a"].len(), 1, "what is too old is dropped");
    }

    #[test]
    fn the_order_of_windows_does_not_matter_and_a_revision_replaces() {
        let speeds: Vec<(i64, f64)> = (0..200)
            .map(|place| (place, f64::from((place * 37 % 90) as i32)))
            .collect();
        let (mut forward, mut backward) = (FreeFlow::default(), FreeFlow::default());
        for (place, speed) in &speeds {
            forward.observe("a", window(100 + place % 9, *place), *speed);
        }
        for (place, speed) in speeds.iter().rev() {
            backward.observe("a", window(100 + place % 9, *place), *speed);
        }
        assert_eq!(forward, backward);
        forward.observe("a", window(100, 0), 33.0);
        forward.withdraw("a", window(100, 0), 33.0);
        assert_eq!(forward, backward);
        forward.observe("a", window(100, 0), f64::NAN);
        forward.observe("a", window(100, 0), -1.0);
        assert_eq!(forward, backward);
    }
}
