//! What is usual at this time of the day.

use arterial_datasets::time::{DAY, HOUR, MINUTE, Timestamp};

/// Rows by which the step is told.
const FIRST: usize = 48;
/// Days that must have been seen before the time of the day counts.
const DAYS: u32 = 4;
/// Days by which rows out of order may lie back.
const FEW_DAYS: i64 = 7;
/// Rows of a slot before it says anything.
const ROWS: f64 = 3.0;

/// Which slot of the day a row lies in, from the times alone: as they are written, so the hours of the clock they were written by.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    steps: Vec<i64>,
    before: Option<Timestamp>,
    passed: i64,
    slot: Option<i64>,
    step: Option<i64>,
    day: i64,
    days: u32,
}

/// A row's place in the week.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Of the day, midnight 0.
    pub(super) of_day: usize,
    /// Whether it is Saturday or Sunday.
    pub(super) weekend: bool,
    /// Whether enough days have passed.
    pub(super) known: bool,
}

impl Clock {
    /// Takes the next time; nothing while the step is not known or where it is no part of a day.
    pub(super) fn observe(&mut self, at: Timestamp) -> Option<Slot> {
        let step = self.before.map(|before| at.0.saturating_sub(before.0));
        self.before = Some(at);
        self.passed = step.unwrap_or(0);
        if self.steps.len() < FIRST {
            self.steps.extend(step);
            if self.steps.len() == FIRST {
                self.settle();
            }
        }
        let length = self.slot?;
        self.count_day(at.day());
        Some(Slot {
            of_day: (at.0.rem_euclid(DAY) / length) as usize,
            weekend: (at.day() + 3).rem_euclid(7) >= 5,
            known: self.days > DAYS,
        })
    }

    /// Counts a day that comes after all others. Where the times fall back by more than a few days, the newest day had not come yet: it
    /// is taken back, and the days go on from here.
    fn count_day(&mut self, day: i64) {
        if day > self.day {
            self.day = day;
            self.days = self.days.saturating_add(1);
        } else if day < self.day.saturating_sub(FEW_DAYS) {
            self.day = day;
            self.days = self.days.saturating_sub(1).max(1);
        }
    }

    /// The middle step, once known: a slot is as long, but neither shorter than five minutes nor longer than an hour.
    fn settle(&mut self) {
        self.steps.sort_unstable();
        let step = self.steps[FIRST / 2];
        self.step = (step > 0).then_some(step);
        self.slot = (1..=6 * HOUR).contains(&step).then(|| step.clamp(5 * MINUTE, HOUR));
        self.day = i64::MIN;
    }

    /// The time from the row before to this one, in weeks: that which the times tell, but of a gap not more than three days; or the usual
    /// step, where the times repeat or go back. Nothing while there is no step.
    pub(super) fn weeks(&self) -> Option<f64> {
        let usual = self.step?;
        let step = if self.passed > 0 {
            self.passed.min(3 * DAY)
        } else {
            usual
        };
        Some(step as f64 / (7 * DAY) as f64)
    }

    /// Whether a day has few enough rows to wait for the first ones: at most one a minute.
    pub(super) fn days_are_near(&self) -> bool {
        self.step.is_some_and(|step| step >= MINUTE)
    }

    /// Slots in a day.
    pub(super) fn slots(&self) -> Option<usize> {
        self.slot.map(|length| ((DAY + length - 1) / length) as usize)
    }
}

/// The usual value of a column at each slot of the day, workdays and weekends apart, from the whole history: a running mean that an
/// outlier moves no further than twice the usual deviation (Huber, Annals of Mathematical Statistics 1964).
#[derive(Debug, Clone, Default)]
pub(super) struct Day {
    slots: Vec<Level>,
    /// The mean deviation from the slots' levels, and from the overall level; and how many rows they are of.
    about_slot: f64,
    about_all: f64,
    rows: f64,
}

/// A running mean and mean deviation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    mean: f64,
    deviation: f32,
    rows: f32,
}

/// What is expected of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    pub(super) mean: f64,
    /// As a standard deviation, wider where little was seen.
    pub(super) spread: f64,
    /// Whether most of how values differ is by this.
    pub(super) tells: bool,
}

impl Usual {
    /// How far `value` is from what is usual, in units of its spread.
    pub(super) fn standardise(&self, value: f64) -> f64 {
        (value - self.mean) / self.spread
    }

    /// Two spreads on each side.
    pub(super) fn range(&self) -> (f64, f64) {
        (self.mean - 2.0 * self.spread, self.mean + 2.0 * self.spread)
    }
}

