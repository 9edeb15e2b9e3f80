//! Gradient-boosted trees by themselves, on tables.

mod fitting;
pub mod import;
