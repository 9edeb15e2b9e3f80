//! The isolation forest: strange rows are cut off from the others by few random splits.
//!
//! Liu, Ting, Zhou: *Isolation Forest* (ICDM 2008), with splits along one column; Hariri, Carrasco Kind, Brunner: *Extended Isolation
//! Forest* (TKDE 2019), with splits along planes of several columns.
//!
//! | file | what stands there |
//! |---|---|
//! | `parameters.rs` | how many trees of how many rows, and how many columns a split looks at |
//! | `path_length.rs` | the average depth of a row in a random tree |
//! | `sample.rs` | the rows that one tree is grown from |
//! | `grow.rs` | a tree, split by split |
//! | `tree.rs` | a grown tree as arrays: complete, with the path length at its leaves |
//! | `score.rs` | many rows fall through one tree after the other |
//! | `blocks.rs` | sixty-four of them at a time, where splits look at one column |
//! | `explain.rs` | which columns shortened the path |
//! | `save.rs` | arrays for the artefact and back |
//!
//! # Missing values
//! A row of which a split knows nothing follows both sides, each as much as the training rows did: its path is the expected one. A
//! row without any value is exactly as strange as the average row, and no value is ever made up.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the two-dimensional kind"
)]

mod blocks;
mod explain;
mod grow;
mod parameters;
mod path_length;
mod ranks;
mod sample;
mod save;
mod score;
mod tree;

#[cfg(test)]
mod tests;

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

pub use parameters::ForestParameters;
pub use path_length::average_path_length;

use crate::{Error, Result};
use blocks::Blocks;
use grow::grow;
use parameters::MOST_COLUMNS;
use sample::Sample;
use tree::Tree;

/// A grown isolation forest.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    parameters: ForestParameters,
    columns: usize,
    /// The rows of each tree.
    sample: usize,
    trees: Vec<Tree>,
    /// The same trees for many rows at a time, where they can be laid out so.
    blocks: Option<Blocks>,
}

impl Forest {
    /// The most columns.
    pub const MOST_COLUMNS: usize = MOST_COLUMNS;

    /// Grows a forest on `values`, rows x columns, where NaN is missing. The same seed gives the same forest at any number of threads.
    ///
    /// # Errors
    /// Parameters outside of their ranges, fewer than two rows, no column or more than 4,096.
    pub fn fit(parameters: ForestParameters, values: ArrayView2<'_, f64>, seed: u64) -> Result<Self> {
        parameters.check()?;
        let (rows, columns) = values.dim();
        if !(1..=MOST_COLUMNS).contains(&columns) {
            let accepted = format!("1 to {MOST_COLUMNS} for an isolation forest");
            return Err(Error::invalid("number of columns", columns, accepted));
        }
        if rows < 2 {
            return Err(Error::NotEnoughData {
                what: "an isolation forest".into(),
                needed: 2,
                got: rows,
            });
        }
        let sample = parameters.sample.min(rows);
        let components = parameters.extension.saturating_add(1).min(columns);
        let grown = (0..parameters.trees as u64).into_par_iter().map(|number| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(number);
            let rows = Sample::draw(values, sample, &mut generator);
            grow(&rows, components, &mut generator)
        });
        let trees: Vec<Tree> = grown.collect();
        Ok(Self {
            parameters,
            columns,
            sample,
            blocks: Blocks::of(&trees, columns),
            trees,
        })
    }

    /// The number of columns that it was grown on.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }
}
