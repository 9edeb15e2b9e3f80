//! Neural forecasters: from windows of several series to all steps ahead at once, in several quantiles that never cross.
//!
//! | kind | network |
//! |---|---|
//! | [`Lstm`] | recurrent encoder, direct head |
//! | [`Transformer`] | attention over time and among series |
//! | [`Stid`] | identity MLP |
//!
//! Beside them stands the [`Autoencoder`], which learns to give rows back, for detectors.
//!
//! Every kind is a trunk (`trunk.rs`) with the same inputs, embeddings (`identity.rs`) and head. On the CPU a whole network
//! with its loss is one fused operation (`fused.rs`), which burn differentiates by the operation's own backward pass
//! (`operation.rs`); on other backends, and as a check, the same network stands in burn's general operations (`general.rs`).

mod autoencoder;
mod batch;
mod device;
mod engine;
mod fused;
mod general;
mod identity;
mod inputs;
mod kind;
mod layout;
mod lstm;
mod network;
mod operation;
mod optimiser;
mod shape;
mod stid;
#[cfg(test)]
mod tests;
pub mod training;
mod transformer;
mod trunk;

pub use autoencoder::Autoencoder;
pub use batch::{Batch, Batches};
pub use device::Device;
pub use kind::Kind;
pub use lstm::Lstm;
pub use network::Network;
pub use shape::Shape;
pub use stid::Stid;
pub use transformer::Transformer;
