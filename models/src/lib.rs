//! Forecasters and detectors, what becomes of their numbers, their files and the registry they live in.
//!
//! | room | what stands there |
//! |---|---|
//! | [`forecaster`] | the contract: [`Forecaster`] is fitted into a [`FittedForecaster`] |
//! | [`forecasters`] | the kinds, as a plain list |
//! | [`gbdt`] | gradient-boosted trees on histograms, the engine of the forecaster of that name |
//! | [`neural`] | networks and their training, the engine of `stid`, `lstm` and `transformer` |
//! | [`kernels`] | fused operations for them, with their own backward passes |
//! | [`onnx`] | networks that were trained elsewhere, and the forecaster that they become |
//! | [`trees`] | trees that were trained elsewhere, and the forecaster that they become |
//! | [`conformal`] | intervals on top of any of them |
//! | [`areas`] | zones and the whole city, forecast from their members, with intervals of their own |
//! | [`pipeline`] | a fitted model with its intervals: the same for training and serving |
//! | [`detector`] | the contract: a table is fitted and scored, a series is watched row by row |
//! | [`detectors`] | the kinds, as plain lists |
//! | [`isolation_forest`] | random splits that cut strange rows off, the engine of the detector of that name |
//! | [`threshold`] | where the line between normal and strange is |
//! | [`alerts`] | from the scores of single sensors to one alert for each event |
//! | [`spatial`] | clusters of places, and the hot spots that they become |
//! | [`artefact`] | model files: data that can be checked, and nothing that can run |
//! | [`registry`] | immutable versions and the aliases that point to them |
//!
//! This crate knows nothing of Kafka, wire types or SQL.

pub mod alerts;
pub mod areas;
pub mod artefact;
pub mod conformal;
pub mod detector;
pub mod detectors;
pub mod error;
pub mod explanation;
pub mod forecaster;
pub mod forecasters;
pub mod gbdt;
mod held_out;
pub mod isolation_forest;
pub mod kernels;
mod linear_algebra;
mod minimise;
pub mod neural;
pub mod onnx;
pub mod pipeline;
mod profile;
pub mod registry;
pub mod scope;
pub mod season;
pub mod spatial;
mod support;
pub mod threshold;
pub mod trees;

pub use error::{Error, Result};
pub use forecaster::{FittedForecaster, Forecaster, Outlook, Progress, Quantile, QuantileForecasts, Silent, Task};
