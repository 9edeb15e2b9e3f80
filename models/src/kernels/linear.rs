//! One linear map: the entrance and the head of a network.
//!
//! ```text
//! y = Wᵀ·x + b        for each row x
//! ```

use crate::Result;
use crate::kernels::dense::{Dense, DenseGradients};
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::{Gradients, Layer, Purpose, positive};
use crate::kernels::product::{Finish, Packed, Start};

/// The operation. An item is a row of `inputs` numbers, its output one of `outputs`. Parameters: `W` `[inputs, outputs]`
/// and `b` `[outputs]`.
#[derive(Debug, Clone)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    instructions: Instructions,
}

impl Linear {
    /// A map from `inputs` numbers to `outputs` numbers.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when one of them is zero.
    pub fn new(inputs: usize, outputs: usize, instructions: Instructions) -> Result<Self> {
        Ok(Self {
            inputs: positive("inputs", inputs)?,
            outputs: positive("outputs", outputs)?,
            instructions,
        })
    }
}

impl Layer for Linear {
    type Packed = PackedMap;
    type State = State;

    fn item(&self) -> (usize, usize) {
        (self.inputs, self.outputs)
    }

    fn parameters(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    fn pack(&self, parameters: &[f32], packed: &mut PackedMap, purpose: Purpose) {
        packed.0.pack(self.instructions, parameters, self.outputs, purpose);
    }

    fn forward(&self, packed: &PackedMap, _state: &mut State, data: &[f32], output: &mut [f32]) {
        packed.0.forward(self.instructions, data, None, Finish::Keep, output);
    }

    fn backward(&self, packed: &PackedMap, state: &mut State, data: &[f32], gradients: Gradients<'_>) {
        let sums = DenseGradients::new(gradients.parameters, self.outputs);
        sums.collect(self.instructions, data, gradients.output, gradients.begin, &mut state.0);
        let ends = (Start::Zero, Finish::Keep);
        packed
            .0
            .backward(self.instructions, gradients.output, ends, gradients.data);
    }
}

/// See [`Layer::Packed`].
#[derive(Default)]
pub struct PackedMap(Dense);

/// See [`Layer::State`].
#[derive(Default)]
pub struct State(Packed);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::checks;

    #[test]
    fn output_and_gradients_agree_with_the_formula() {
        for (inputs, outputs, rows) in [(1, 1, 1), (5, 17, 13), (19, 3, 100)] {
            let make = |instructions| Linear::new(inputs, outputs, instructions).unwrap();
            checks::agrees_with_formula(make, rows, &move |[x, parameters]| {
                let (weights, bias) = parameters.split_at(inputs * outputs);
                checks::map(x, weights, bias)
            });
        }
    }
}
