//! A linear map as a part of a kernel, its parameters packed for both passes.

use super::buffer::Buffer;
use super::instructions::Instructions;
use super::layer::Purpose;
use super::partition::sum_columns;
use super::product::{Finish, Packed, Start, View, multiply};

/// `y = Wᵀ·x + b` for rows `x`.
#[derive(Default)]
pub(crate) struct Dense {
    forward: Packed,
    bias: Buffer,
    backward: Packed,
}

impl Dense {
    /// Takes in `W` `[inputs, outputs]` and, behind it, `b` `[outputs]`.
    pub(crate) fn pack(&mut self, instructions: Instructions, parameters: &[f32], outputs: usize, purpose: Purpose) {
        let (weights, bias) = parameters.split_at(parameters.len() - outputs);
        let weights = View::new(weights, weights.len() / outputs, outputs);
        self.bias.copy(bias);
        if purpose == Purpose::Prediction {
            return self.forward.pack(instructions, weights);
        }
        let (forward, backward) = (&mut self.forward, &mut self.backward);
        rayon::join(
            || forward.pack(instructions, weights),
            || backward.pack(instructions, weights.transposed()),
        );
    }

    /// `y = finish(residual + Wᵀ·x + b)`.
    pub(crate) fn forward(
        &self,
        instructions: Instructions,
        x: &[f32],
        residual: Option<&[f32]>,
        finish: Finish<'_>,
        y: &mut [f32],
    ) {
        let start = match residual {
            Some(matrix) => Start::Residual(&self.bias, matrix),
            None => Start::Bias(&self.bias),
        };
        let (inputs, outputs) = (self.forward.rows(), self.forward.columns());
        let rows = View::new(x, x.len() / inputs, inputs);
        multiply(instructions, rows, &self.forward, (start, finish), y, outputs);
    }

    /// From the gradient of `y` to that of `x`.
    pub(crate) fn backward(
        &self,
        instructions: Instructions,
        gradient: &[f32],
        ends: (Start<'_>, Finish<'_>),
        x: &mut [f32],
    ) {
        let (outputs, inputs) = (self.backward.rows(), self.backward.columns());
        let rows = View::new(gradient, gradient.len() / outputs, outputs);
        multiply(instructions, rows, &self.backward, ends, x, inputs);
    }
}

/// Where the gradients of a map's parameters are summed.
pub(crate) struct DenseGradients<'a> {
    weights: &'a mut [f32],
    bias: &'a mut [f32],
}

impl<'a> DenseGradients<'a> {
    /// Gradients that stand as the parameters do: the weights, and behind them the bias.
    pub(crate) fn new(gradients: &'a mut [f32], outputs: usize) -> Self {
        let (weights, bias) = gradients.split_at_mut(gradients.len() - outputs);
        Self { weights, bias }
    }

    /// Adds what rows `x` and the gradient of their `y` give, or begins with it.
    pub(crate) fn collect(
        self,
        instructions: Instructions,
        x: &[f32],
        gradient: &[f32],
        begin: bool,
        scratch: &mut Packed,
    ) {
        let outputs = self.bias.len();
        let gradient = View::new(gradient, gradient.len() / outputs, outputs);
        scratch.pack(instructions, gradient);
        sum_columns(instructions, gradient, self.bias, !begin);
        collect_weights(instructions, x, scratch, begin, self.weights);
    }
}

/// Adds to the gradient of weights what rows `x` and the packed gradient of their `y` give, or begins with it.
pub(crate) fn collect_weights(
    instructions: Instructions,
    x: &[f32],
    gradient: &Packed,
    begin: bool,
    weights: &mut [f32],
) {
    let (rows, outputs) = (gradient.rows(), gradient.columns());
    let start = if begin { Start::Zero } else { Start::Target };
    let x = View::new(x, rows, weights.len() / outputs).transposed();
    multiply(instructions, x, gradient, (start, Finish::Keep), weights, outputs);
}
