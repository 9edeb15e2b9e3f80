//! The ladder of those who may answer, and the words for why nobody does.

use std::fmt;

/// Who gave a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LadderStep {
    /// The champion.
    Model,
    /// The canary, for its share of the keys.
    Canary,
    /// The champion before, where the present one does not load or gives no number.
    LastGood,
    /// The key's own recent weeks at that slot of the week.
    Profile,
}

impl LadderStep {
    /// Every step, the best first.
    pub const ALL: [Self; 4] = [Self::Model, Self::Canary, Self::LastGood, Self::Profile];

    /// Its name in answers and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Canary => "canary",
            Self::LastGood => "last_good",
            Self::Profile => "profile",
        }
    }
}

impl fmt::Display for LadderStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why there is no forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalCode {
    /// The newest window is older than the limit.
    Stale,
    /// Too little to forecast from.
    NoData,
    /// The model was not fitted for this key, and its own history is too short.
    OutOfDomain,
    /// No such key.
    UnknownKey,
    /// No such target, or one that is not served.
    UnknownTarget,
    /// Further ahead than the model was fitted for.
    HorizonTooFar,
}

impl RefusalCode {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::Stale,
        Self::NoData,
        Self::OutOfDomain,
        Self::UnknownKey,
        Self::UnknownTarget,
        Self::HorizonTooFar,
    ];

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stale => "STALE",
            Self::NoData => "NO_DATA",
            Self::OutOfDomain => "OUT_OF_DOMAIN",
            Self::UnknownKey => "UNKNOWN_KEY",
            Self::UnknownTarget => "UNKNOWN_TARGET",
            Self::HorizonTooFar => "HORIZON_TOO_FAR",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
