//! Trees that were trained elsewhere: files of `XGBoost` or LightGBM and a description make a forecaster.
//!
//! | file | what stands there |
//! |---|---|
//! | `description` | [`Description`]: what the models read and answer |
//! | `feature` | [`Feature`]: what stands in a column |
//! | `covariate` | [`CovariateValue`]: a value of another channel than the target |
//! | `assignment` | which model answers which step |
//! | `imported` | the models, held against their description |
//! | `rows` | what is read: a panel as rows of features |
//! | `answer` | what is answered: predictions as forecasts |
//! | `forecaster` | [`ImportedTrees`], the kind `trees`, and [`FittedTrees`] |
//! | `save` | the models in the artefact, bit for bit |
//!
//! Trees are not trained here. Fitting checks that they fit the panel and notes what does not change about its series.

mod answer;
mod assignment;
mod covariate;
mod description;
mod feature;
mod forecaster;
mod imported;
mod rows;
mod save;

pub use covariate::{CovariateRow, CovariateValue};
pub use description::{Description, Model, Output, Strategy, TimeOf};
pub use feature::Feature;
pub use forecaster::{FittedTrees, ImportedTrees, NAME, SavedTrees};
pub use imported::ModelFile;