impl Level {
    /// What is expected, given the mean deviation of all levels of its kind. A level's own deviation rests on few rows, so half of
    /// that of all is added to it.
    pub(super) fn usual(&self, of_all: f64, least_rows: f64) -> Option<Usual> {
        let rows = f64::from(self.rows);
        let mean = self.mean;
        let spread = 1.2533 * (f64::from(self.deviation) + 0.5 * of_all) * (1.0 + 10.0 / rows.max(1.0)).sqrt();
        (rows >= least_rows).then_some(Usual {
            mean,
            spread: spread.max(mean.abs() * 1e-4).max(1e-9),
            tells: false,
        })
    }

    /// Learns a value and returns how far it was from the mean.
    pub(super) fn learn(&mut self, value: f64, of_all: f64) -> f64 {
        let difference = value - self.mean;
        let bound = 2.5 * (f64::from(self.deviation) + 0.5 * of_all);
        let taken = if f64::from(self.rows) < ROWS {
            difference
        } else {
            difference.clamp(-bound, bound)
        };
        self.rows = (self.rows + 1.0).min(100.0);
        self.mean += taken / f64::from(self.rows);
        if self.rows > 1.0 {
            self.deviation += ((taken.abs() - f64::from(self.deviation)) / f64::from(self.rows - 1.0)) as f32;
        }
        difference
    }
}

impl Day {
    /// What is usual at that slot; nothing while too little is known, and nothing where the time of the day does not tell the values
    /// apart: there it would only add noise.
    pub(super) fn usual(&self, slot: Slot) -> Option<Usual> {
        let earned = self.about_slot < 0.75 * self.about_all;
        if !(slot.known && earned) {
            return None;
        }
        let place = self.place(slot);
        let own = self.slots.get(place)?;
        let near = |other: Option<&Level>| {
            other
                .filter(|level| f64::from(level.rows) >= ROWS)
                .map_or(own.deviation, |level| level.deviation)
        };
        let before = place.checked_sub(1).and_then(|before| self.slots.get(before));
        let deviation = 0.5 * own.deviation + 0.25 * (near(self.slots.get(place + 1)) + near(before));
        let usual = Level { deviation, ..*own }.usual(self.about_slot, ROWS)?;
        let tells = self.about_slot < 0.4 * self.about_all;
        Some(Usual { tells, ..usual })
    }

    fn place(&self, slot: Slot) -> usize {
        slot.of_day + if slot.weekend { self.slots.len() / 2 } else { 0 }
    }

    /// Learns a value; `slots` in a day, and the overall level and spread of the column.
    pub(super) fn learn(&mut self, slot: Slot, slots: usize, value: f64, centre: f64, unit: f64) {
        if self.slots.len() != 2 * slots {
            self.slots = vec![Level::default(); 2 * slots];
        }
        let place = self.place(slot);
        let seen = f64::from(self.slots[place].rows);
        let difference = self.slots[place].learn(value, self.about_slot);
        if seen >= 2.0 {
            self.rows = (self.rows + 1.0).min(4000.0);
            let bound = 6.0 * unit;
            self.about_slot += (difference.abs().min(bound) - self.about_slot) / self.rows;
            self.about_all += ((value - centre).abs().min(bound) - self.about_all) / self.rows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the days are known after that many of them, of which the second has one time that is `ahead`.
    fn are_known(days: i64, ahead: i64) -> bool {
        let mut clock = Clock::default();
        let mut known = false;
        for row in 0..days * 96 {
            let late = if row == 100 { ahead } else { 0 };
            let at = Timestamp(row * 15 * MINUTE + late);
            known = clock.observe(at).is_some_and(|slot| slot.known);
        }
        known
    }

    #[test]
    fn one_time_far_ahead_neither_stops_the_days_nor_counts_as_one() {
        for ahead in [0, 400 * DAY, 40_000 * DAY] {
            assert!(!are_known(4, ahead), "{ahead}");
            assert!(are_known(5, ahead), "{ahead}");
        }
    }

    #[test]
    fn days_after_a_long_gap_count_at_once() {
        let mut clock = Clock::default();
        let mut days = Vec::new();
        for row in 0..7 * 96 {
            let gap = if row < 96 { 0 } else { 60 * DAY };
            let slot = clock.observe(Timestamp(row * 15 * MINUTE + gap));
            if slot.is_some_and(|slot| slot.known) {
                days.push(row / 96);
            }
        }
        assert_eq!(days.first(), Some(&4));
    }
}
