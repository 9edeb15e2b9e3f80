//! One time step of all sequences of a block, apart from its product: gates and state, forward and backward.

use pulp::{Simd, WithSimd};

use crate::kernels::lanes::{exp_within, load, store, tanh};

/// The step forward. All matrices have one row a sequence.
pub(super) struct Advance<'a> {
    pub(super) hidden: usize,
    /// Sums for the gates `i`, `f`, `g`, `o`; become the gates.
    pub(super) gates: &'a mut [f32],
    /// Cells before the step.
    pub(super) before: &'a [f32],
    /// Cells after the step.
    pub(super) cells: &'a mut [f32],
    /// Their hyperbolic tangents.
    pub(super) squashed: &'a mut [f32],
    /// Hidden state after the step: the end of each row of this many numbers.
    pub(super) states: (&'a mut [f32], usize),
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let hidden = self.hidden;
        let cells = self
            .before
            .chunks_exact(hidden)
            .zip(self.cells.chunks_exact_mut(hidden));
        let states = self
            .squashed
            .chunks_exact_mut(hidden)
            .zip(self.states.0.chunks_exact_mut(self.states.1));
        for ((gates, (before, cells)), (squashed, states)) in
            self.gates.chunks_exact_mut(4 * hidden).zip(cells).zip(states)
        {
            let state = &mut states[self.states.1 - hidden..];
            let (input_forget, candidate_output) = gates.split_at_mut(2 * hidden);
            let (input, forget) = input_forget.split_at_mut(hidden);
            let (candidate, output) = candidate_output.split_at_mut(hidden);
            for at in (0..hidden).step_by(S::F32_LANES) {
                let sums = [
                    load(simd, input, at),
                    load(simd, forget, at),
                    load(simd, candidate, at),
                    load(simd, output, at),
                ];
                let [i, f, g, o] = gates_of(simd, sums);
                let cell = simd.mul_add_e_f32s(f, load(simd, before, at), simd.mul_f32s(i, g));
                let bounded = tanh(simd, cell);
                store(simd, input, at, i);
                store(simd, forget, at, f);
                store(simd, candidate, at, g);
                store(simd, output, at, o);
                store(simd, cells, at, cell);
                store(simd, squashed, at, bounded);
                store(simd, state, at, simd.mul_f32s(o, bounded));
            }
        }
    }
}

/// `σ(i), σ(f), tanh(g), σ(o)` with one division for all four: a division takes as long as forty sums.
///
/// `1/a = b·c·d / (a·b·c·d)`, and so on; no product overflows because no factor is larger than `e²⁰ + 1`. Largest absolute error
/// 4e-7, measured by a test.
#[inline(always)]
fn gates_of<S: Simd>(simd: S, [i, f, g, o]: [S::f32s; 4]) -> [S::f32s; 4] {
    let one = simd.splat_f32s(1.0);
    let (of_i, of_f) = (denominator(simd, simd.neg_f32s(i)), denominator(simd, simd.neg_f32s(f)));
    let (of_g, of_o) = (
        denominator(simd, simd.add_f32s(g, g)),
        denominator(simd, simd.neg_f32s(o)),
    );
    let (left, right) = (simd.mul_f32s(of_i, of_f), simd.mul_f32s(of_g, of_o));
    let share = simd.div_f32s(one, simd.mul_f32s(left, right));
    let (left, right) = (simd.mul_f32s(share, right), simd.mul_f32s(share, left));
    let twice = simd.mul_f32s(simd.splat_f32s(2.0), simd.mul_f32s(right, of_o));
    [
        simd.mul_f32s(left, of_f),
        simd.mul_f32s(left, of_i),
        simd.sub_f32s(one, twice),
        simd.mul_f32s(right, of_g),
    ]
}

/// `1 + eˣ`. A function, as no closure is certain to become a part of its caller, whose instructions it needs.
#[inline(always)]
fn denominator<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.add_f32s(simd.splat_f32s(1.0), exp_within(simd, x, 20.0))
}

/// `y·(1 − y)`: the slope of a logistic function whose value is `y`.
#[inline(always)]
fn slope<S: Simd>(simd: S, y: S::f32s) -> S::f32s {
    simd.mul_f32s(y, simd.sub_f32s(simd.splat_f32s(1.0), y))
}

/// `1 − y²`: the slope of a hyperbolic tangent whose value is `y`.
#[inline(always)]
fn bend<S: Simd>(simd: S, y: S::f32s) -> S::f32s {
    simd.negate_mul_add_e_f32s(y, y, simd.splat_f32s(1.0))
}

/// The step backward.
pub(super) struct Retreat<'a> {
    pub(super) hidden: usize,
    /// The gates; become the gradients of their sums.
    pub(super) gates: &'a mut [f32],
    /// Cells before the step.
    pub(super) before: &'a [f32],
    /// Hyperbolic tangents of the cells after the step.
    pub(super) squashed: &'a [f32],
    /// Gradient of the hidden state after the step.
    pub(super) states: &'a [f32],
    /// Gradient of the cells after the step by way of the later ones; becomes that before the step.
    pub(super) cells: &'a mut [f32],
}

impl WithSimd for Retreat<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let hidden = self.hidden;
        let kept = self.before.chunks_exact(hidden).zip(self.squashed.chunks_exact(hidden));
        let gradients = self
            .states
            .chunks_exact(hidden)
            .zip(self.cells.chunks_exact_mut(hidden));
        for ((gates, (before, squashed)), (state, cell)) in
            self.gates.chunks_exact_mut(4 * hidden).zip(kept).zip(gradients)
        {
            let (input_forget, candidate_output) = gates.split_at_mut(2 * hidden);
            let (input, forget) = input_forget.split_at_mut(hidden);
            let (candidate, output) = candidate_output.split_at_mut(hidden);
            for at in (0..hidden).step_by(S::F32_LANES) {
                let (i, f) = (load(simd, input, at), load(simd, forget, at));
                let (g, o) = (load(simd, candidate, at), load(simd, output, at));
                let (bounded, d_state) = (load(simd, squashed, at), load(simd, state, at));
                let through = simd.mul_f32s(simd.mul_f32s(d_state, o), bend(simd, bounded));
                let d_cell = simd.add_f32s(load(simd, cell, at), through);
                store(
                    simd,
                    output,
                    at,
                    simd.mul_f32s(simd.mul_f32s(d_state, bounded), slope(simd, o)),
                );
                store(simd, input, at, simd.mul_f32s(simd.mul_f32s(d_cell, g), slope(simd, i)));
                store(
                    simd,
                    forget,
                    at,
                    simd.mul_f32s(simd.mul_f32s(d_cell, load(simd, before, at)), slope(simd, f)),
                );
                store(
                    simd,
                    candidate,
                    at,
                    simd.mul_f32s(simd.mul_f32s(d_cell, i), bend(simd, g)),
                );
                store(simd, cell, at, simd.mul_f32s(d_cell, f));
            }
        }
    }
}
