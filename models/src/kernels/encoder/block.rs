//! A few sequences through the layer, forward and backward.

use super::attention::Scratch;
use super::norm::{Denormalise, Normalise};
use super::{Parameters, Sizes};
use crate::kernels::buffer::Buffer;
use crate::kernels::dense::DenseGradients;
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::Gradients;
use crate::kernels::product::{Finish, Packed, Start};

/// See [`Layer::State`](crate::kernels::Layer::State).
#[derive(Default)]
pub struct State {
    /// Queries, keys and values.
    projected: Buffer,
    attention: Buffer,
    /// What the attention gives, before its last map.
    context: Buffer,
    first: Normalised,
    /// What the first normalisation gives.
    middle: Buffer,
    active: Buffer,
    second: Normalised,
    slopes: Slopes,
}

/// Gradients of what stands between the maps, and scratch.
#[derive(Default)]
struct Slopes {
    inner: Buffer,
    context: Buffer,
    projected: Buffer,
    attention: Scratch,
    packed: Packed,
}

/// What a normalisation keeps.
#[derive(Default)]
struct Normalised {
    rows: Buffer,
    scales: Buffer,
}

impl State {
    /// Makes room for `steps` steps.
    pub(super) fn reserve(&mut self, sizes: Sizes, steps: usize) {
        let numbers = steps * sizes.width;
        self.attention.resize(steps / sizes.length * sizes.attention().kept());
        for rows in [
            &mut self.context,
            &mut self.middle,
            &mut self.first.rows,
            &mut self.second.rows,
            &mut self.slopes.context,
        ] {
            rows.resize(numbers);
        }
        for rows in [&mut self.projected, &mut self.slopes.projected] {
            rows.resize(3 * numbers);
        }
        for rows in [&mut self.active, &mut self.slopes.inner] {
            rows.resize(steps * sizes.hidden);
        }
        self.first.scales.resize(steps);
        self.second.scales.resize(steps);
    }

    /// The layer over `data`.
    pub(super) fn forward(
        &mut self,
        instructions: Instructions,
        sizes: Sizes,
        parameters: &Parameters,
        data: &[f32],
        output: &mut [f32],
    ) {
        let projection = &parameters.projection;
        projection.forward(instructions, data, None, Finish::Keep, &mut self.projected);
        self.attend(instructions, sizes);
        let (context, rows) = (&self.context, &mut self.first.rows);
        parameters
            .output
            .forward(instructions, context, Some(data), Finish::Keep, rows);
        self.first.forward(instructions, &parameters.norms[0], &mut self.middle);
        let (middle, active) = (&self.middle, &mut self.active);
        parameters
            .expand
            .forward(instructions, middle, None, Finish::Relu, active);
        let (active, rows) = (&self.active, &mut self.second.rows);
        parameters
            .contract
            .forward(instructions, active, Some(middle), Finish::Keep, rows);
        self.second.forward(instructions, &parameters.norms[1], output);
    }

    /// From `self.projected` to `self.context`, sequence by sequence.
    fn attend(&mut self, instructions: Instructions, sizes: Sizes) {
        let (sequence, heads) = (sizes.length * sizes.width, sizes.attention());
        let scratch = &mut self.slopes.attention;
        let projected = self.projected.chunks_exact(3 * sequence);
        let kept = self.attention.chunks_exact_mut(heads.kept());
        for ((projected, kept), context) in projected.zip(kept).zip(self.context.chunks_exact_mut(sequence)) {
            heads.forward(instructions, scratch, projected, kept, context);
        }
    }

    /// From the gradient of the output to those of the data and of all parameters.
    pub(super) fn backward(
        &mut self,
        instructions: Instructions,
        sizes: Sizes,
        parameters: &Parameters,
        data: &[f32],
        gradients: Gradients<'_>,
    ) {
        let begin = gradients.begin;
        let gradient = gradients.data;
        gradient.copy_from_slice(gradients.output);
        let sums = Sums::split(gradients.parameters, sizes, begin);
        let Slopes { inner, packed, .. } = &mut self.slopes;

        self.second
            .backward(instructions, &parameters.norms[1], sums.second, gradient);
        sums.contract
            .collect(instructions, &self.active, gradient, begin, packed);
        let ends = (Start::Zero, Finish::WherePositive(&self.active));
        parameters.contract.backward(instructions, gradient, ends, inner);
        sums.expand.collect(instructions, &self.middle, inner, begin, packed);
        let ends = (Start::Target, Finish::Keep);
        parameters.expand.backward(instructions, inner, ends, gradient);

        self.first
            .backward(instructions, &parameters.norms[0], sums.first, gradient);
        sums.output
            .collect(instructions, &self.context, gradient, begin, packed);
        let start = (Start::Zero, Finish::Keep);
        parameters
            .output
            .backward(instructions, gradient, start, &mut self.slopes.context);
        self.attend_backward(instructions, sizes);
        let Slopes { projected, packed, .. } = &mut self.slopes;
        sums.projection.collect(instructions, data, projected, begin, packed);
        parameters.projection.backward(instructions, projected, ends, gradient);
    }

    /// From the gradient of `self.context` to that of `self.projected`, sequence by sequence.
    fn attend_backward(&mut self, instructions: Instructions, sizes: Sizes) {
        let (sequence, heads) = (sizes.length * sizes.width, sizes.attention());
        let slopes = &mut self.slopes;
        let projected = self.projected.chunks_exact(3 * sequence);
        let kept = self.attention.chunks_exact(heads.kept());
        let targets = slopes.projected.chunks_exact_mut(3 * sequence);
        let gradients = slopes.context.chunks_exact(sequence).zip(targets);
        for ((projected, kept), (gradient, target)) in projected.zip(kept).zip(gradients) {
            heads.backward(instructions, &mut slopes.attention, projected, kept, gradient, target);
        }
    }
}

impl Normalised {
    /// `norm` holds gain and shift.
    fn forward(&mut self, instructions: Instructions, norm: &[f32], output: &mut [f32]) {
        let (gain, bias) = norm.split_at(norm.len() / 2);
        instructions.run(Normalise {
            gain,
            bias,
            rows: &mut self.rows,
            scales: &mut self.scales,
            output,
        });
    }

    /// `sums` are the gradients of gain and shift.
    fn backward(&self, instructions: Instructions, norm: &[f32], sums: &mut [f32], gradient: &mut [f32]) {
        let (gain_sum, bias_sum) = sums.split_at_mut(norm.len() / 2);
        instructions.run(Denormalise {
            gain: &norm[..norm.len() / 2],
            normal: &self.rows,
            scales: &self.scales,
            gradient,
            gain_sum,
            bias_sum,
        });
    }
}

/// The places of the parameters' gradients.
struct Sums<'a> {
    projection: DenseGradients<'a>,
    output: DenseGradients<'a>,
    first: &'a mut [f32],
    expand: DenseGradients<'a>,
    contract: DenseGradients<'a>,
    second: &'a mut [f32],
}

impl<'a> Sums<'a> {
    fn split(all: &'a mut [f32], sizes: Sizes, begin: bool) -> Self {
        let mut rest = all;
        let [projection, output, first, expand, contract, second] = sizes.parts().map(|count| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(count);
            rest = after;
            part
        });
        if begin {
            first.fill(0.0);
            second.fill(0.0);
        }
        Self {
            projection: DenseGradients::new(projection, 3 * sizes.width),
            output: DenseGradients::new(output, sizes.width),
            first,
            expand: DenseGradients::new(expand, sizes.hidden),
            contract: DenseGradients::new(contract, sizes.width),
            second,
        }
    }
}
