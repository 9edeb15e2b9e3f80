//! How work is cut: by its size alone, never by the number of threads, so that sums come out the same on any machine.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::instructions::Instructions;
use super::lanes::{load, load_first, store};
use super::product::View;

/// Groups that may run at the same time; each keeps gradients of its own.
const GROUPS: usize = 8;
/// Numbers of a gradient that one thread adds up at a time.
const STRETCH: usize = 2048;
/// Below so many numbers to add up, another thread would take longer to wake than the work does.
const ALONE: usize = 1 << 14;

/// Items in blocks that stay in the second-level cache, and blocks in at most eight groups of equal length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partition {
    items: usize,
    block: usize,
    chunk: usize,
}

impl Partition {
    /// `items` in blocks of `block`, the last one shorter.
    pub(crate) fn new(items: usize, block: usize) -> Self {
        let chunk = items.div_ceil(block).div_ceil(GROUPS).max(1) * block;
        Self { items, block, chunk }
    }

    /// How many groups there are.
    pub(crate) fn groups(self) -> usize {
        self.items.div_ceil(self.chunk)
    }

    /// Items of a group; each group begins with a multiple of it.
    pub(crate) fn chunk(self) -> usize {
        self.chunk
    }

    /// Runs `work` for each block: on the group it belongs to, its items, and what it writes, of which an item has `width`
    /// numbers. The blocks of a group come in their order. A single group or thread does without the others.
    pub(crate) fn run<G: Send>(
        self,
        groups: &mut [G],
        (target, width): (&mut [f32], usize),
        work: impl Fn(&mut G, Range<usize>, &mut [f32]) + Send + Sync,
    ) {
        let targets = pieces(target, self.chunk * width, groups.len());
        let run_one = |(number, (group, target)): (usize, (&mut G, &mut [f32]))| {
            let first = number * self.chunk;
            let last = self.items.min(first + self.chunk);
            let blocks = pieces(target, self.block * width, (last - first).div_ceil(self.block));
            for (number, target) in blocks.into_iter().enumerate() {
                let begin = first + number * self.block;
                work(group, begin..last.min(begin + self.block), target);
            }
        };
        let pairs = groups.iter_mut().zip(targets).enumerate();
        if self.groups() == 1 || rayon::current_num_threads() == 1 {
            pairs.for_each(run_one);
        } else {
            pairs.collect::<Vec<_>>().into_par_iter().for_each(run_one);
        }
    }
}

/// Cuts `numbers` into `count` pieces of `length`, the last one shorter; the pieces are empty where `length` is zero.
fn pieces(mut numbers: &mut [f32], length: usize, count: usize) -> Vec<&mut [f32]> {
    let mut pieces = Vec::with_capacity(count);
    for _ in 0..count {
        let (piece, rest) = numbers.split_at_mut(length.min(numbers.len()));
        pieces.push(piece);
        numbers = rest;
    }
    pieces
}

/// Writes the sums of all `parts`, added in their order, into `target`.
pub(crate) fn sum_parts(instructions: Instructions, parts: &[&[f32]], target: &mut [f32]) {
    let sum = |(number, target): (usize, &mut [f32])| {
        let first = number * STRETCH;
        instructions.run(Sum { parts, first, target });
    };
    if target.len() * parts.len() < ALONE {
        target.chunks_mut(STRETCH).enumerate().for_each(sum);
    } else {
        target.par_chunks_mut(STRETCH).enumerate().for_each(sum);
    }
}

/// The sum of all parts from `first` on.
struct Sum<'a> {
    parts: &'a [&'a [f32]],
    first: usize,
    target: &'a mut [f32],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        self.target.fill(0.0);
        for part in self.parts {
            let part = &part[self.first..][..self.target.len()];
            for (sum, value) in self.target.iter_mut().zip(part) {
                *sum += value;
            }
        }
    }
}

/// Adds each column of `matrix`, which is not transposed, up into `sums`, which keep what they held if `add`.
pub(crate) fn sum_columns(instructions: Instructions, matrix: View<'_>, sums: &mut [f32], add: bool) {
    if !add {
        sums.fill(0.0);
    }
    instructions.run(SumColumns { matrix, sums });
}

struct SumColumns<'a> {
    matrix: View<'a>,
    sums: &'a mut [f32],
}

impl WithSimd for SumColumns<'_> {
    type Output = ();

    /// A few columns at a time, whose sums stay in registers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.sums.len();
        for at in (0..width).step_by(S::F32_LANES) {
            let mut sum = load(simd, self.sums, at);
            for row in 0..self.matrix.rows() {
                sum = simd.add_f32s(sum, load_first(simd, &self.matrix.row(row)[at..], width - at));
            }
            store(simd, self.sums, at, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_visited_once_with_its_own_numbers() {
        for (items, block, width) in [(1, 3, 2), (100, 3, 2), (7, 7, 1), (65, 2, 0)] {
            let partition = Partition::new(items, block);
            let mut visits = vec![Vec::new(); partition.groups()];
            let mut target = vec![0.0; items * width];
            partition.run(&mut visits, (&mut target, width), |group, range, target| {
                assert_eq!(target.len(), range.len() * width);
                for number in target {
                    *number += 1.0;
                }
                group.extend(range);
            });
            assert_eq!(visits.concat(), (0..items).collect::<Vec<_>>());
            assert!(target.iter().all(|&number| (number - 1.0).abs() < f32::EPSILON));
        }
    }

    #[test]
    fn parts_are_added_number_by_number() {
        let (left, right) = (vec![1.0; 5000], vec![2.5; 5000]);
        let mut target = vec![9.0; 5000];
        sum_parts(Instructions::detect(), &[&left, &right], &mut target);
        assert!(target.iter().all(|&number| (number - 3.5).abs() < f32::EPSILON));
    }
}
