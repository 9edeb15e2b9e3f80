//! A few sequences through all steps, forward and backward.

use super::States;
use super::cell::{Advance, Retreat};
use crate::kernels::buffer::Buffer;
use crate::kernels::dense::{Dense, DenseGradients};
use crate::kernels::instructions::Instructions;
use crate::kernels::layer::Gradients;
use crate::kernels::product::{Finish, Packed, Start};

/// The extents of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) steps: usize,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) output: States,
}

impl Sizes {
    /// Numbers of all gates of one sequence.
    pub(super) fn gates(self) -> usize {
        4 * self.hidden
    }

    /// Numbers of an input and a hidden state side by side.
    pub(super) fn row(self) -> usize {
        self.inputs + self.hidden
    }

    /// Numbers of the output of one sequence.
    pub(super) fn output(self) -> usize {
        match self.output {
            States::All => self.steps * self.hidden,
            States::Last => self.hidden,
        }
    }
}

/// See [`Layer::State`](crate::kernels::Layer::State), by time and then by sequence: inputs beside hidden states, gates,
/// cells, and their hyperbolic tangents.
#[derive(Default)]
pub struct State {
    rows: Buffer,
    gates: Buffer,
    cells: Buffer,
    squashed: Buffer,
    states_back: Buffer,
    cells_back: Buffer,
    rows_back: Buffer,
    packed: Packed,
}

impl State {
    /// Makes room for `count` sequences.
    pub(super) fn reserve(&mut self, sizes: Sizes, count: usize) {
        self.rows.resize((sizes.steps + 1) * count * sizes.row());
        self.gates.resize(sizes.steps * count * sizes.gates());
        self.cells.resize((sizes.steps + 1) * count * sizes.hidden);
        self.squashed.resize(sizes.steps * count * sizes.hidden);
        self.states_back.resize(count * sizes.hidden);
        self.cells_back.resize(count * sizes.hidden);
        self.rows_back.resize(count * sizes.row());
    }

    /// All steps of the sequences in `data`.
    pub(super) fn forward(
        &mut self,
        instructions: Instructions,
        sizes: Sizes,
        map: &Dense,
        data: &[f32],
        output: &mut [f32],
    ) {
        let (row, cell) = (self.rows_back.len(), self.cells_back.len());
        place_inputs(sizes, data, &mut self.rows);
        self.cells[..cell].fill(0.0);
        for (step, gates) in self.gates.chunks_exact_mut(4 * cell).enumerate() {
            let (now, next) = self.rows[step * row..].split_at_mut(row);
            let next = &mut next[..row];
            map.forward(instructions, now, None, Finish::Keep, gates);
            let (before, after) = self.cells[step * cell..].split_at_mut(cell);
            instructions.run(Advance {
                hidden: sizes.hidden,
                gates,
                before,
                cells: &mut after[..cell],
                squashed: &mut self.squashed[step * cell..][..cell],
                states: (next, sizes.row()),
            });
            give_states(sizes, step, next, output);
        }
    }

    /// The gradients of the sequences of the last forward pass and of the parameters.
    pub(super) fn backward(
        &mut self,
        instructions: Instructions,
        sizes: Sizes,
        map: &Dense,
        gradients: &mut Gradients<'_>,
    ) {
        let (row, cell) = (self.rows_back.len(), self.cells_back.len());
        self.cells_back.fill(0.0);
        self.rows_back.fill(0.0);
        for (step, gates) in self.gates.chunks_exact_mut(4 * cell).enumerate().rev() {
            take_states(sizes, step, &self.rows_back, gradients.output, &mut self.states_back);
            instructions.run(Retreat {
                hidden: sizes.hidden,
                gates,
                before: &self.cells[step * cell..][..cell],
                squashed: &self.squashed[step * cell..][..cell],
                states: &self.states_back,
                cells: &mut self.cells_back,
            });
            map.backward(instructions, gates, (Start::Zero, Finish::Keep), &mut self.rows_back);
            take_inputs(sizes, step, &self.rows_back, &mut *gradients.data);
        }
        let rows = &self.rows[..sizes.steps * row];
        let sums = DenseGradients::new(&mut *gradients.parameters, sizes.gates());
        sums.collect(instructions, rows, &self.gates, gradients.begin, &mut self.packed);
    }
}

/// Puts the inputs of all steps into their places and zeros beside the first ones.
fn place_inputs(sizes: Sizes, data: &[f32], rows: &mut [f32]) {
    let sequences = data.chunks_exact(sizes.steps * sizes.inputs);
    let count = sequences.len();
    for (sequence, data) in sequences.enumerate() {
        for (step, input) in data.chunks_exact(sizes.inputs).enumerate() {
            rows[(step * count + sequence) * sizes.row()..][..sizes.inputs].copy_from_slice(input);
        }
        rows[sequence * sizes.row() + sizes.inputs..][..sizes.hidden].fill(0.0);
    }
}

/// Copies the hidden states after `step` to the output if they belong to it.
fn give_states(sizes: Sizes, step: usize, rows: &[f32], output: &mut [f32]) {
    let Some(place) = place_in_output(sizes, step) else {
        return;
    };
    for (row, output) in rows
        .chunks_exact(sizes.row())
        .zip(output.chunks_exact_mut(sizes.output()))
    {
        output[place..][..sizes.hidden].copy_from_slice(&row[sizes.inputs..]);
    }
}

/// The gradient of the hidden states after `step`: by way of the next step, and of the output.
fn take_states(sizes: Sizes, step: usize, next: &[f32], gradient: &[f32], states: &mut [f32]) {
    for (state, next) in states
        .chunks_exact_mut(sizes.hidden)
        .zip(next.chunks_exact(sizes.row()))
    {
        state.copy_from_slice(&next[sizes.inputs..]);
    }
    let Some(place) = place_in_output(sizes, step) else {
        return;
    };
    for (state, gradient) in states
        .chunks_exact_mut(sizes.hidden)
        .zip(gradient.chunks_exact(sizes.output()))
    {
        for (state, gradient) in state.iter_mut().zip(&gradient[place..]) {
            *state += gradient;
        }
    }
}

/// Copies the gradient of the inputs of `step` to its place.
fn take_inputs(sizes: Sizes, step: usize, rows: &[f32], data: &mut [f32]) {
    for (row, data) in rows
        .chunks_exact(sizes.row())
        .zip(data.chunks_exact_mut(sizes.steps * sizes.inputs))
    {
        data[step * sizes.inputs..][..sizes.inputs].copy_from_slice(&row[..sizes.inputs]);
    }
}

fn place_in_output(sizes: Sizes, step: usize) -> Option<usize> {
    match sizes.output {
        States::All => Some(step * sizes.hidden),
        States::Last if step + 1 == sizes.steps => Some(0),
        States::Last => None,
    }
}
