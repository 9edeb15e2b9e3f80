//! A batch as the fused operations read it: rows of numbers, one after the other. A token is one series in one window.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array, Dimension};

use super::identity::{Identity, Tables};
use super::{Batch, Shape};

/// The arrays of a batch, and the embeddings of its tokens.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    pub(super) windows: usize,
    pub(super) series: usize,
    context: Rows<'a>,
    known: Rows<'a>,
    base: Rows<'a>,
    target: Rows<'a>,
    pub(super) batch: &'a Batch,
    pub(super) tables: Tables<'a>,
}

/// Rows of equal length.
#[derive(Debug)]
struct Rows<'a> {
    numbers: Cow<'a, [f32]>,
    length: usize,
}

impl<'a> Inputs<'a> {
    /// `parameters` begin with the tables of `identity`.
    pub(super) fn new(batch: &'a Batch, shape: &Shape, identity: Identity, parameters: &'a [f32]) -> Self {
        let (windows, series) = batch.extents();
        Self {
            windows,
            series,
            context: Rows::new(&batch.context, shape.context_length()),
            known: Rows::new(&batch.known, shape.known_length()),
            base: Rows::new(&batch.base, shape.horizon),
            target: Rows::new(&batch.target, shape.horizon),
            batch,
            tables: identity.tables(shape, parameters),
        }
    }

    pub(super) fn tokens(&self) -> usize {
        self.windows * self.series
    }

    pub(super) fn context(&self, tokens: Range<usize>) -> &[f32] {
        self.context.of(tokens)
    }

    pub(super) fn known(&self, tokens: Range<usize>) -> &[f32] {
        self.known.of(tokens)
    }

    pub(super) fn base(&self, tokens: Range<usize>) -> &[f32] {
        self.base.of(tokens)
    }

    pub(super) fn target(&self, tokens: Range<usize>) -> &[f32] {
        self.target.of(tokens)
    }

    /// The series of a token, its slot of the day, its day of the week.
    pub(super) fn indices(&self, token: usize) -> [u32; 3] {
        let (window, series) = (token / self.series, token % self.series);
        [
            self.batch.series[series],
            self.batch.slot_of_day[window],
            self.batch.weekday[window],
        ]
    }

    /// The embeddings of a token: of its series, of the slot of the day, of the day of the week.
    pub(super) fn identity(&self, token: usize) -> [&[f32]; 3] {
        self.tables.of(self.indices(token))
    }

    /// Copies the embeddings of a token into `place`, side by side.
    pub(super) fn place_identity(&self, token: usize, place: &mut [f32]) {
        let mut rest = place;
        for embedding in self.identity(token) {
            let (here, after) = rest.split_at_mut(embedding.len());
            here.copy_from_slice(embedding);
            rest = after;
        }
    }
}

impl<'a> Rows<'a> {
    fn new<D: Dimension>(array: &'a Array<f32, D>, length: usize) -> Self {
        let numbers = match array.as_slice() {
            Some(numbers) => Cow::Borrowed(numbers),
            None => Cow::Owned(array.iter().copied().collect()),
        };
        Self { numbers, length }
    }

    fn of(&self, rows: Range<usize>) -> &[f32] {
        &self.numbers[rows.start * self.length..rows.end * self.length]
    }
}
