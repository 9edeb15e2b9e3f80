//! The attention network by fused operations.

use std::ops::Range;

use burn::tensor::Tensor;

use super::stack::Stack;
use super::{TransformerTrunk, general};
use crate::Result;
use crate::kernels::buffer::Buffer;
use crate::kernels::encoder::Parameters;
use crate::kernels::joint::PackedJoint;
use crate::kernels::product::{Finish, Packed as PackedMatrix, Start, View};
use crate::kernels::{EncoderLayer, Gradients, Layer, Purpose};
use crate::neural::general::{Tensors, Tokens};
use crate::neural::identity::Identity;
use crate::neural::inputs::Inputs;
use crate::neural::layout::Part;
use crate::neural::trunk::Trunk;

/// Steps that go through the layers over time together.
const STEPS: usize = 192;

/// The parameters as the passes read them.
#[derive(Default)]
pub(in crate::neural) struct Packed {
    entrance: PackedJoint<1>,
    temporal: Vec<Parameters>,
    pool: PackedJoint<2>,
    spatial: Vec<Parameters>,
}

/// What stays between the passes.
#[derive(Default)]
pub(in crate::neural) struct State {
    /// A few tokens each.
    temporal: Vec<Stack>,
    /// What the layers over time give, and its gradient.
    steps: Buffer,
    steps_back: Buffer,
    spatial: Stack,
    scratch: PackedMatrix,
}

/// Gradients of the parameters, part by part.
struct Sums<'a> {
    entrance: &'a mut [f32],
    temporal: &'a mut [f32],
    pool: &'a mut [f32],
    spatial: &'a mut [f32],
}

impl Trunk for TransformerTrunk {
    type Packed = Packed;
    type State = State;

    fn identity(&self) -> Identity {
        self.identity
    }

    fn parts(&self) -> Vec<Part> {
        self.layout()
    }

    fn width(&self) -> usize {
        self.settings.width
    }

    fn block(&self, series: usize) -> usize {
        if self.settings.spatial_layers == 0 {
            return self.few();
        }
        (self.few() / series.max(1)).max(1) * series.max(1)
    }

    fn pack(&self, parameters: &[f32], packed: &mut Packed, purpose: Purpose) {
        let [entrance, temporal, pool, _] = self.lengths();
        let (entrance, rest) = parameters.split_at(entrance);
        let (temporal, rest) = rest.split_at(temporal);
        let (pool, spatial) = rest.split_at(pool);
        // The inputs want no gradient.
        self.entrance.pack(entrance, &mut packed.entrance, Purpose::Prediction);
        self.pack_layers(temporal, &mut packed.temporal, purpose);
        self.pool.pack(pool, &mut packed.pool, purpose);
        self.pack_layers(spatial, &mut packed.spatial, purpose);
    }

    fn forward(
        &self,
        packed: &Packed,
        state: &mut State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        output: &mut [f32],
    ) {
        let row = self.steps * self.settings.width;
        state.steps.resize(tokens.len() * row);
        state
            .temporal
            .resize_with(tokens.len().div_ceil(self.few()), Stack::default);
        let pieces = state.steps.chunks_mut(self.few() * row);
        for ((stack, few), steps) in state.temporal.iter_mut().zip(self.pieces(&tokens)).zip(pieces) {
            let entrance = stack.entrance(self.settings.temporal_layers, steps.len());
            self.place(packed, inputs, few, entrance);
            stack.forward(&self.temporal, &packed.temporal, steps);
        }
        let pooled = state
            .spatial
            .entrance(self.settings.spatial_layers, tokens.len() * self.settings.width);
        let sources = [&*state.steps, inputs.known(tokens)];
        self.pool
            .forward(&packed.pool, sources, Finish::Keep, (pooled, self.settings.width));
        state.spatial.forward(&self.spatial(inputs), &packed.spatial, output);
    }

