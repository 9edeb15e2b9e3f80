//! From a panel to a promoted model: folds, scores, comparison, promotion, reports.
//!
//! | room | what stands there |
//! |---|---|
//! | [`protocol`], [`shares`], [`folds`] | which rows are fitted on, and which windows are scored |
//! | [`tally`], [`metrics`], [`scale`] | sums, and the scores they make |
//! | [`evaluate`], [`backtest`] | forecasts from every origin, in bounded memory and the same at any number of threads |
//! | [`document`], [`table`] | the JSON for scripts, the tables for people |
//! | [`train`], [`choice`] | from a panel to published versions |
//! | [`compare`], [`evidence`], [`promotion`] | the paired difference of two models; the gate before an alias |
//! | [`report`], [`samples`] | one HTML file that needs nothing else |
//!
//! This crate knows nothing of serving.

pub mod backtest;
pub mod compare;
pub mod choice;
pub mod document;
pub mod error;
pub mod evaluate;
pub mod evidence;
pub mod folds;
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

pub use error::{Error, Result};
