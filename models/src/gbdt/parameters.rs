//! How trees are boosted: every setting with its default and its range.

use serde::{Deserialize, Serialize};

use super::objective::Objective;
use crate::{Error, Result};

/// In which order leaves are split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// The leaf with the highest gain first, up to `max_leaves` leaves.
    #[default]
    LeafWise,
    /// Every leaf down to `max_depth`; `max_leaves` is not looked at.
    DepthWise,
}

/// The settings of [`Gbdt`](super::Gbdt).
///
/// The gain of a split, the weight of a leaf and what `l1` and `l2` do to them are those of Chen, Guestrin:
/// `XGBoost`: A Scalable Tree Boosting System (2016), equations 5 to 7.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GbdtParameters {
    /// What is minimised; squared error.
    pub objective: Objective,
    /// The most trees for each output, 1 to 100,000; 500.
    pub rounds: usize,
    /// The part of each tree that is added, above 0 and up to 1; 0.05.
    pub learning_rate: f64,
    /// The order in which leaves are split; leaf-wise.
    pub growth: Growth,
    /// The most leaves of a tree that grows leaf-wise, 2 to 4096; 63.
    pub max_leaves: usize,
    /// The most splits between the root and a leaf, 1 to 32; 12. Depth-wise growth takes at most 12.
    pub max_depth: usize,
    /// The fewest rows of a leaf, from 1; 20.
    pub min_child_samples: usize,
    /// The least sum of second derivatives in a leaf, from 0; 0.001.
    pub min_child_weight: f64,
    /// How much the sum of first derivatives is shrunk towards zero, from 0; 0.
    pub l1: f64,
    /// What is added to the sum of second derivatives, from 0; 1.
    pub l2: f64,
    /// The gain that a split must exceed, from 0; 0.
    pub min_split_gain: f64,
    /// The part of the rows that each tree sees, above 0 and up to 1; 1.
    pub row_fraction: f64,
    /// The part of the columns that each tree sees, above 0 and up to 1; 1.
    pub column_fraction: f64,
    /// What is added to a category's second derivatives when categories are put in order, from 0; 10.
    pub category_smoothing: f64,
    /// For each column -1 (falling), 0 (free) or 1 (rising); empty where all are free, which is the default.
    pub monotone: Vec<i8>,
    /// An output stops when its validation loss has not improved for so many rounds, from 1; 50. Without validation
    /// rows every round is used.
    pub early_stopping_rounds: usize,
    /// Where every random choice starts; 0.
    pub seed: u64,
}

impl Default for GbdtParameters {
    fn default() -> Self {
        Self {
            objective: Objective::SquaredError,
            rounds: 500,
            learning_rate: 0.05,
            growth: Growth::LeafWise,
            max_leaves: 63,
            max_depth: 12,
            min_child_samples: 20,
            min_child_weight: 1e-3,
            l1: 0.0,
            l2: 1.0,
            min_split_gain: 0.0,
            row_fraction: 1.0,
            column_fraction: 1.0,
            category_smoothing: 10.0,
            monotone: Vec::new(),
            early_stopping_rounds: 50,
            seed: 0,
        }
    }
}

/// The most splits between the root and a leaf of a tree that grows depth-wise: 4096 leaves.
const DEEPEST_FULL_TREE: usize = 12;

impl GbdtParameters {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The first setting outside of its range.
    pub fn check(&self) -> Result<()> {
        self.objective.check()?;
        within("rounds", self.rounds, 1, 100_000)?;
        within("max_leaves", self.max_leaves, 2, 4096)?;
        match self.growth {
            Growth::LeafWise => within("max_depth", self.max_depth, 1, 32)?,
            Growth::DepthWise => within("max_depth", self.max_depth, 1, DEEPEST_FULL_TREE)?,
        }
        within("min_child_samples", self.min_child_samples, 1, usize::MAX)?;
        within("early_stopping_rounds", self.early_stopping_rounds, 1, usize::MAX)?;
        fraction("learning_rate", self.learning_rate)?;
        fraction("row_fraction", self.row_fraction)?;
        fraction("column_fraction", self.column_fraction)?;
        not_negative("min_child_weight", self.min_child_weight)?;
        not_negative("l1", self.l1)?;
        not_negative("l2", self.l2)?;
        not_negative("min_split_gain", self.min_split_gain)?;
        not_negative("category_smoothing", self.category_smoothing)?;
        for direction in &self.monotone {
            if !(-1..=1).contains(direction) {
                return Err(Error::invalid("monotone", direction, "-1, 0 or 1 for each column"));
            }
        }
        Ok(())
    }

    /// Whether any column is bound to rise or to fall.
    pub(crate) fn is_monotone(&self) -> bool {
        self.monotone.iter().any(|direction| *direction != 0)
    }
}

fn within(field: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let accepted = match most {
        usize::MAX => format!("a whole number from {least}"),
        most => format!("a whole number from {least} to {most}"),
    };
    Err(Error::invalid(field, value, accepted))
}

fn fraction(field: &str, value: f64) -> Result<()> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(Error::invalid(field, value, "a number above 0 and up to 1"))
}

fn not_negative(field: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::invalid(field, value, "a finite number from 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges() {
        GbdtParameters::default().check().unwrap();
    }

    #[test]
    fn a_setting_out_of_range_is_named_with_what_is_accepted() {
        let parameters = GbdtParameters {
            learning_rate: 1.5,
            ..GbdtParameters::default()
        };
        let message = parameters.check().unwrap_err().to_string();
        assert_eq!(
            message,
            "`learning_rate` is `1.5`, accepted: a number above 0 and up to 1"
        );
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let parsed: Result<GbdtParameters, _> = serde_json::from_str(r#"{"learning_rat": 0.1}"#);
        assert!(parsed.unwrap_err().to_string().contains("learning_rat"));
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let parsed: GbdtParameters = serde_json::from_str(r#"{"rounds": 7}"#).unwrap();
        assert_eq!((parsed.rounds, parsed.max_leaves), (7, 63));
    }
}
