//! Encoder layers one after the other on one block.

use crate::kernels::buffer::Buffer;
use crate::kernels::encoder::{Parameters, State};
use crate::kernels::{EncoderLayer, Gradients, Layer};

/// What goes into each layer, what each keeps, and the gradient on its way back.
#[derive(Default)]
pub(super) struct Stack {
    tokens: Vec<Buffer>,
    layers: Vec<State>,
    slope: Buffer,
    next_slope: Buffer,
}

impl Stack {
    /// Makes room for `numbers` numbers in and out of `layers` layers, and says where they go in.
    pub(super) fn entrance(&mut self, layers: usize, numbers: usize) -> &mut [f32] {
        // Without layers, too, the entrance needs a place.
        self.tokens.resize_with(layers.max(1), Buffer::default);
        self.layers.resize_with(layers, State::default);
        for buffer in &mut self.tokens {
            buffer.resize(numbers);
        }
        self.slope.resize(numbers);
        self.next_slope.resize(numbers);
        &mut self.tokens[0]
    }

    /// From the entrance through all layers.
    pub(super) fn forward(&mut self, layer: &EncoderLayer, packed: &[Parameters], output: &mut [f32]) {
        let Some(last) = self.layers.len().checked_sub(1) else {
            return output.copy_from_slice(&self.tokens[0]);
        };
        for (number, (state, packed)) in self.layers.iter_mut().zip(packed).enumerate() {
            let (before, after) = self.tokens.split_at_mut(number + 1);
            let target = if number == last { &mut *output } else { &mut *after[0] };
            layer.forward(packed, state, &before[number], target);
        }
    }

    /// From the gradient of the output to that of the entrance; those of the parameters go to `sums`.
    pub(super) fn backward(
        &mut self,
        layer: &EncoderLayer,
        packed: &[Parameters],
        output: &[f32],
        (sums, begin): (&mut [f32], bool),
    ) -> &[f32] {
        self.slope.copy_from_slice(output);
        let sums = sums.chunks_exact_mut(layer.parameters());
        let layers = self.layers.iter_mut().zip(&self.tokens).zip(packed.iter().zip(sums));
        for ((state, tokens), (packed, parameters)) in layers.rev() {
            let gradients = Gradients {
                output: &self.slope,
                data: &mut self.next_slope,
                parameters,
                begin,
            };
            layer.backward(packed, state, tokens, gradients);
            std::mem::swap(&mut self.slope, &mut self.next_slope);
        }
        &self.slope
    }
}
