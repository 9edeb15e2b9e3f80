//! What a forest is grown with.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The most rows of a tree: complete trees of more levels would no longer fit the nearest cache.
pub(super) const MOST_ROWS: usize = 4096;
/// The most columns.
pub(super) const MOST_COLUMNS: usize = 4096;
/// The most trees of a forest.
pub(super) const MOST_TREES: usize = 10_000;

/// What a forest is grown with; the defaults are those of Liu et al.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForestParameters {
    /// How many trees, 1 to 10,000; 100.
    pub trees: usize,
    /// How many rows each of them is grown from, 2 to 4,096; 256. All rows where there are fewer.
    pub sample: usize,
    /// How many columns a split looks at beside the first; 0. At 0 splits are parallel to the axes (Liu), at the number of columns
    /// less one they are fully extended (Hariri), anything between is a partial level, and more counts as fully extended.
    pub extension: usize,
}

impl Default for ForestParameters {
    fn default() -> Self {
        Self {
            trees: 100,
            sample: 256,
            extension: 0,
        }
    }
}

impl ForestParameters {
    /// Checks the ranges.
    ///
    /// # Errors
    /// A value outside of its range.
    pub fn check(&self) -> Result<()> {
        if !(1..=MOST_TREES).contains(&self.trees) {
            return Err(Error::invalid(
                "trees",
                self.trees,
                format!("a whole number from 1 to {MOST_TREES}"),
            ));
        }
        if !(2..=MOST_ROWS).contains(&self.sample) {
            return Err(Error::invalid(
                "sample",
                self.sample,
                format!("a whole number from 2 to {MOST_ROWS}"),
            ));
        }
        Ok(())
    }
}
