//! The identity MLP for forecasts: what the embeddings give to the first layer is computed once for each series, slot and day,
//! and the head is folded into the last layer.

use std::ops::Range;

use super::StidTrunk;
use crate::kernels::Purpose;
use crate::kernels::joint::{Joint, PackedJoint};
use crate::kernels::pool::Pool;
use crate::kernels::product::Finish;
use crate::kernels::residual_mlp::{Folded, FoldedState};
use crate::neural::inputs::Inputs;
use crate::neural::trunk::{Prepared, Settled};

/// The parameters as the forward pass reads them.
pub(super) struct Prediction {
    entrance: Joint<2>,
    packed: PackedJoint<2>,
    layers: Folded,
    /// Numbers of a token, and hidden units of the first layer.
    width: usize,
    hidden: usize,
    /// What each series, slot and day gives to the first hidden units; none where its embedding is empty.
    tables: [Vec<f32>; 3],
    bias: Vec<f32>,
    idle: Pool<State>,
}

#[derive(Default)]
struct State {
    layers: FoldedState,
    /// What slot, day and bias give to the first hidden units: the same for all series of a window.
    time: Vec<f32>,
}

impl Prediction {
    pub(super) fn new(trunk: &StidTrunk, parameters: &Settled<'_>) -> Self {
        let (entrance, layers) = parameters.trunk.split_at(trunk.entrance.parameters());
        let mut packed = PackedJoint::default();
        trunk.entrance.pack(entrance, &mut packed, Purpose::Prediction);
        let mut from = trunk.settings.entrance;
        let mut tables = parameters.tables.iter().zip(trunk.identity.widths());
        let tables = [(); 3].map(|()| {
            tables.next().map_or_else(Vec::new, |(&table, width)| {
                let begin = from;
                from += width;
                trunk.layers.first_hidden(layers, begin, (table, width))
            })
        });
        let bias = trunk.layers.first_bias(layers).to_vec();
        Self {
            entrance: trunk.entrance,
            packed,
            layers: trunk.layers.fold(layers, trunk.settings.entrance, parameters.head),
            width: trunk.token(),
            hidden: bias.len(),
            tables,
            bias,
            idle: Pool::default(),
        }
    }

    /// The row of a table, which has none where the embedding is empty.
    fn row(&self, table: usize, index: u32) -> &[f32] {
        let table = &self.tables[table];
        if table.is_empty() {
            return &[];
        }
        &table[index as usize * self.hidden..][..self.hidden]
    }

    /// What all embeddings and the bias give to the first hidden units.
    fn begin(&self, state: &mut State, inputs: &Inputs<'_>, tokens: Range<usize>) {
        state.layers.hidden.resize(tokens.len() * self.hidden);
        let rows = state.layers.hidden.chunks_exact_mut(self.hidden);
        let mut last = None;
        for (row, token) in rows.zip(tokens) {
            let [series, slot, day] = inputs.indices(token);
            if last != Some((slot, day)) {
                state.time.clone_from(&self.bias);
                add(&mut state.time, self.row(1, slot));
                add(&mut state.time, self.row(2, day));
                last = Some((slot, day));
            }
            row.copy_from_slice(&state.time);
            add(row, self.row(0, series));
        }
    }
}

impl Prepared for Prediction {
    fn forward(&self, inputs: &Inputs<'_>, tokens: Range<usize>, raw: &mut [f32]) {
        self.idle.with(|state| {
            self.begin(state, inputs, tokens.clone());
            let rows = &mut state.layers.tokens;
            rows.resize(tokens.len() * self.width);
            let sources = [inputs.context(tokens.clone()), inputs.known(tokens.clone())];
            let target = (&mut **rows, self.width);
            self.entrance.forward(&self.packed, sources, Finish::Keep, target);
            for (row, token) in rows.chunks_exact_mut(self.width).zip(tokens) {
                inputs.place_identity(token, &mut row[self.entrance.outputs..]);
            }
            self.layers.forward(&mut state.layers, raw);
        });
    }
}

fn add(sum: &mut [f32], values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}
