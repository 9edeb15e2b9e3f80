//! The ground of the house: what data exists, and how it is kept.
//!
//! | room | what stands there |
//! |---|---|
//! | [`city`] | a synthetic city: traffic by the cell transmission model, and all that follows from it |
//! | [`stream`] | stream definitions (TOML): fields, key, identity, windows, lateness |
//! | [`schema`] | the schemas of events, windows and every other table |
//! | [`mapping`] | history from files: how columns become events, and the mappings of public data sets |
//! | [`panel`] | time x series x channel, and the readers of wide and long files |
//! | [`lake`] | Delta tables, written exactly once |
//! | [`feature`] | what a feature set makes and a model eats |
//! | [`time`] | UTC microseconds, durations, windows |
//! | [`topic`] | a partition's name |
//!
//! This crate knows nothing of models or wire types.

pub mod city;
pub mod error;
pub mod feature;
pub mod lake;
pub mod mapping;
pub mod panel;
pub mod schema;
pub mod stream;
pub mod time;
pub mod topic;

pub use error::{Error, Result};
