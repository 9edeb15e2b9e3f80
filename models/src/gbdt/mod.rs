//! Gradient-boosted trees on histograms.
//!
//! | room | what stands there |
//! |---|---|
//! | `binning` | columns are cut into at most 255 bins and one for what is missing: [`Dataset`] |
//! | `objective` | losses, their derivatives, and where boosting starts: [`Objective`] |
//! | `gradients`, `histogram` | derivatives as whole numbers, and their exact sums by bin |
//! | `split`, `partition`, `growing` | one tree: the best split of each leaf, leaf-wise or depth-wise |
//! | `boosting`, `fit` | tree after tree, all outputs side by side: [`Gbdt`] |
//! | `scoring`, `fitted` | prediction of 64 rows at once, or of one: [`FittedGbdt`] |
//! | `importance`, `shap` | what columns contribute |
//! | `save`, `import` | models as arrays, and models of `XGBoost` and LightGBM |
//!
//! Histograms hold the count and the gradient of a bin in one 64-bit number (a second one where rows are weighted or the
//! loss is curved). Whole-number sums are exact in any order, which makes a fit independent of the number of threads and
//! lets a child's histogram be its parent's less its sibling's without any rounding.
//!
//! ```
//! use arterial_models::gbdt::{Binning, Dataset, Examples, Gbdt, GbdtParameters, Objective};
//! use ndarray::Array2;
//!
//! let features = Array2::from_shape_fn((1000, 3), |(row, column)| (row * (column + 3) % 17) as f32);
//! let targets = features.column(0).mapv(|value| 2.0 * value).insert_axis(ndarray::Axis(1));
//! let parameters = GbdtParameters { objective: Objective::Quantile { levels: vec![0.1, 0.5, 0.9] }, ..Default::default() };
//!
//! let table = Dataset::of(features.view(), &Binning::default())?;
//! let model = Gbdt::new(parameters)?.fit(&Examples::new(&table, targets.view()), None, &())?;
//! let quantiles = model.predict_row(&[5.0, 0.0, 1.0], &[])?;
//! assert!((quantiles[1] - 10.0).abs() < 0.5);
//! # Ok::<(), arterial_models::Error>(())
//! ```
#![expect(
    clippy::inline_always,
    reason = "bodies of kernels are compiled once for each instruction set, inside its entry point"
)]
#![expect(clippy::needless_pass_by_value, reason = "array views are handed over like slices")]

mod binning;
mod boosting;
mod examples;
mod fit;
mod fitted;
mod gradients;
mod growing;
mod histogram;
mod import;
mod importance;
mod objective;
mod parameters;
mod partition;
mod save;
mod scoring;
mod shap;
pub(crate) mod simd;
mod split;
mod tree;

pub(crate) use binning::{BLOCK, BLOCKS, SHEET, Sheet};
pub use binning::{Binner, Binning, Dataset};
pub use examples::Examples;
pub use fit::{Gbdt, Observer, Round};
pub use fitted::{FittedGbdt, Link, Precision};
pub use import::{FILE_LIMIT, Imported, Rounds};
pub use objective::Objective;
pub use parameters::{GbdtParameters, Growth};
pub use save::{GbdtSettings, SavedGbdt};
pub(crate) use scoring::{BlockTree, CodeTest, MOST_LEAVES, Outline, Room, add_values};
