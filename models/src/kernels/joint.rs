//! One linear map of several sources that stand apart from each other, as a part of a network.
//!
//! ```text
//! y = Σ Wᵢᵀ·xᵢ + b        for each row, of all sources xᵢ
//! ```

use super::buffer::Buffer;
use super::dense::collect_weights;
use super::instructions::Instructions;
use super::layer::Purpose;
use super::partition::sum_columns;
use super::product::{Finish, Packed, Start, View, multiply};

/// How many numbers each source has, and how many the output. Parameters: `W₁` `[inputs₁, outputs]`, `W₂`, …, and then `b`
/// `[outputs]`. A source may be empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joint<const SOURCES: usize> {
    pub(crate) inputs: [usize; SOURCES],
    pub(crate) outputs: usize,
    pub(crate) instructions: Instructions,
}

/// The parameters, packed for both passes.
pub(crate) struct PackedJoint<const SOURCES: usize> {
    forward: [Packed; SOURCES],
    backward: [Packed; SOURCES],
    bias: Buffer,
}

impl<const SOURCES: usize> Default for PackedJoint<SOURCES> {
    fn default() -> Self {
        Self {
            forward: std::array::from_fn(|_| Packed::default()),
            backward: std::array::from_fn(|_| Packed::default()),
            bias: Buffer::default(),
        }
    }
}

impl<const SOURCES: usize> Joint<SOURCES> {
    /// How many parameters there are.
    pub(crate) fn parameters(self) -> usize {
        (self.inputs.iter().sum::<usize>() + 1) * self.outputs
    }

    /// Takes the parameters in.
    pub(crate) fn pack(self, parameters: &[f32], packed: &mut PackedJoint<SOURCES>, purpose: Purpose) {
        let mut rest = parameters;
        let weights = self.inputs.map(|inputs| {
            let (weights, after) = rest.split_at(inputs * self.outputs);
            rest = after;
            View::new(weights, inputs, self.outputs)
        });
        packed.bias.copy(rest);
        let (forward, backward) = (&mut packed.forward, &mut packed.backward);
        let mut straight = || pack_all(self.instructions, forward, weights);
        match purpose {
            Purpose::Prediction => straight(),
            Purpose::Training => {
                let turned = || pack_all(self.instructions, backward, weights.map(View::transposed));
                rayon::join(straight, turned);
            }
        }
    }

    /// Rows of `y` that begin `stride` apart.
    pub(crate) fn forward(
        self,
        packed: &PackedJoint<SOURCES>,
        sources: [&[f32]; SOURCES],
        finish: Finish<'_>,
        (y, stride): (&mut [f32], usize),
    ) {
        let mut start = Start::Bias(&packed.bias);
        let last = self.inputs.iter().rposition(|&inputs| inputs > 0);
        for (source, inputs) in self.inputs.into_iter().enumerate() {
            if let Some(count) = sources[source].len().checked_div(inputs) {
                let rows = View::new(sources[source], count, inputs);
                let finish = if Some(source) == last { finish } else { Finish::Keep };
                let right = &packed.forward[source];
                multiply(self.instructions, rows, right, (start, finish), y, stride);
                start = Start::Target;
            }
        }
    }

    /// From the gradient of `y` to that of one source.
    pub(crate) fn backward(
        self,
        packed: &PackedJoint<SOURCES>,
        source: usize,
        gradient: View<'_>,
        ends: (Start<'_>, Finish<'_>),
        x: &mut [f32],
    ) {
        if self.inputs[source] > 0 {
            let right = &packed.backward[source];
            multiply(self.instructions, gradient, right, ends, x, self.inputs[source]);
        }
    }

    /// Adds to the gradients of the parameters what the sources and the gradient of their `y` give, or begins with it.
    pub(crate) fn collect(
        self,
        sources: [&[f32]; SOURCES],
        gradient: View<'_>,
        (sums, begin): (&mut [f32], bool),
        scratch: &mut Packed,
    ) {
        scratch.pack(self.instructions, gradient);
        let mut rest = sums;
        for (source, inputs) in self.inputs.into_iter().enumerate() {
            let (weights, after) = std::mem::take(&mut rest).split_at_mut(inputs * self.outputs);
            rest = after;
            if inputs > 0 {
                collect_weights(self.instructions, sources[source], scratch, begin, weights);
            }
        }
        sum_columns(self.instructions, gradient, rest, !begin);
    }
}

fn pack_all<const SOURCES: usize>(
    instructions: Instructions,
    packed: &mut [Packed; SOURCES],
    weights: [View<'_>; SOURCES],
) {
    for (packed, weights) in packed.iter_mut().zip(weights) {
        packed.pack(instructions, weights);
    }
}
