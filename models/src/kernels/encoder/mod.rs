//! One encoder layer: attention within each sequence, then a map of each step, both with residual and normalisation.
//!
//! ```text
//! y = norm₁(x + Attention(x))
//! z = norm₂(y + W₂ᵀ·relu(W₁ᵀ·y + b₁) + b₂)
//! ```
//!
//! Vaswani et al., "Attention Is All You Need", NeurIPS 2017. A sequence is what attends to itself: the steps of one
//! series (temporal attention) or the series at one step (spatial attention, as in Liu et al., "STAEformer", CIKM 2023).

mod attention;
mod block;
mod norm;
mod short;
mod softmax;
#[cfg(test)]
mod tests;

use crate::kernels::buffer::Buffer;
use crate::kernels::dense::Dense;
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::{Gradients, Layer, Purpose, positive};
use crate::{Error, Result};
use attention::Heads;

pub use block::State;

/// The operation. An item is a sequence `[length, width]`, as is its output. Parameters: weights `[width, 3 · width]` and
/// bias of queries, keys and values, heads side by side within each; weights `[width, width]` and bias of the attention's
/// output; gain and shift of the first normalisation; `W₁` `[width, hidden]`, `b₁`, `W₂` `[hidden, width]`, `b₂`; gain and
/// shift of the second normalisation.
#[derive(Debug, Clone)]
pub struct EncoderLayer {
    sizes: Sizes,
    instructions: Instructions,
}

/// The extents of a layer.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    length: usize,
    width: usize,
    heads: usize,
    hidden: usize,
}

impl Sizes {
    fn attention(self) -> Heads {
        Heads {
            length: self.length,
            width: self.width,
            count: self.heads,
        }
    }

    /// How many parameters the map to queries, keys and values has; that of the attention's output; each normalisation; the
    /// expanding map; the contracting one; the last normalisation.
    fn parts(self) -> [usize; 6] {
        let Sizes { width, hidden, .. } = self;
        [
            (width + 1) * 3 * width,
            (width + 1) * width,
            2 * width,
            (width + 1) * hidden,
            (hidden + 1) * width,
            2 * width,
        ]
    }
}

impl EncoderLayer {
    /// A layer over sequences of `length` steps of `width` numbers, with `heads` heads and `hidden` numbers in between.
    ///
    /// # Errors
    /// [`Error::Invalid`] when one of them is zero, or `width` is no multiple of `heads`.
    pub fn new(length: usize, width: usize, heads: usize, hidden: usize, instructions: Instructions) -> Result<Self> {
        let sizes = Sizes {
            length: positive("length", length)?,
            width: positive("width", width)?,
            heads: positive("heads", heads)?,
            hidden: positive("hidden", hidden)?,
        };
        if !width.is_multiple_of(heads) {
            return Err(Error::invalid(
                "heads",
                heads,
                format!("divisors of the width, {width}"),
            ));
        }
        Ok(Self { sizes, instructions })
    }

    /// The same layer over sequences of another length, at least 1.
    pub(crate) fn with_length(&self, length: usize) -> Self {
        let sizes = Sizes {
            length: length.max(1),
            ..self.sizes
        };
        Self { sizes, ..*self }
    }
}

impl Layer for EncoderLayer {
    type Packed = Parameters;
    type State = State;

    fn item(&self) -> (usize, usize) {
        let numbers = self.sizes.length * self.sizes.width;
        (numbers, numbers)
    }

    fn parameters(&self) -> usize {
        self.sizes.parts().iter().sum()
    }

    fn pack(&self, parameters: &[f32], packed: &mut Parameters, purpose: Purpose) {
        let Sizes { width, hidden, .. } = self.sizes;
        let mut rest = parameters;
        let [projection, output, first, expand, contract, second] = self.sizes.parts().map(|count| {
            let (part, after) = rest.split_at(count);
            rest = after;
            part
        });
        packed
            .projection
            .pack(self.instructions, projection, 3 * width, purpose);
        packed.output.pack(self.instructions, output, width, purpose);
        packed.norms[0].copy(first);
        packed.expand.pack(self.instructions, expand, hidden, purpose);
        packed.contract.pack(self.instructions, contract, width, purpose);
        packed.norms[1].copy(second);
    }

    fn forward(&self, packed: &Parameters, state: &mut State, data: &[f32], output: &mut [f32]) {
        state.reserve(self.sizes, data.len() / self.sizes.width);
        state.forward(self.instructions, self.sizes, packed, data, output);
    }

    fn backward(&self, packed: &Parameters, state: &mut State, data: &[f32], gradients: Gradients<'_>) {
        state.backward(self.instructions, self.sizes, packed, data, gradients);
    }
}

/// See [`Layer::Packed`].
#[derive(Default)]
pub struct Parameters {
    projection: Dense,
    output: Dense,
    expand: Dense,
    contract: Dense,
    /// Gain, then shift.
    norms: [Buffer; 2],
}
