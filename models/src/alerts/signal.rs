//! What a detector says of one key in one window.

use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};

use crate::detector::AnomalyScore;

/// What was expected of a value: the central 80 % and the middle of its predictive distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// One value in ten is lower.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// One value in ten is higher.
    pub high: f64,
}

/// Why a window is strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Lower than expected.
    Lower,
    /// Higher than expected.
    Higher,
    /// Not far from expected, but on one side of it for so long.
    Drift(Duration),
    /// The same value for so long.
    Stuck(Duration),
    /// No value for so long.
    Silent(Duration),
    /// A value that cannot be, by the stream's own limits.
    Impossible,
    /// A change from one window to the next that cannot be.
    Jump,
    /// Readings within the window scatter so many times as much as usual.
    Erratic(f64),
    /// A place as good as full: its occupancy is above this percentage.
    OverCapacity(f64),
    /// Traffic that hardly moves: slower than this, in km/h.
    SevereCongestion(f64),
    /// A vehicle as good as full: its occupancy is above this percentage.
    Overcrowded(f64),
    /// The percentage of events that their sensor itself marks as degraded.
    DegradedQuality(f64),
}

/// What one detector says of one key in one window. Windows that are not strange have signals, too, with scores below 1.0:
/// by them an alert learns that its event is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The stream.
    pub topic: Arc<str>,
    /// The field, such as `speed_kmh`; empty where the whole record is meant.
    pub target: Arc<str>,
    /// The key.
    pub key: Arc<str>,
    /// The zone that it was last seen in.
    pub zone: Option<Arc<str>>,
    /// The start of the window.
    pub window: Timestamp,
    /// The length of the window.
    pub step: Duration,
    /// The name of the detector.
    pub detector: &'static str,
    /// How strange the window is.
    pub score: AnomalyScore,
    /// Why; for a score below the line, what it would be.
    pub reason: Reason,
    /// The value.
    pub seen: Option<f64>,
    /// What was expected of it.
    pub expected: Option<Expected>,
}

/// A window of a key: what all signals of it have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The stream.
    pub topic: Arc<str>,
    /// The key.
    pub key: Arc<str>,
    /// The zone that it was last seen in.
    pub zone: Option<Arc<str>>,
    /// The start of the window.
    pub window: Timestamp,
    /// The length of the window.
    pub step: Duration,
}

/// What was found in a window, whoever it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// How strange the window is.
    pub score: AnomalyScore,
    /// Why; for a score below the line, what it would be.
    pub reason: Reason,
    /// The value.
    pub seen: Option<f64>,
    /// What was expected of it.
    pub expected: Option<Expected>,
}

impl Finding {
    /// The signal that `detector` gives of `subject` for `target`.
    #[must_use]
    pub fn signal(self, subject: &Subject, target: &Arc<str>, detector: &'static str) -> Signal {
        Signal {
            topic: Arc::clone(&subject.topic),
            target: Arc::clone(target),
            key: Arc::clone(&subject.key),
            zone: subject.zone.clone(),
            window: subject.window,
            step: subject.step,
            detector,
            score: self.score,
            reason: self.reason,
            seen: self.seen,
            expected: self.expected,
        }
    }
}
