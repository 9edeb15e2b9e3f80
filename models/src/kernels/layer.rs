//! What every fused operation offers.

use crate::{Error, Result};

/// What parameters are packed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A backward pass follows.
    Training,
    /// Only the output is wanted.
    Prediction,
}

/// A fused operation on one block of items: as many as stay in the second-level cache between the two passes.
///
/// Parameters are packed once a step and read by all threads; each thread brings a state of its own, which it uses again
/// block after block without allocation.
pub trait Layer: Send + Sync {
    /// The parameters as the passes read them.
    type Packed: Default + Send + Sync;

    /// What stays between the passes of one block, and scratch.
    type State: Default + Send;

    /// How many numbers an item has, in the data and in the output.
    fn item(&self) -> (usize, usize);

    /// How many parameters there are, one after the other.
    fn parameters(&self) -> usize;

    /// Takes the parameters in.
    fn pack(&self, parameters: &[f32], packed: &mut Self::Packed, purpose: Purpose);

    /// The output for the items in `data`.
    fn forward(&self, packed: &Self::Packed, state: &mut Self::State, data: &[f32], output: &mut [f32]);

    /// The gradients for the items of the last [`Layer::forward`] with this state, which had the same `data`.
    fn backward(&self, packed: &Self::Packed, state: &mut Self::State, data: &[f32], gradients: Gradients<'_>);
}

/// The gradients that a backward pass starts from and those that it makes.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// Of the output.
    pub output: &'a [f32],
    /// Of the data; written.
    pub data: &'a mut [f32],
    /// Of the parameters, in their order; summed over the blocks of a step.
    pub parameters: &'a mut [f32],
    /// Whether this block is the first of its sum.
    pub begin: bool,
}

/// A size that must be positive.
///
/// # Errors
/// [`Error::Invalid`] when it is not.
pub(super) fn positive(field: &str, value: usize) -> Result<usize> {
    if value == 0 {
        return Err(Error::invalid(field, value, "1 and more"));
    }
    Ok(value)
}
