//! What tells one kind of network from another: how it turns a token's inputs into what its head reads.

use std::ops::Range;

use burn::tensor::Tensor;

use super::general::{Tensors, Tokens};
use super::identity::Identity;
use super::inputs::Inputs;
use super::layout::Part;
use crate::Result;
use crate::kernels::{Gradients, Purpose};

/// The part of a network below its head, once fused and once by burn's general operations.
pub(super) trait Trunk: Send + Sync + 'static {
    /// The parameters as the fused passes read them.
    type Packed: Default + Send + Sync;

    /// What one thread keeps between the two passes of a block, and scratch.
    type State: Default + Send;

    /// The widths of the embeddings.
    fn identity(&self) -> Identity;

    /// The other parameters.
    fn parts(&self) -> Vec<Part>;

    /// Numbers of a token that the head reads.
    fn width(&self) -> usize;

    /// How many tokens a block has where a window has `series`; whole windows where series see each other.
    fn block(&self, series: usize) -> usize;

    /// Takes the parameters of [`Trunk::parts`] in.
    fn pack(&self, parameters: &[f32], packed: &mut Self::Packed, purpose: Purpose);

    /// What the head reads of these tokens.
    fn forward(
        &self,
        packed: &Self::Packed,
        state: &mut Self::State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        output: &mut [f32],
    );

    /// The gradients for the tokens of the last forward pass with this state; the `data` are their embeddings.
    fn backward(
        &self,
        packed: &Self::Packed,
        state: &mut Self::State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        gradients: Gradients<'_>,
    );

    /// What forecasts by parameters that do not change any more, where that is less work than [`Trunk::forward`] and the head.
    fn prepare(&self, _parameters: Settled<'_>) -> Option<Box<dyn Prepared>> {
        None
    }

    /// The same by burn's general operations: `[tokens, width]`.
    ///
    /// # Errors
    /// Parameters that are not there.
    fn general(&self, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>>;
}

/// The parameters of a network that do not change any more.
pub(super) struct Settled<'a> {
    /// The embeddings of all series, slots and days, as rows.
    pub(super) tables: [&'a [f32]; 3],
    pub(super) trunk: &'a [f32],
    pub(super) head: &'a [f32],
}

/// A trunk with its head, for forecasts.
pub(super) trait Prepared: Send + Sync {
    /// What the head gives for these tokens.
    fn forward(&self, inputs: &Inputs<'_>, tokens: Range<usize>, raw: &mut [f32]);
}
