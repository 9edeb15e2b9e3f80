//! Values become codes of at most 256 bins before any tree is grown.

mod binner;
mod borders;
mod categories;
mod dataset;

pub(crate) use binner::ColumnBins;
pub use binner::{Binner, Binning};
pub use borders::MISSING;
pub(crate) use borders::{Borders, MOST_BORDERS};
pub(crate) use categories::{Categories, category};
pub use dataset::Dataset;
pub(crate) use dataset::{BLOCK, BLOCKS, LANE, Lane, SHEET, Sheet};
