//! Attention of several heads within one sequence.
//!
//! ```text
//! P = softmax(Q·Kᵀ/√d),   output = P·V        for each head, d numbers wide
//! ```
//!
//! Vaswani et al., "Attention Is All You Need", NeurIPS 2017. The probabilities are not kept: the backward pass makes them
//! anew from the logarithms of their sums, so that memory grows with the length and not with its square (Dao et al.,
//! "FlashAttention", NeurIPS 2022). Sequences of at most a line of steps go another way (`short.rs`).

use crate::kernels::buffer::Buffer;
use crate::kernels::instructions::Instructions;
use crate::kernels::product::{Finish, Packed, Start, View, multiply};

use super::short;
use super::softmax::{Descend, Recall, Softmax};

/// Steps that ask at the same time.
const QUERIES: usize = 48;
/// Rows of scores are filled up to whole vectors.
pub(super) const LINE: usize = 16;

/// The extents of an attention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub(super) length: usize,
    pub(super) width: usize,
    pub(super) count: usize,
}

/// Scratch of one thread.
#[derive(Default)]
pub(super) struct Scratch {
    keys: Packed,
    values: Packed,
    right: Packed,
    scores: Buffer,
    slopes: Buffer,
    turned: Buffer,
}

/// Which of queries, keys and values.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Query,
    Key,
    Value,
}

impl Heads {
    pub(super) fn head_width(self) -> usize {
        self.width / self.count
    }

    pub(super) fn scale(self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }

    /// Numbers of a row of scores.
    fn stride(self) -> usize {
        self.length.next_multiple_of(LINE)
    }

    /// Where a part of one head begins in a row of queries, keys and values.
    pub(super) fn place(self, part: Part, head: usize) -> usize {
        part as usize * self.width + head * self.head_width()
    }

