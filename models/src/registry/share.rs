//! The share of keys that a canary answers for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::reference::Target;
use crate::{Error, Result};

/// A share of the keys of a target: above 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// What a share may be.
    pub(super) const ACCEPTED: &str = "a share of the keys above 0, at most 1, such as 0.1";

    /// Says of each key of `target` whether it is within the share:
    ///
    /// ```text
    /// first 53 bits of SHA-256("topic.field", 0, key) / 2^53 < share
    /// ```
    ///
    /// It depends on nothing else, so a key keeps its model through restarts and on every replica, and a larger share holds
    /// every key of a smaller one.
    pub fn chooser(self, target: &Target) -> impl Fn(&str) -> bool + use<> {
        let begun = Sha256::new().chain_update(target.to_string()).chain_update([0]);
        move |key| {
            let digest = begun.clone().chain_update(key).finalize();
            let place = digest
                .iter()
                .take(8)
                .fold(0, |place, byte| place << 8 | u64::from(*byte));
            ((place >> 11) as f64 / (1_u64 << 53) as f64) < self.0
        }
    }
}

impl TryFrom<f64> for Share {
    type Error = Error;

    fn try_from(share: f64) -> Result<Self> {
        if share > 0.0 && share <= 1.0 {
            return Ok(Self(share));
        }
        Err(Error::invalid("share", share, Self::ACCEPTED))
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl FromStr for Share {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let share: f64 = text
            .parse()
            .map_err(|_| Error::invalid("share", text, Self::ACCEPTED))?;
        Self::try_from(share)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(share: f64) -> Vec<String> {
        let target: Target = "traffic-sensors.speed_kmh".parse().unwrap();
        let is_chosen = Share::try_from(share).unwrap().chooser(&target);
        let keys = (0..10_000).map(|number| format!("sensor-{number:05}"));
        keys.filter(|key| is_chosen(key)).collect()
    }

    #[test]
    fn about_that_share_of_the_keys_is_chosen() {
        for (share, expected) in [(0.01, 100.0), (0.1, 1_000.0), (0.5, 5_000.0_f64)] {
            let count = chosen(share).len() as f64;
            let spread = 5.0 * (expected * (1.0 - share)).sqrt();
            assert!((count - expected).abs() < spread, "{count} for {share}");
        }
        assert_eq!(chosen(1.0).len(), 10_000);
    }

    #[test]
    fn a_larger_share_keeps_the_keys_of_a_smaller_one() {
        let (few, more) = (chosen(0.1), chosen(0.3));
        assert!(few.iter().all(|key| more.contains(key)));
    }

    #[test]
    fn the_choice_never_changes() {
        let chosen = chosen(0.000_5);
        assert_eq!(chosen, ["sensor-01551", "sensor-02773", "sensor-03591", "sensor-03624"]);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for bad in ["0", "-0.1", "1.01", "NaN", "inf", "ten", ""] {
            let error = bad.parse::<Share>().unwrap_err().to_string();
            assert!(error.contains("`share`") && error.contains("above 0"), "{error}");
        }
    }
}
