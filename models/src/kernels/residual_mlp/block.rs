//! A few tokens through all layers, forward and backward.

use super::{Maps, Sizes};
use crate::kernels::buffer::Buffer;
use crate::kernels::dense::DenseGradients;
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::Gradients;
use crate::kernels::product::{Finish, Packed, Start};

/// See [`Layer::State`](crate::kernels::Layer::State): layer by layer, the tokens it gets (but for the first one) and its
/// active hidden units.
#[derive(Default)]
pub struct State {
    tokens: Buffer,
    active: Buffer,
    inner: Buffer,
    packed: Packed,
}

impl State {
    /// Makes room for `count` tokens.
    pub(super) fn reserve(&mut self, sizes: Sizes, count: usize) {
        self.tokens.resize(count * (sizes.layers - 1) * sizes.width);
        self.active.resize(count * sizes.layers * sizes.hidden);
        self.inner.resize(count * sizes.hidden);
    }

    /// All layers over the tokens of `data`.
    pub(super) fn forward(&mut self, instructions: Instructions, layers: &[Maps], data: &[f32], output: &mut [f32]) {
        let (tokens, last) = (data.len(), layers.len() - 1);
        let active = self.active.chunks_exact_mut(self.inner.len());
        for (number, (layer, active)) in layers.iter().zip(active).enumerate() {
            let (before, after) = self.tokens.split_at_mut(number * tokens);
            let input = if number == 0 {
                data
            } else {
                &before[(number - 1) * tokens..]
            };
            let target = if number == last {
                &mut *output
            } else {
                &mut after[..tokens]
            };
            layer.expand.forward(instructions, input, None, Finish::Relu, active);
            layer
                .contract
                .forward(instructions, active, Some(input), Finish::Keep, target);
        }
    }

    /// From the gradient of the output to those of the tokens and of all parameters.
    pub(super) fn backward(
        &mut self,
        instructions: Instructions,
        sizes: Sizes,
        layers: &[Maps],
        data: &[f32],
        gradients: Gradients<'_>,
    ) {
        let Gradients {
            output,
            data: gradient,
            parameters,
            begin,
        } = gradients;
        gradient.copy_from_slice(output);
        let inner = &mut self.inner;
        let sums = parameters.chunks_exact_mut(sizes.layer());
        for (number, (layer, sums)) in layers.iter().zip(sums).enumerate().rev() {
            let input = if number == 0 {
                data
            } else {
                &self.tokens[(number - 1) * data.len()..][..data.len()]
            };
            let active = &self.active[number * inner.len()..][..inner.len()];
            let (expand, contract) = sums.split_at_mut(sizes.expand());
            let sums = DenseGradients::new(contract, sizes.width);
            sums.collect(instructions, active, gradient, begin, &mut self.packed);
            let ends = (Start::Zero, Finish::WherePositive(active));
            layer.contract.backward(instructions, gradient, ends, inner);
            let sums = DenseGradients::new(expand, sizes.hidden);
            sums.collect(instructions, input, inner, begin, &mut self.packed);
            let ends = (Start::Target, Finish::Keep);
            layer.expand.backward(instructions, inner, ends, gradient);
        }
    }
}
