//! The stack with a map behind it, for forecasts by parameters that do not change any more: what can be known without the
//! tokens is computed once.
//!
//! ```text
//! W₁ᵀ·x = W₁[..k]ᵀ·x[..k] + W₁[k..]ᵀ·x[k..]                        the second term is the caller's to keep
//! Wᵀ·(x + W₂ᵀ·h + b₂) + b = Wᵀ·x + (W₂·W)ᵀ·h + (Wᵀ·b₂ + b)         the last layer, and the map behind it
//! ```

use super::ResidualMlp;
use crate::kernels::buffer::Buffer;
use crate::kernels::dense::Dense;
use crate::kernels::instructions::Instructions;
use crate::kernels::joint::{Joint, PackedJoint};
use crate::kernels::layer::Purpose;
use crate::kernels::product::{Finish, Packed, Start, View, multiply};

/// The stack and the map behind it.
pub(crate) struct Folded {
    instructions: Instructions,
    width: usize,
    hidden: usize,
    /// What the numbers of a token that are not the same for many give to the first hidden units.
    first: Packed,
    /// Between the hidden units of two layers: the map back to the tokens, and the one onwards.
    between: Vec<[Dense; 2]>,
    /// Of the tokens before the last layer, and its hidden units.
    last: Joint<2>,
    packed_last: PackedJoint<2>,
}

/// What one thread keeps.
#[derive(Default)]
pub(crate) struct FoldedState {
    /// The tokens that go in, one after the other; used up.
    pub(crate) tokens: Buffer,
    next: Buffer,
    /// The hidden units of each token: going in, what all but the first numbers of the token and the bias give.
    pub(crate) hidden: Buffer,
}

impl ResidualMlp {
    /// The parameters with a map `head` behind them, `W` `[width, outputs]` and `b`, where the first `varying` numbers of a
    /// token are not the same for many tokens.
    pub(crate) fn fold(&self, parameters: &[f32], varying: usize, head: &[f32]) -> Folded {
        let (sizes, instructions) = (self.sizes, self.instructions);
        let layers: Vec<_> = parameters.chunks_exact(sizes.layer()).collect();
        let halves = layers.iter().map(|layer| layer.split_at(sizes.expand()));
        let (expand, contract): (Vec<_>, Vec<_>) = halves.unzip();
        let between = expand[1..].iter().zip(&contract).map(|(expand, contract)| {
            let mut maps = [Dense::default(), Dense::default()];
            maps[0].pack(instructions, contract, sizes.width, Purpose::Prediction);
            maps[1].pack(instructions, expand, sizes.hidden, Purpose::Prediction);
            maps
        });
        let mut folded = Folded {
            instructions,
            width: sizes.width,
            hidden: sizes.hidden,
            first: Packed::default(),
            between: between.collect(),
            last: Joint {
                inputs: [sizes.width, sizes.hidden],
                outputs: head.len() / (sizes.width + 1),
                instructions,
            },
            packed_last: PackedJoint::default(),
        };
        let first = &expand[0][..varying * sizes.hidden];
        folded.first.pack(instructions, View::new(first, varying, sizes.hidden));
        folded.fold_last(contract[sizes.layers - 1], head);
        folded
    }

    /// What rows of `width` numbers give to the first hidden units, where these are the numbers of a token from `from` on:
    /// `[rows, hidden]`, without the bias.
    pub(crate) fn first_hidden(&self, parameters: &[f32], from: usize, (rows, width): (&[f32], usize)) -> Vec<f32> {
        if width == 0 {
            return Vec::new();
        }
        let (hidden, count) = (self.sizes.hidden, rows.len() / width);
        let mut weights = Packed::default();
        let begin = &parameters[from * hidden..];
        weights.pack(self.instructions, View::new(begin, width, hidden));
        let mut sums = vec![0.0; count * hidden];
        let ends = (Start::Zero, Finish::Keep);
        let rows = View::new(rows, count, width);
        multiply(self.instructions, rows, &weights, ends, &mut sums, hidden);
        sums
    }

    /// The bias of the first hidden units.
    pub(crate) fn first_bias<'a>(&self, parameters: &'a [f32]) -> &'a [f32] {
        &parameters[self.sizes.width * self.sizes.hidden..][..self.sizes.hidden]
    }
}

impl Folded {
    /// `head` behind the last map of the stack.
    fn fold_last(&mut self, contract: &[f32], head: &[f32]) {
        let (width, hidden, outputs) = (self.width, self.hidden, self.last.outputs);
        let (weights, bias) = head.split_at(width * outputs);
        let (contract, shift) = contract.split_at(hidden * width);
        let mut packed = Packed::default();
        packed.pack(self.instructions, View::new(weights, width, outputs));
        let mut parameters = weights.to_vec();
        parameters.resize((width + hidden + 1) * outputs, 0.0);
        let (from_hidden, sum) = parameters[width * outputs..].split_at_mut(hidden * outputs);
        let product = |left: View<'_>, start: Start<'_>, target: &mut [f32]| {
            multiply(self.instructions, left, &packed, (start, Finish::Keep), target, outputs);
        };
        product(View::new(contract, hidden, width), Start::Zero, from_hidden);
        product(View::new(shift, 1, width), Start::Bias(bias), sum);
        self.last.pack(&parameters, &mut self.packed_last, Purpose::Prediction);
    }

    /// What the map behind the stack gives for the tokens in `state`.
    pub(crate) fn forward(&self, state: &mut FoldedState, output: &mut [f32]) {
        let FoldedState { tokens, next, hidden } = state;
        next.resize(tokens.len());
        let varying = View::strided(tokens, tokens.len() / self.width, self.first.rows(), self.width);
        let ends = (Start::Target, Finish::Relu);
        multiply(self.instructions, varying, &self.first, ends, hidden, self.hidden);
        for [back, onwards] in &self.between {
            back.forward(self.instructions, hidden, Some(tokens), Finish::Keep, next);
            std::mem::swap(tokens, next);
            onwards.forward(self.instructions, tokens, None, Finish::Relu, hidden);
        }
        let target = (output, self.last.outputs);
        self.last
            .forward(&self.packed_last, [tokens, hidden], Finish::Keep, target);
    }
}
