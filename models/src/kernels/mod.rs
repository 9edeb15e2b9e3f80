//! Fused operations of the neural forecasters on the CPU: forward, backward, and the optimiser.
//!
//! | kernel | forecaster | room |
//! |---|---|---|
//! | [`ResidualMlp`] | `stid` | `residual_mlp/` |
//! | [`Lstm`] | `lstm` | `lstm/` |
//! | [`EncoderLayer`] | `transformer`, over time and over series | `encoder/` |
//! | [`Linear`] | heads | `linear.rs` |
//! | quantiles that do not cross, and their loss | all | `quantiles/` |
//! | [`adamw::AdamW`] | all | `adamw/` |
//!
//! Each is a [`Layer`] over blocks that stay in the second-level cache; parameters are packed once a step. `partition.rs` cuts
//! a batch into blocks and shares them out to the threads. Vector instructions are chosen when the program runs
//! ([`Instructions`]); `product/` holds the matrix product that does most of the work.

// Code for vector instructions uses them only where it is inlined into a function that has them.
#![allow(clippy::inline_always)]

pub mod adamw;
mod awake;
pub(crate) mod buffer;
#[cfg(test)]
pub(crate) mod checks;
pub(crate) mod dense;
pub mod encoder;
mod instructions;
pub(crate) mod joint;
mod lanes;
mod layer;
pub mod linear;
pub mod lstm;
pub(crate) mod partition;
pub(crate) mod pool;
pub(crate) mod product;
pub(crate) mod quantiles;
pub mod residual_mlp;

pub use awake::awake;
pub use encoder::EncoderLayer;
pub use instructions::Instructions;
pub use layer::{Gradients, Layer, Purpose};
pub use linear::Linear;
pub use lstm::Lstm;
pub use residual_mlp::ResidualMlp;