    /// One part of one head over `rows` steps.
    pub(super) fn part(self, projected: &[f32], part: Part, head: usize, first: usize, rows: usize) -> View<'_> {
        let stride = 3 * self.width;
        View::strided(
            &projected[first * stride + self.place(part, head)..],
            rows,
            self.head_width(),
            stride,
        )
    }

    /// One head of a matrix that holds all heads side by side.
    pub(super) fn of_head(self, matrix: &[f32], head: usize, first: usize, rows: usize) -> View<'_> {
        let place = first * self.width + head * self.head_width();
        View::strided(&matrix[place..], rows, self.head_width(), self.width)
    }

    /// How many numbers one sequence keeps for the backward pass: probabilities, or the logarithms of their sums.
    pub(super) fn kept(self) -> usize {
        self.count * self.length * if self.is_short() { LINE } else { 1 }
    }

    fn is_short(self) -> bool {
        self.length <= LINE
    }

    /// The steps in groups that ask at the same time: the first one and how many.
    fn queries(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.length)
            .step_by(QUERIES)
            .map(move |first| (first, QUERIES.min(self.length - first)))
    }

    /// `projected` `[length, 3 · width]` to `output` `[length, width]`; what is `kept` is for the backward pass.
    pub(super) fn forward(
        self,
        instructions: Instructions,
        scratch: &mut Scratch,
        projected: &[f32],
        kept: &mut [f32],
        output: &mut [f32],
    ) {
        if !self.is_short() {
            return self.forward_long(instructions, scratch, projected, kept, output);
        }
        scratch.turned.resize(self.head_width() * LINE);
        instructions.run(short::Forward {
            heads: self,
            projected,
            turned: &mut scratch.turned,
            probabilities: kept,
            output,
        });
    }

    fn forward_long(
        self,
        instructions: Instructions,
        scratch: &mut Scratch,
        projected: &[f32],
        logarithms: &mut [f32],
        output: &mut [f32],
    ) {
        scratch.reserve(self);
        for (head, logarithms) in logarithms.chunks_exact_mut(self.length).enumerate() {
            scratch.keys.pack(
                instructions,
                self.part(projected, Part::Key, head, 0, self.length).transposed(),
            );
            scratch
                .values
                .pack(instructions, self.part(projected, Part::Value, head, 0, self.length));
            for (first, rows) in self.queries() {
                let query = self.part(projected, Part::Query, head, first, rows);
                let scores = &mut scratch.scores[..rows * self.stride()];
                multiply(
                    instructions,
                    query,
                    &scratch.keys,
                    (Start::Zero, Finish::Keep),
                    scores,
                    self.stride(),
                );
                instructions.run(Softmax {
                    length: self.length,
                    scale: self.scale(),
                    scores,
                    logarithms: &mut logarithms[first..first + rows],
                });
                let probabilities = View::strided(scores, rows, self.length, self.stride());
                let target = &mut output[first * self.width + head * self.head_width()..];
                multiply(
                    instructions,
                    probabilities,
                    &scratch.values,
                    (Start::Zero, Finish::Keep),
                    target,
                    self.width,
                );
            }
        }
    }

    /// From the gradient of the output to that of `projected`, which goes to `target`.
    pub(super) fn backward(
        self,
        instructions: Instructions,
        scratch: &mut Scratch,
        projected: &[f32],
        kept: &[f32],
        gradient: &[f32],
        target: &mut [f32],
    ) {
        if !self.is_short() {
            return self.backward_long(instructions, scratch, projected, kept, gradient, target);
        }
        scratch.turned.resize(self.head_width() * LINE);
        scratch.slopes.resize(self.length * LINE);
        instructions.run(short::Backward {
            heads: self,
            projected,
            probabilities: kept,
            gradient,
            turned: &mut scratch.turned,
            slopes: &mut scratch.slopes,
            target,
        });
    }

    fn backward_long(
        self,
        instructions: Instructions,
        scratch: &mut Scratch,
        projected: &[f32],
        logarithms: &[f32],
        gradient: &[f32],
        target: &mut [f32],
    ) {
        scratch.reserve(self);
        for (head, logarithms) in logarithms.chunks_exact(self.length).enumerate() {
            let key = self.part(projected, Part::Key, head, 0, self.length);
            scratch.keys.pack(instructions, key.transposed());
            scratch.values.pack(
                instructions,
                self.part(projected, Part::Value, head, 0, self.length).transposed(),
            );
            for (first, rows) in self.queries() {
                let query = self.part(projected, Part::Query, head, first, rows);
                let slope = self.of_head(gradient, head, first, rows);
                self.slopes(instructions, scratch, query, slope, &logarithms[first..first + rows]);
                self.pull(instructions, scratch, (query, key, slope), (head, first), target);
            }
        }
    }

    /// Probabilities into `scratch.scores` and the gradient of the scores into `scratch.slopes`.
    fn slopes(
        self,
        instructions: Instructions,
        scratch: &mut Scratch,
        query: View<'_>,
        slope: View<'_>,
        logarithms: &[f32],
    ) {
        let numbers = logarithms.len() * self.stride();
        let (scores, slopes) = (&mut scratch.scores[..numbers], &mut scratch.slopes[..numbers]);
        let ends = (Start::Zero, Finish::Keep);
        multiply(instructions, query, &scratch.keys, ends, scores, self.stride());
        instructions.run(Recall {
            length: self.length,
            scale: self.scale(),
            scores,
            logarithms,
        });
        multiply(instructions, slope, &scratch.values, ends, slopes, self.stride());
        instructions.run(Descend {
            length: self.length,
            scale: self.scale(),
            probabilities: scores,
            slopes,
        });
    }

    /// What the gradient of the scores means for queries, keys and values.
    fn pull(
        self,
        instructions: Instructions,
        scratch: &mut Scratch,
        (query, key, slope): (View<'_>, View<'_>, View<'_>),
        (head, first): (usize, usize),
        target: &mut [f32],
    ) {
        let (stride, rows) = (3 * self.width, query.rows());
        let start = if first == 0 { Start::Zero } else { Start::Target };
        let probabilities = View::strided(&scratch.scores, rows, self.length, self.stride());
        let slopes = View::strided(&scratch.slopes, rows, self.length, self.stride());
        let mut product = |left: View<'_>, right: View<'_>, start, place: usize| {
            scratch.right.pack(instructions, right);
            multiply(
                instructions,
                left,
                &scratch.right,
                (start, Finish::Keep),
                &mut target[place..],
                stride,
            );
        };
        product(slopes, key, Start::Zero, first * stride + self.place(Part::Query, head));
        product(slopes.transposed(), query, start, self.place(Part::Key, head));
        product(probabilities.transposed(), slope, start, self.place(Part::Value, head));
    }
}

impl Scratch {
    /// Makes room for the scores. What fills them up to whole vectors is minus infinity, which no softmax sees.
    fn reserve(&mut self, heads: Heads) {
        let numbers = QUERIES.min(heads.length) * heads.stride();
        if self.scores.len() != numbers {
            self.scores.resize(numbers);
            self.slopes.resize(numbers);
        }
        for (row, slopes) in self
            .scores
            .chunks_exact_mut(heads.stride())
            .zip(self.slopes.chunks_exact_mut(heads.stride()))
        {
            row[heads.length..].fill(f32::NEG_INFINITY);
            slopes[heads.length..].fill(0.0);
        }
    }
}
