//! Sensors that break: what they say then, and since when.

use super::event::Topic;
use super::random::{Dice, Part};
use crate::time::{MINUTE, SECOND, Timestamp};

/// How a reporter is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Repeats its last reading.
    Stuck,
    /// Says nothing.
    Silent,
    /// Its readings move away from the truth.
    Drift,
    /// Single readings are far off.
    Spikes,
    /// Its readings are noisy, and it says so.
    Degraded,
}

impl FaultKind {
    const ALL: [Self; 5] = [Self::Stuck, Self::Silent, Self::Drift, Self::Spikes, Self::Degraded];

    /// As the labels name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Silent => "silent",
            Self::Drift => "drift",
            Self::Spikes => "spikes",
            Self::Degraded => "degraded",
        }
    }
}

/// One fault of one reporter.
#[derive(Debug, Clone)]
pub struct Fault {
    /// How it is broken.
    pub kind: FaultKind,
    /// The topic it reports to.
    pub topic: Topic,
    /// Its number within the topic.
    pub reporter: usize,
    /// Since when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// The share by which a drifting reading is off after an hour.
    pub drift: f64,
    frozen: Vec<f64>,
}

impl Fault {
    /// Changes readings as the fault does; false where nothing is reported.
    pub fn disturb(&mut self, readings: &mut [f64], now: Timestamp, dice: &mut Dice) -> bool {
        match self.kind {
            FaultKind::Silent => return false,
            FaultKind::Stuck if self.frozen.is_empty() => self.frozen = readings.to_vec(),
            FaultKind::Stuck => readings.copy_from_slice(&self.frozen),
            FaultKind::Drift => {
                let hours = (now.0 - self.start.0) as f64 / (60 * MINUTE) as f64;
                readings[0] *= (1.0 + self.drift * hours).clamp(0.1, 3.0);
            }
            FaultKind::Spikes => {
                if dice.happens(0.05) {
                    readings[0] *= if dice.happens(0.5) { 0.1 } else { 2.4 };
                }
            }
            FaultKind::Degraded => {
                for reading in readings {
                    *reading *= (1.0 + 0.3 * dice.bell()).max(0.0);
                }
            }
        }
        true
    }
}

/// All faults: those that are coming and those that are.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    dice: Dice,
    per_minute: f64,
    reporters: Vec<(Topic, usize)>,
    /// Open faults, in the order in which they began.
    pub(super) open: Vec<Fault>,
}

impl Faults {
    /// Faults among so many reporters of each topic.
    pub(super) fn new(seed: u64, per_day: f64, reporters: Vec<(Topic, usize)>) -> Self {
        Self {
            dice: Dice::new(seed, Part::Faults),
            per_minute: per_day / 1440.0,
            reporters,
            open: Vec::new(),
        }
    }

    /// Goes on by a minute; gives the faults that ended.
    pub(super) fn next_minute(&mut self, now: Timestamp) -> Vec<Fault> {
        let (ended, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|fault| fault.end <= now);
        self.open = open;
        if self.dice.happens(self.per_minute) {
            self.begin(now);
        }
        ended
    }

    fn begin(&mut self, now: Timestamp) {
        let (topic, count) = self.reporters[self
            .dice
            .weighted(self.reporters.iter().map(|(_, count)| *count as f64))];
        let reporter = self.dice.below(count);
        let kinds = if topic == Topic::Parking {
            2
        } else {
            FaultKind::ALL.len()
        };
        let kind = FaultKind::ALL[self.dice.below(kinds)];
        let minutes = (20.0 + self.dice.waiting(180.0)).min(2880.0);
        let sign = if self.dice.happens(0.5) { 1.0 } else { -1.0 };
        let drift = sign * self.dice.between(0.05, 0.25);
        let busy = self
            .open
            .iter()
            .any(|fault| fault.topic == topic && fault.reporter == reporter);
        if !busy {
            let end = Timestamp(now.0 + (minutes * 60.0) as i64 * SECOND);
            self.open.push(Fault {
                kind,
                topic,
                reporter,
                start: now,
                end,
                drift,
                frozen: Vec::new(),
            });
        }
    }

    /// The fault of a reporter, if it has one.
    pub(super) fn of(&mut self, topic: Topic, reporter: usize) -> Option<&mut Fault> {
        self.open
            .iter_mut()
            .find(|fault| fault.topic == topic && fault.reporter == reporter)
    }
}
