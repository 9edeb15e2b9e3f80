//! How many people drive at this hour of this day.

use super::calendar::{DayKind, LocalTime};
use super::random::{Dice, Part};
use super::routing::Mix;

/// Strength by local hour (at half past each), 1 being a workday's peak.
const TO_WORK: [f64; 24] = [
    0.02, 0.01, 0.01, 0.02, 0.06, 0.22, 0.62, 1.0, 0.93, 0.5, 0.28, 0.2, 0.24, 0.28, 0.2, 0.14, 0.12, 0.1, 0.08, 0.07,
    0.06, 0.05, 0.04, 0.03,
];
const TO_HOME: [f64; 24] = [
    0.05, 0.03, 0.02, 0.02, 0.03, 0.05, 0.06, 0.08, 0.1, 0.12, 0.16, 0.28, 0.34, 0.24, 0.26, 0.45, 0.8, 1.0, 0.82,
    0.48, 0.28, 0.22, 0.17, 0.1,
];
const ERRANDS: [f64; 24] = [
    0.05, 0.03, 0.02, 0.02, 0.03, 0.06, 0.12, 0.22, 0.32, 0.42, 0.5, 0.52, 0.46, 0.44, 0.48, 0.54, 0.6, 0.62, 0.56,
    0.42, 0.3, 0.22, 0.15, 0.09,
];
const THROUGH: [f64; 24] = [
    0.2, 0.16, 0.14, 0.15, 0.22, 0.42, 0.72, 0.95, 0.95, 0.8, 0.74, 0.72, 0.7, 0.72, 0.76, 0.85, 0.96, 1.0, 0.88, 0.66,
    0.5, 0.4, 0.32, 0.25,
];
const WEEKEND: [f64; 24] = [
    0.16, 0.12, 0.08, 0.05, 0.04, 0.05, 0.1, 0.18, 0.32, 0.52, 0.72, 0.8, 0.72, 0.68, 0.76, 0.82, 0.82, 0.78, 0.68,
    0.5, 0.36, 0.3, 0.26, 0.2,
];

/// Demand against that for which the roads were dimensioned: a little above, so that some roads fail at the peaks.
const USUAL_LEVEL: f64 = 1.08;

/// Draws each day's size and each minute's disturbance.
#[derive(Debug, Clone)]
pub struct Demand {
    dice: Dice,
    day: Option<jiff::civil::Date>,
    level: f64,
    shift: f64,
    of_day: Vec<f64>,
    of_minute: Vec<f64>,
    /// What multiplies each node's production now.
    pub local: Vec<f64>,
}

impl Demand {
    /// A demand for so many nodes.
    #[must_use]
    pub fn new(seed: u64, nodes: usize) -> Self {
        let dice = Dice::new(seed, Part::Demand);
        let ones = vec![1.0; nodes];
        Self {
            dice,
            day: None,
            level: 1.0,
            shift: 0.0,
            of_day: ones.clone(),
            of_minute: vec![0.0; nodes],
            local: ones,
        }
    }

    /// Goes on by a minute: draws a new day where the date changed, and lets each node's disturbance wander (an
    /// autoregression with a memory of 20 minutes and a deviation of 10 %).
    pub fn next_minute(&mut self, now: &LocalTime) {
        if self.day != Some(now.date) {
            self.day = Some(now.date);
            self.level = 1.0 + 0.05 * self.dice.bell();
            self.shift = 0.12 * self.dice.bell();
            for factor in &mut self.of_day {
                *factor = 1.0 + 0.07 * self.dice.bell();
            }
        }
        let keep: f64 = 0.95;
        for ((wander, day), local) in self.of_minute.iter_mut().zip(&self.of_day).zip(&mut self.local) {
            *wander = keep * *wander + (1.0 - keep * keep).sqrt() * 0.1 * self.dice.bell();
            *local = (self.level * day * (1.0 + *wander)).max(0.05);
        }
    }

    /// The strength of each purpose now, planned events apart; the weather keeps some at home.
    #[must_use]
    pub fn mix(&self, now: &LocalTime, weather: f64) -> Mix {
        let hour = now.hour + self.shift;
        let (work, home, errands, through) = match now.kind {
            DayKind::Workday => (1.0, 1.0, 1.0, 1.0),
            DayKind::Saturday => (0.18, 0.25, 0.0, 0.8),
            DayKind::Sunday => (0.1, 0.14, 0.0, 0.7),
        };
        let usual = USUAL_LEVEL * weather;
        let leisure = match now.kind {
            DayKind::Workday => 0.0,
            DayKind::Saturday => 1.0,
            DayKind::Sunday => 0.72,
        };
        [
            usual * 1.3 * work * at_hour(&TO_WORK, hour),
            usual * home * at_hour(&TO_HOME, hour),
            usual * (errands * at_hour(&ERRANDS, hour) + leisure * at_hour(&WEEKEND, hour)),
            usual * through * at_hour(&THROUGH, hour),
            0.0,
            0.0,
        ]
    }
}

/// The value of an hourly table between its points, which stand at half past.
#[must_use]
pub fn at_hour(table: &[f64; 24], hour: f64) -> f64 {
    let place = (hour - 0.5).rem_euclid(24.0);
    let (before, share) = (place as usize % 24, place.fract());
    table[before] * (1.0 - share) + table[(before + 1) % 24] * share
}

/// How lively the streets are at this hour, 0..1: taxis, bikes and passengers follow it.
#[must_use]
pub fn liveliness(now: &LocalTime) -> f64 {
    match now.kind {
        DayKind::Workday => {
            (0.5 * at_hour(&TO_WORK, now.hour) + 0.6 * at_hour(&TO_HOME, now.hour) + 0.5 * at_hour(&ERRANDS, now.hour))
                .min(1.0)
        }
        DayKind::Saturday => 0.9 * at_hour(&WEEKEND, now.hour),
        DayKind::Sunday => 0.65 * at_hour(&WEEKEND, now.hour),
    }
}