    fn backward(
        &self,
        packed: &Packed,
        state: &mut State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        gradients: Gradients<'_>,
    ) {
        let begin = gradients.begin;
        let sums = self.split(gradients.parameters);
        let (width, row) = (self.settings.width, self.steps * self.settings.width);
        let (output, spatial) = (gradients.output, (sums.spatial, begin));
        let slope = state
            .spatial
            .backward(&self.spatial(inputs), &packed.spatial, output, spatial);
        let slope = View::new(slope, tokens.len(), width);
        let sources = [&*state.steps, inputs.known(tokens.clone())];
        self.pool
            .collect(sources, slope, (sums.pool, begin), &mut state.scratch);
        state.steps_back.resize(tokens.len() * row);
        let ends = (Start::Zero, Finish::Keep);
        self.pool.backward(&packed.pool, 0, slope, ends, &mut state.steps_back);
        let slopes = state.steps_back.chunks(self.few() * row);
        let identities = gradients.data.chunks_mut(self.few() * self.identity.width());
        let pieces = self.pieces(&tokens).zip(slopes.zip(identities)).enumerate();
        for ((number, (few, (slope, identities))), stack) in pieces.zip(&mut state.temporal) {
            let begin = begin && number == 0;
            let slope = stack.backward(&self.temporal, &packed.temporal, slope, (&mut *sums.temporal, begin));
            let rows = View::new(slope, few.len() * self.steps, width);
            let sums = (&mut *sums.entrance, begin);
            self.entrance
                .collect([inputs.context(few)], rows, sums, &mut state.scratch);
            self.gather(slope, identities);
        }
    }

    fn general(&self, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>> {
        general::tokens(self, parameters, tokens)
    }
}

impl TransformerTrunk {
    /// Tokens that go through the layers over time together.
    fn few(&self) -> usize {
        (STEPS / self.steps).max(1)
    }

    /// The tokens of a block, a few at a time.
    fn pieces(&self, tokens: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (few, last) = (self.few(), tokens.end);
        tokens
            .clone()
            .step_by(few)
            .map(move |first| first..last.min(first + few))
    }

    /// The layers among the series of a window.
    fn spatial(&self, inputs: &Inputs<'_>) -> EncoderLayer {
        self.temporal.with_length(inputs.series)
    }

    /// How many parameters the entrance has, the layers over time, the pool, the layers among series.
    fn lengths(&self) -> [usize; 4] {
        let layer = self.temporal.parameters();
        [
            self.entrance.parameters(),
            self.settings.temporal_layers * layer,
            self.pool.parameters(),
            self.settings.spatial_layers * layer,
        ]
    }

    fn split<'a>(&self, parameters: &'a mut [f32]) -> Sums<'a> {
        let [entrance, temporal, pool, _] = self.lengths();
        let (entrance, rest) = parameters.split_at_mut(entrance);
        let (temporal, rest) = rest.split_at_mut(temporal);
        let (pool, spatial) = rest.split_at_mut(pool);
        Sums {
            entrance,
            temporal,
            pool,
            spatial,
        }
    }

    fn pack_layers(&self, parameters: &[f32], packed: &mut Vec<Parameters>, purpose: Purpose) {
        let layers = parameters.chunks_exact(self.temporal.parameters());
        packed.resize_with(layers.len(), Parameters::default);
        for (parameters, packed) in layers.zip(packed) {
            self.temporal.pack(parameters, packed, purpose);
        }
    }

    /// What was seen at each step, with the embeddings added.
    fn place(&self, packed: &Packed, inputs: &Inputs<'_>, tokens: Range<usize>, target: &mut [f32]) {
        let width = self.settings.width;
        let context = [inputs.context(tokens.clone())];
        self.entrance
            .forward(&packed.entrance, context, Finish::Keep, (&mut *target, width));
        for (token, sequence) in tokens.zip(target.chunks_exact_mut(self.steps * width)) {
            let [adaptive, slot, day] = inputs.identity(token);
            for (row, adaptive) in sequence.chunks_exact_mut(width).zip(adaptive.chunks_exact(width)) {
                for (value, ((adaptive, slot), day)) in row.iter_mut().zip(adaptive.iter().zip(slot).zip(day)) {
                    *value += adaptive + (slot + day);
                }
            }
        }
    }

    /// The gradients of the embeddings: those of all steps, and twice their sum.
    fn gather(&self, slope: &[f32], identities: &mut [f32]) {
        let (width, row) = (self.settings.width, self.steps * self.settings.width);
        let identities = identities.chunks_exact_mut(self.identity.width());
        for (identity, slope) in identities.zip(slope.chunks_exact(row)) {
            let (adaptive, times) = identity.split_at_mut(row);
            adaptive.copy_from_slice(slope);
            let (slot, day) = times.split_at_mut(width);
            slot.fill(0.0);
            for step in slope.chunks_exact(width) {
                slot.iter_mut().zip(step).for_each(|(sum, slope)| *sum += slope);
            }
            day.copy_from_slice(slot);
        }
    }
}
