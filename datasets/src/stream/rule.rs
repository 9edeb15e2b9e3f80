//! What can be said of a stream's windows without any model: limits that stand in its definition.

use serde::{Deserialize, Serialize};

use super::definition::Aggregate;
use crate::time::Duration;

/// A rule for the windows of a stream: `[[rules]]` in its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it looks for.
    pub kind: RuleKind,
    /// The columns of the numbers that it looks at: one, or for `stuck` those that stand still together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The line that must be passed upwards.
    #[serde(default)]
    pub above: Option<f64>,
    /// The line that must be passed downwards.
    #[serde(default)]
    pub below: Option<f64>,
    /// The least and the largest number that can be.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// How long it must have been so; one window where absent.
    #[serde(default, rename = "for")]
    pub lasting: Option<Duration>,
    /// The rule is silent where the key passes its line at this time of the week anyway. It speaks again where it goes far beyond what
    /// is usual there, and where nobody knows yet what is usual. Of `stuck` only the time counts in which readings of the first field
    /// change in nine of ten windows: where nobody knows that, the rule is silent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unless_usual: bool,
    /// The rule speaks only where all of these hold: what stands still for a good reason is no fault.
    #[serde(default, rename = "while", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What a rule looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// None of `fields` changed at all `for` so long: a sensor that repeats itself.
    Stuck,
    /// No window `for` so long of a key that had some.
    Silence,
    /// A reading outside of `range`.
    Impossible,
    /// The mean changed by more than `above` from one window to the next.
    Jump,
    /// Readings scatter within a window more than `above` times as much as this key's usually do.
    Erratic,
    /// A place that is full: the mean is `above` so many percent.
    OverCapacity,
    /// Traffic that hardly moves: the mean is `below` so many km/h.
    SevereCongestion,
    /// A vehicle that is full: the largest reading is `above` so many percent.
    Overcrowded,
    /// More than the share `above` (0..1) of the events are not of `good` quality.
    Degraded,
}

/// Something that must hold of a window for a rule to speak: its mean of `field` is above, or below, a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The column of a number.
    pub field: String,
    /// The mean is larger.
    #[serde(default)]
    pub above: Option<f64>,
    /// The mean is smaller.
    #[serde(default)]
    pub below: Option<f64>,
}

impl RuleKind {
    /// As definitions name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Silence => "silence",
            Self::Impossible => "impossible",
            Self::Jump => "jump",
            Self::Erratic => "erratic",
            Self::OverCapacity => "over-capacity",
            Self::SevereCongestion => "severe-congestion",
            Self::Overcrowded => "overcrowded",
            Self::Degraded => "degraded",
        }
    }

    /// What it reads of each of its fields.
    #[must_use]
    pub fn aggregates(self) -> &'static [Aggregate] {
        match self {
            Self::Stuck | Self::Impossible => &[Aggregate::Min, Aggregate::Max],
            Self::Jump | Self::OverCapacity | Self::SevereCongestion => &[Aggregate::Mean],
            Self::Erratic => &[Aggregate::Std],
            Self::Overcrowded => &[Aggregate::Max],
            Self::Silence | Self::Degraded => &[],
        }
    }
}
