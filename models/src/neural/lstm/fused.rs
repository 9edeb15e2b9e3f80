//! The recurrent network by fused operations.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{LstmTrunk, general};
use crate::Result;
use crate::kernels::buffer::Buffer;
use crate::kernels::joint::PackedJoint;
use crate::kernels::lstm::{Gates, State as EncoderState};
use crate::kernels::product::{Finish, Packed as PackedMatrix, Start, View};
use crate::kernels::{Gradients, Layer, Purpose};
use crate::neural::general::{Tensors, Tokens};
use crate::neural::identity::Identity;
use crate::neural::inputs::Inputs;
use crate::neural::layout::Part;
use crate::neural::trunk::Trunk;

/// Tokens of a block.
const BLOCK: usize = 32;

/// The parameters as the passes read them.
#[derive(Default)]
pub(in crate::neural) struct Packed {
    encoder: Gates,
    merge: PackedJoint<3>,
}

/// What stays between the passes.
#[derive(Default)]
pub(in crate::neural) struct State {
    identities: Buffer,
    identities_back: Buffer,
    /// What goes into the encoder, and its gradient.
    sequences: Buffer,
    sequences_back: Buffer,
    encoder: EncoderState,
    /// The last states, and their gradient.
    states: Buffer,
    states_back: Buffer,
    /// What the head reads, and the gradient before its activation.
    active: Buffer,
    sums_back: Buffer,
    scratch: PackedMatrix,
}

impl State {
    /// Makes room for `count` tokens.
    fn reserve(&mut self, trunk: &LstmTrunk, count: usize) {
        for (buffers, width) in [
            (
                [&mut self.identities, &mut self.identities_back],
                trunk.identity.width(),
            ),
            (
                [&mut self.sequences, &mut self.sequences_back],
                trunk.steps * trunk.step(),
            ),
            ([&mut self.states, &mut self.states_back], trunk.hidden),
            ([&mut self.active, &mut self.sums_back], trunk.hidden),
        ] {
            for buffer in buffers {
                buffer.resize(count * width);
            }
        }
    }

    /// Embeddings, and sequences of what was seen beside them.
    fn place(&mut self, trunk: &LstmTrunk, inputs: &Inputs<'_>, tokens: Range<usize>) {
        let (width, step) = (trunk.identity.width(), trunk.step());
        let contexts = inputs
            .context(tokens.clone())
            .chunks_exact(trunk.steps * trunk.channels);
        let sequences = self.sequences.chunks_exact_mut(trunk.steps * step);
        for ((number, token), (context, sequence)) in tokens.enumerate().zip(contexts.zip(sequences)) {
            let identity = &mut self.identities[number * width..][..width];
            inputs.place_identity(token, identity);
            for (row, seen) in sequence
                .chunks_exact_mut(step)
                .zip(context.chunks_exact(trunk.channels))
            {
                let (left, right) = row.split_at_mut(trunk.channels);
                left.copy_from_slice(seen);
                right.copy_from_slice(identity);
            }
        }
    }
}

impl Trunk for LstmTrunk {
    type Packed = Packed;
    type State = State;

    fn identity(&self) -> Identity {
        self.identity
    }

    fn parts(&self) -> Vec<Part> {
        self.layout()
    }

    fn width(&self) -> usize {
        self.hidden
    }

    fn block(&self, _series: usize) -> usize {
        BLOCK
    }

    fn pack(&self, parameters: &[f32], packed: &mut Packed, purpose: Purpose) {
        let (encoder, merge) = parameters.split_at(self.encoder.parameters());
        self.encoder.pack(encoder, &mut packed.encoder, purpose);
        self.merge.pack(merge, &mut packed.merge, purpose);
    }

    fn forward(
        &self,
        packed: &Packed,
        state: &mut State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        output: &mut [f32],
    ) {
        state.reserve(self, tokens.len());
        state.place(self, inputs, tokens.clone());
        self.encoder
            .forward(&packed.encoder, &mut state.encoder, &state.sequences, &mut state.states);
        let sources = [&*state.states, inputs.known(tokens), &*state.identities];
        self.merge
            .forward(&packed.merge, sources, Finish::Relu, (&mut *output, self.hidden));
        state.active.copy_from_slice(output);
    }

    fn backward(
        &self,
        packed: &Packed,
        state: &mut State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        gradients: Gradients<'_>,
    ) {
        let (encoder_sums, merge_sums) = gradients.parameters.split_at_mut(self.encoder.parameters());
        let slopes = state.sums_back.iter_mut().zip(&*state.active);
        for ((slope, active), gradient) in slopes.zip(gradients.output) {
            *slope = if *active > 0.0 { *gradient } else { 0.0 };
        }
        let slope = View::new(&state.sums_back, tokens.len(), self.hidden);
        let sources = [&*state.states, inputs.known(tokens), &*state.identities];
        let sums = (merge_sums, gradients.begin);
        self.merge.collect(sources, slope, sums, &mut state.scratch);
        let ends = (Start::Zero, Finish::Keep);
        self.merge
            .backward(&packed.merge, 0, slope, ends, &mut state.states_back);
        self.merge
            .backward(&packed.merge, 2, slope, ends, &mut state.identities_back);
        let through = Gradients {
            output: &state.states_back,
            data: &mut state.sequences_back,
            parameters: encoder_sums,
            begin: gradients.begin,
        };
        self.encoder
            .backward(&packed.encoder, &mut state.encoder, &state.sequences, through);
        self.gather(state, gradients.data);
    }

    fn general(&self, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>> {
        general::tokens(self, parameters, tokens)
    }
}

impl LstmTrunk {
    /// The gradients of the embeddings: from the merge, and from each step.
    fn gather(&self, state: &State, identities: &mut [f32]) {
        let (width, step) = (self.identity.width(), self.step());
        identities.copy_from_slice(&state.identities_back);
        let sequences = state.sequences_back.chunks_exact(self.steps * step);
        for (identity, sequence) in identities.chunks_exact_mut(width.max(1)).zip(sequences) {
            for row in sequence.chunks_exact(step) {
                for (sum, slope) in identity.iter_mut().zip(&row[self.channels..]) {
                    *sum += slope;
                }
            }
        }
    }
}
