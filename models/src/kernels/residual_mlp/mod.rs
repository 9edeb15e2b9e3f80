//! A stack of residual layers of two maps: the trunk of the identity MLP.
//!
//! ```text
//! x ← x + W₂ᵀ·relu(W₁ᵀ·x + b₁) + b₂        for each layer, for each token x
//! ```
//!
//! Shao et al., "Spatial-Temporal Identity: A Simple yet Effective Baseline for Multivariate Time Series Forecasting",
//! CIKM 2022. A block of tokens goes through all layers, forward or backward, before the next one is touched.

mod block;
mod folded;
#[cfg(test)]
mod tests;

use crate::Result;
use crate::kernels::dense::Dense;
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::{Gradients, Layer, Purpose, positive};

pub use block::State;
pub(crate) use folded::{Folded, FoldedState};

/// The operation. An item is a token of `width` numbers, as is its output. Parameters, layer after layer: `W₁`
/// `[width, hidden]`, `b₁` `[hidden]`, `W₂` `[hidden, width]` and `b₂` `[width]`.
#[derive(Debug, Clone)]
pub struct ResidualMlp {
    sizes: Sizes,
    instructions: Instructions,
}

/// The extents of a stack.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    layers: usize,
    width: usize,
    hidden: usize,
}

impl Sizes {
    /// Parameters of the first map of a layer.
    fn expand(self) -> usize {
        (self.width + 1) * self.hidden
    }

    /// Parameters of one layer.
    fn layer(self) -> usize {
        self.expand() + (self.hidden + 1) * self.width
    }
}

impl ResidualMlp {
    /// `layers` layers over tokens of `width` numbers, with `hidden` numbers in between.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when one of them is zero.
    pub fn new(layers: usize, width: usize, hidden: usize, instructions: Instructions) -> Result<Self> {
        let sizes = Sizes {
            layers: positive("layers", layers)?,
            width: positive("width", width)?,
            hidden: positive("hidden", hidden)?,
        };
        Ok(Self { sizes, instructions })
    }
}

impl Layer for ResidualMlp {
    type Packed = Vec<Maps>;
    type State = State;

    fn item(&self) -> (usize, usize) {
        (self.sizes.width, self.sizes.width)
    }

    fn parameters(&self) -> usize {
        self.sizes.layers * self.sizes.layer()
    }

    fn pack(&self, parameters: &[f32], packed: &mut Vec<Maps>, purpose: Purpose) {
        packed.resize_with(self.sizes.layers, Maps::default);
        for (maps, parameters) in packed.iter_mut().zip(parameters.chunks_exact(self.sizes.layer())) {
            let (expand, contract) = parameters.split_at(self.sizes.expand());
            maps.expand.pack(self.instructions, expand, self.sizes.hidden, purpose);
            maps.contract
                .pack(self.instructions, contract, self.sizes.width, purpose);
        }
    }

    fn forward(&self, packed: &Vec<Maps>, state: &mut State, data: &[f32], output: &mut [f32]) {
        state.reserve(self.sizes, data.len() / self.sizes.width);
        state.forward(self.instructions, packed, data, output);
    }

    fn backward(&self, packed: &Vec<Maps>, state: &mut State, data: &[f32], gradients: Gradients<'_>) {
        state.backward(self.instructions, self.sizes, packed, data, gradients);
    }
}

/// The two maps of a layer.
#[derive(Default)]
pub struct Maps {
    expand: Dense,
    contract: Dense,
}
