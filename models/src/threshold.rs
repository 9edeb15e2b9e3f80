//! Where the line is: scores of any scale become 1.0 at a stated share of what was normal.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The lowest line.
const LEAST: f64 = 1e-9;

/// Brings strangeness to scores: 1.0 is the strangeness that only `share` of the rows it was learned from exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    line: f64,
}

impl Threshold {
    /// Learns the line from the strangeness of rows that are taken for mostly normal: above it lie at most `share` of them. The order of
    /// scores is that of strangeness.
    ///
    /// # Errors
    /// A share that is not strictly between 0 and 1, no row, or strangeness that is negative or no number.
    pub fn learn(strangeness: &[f64], share: f64) -> Result<Self> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::invalid("share", share, "a fraction strictly between 0 and 1"));
        }
        if let Some(wrong) = strangeness.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
            return Err(Error::invalid(
                "strangeness",
                wrong,
                "finite numbers that are not negative",
            ));
        }
        let mut ascending = strangeness.to_vec();
        ascending.sort_unstable_by(f64::total_cmp);
        if ascending.is_empty() {
            return Err(Error::NotEnoughData {
                what: "the line of a detector".into(),
                needed: 1,
                got: 0,
            });
        }
        let above = (share * ascending.len() as f64).floor() as usize;
        let highest_normal = ascending[ascending.len() - 1 - above];
        // The line lies just above the highest normal row, so that rows like it are none; and never at 0, where rows that are not
        // strange at all would lie.
        let line = highest_normal.max(LEAST) * (1.0 + 1e-9);
        Ok(Self { line })
    }

    /// The score of `strangeness`.
    #[must_use]
    pub fn score(&self, strangeness: f64) -> f64 {
        (strangeness / self.line).min(f64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_share_of_rows_lies_above_the_line() {
        let strangeness: Vec<f64> = (0..1000).map(f64::from).collect();
        let threshold = Threshold::learn(&strangeness, 0.01).unwrap();
        let above = strangeness
            .iter()
            .filter(|value| threshold.score(**value) >= 1.0)
            .count();
        assert_eq!(above, 10);
    }

    #[test]
    fn rows_that_are_all_alike_are_not_above_the_line_and_anything_else_is() {
        for value in [0.0, 0.5] {
            let threshold = Threshold::learn(&[value; 100], 0.05).unwrap();
            assert!(threshold.score(value) < 1.0);
            assert!(threshold.score(value + 0.1) > 1.0);
        }
    }

    #[test]
    fn a_share_or_a_strangeness_out_of_range_is_refused() {
        assert!(Threshold::learn(&[1.0], 0.0).is_err());
        assert!(Threshold::learn(&[1.0], 1.0).is_err());
        assert!(Threshold::learn(&[f64::NAN], 0.1).is_err());
        assert!(Threshold::learn(&[], 0.1).is_err());
    }
}
