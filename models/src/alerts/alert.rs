//! One alert: one event that an operator can act on.

use std::fmt;
use std::str::FromStr;

use arterial_datasets::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::cause::{Cause, Evidence};
use super::judgement::{Judgement, Verdict};
use super::symptom::{Side, Symptom, is_speed};
use crate::{Error, Result};

/// One revision of an alert. It holds all that a book needs to go on from it.
///
/// The columns of the table `alerts` have the names of these fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Made of kind, stream, first key and first window: the same event gets the same id whoever finds it, however often.
    pub alert_id: String,
    /// 0 first, then one more for every change.
    pub revision: u32,
    /// What it is about.
    pub kind: Kind,
    /// How bad it is, from impact and certainty.
    pub severity: Severity,
    /// Where it stands in its life.
    pub state: State,
    /// The stream.
    pub topic: String,
    /// The field that is strangest; empty where the whole record is meant.
    pub target: String,
    /// How it shows there.
    pub symptom: Symptom,
    /// The seconds that the symptom has lasted, the limit in percent or km/h that it goes beyond, or how many times as much as usual it is.
    pub symptom_value: Option<f64>,
    /// The zone of most of its keys.
    pub zone_id: Option<String>,
    /// The keys that were ever part of it, in alphabetical order.
    pub keys: Vec<String>,
    /// Whether the whole city is meant rather than a place in it.
    pub citywide: bool,
    /// Where it is strangest.
    pub place: Location,
    /// The start of the first strange window; of silence the end of the last window that had data.
    pub since: Timestamp,
    /// The end of the window that raised it: nobody could know earlier.
    pub opened_at: Timestamp,
    /// The start of the strangest window.
    pub peak_at: Timestamp,
    /// The end of the window, or the time of the deed, that made this revision.
    pub updated_at: Timestamp,
    /// The end of the window that closed it.
    pub closed_at: Option<Timestamp>,
    /// When it will probably be over, where there are grounds to say so.
    pub estimated_end: Option<Timestamp>,
    /// The highest score: 1.0 is the line.
    pub score: f64,
    /// How sure we are that it is what `kind` says, 0 to 1.
    pub certainty: f64,
    /// Vehicle-hours lost so far against what was expected; nothing where that cannot be counted.
    pub impact: Option<f64>,
    /// The value at its strangest key and window; of readings that scatter how far they do, of degraded data how many percent they are.
    pub seen: Option<f64>,
    /// One value in ten is lower than this there and then.
    pub expected_low: Option<f64>,
    /// One value in ten is higher than this there and then.
    pub expected_high: Option<f64>,
    /// Whether the detector that said so had seen too little of this number by then to know what is usual.
    #[serde(default)]
    pub learning: bool,
    /// The likely cause.
    pub cause: Cause,
    /// What speaks for the cause and for others, the weightiest first.
    pub evidence: Vec<Evidence>,
    /// Plain sentences in the language of the settings.
    pub text: String,
    /// The suppression or the quiet hours that keep it from being delivered; nothing where it is delivered.
    pub held_back_by: Option<String>,
    /// The alert that it became a part of.
    pub merged_into: Option<String>,
    /// Who took it on.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Timestamp>,
    /// What people said of it, the newest last.
    pub judgements: Vec<Judgement>,
    /// The start of the newest window in which anything was heard of it.
    pub last_window: Timestamp,
    /// The start of the newest window in which it was strange.
    pub last_strange: Timestamp,
}

/// A place, as far as it is known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Location {
    /// The key there.
    pub key: String,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// The road's id.
    pub road_id: Option<String>,
    /// The road's name for people.
    pub road_name: Option<String>,
    /// What people call the key itself, such as a car park or a station.
    pub name: Option<String>,
}

impl Alert {
    /// Whether its event goes on.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state.is_live()
    }

    /// Whether its event is over, rather than part of another's.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.state == State::Resolved
    }

    /// Whether somebody said last that nothing was the matter.
    #[must_use]
    pub fn is_false(&self) -> bool {
        let said = self.judgements.last();
        said.is_some_and(|said| said.verdict == Verdict::False)
    }

    /// Whether a person made this revision, rather than a window.
    pub(super) fn is_of_person(&self) -> bool {
        let judged_at = self.judgements.last().map(|said| said.at);
        [self.acknowledged_at, judged_at].contains(&Some(self.updated_at))
    }

    /// Whether `key` was ever part of it.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.keys.binary_search_by(|known| known.as_str().cmp(key)).is_ok()
    }

    /// Whether what was strange is a speed.
    pub(super) fn is_of_speed(&self) -> bool {
        is_speed(&self.target)
    }

    /// The side of what was expected that it is on, where its symptom has one.
    pub(super) fn side(&self) -> Option<Side> {
        let expected = self.expected_low.zip(self.expected_high);
        let middle = expected.map(|(low, high)| f64::midpoint(low, high));
        self.symptom.side(self.seen.zip(middle))
    }

    /// Whether it is about less than was expected; where the symptom does not say, by the middle of what was expected.
    pub(super) fn is_below(&self) -> bool {
        match self.symptom {
            Symptom::Higher => false,
            Symptom::Lower => true,
            _ => {
                let expected = self.expected_low.zip(self.expected_high);
                let middle = expected.map(|(low, high)| f64::midpoint(low, high));
                self.seen.zip(middle).is_none_or(|(seen, middle)| seen < middle)
            }
        }
    }

    /// Whether traffic flows better than expected, which costs nobody time.
    pub(super) fn is_faster(&self) -> bool {
        let is_higher = matches!(self.symptom, Symptom::Higher | Symptom::Drift) && !self.is_below();
        self.kind == Kind::Congestion && self.is_of_speed() && is_higher
    }
}

/// Enums whose values have one lowercase name each, in tables, JSON and settings alike.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$note:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$note])* #[serde(rename = $text)] $value,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let found = Self::ALL.iter().find(|value| value.name() == text);
                let known = || Self::ALL.iter().map(|value| value.name()).collect::<Vec<_>>().join(", ");
                found.copied().ok_or_else(|| Error::invalid($what, text, known()))
            }
        }
    };
}
pub(super) use named;

named! {
    /// What an alert is about.
    Kind, "kind", {
        /// Traffic is slower, or denser, than expected.
        Congestion = "congestion",
        /// Traffic broke down all at once and nothing that was reported explains it.
        IncidentSuspected = "incident_suspected",
        /// One sensor disagrees with its neighbours or with what is possible.
        SensorFault = "sensor_fault",
        /// Many sensors of a stream are silent or degraded at once.
        DataQuality = "data_quality",
        /// More or fewer people than expected: transport, taxis, parking, bicycles.
        Demand = "demand",
        /// The air is worse, or better, than expected.
        Air = "air",
    }
}

named! {
    /// How bad an alert is.
    Severity, "severity", {
        /// To be looked at some time.
        Low = "low",
        /// To be watched.
        Medium = "medium",
        /// To be acted on.
        High = "high",
        /// To be acted on now.
        Critical = "critical",
    }
}

named! {
    /// Where an alert stands in its life.
    State, "state", {
        /// Raised, and nobody has taken it on.
        Open = "open",
        /// Somebody has taken it on.
        Acknowledged = "acknowledged",
        /// Back to normal.
        Resolved = "resolved",
        /// Was resolved, and the same event came back.
        Reopened = "reopened",
        /// Became part of another alert.
        Merged = "merged",
    }
}

impl State {
    /// Whether the event of an alert in this state goes on.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Acknowledged | Self::Reopened)
    }
}
