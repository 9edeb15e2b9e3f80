//! How an event shows, and what kind of thing that speaks for.

use std::fmt;
use std::str::FromStr;

use arterial_datasets::time::{Duration, SECOND};
use serde::{Deserialize, Serialize};

use super::alert::{Kind, named};
use super::signal::Reason;
use crate::{Error, Result};

named! {
    /// How an event shows at its strangest key: the reasons of detectors, without their numbers.
    Symptom, "symptom", {
        /// Lower than expected.
        Lower = "lower",
        /// Higher than expected.
        Higher = "higher",
        /// On one side of what was expected for long.
        Drift = "drift",
        /// The same value for long.
        Stuck = "stuck",
        /// No value for long.
        Silent = "silent",
        /// A value that cannot be.
        Impossible = "impossible",
        /// A change that cannot be.
        Jump = "jump",
        /// Readings that scatter far more than usual.
        Erratic = "erratic",
        /// A place as good as full.
        OverCapacity = "over_capacity",
        /// Traffic that hardly moves.
        SevereCongestion = "severe_congestion",
        /// A vehicle as good as full.
        Overcrowded = "overcrowded",
        /// Data that its sensor marks as degraded.
        DegradedQuality = "degraded_quality",
    }
}

/// What a symptom speaks for while nothing is known of the neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Nature {
    /// Something happens in the city.
    Event,
    /// The sensor is wrong.
    Fault,
    /// The data does not come, or not well.
    Missing,
}

/// The side of what was expected that a value is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Lower,
    Higher,
}

impl Symptom {
    /// The symptom and its number: seconds for what lasts, how many times as much as usual, else the limit.
    #[must_use]
    pub fn of(reason: Reason) -> (Self, Option<f64>) {
        match reason {
            Reason::Lower => (Self::Lower, None),
            Reason::Higher => (Self::Higher, None),
            Reason::Drift(lasting) => (Self::Drift, Some(lasting.seconds())),
            Reason::Stuck(lasting) => (Self::Stuck, Some(lasting.seconds())),
            Reason::Silent(lasting) => (Self::Silent, Some(lasting.seconds())),
            Reason::Impossible => (Self::Impossible, None),
            Reason::Jump => (Self::Jump, None),
            Reason::Erratic(times) => (Self::Erratic, Some(times)),
            Reason::OverCapacity(percent) => (Self::OverCapacity, Some(percent)),
            Reason::SevereCongestion(speed) => (Self::SevereCongestion, Some(speed)),
            Reason::Overcrowded(percent) => (Self::Overcrowded, Some(percent)),
            Reason::DegradedQuality(percent) => (Self::DegradedQuality, Some(percent)),
        }
    }

    /// The reason with that number; none where it needs one and has none.
    #[must_use]
    pub fn reason(self, value: Option<f64>) -> Option<Reason> {
        let lasting = || value.map(|seconds| Duration((seconds * SECOND as f64) as i64));
        Some(match self {
            Self::Lower => Reason::Lower,
            Self::Higher => Reason::Higher,
            Self::Drift => Reason::Drift(lasting()?),
            Self::Stuck => Reason::Stuck(lasting()?),
            Self::Silent => Reason::Silent(lasting()?),
            Self::Impossible => Reason::Impossible,
            Self::Jump => Reason::Jump,
            Self::Erratic => Reason::Erratic(value?),
            Self::OverCapacity => Reason::OverCapacity(value?),
            Self::SevereCongestion => Reason::SevereCongestion(value?),
            Self::Overcrowded => Reason::Overcrowded(value?),
            Self::DegradedQuality => Reason::DegradedQuality(value?),
        })
    }

    pub(super) fn nature(self) -> Nature {
        match self {
            Self::Lower
            | Self::Higher
            | Self::Drift
            | Self::Jump
            | Self::OverCapacity
            | Self::SevereCongestion
            | Self::Overcrowded => Nature::Event,
            Self::Stuck | Self::Impossible | Self::Erratic => Nature::Fault,
            Self::Silent | Self::DegradedQuality => Nature::Missing,
        }
    }

    /// The side that it is on, where it has one. A drift is where what was `seen` is, against the middle of what was expected.
    pub(super) fn side(self, seen_and_middle: Option<(f64, f64)>) -> Option<Side> {
        match self {
            Self::Lower | Self::SevereCongestion => Some(Side::Lower),
            Self::Higher | Self::OverCapacity | Self::Overcrowded => Some(Side::Higher),
            Self::Drift => {
                let (seen, middle) = seen_and_middle.filter(|(seen, middle)| (seen - middle).is_finite())?;
                Some(if seen < middle { Side::Lower } else { Side::Higher })
            }
            Self::Stuck | Self::Silent | Self::Impossible | Self::Jump | Self::Erratic | Self::DegradedQuality => None,
        }
    }

    /// Whether rules say it, rather than a forecast.
    pub(super) fn is_said_by_rules(self) -> bool {
        !matches!(self, Self::Lower | Self::Higher | Self::Drift)
    }
}

/// Whether a field is a speed.
pub(super) fn is_speed(target: &str) -> bool {
    target.contains("speed")
}

/// What an event in this stream is about. Streams of other names count as traffic where their field is a speed.
pub(super) fn kind_of_events(topic: &str, target: &str) -> Kind {
    match topic {
        "traffic-sensors" => Kind::Congestion,
        "air-quality" | "weather" => Kind::Air,
        "public-transport" | "taxi-vtc" | "parking" | "bike-share" => Kind::Demand,
        _ if is_speed(target) => Kind::Congestion,
        _ => Kind::Demand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_its_symptom_and_its_number() {
        let minutes = Duration(17 * 60 * SECOND);
        for reason in [
            Reason::Lower,
            Reason::Drift(minutes),
            Reason::Silent(minutes),
            Reason::Erratic(7.5),
            Reason::OverCapacity(95.0),
        ] {
            let (symptom, value) = Symptom::of(reason);
            assert_eq!(symptom.reason(value), Some(reason));
        }
        assert_eq!(Symptom::Stuck.reason(None), None, "for how long?");
    }

    #[test]
    fn a_drift_is_on_the_side_of_what_was_seen() {
        assert_eq!(Symptom::Drift.side(Some((40.0, 50.0))), Some(Side::Lower));
        assert_eq!(Symptom::Drift.side(Some((60.0, 50.0))), Some(Side::Higher));
        assert_eq!(Symptom::Drift.side(Some((60.0, f64::NAN))), None);
        assert_eq!(Symptom::Drift.side(None), None);
        assert_eq!(Symptom::SevereCongestion.side(None), Some(Side::Lower));
        assert_eq!(Symptom::Stuck.side(Some((60.0, 50.0))), None);
    }
}
