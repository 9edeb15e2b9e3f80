//! From a panel to a promoted model: folds, scores, comparison, promotion, reports.
//!
//! | room | what stands there |
//! |---|---|
//! | [`protocol`], [`shares`], [`folds`] | which rows are fitted on, and which windows are scored |
//! | [`tally`], [`metrics`], [`scale`] | sums, and the scores they make |
//! | [`evaluate`], [`backtest`] | forecasts from every origin, in bounded memory and the same at any number of threads |
//! | [`areas`] | the same for zones and the city |
//! | [`veteran`] | models that were fitted before, whatever the order of their series |
//! | [`document`], [`table`] | the JSON for scripts, the tables for people |
//! | [`windows`] | a panel from the windows of a lake |
//! | [`train`], [`choice`] | from a panel to published versions |
//! | [`kept`] | what a training that was cut off had fitted |
//! | [`ablation`] | what each group of inputs is worth |
//! | [`compare`] | the paired difference of two models |
//! | [`evidence`], [`promotion`], [`gate`] | what a promotion rests on, the decision, and its effect |
//! | [`report`], [`samples`] | one HTML file that needs nothing else |
//!
//! This crate knows nothing of serving.

pub mod ablation;
pub mod areas;
pub mod backtest;
pub mod choice;
pub mod compare;
pub mod document;
pub mod error;
pub mod evaluate;
pub mod evidence;
pub mod folds;
pub mod gate;
pub mod kept;
pub mod metrics;
pub mod promotion;
pub mod protocol;
pub mod report;
pub mod samples;
pub mod scale;
pub mod shares;
pub mod table;
pub mod tally;
pub mod train;
pub mod veteran;
pub mod windows;

pub use error::{Error, Result};
