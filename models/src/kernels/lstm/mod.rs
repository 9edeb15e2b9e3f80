//! A recurrent layer over sequences: long short-term memory.
//!
//! ```text
//! (i, f, g, o) = Wᵀ·[xₜ, hₜ₋₁] + b
//! cₜ = σ(f)·cₜ₋₁ + σ(i)·tanh(g),   hₜ = σ(o)·tanh(cₜ),   h₋₁ = c₋₁ = 0
//! ```
//!
//! Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997); forget gate by Gers et al. (2000).
//! The input and the hidden state stand side by side, so that a time step is one product for all gates; everything is
//! kept by time, so that the gradient of the weights is one product for all steps.

mod block;
mod cell;
#[cfg(test)]
mod tests;

use crate::Result;
use crate::kernels::dense::Dense;
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::{Gradients, Layer, Purpose, positive};
use block::Sizes;

pub use block::State;

/// Which hidden states are the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum States {
    /// Those of every step: `[steps, hidden]`.
    All,
    /// Those after the last step: `[hidden]`.
    Last,
}

/// The operation. An item is a sequence `[steps, inputs]`; for its output see [`States`]. Parameters: `W`
/// `[inputs + hidden, 4 · hidden]` and `b` `[4 · hidden]`, gates in the order of the formula.
#[derive(Debug, Clone)]
pub struct Lstm {
    sizes: Sizes,
    instructions: Instructions,
}

impl Lstm {
    /// A layer of `hidden` units over sequences of `steps` steps of `inputs` numbers.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when one of them is zero.
    pub fn new(steps: usize, inputs: usize, hidden: usize, output: States, instructions: Instructions) -> Result<Self> {
        let sizes = Sizes {
            steps: positive("steps", steps)?,
            inputs: positive("inputs", inputs)?,
            hidden: positive("hidden", hidden)?,
            output,
        };
        Ok(Self { sizes, instructions })
    }
}

impl Layer for Lstm {
    type Packed = Gates;
    type State = State;

    fn item(&self) -> (usize, usize) {
        (self.sizes.steps * self.sizes.inputs, self.sizes.output())
    }

    fn parameters(&self) -> usize {
        (self.sizes.row() + 1) * self.sizes.gates()
    }

    fn pack(&self, parameters: &[f32], packed: &mut Gates, purpose: Purpose) {
        packed
            .0
            .pack(self.instructions, parameters, self.sizes.gates(), purpose);
    }

    fn forward(&self, packed: &Gates, state: &mut State, data: &[f32], output: &mut [f32]) {
        state.reserve(self.sizes, data.len() / self.item().0);
        state.forward(self.instructions, self.sizes, &packed.0, data, output);
    }

    fn backward(&self, packed: &Gates, state: &mut State, _data: &[f32], mut gradients: Gradients<'_>) {
        state.backward(self.instructions, self.sizes, &packed.0, &mut gradients);
    }
}

/// The map to the sums of all gates.
#[derive(Default)]
pub struct Gates(Dense);
