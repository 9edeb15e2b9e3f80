//! The identity MLP by fused operations.

use std::ops::Range;

use burn::tensor::Tensor;

use super::prediction::Prediction;
use super::{StidTrunk, general};
use crate::Result;
use crate::kernels::buffer::Buffer;
use crate::kernels::joint::PackedJoint;
use crate::kernels::product::{Finish, Packed as PackedMatrix, View};
use crate::kernels::residual_mlp::{Maps, State as LayersState};
use crate::kernels::{Gradients, Layer, Purpose};
use crate::neural::general::{Tensors, Tokens};
use crate::neural::identity::Identity;
use crate::neural::inputs::Inputs;
use crate::neural::layout::Part;
use crate::neural::trunk::{Prepared, Settled, Trunk};

/// Tokens of a block.
const BLOCK: usize = 96;
/// The most numbers that are computed once and kept for forecasts, 256 MB of them: with more series these are forecast as in training.
const MOST_FOLDED: usize = 64 << 20;

/// The parameters as the passes read them.
#[derive(Default)]
pub(in crate::neural) struct Packed {
    entrance: PackedJoint<2>,
    layers: Vec<Maps>,
}

/// What stays between the passes.
#[derive(Default)]
pub(in crate::neural) struct State {
    /// What goes into the layers, and its gradient.
    rows: Buffer,
    rows_back: Buffer,
    layers: LayersState,
    scratch: PackedMatrix,
}

impl Trunk for StidTrunk {
    type Packed = Packed;
    type State = State;

    fn identity(&self) -> Identity {
        self.identity
    }

    fn parts(&self) -> Vec<Part> {
        self.layout()
    }

    fn width(&self) -> usize {
        self.token()
    }

    fn block(&self, _series: usize) -> usize {
        BLOCK
    }

    fn pack(&self, parameters: &[f32], packed: &mut Packed, purpose: Purpose) {
        let (entrance, layers) = parameters.split_at(self.entrance.parameters());
        // The inputs want no gradient.
        self.entrance.pack(entrance, &mut packed.entrance, Purpose::Prediction);
        self.layers.pack(layers, &mut packed.layers, purpose);
    }

    fn forward(
        &self,
        packed: &Packed,
        state: &mut State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        output: &mut [f32],
    ) {
        let width = self.token();
        state.rows.resize(tokens.len() * width);
        let sources = [inputs.context(tokens.clone()), inputs.known(tokens.clone())];
        self.entrance
            .forward(&packed.entrance, sources, Finish::Keep, (&mut state.rows, width));
        for (row, token) in state.rows.chunks_exact_mut(width).zip(tokens) {
            inputs.place_identity(token, &mut row[self.settings.entrance..]);
        }
        self.layers
            .forward(&packed.layers, &mut state.layers, &state.rows, output);
    }

    fn backward(
        &self,
        packed: &Packed,
        state: &mut State,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        gradients: Gradients<'_>,
    ) {
        let (width, entrance) = (self.token(), self.settings.entrance);
        let (entrance_sums, layer_sums) = gradients.parameters.split_at_mut(self.entrance.parameters());
        state.rows_back.resize(state.rows.len());
        let through = Gradients {
            output: gradients.output,
            data: &mut state.rows_back,
            parameters: layer_sums,
            begin: gradients.begin,
        };
        self.layers
            .backward(&packed.layers, &mut state.layers, &state.rows, through);
        let identities = gradients.data.chunks_exact_mut(self.identity.width().max(1));
        for (identity, row) in identities.zip(state.rows_back.chunks_exact(width)) {
            identity.copy_from_slice(&row[entrance..]);
        }
        let slope = View::strided(&state.rows_back, tokens.len(), entrance, width);
        let sources = [inputs.context(tokens.clone()), inputs.known(tokens)];
        let sums = (entrance_sums, gradients.begin);
        self.entrance.collect(sources, slope, sums, &mut state.scratch);
    }

    fn prepare(&self, parameters: Settled<'_>) -> Option<Box<dyn Prepared>> {
        let tables = parameters.tables.iter().zip(self.identity.widths());
        let rows: usize = tables.map(|(table, width)| table.len() / width.max(1)).sum();
        let is_held = rows.saturating_mul(self.token()) <= MOST_FOLDED;
        is_held.then(|| Box::new(Prediction::new(self, &parameters)) as Box<dyn Prepared>)
    }

    fn general(&self, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>> {
        general::tokens(self.settings.layers, parameters, tokens)
    }
}
