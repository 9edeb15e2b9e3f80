//! Gradient-boosted trees by themselves, on tables.

mod fitting;
mod import;
