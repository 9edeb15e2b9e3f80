//! How many of many split values lie below a value: found by sixteens, three looks among four thousand.

#![expect(
    clippy::inline_always,
    reason = "the body of a kernel is compiled once for each instruction set, inside its entry point"
)]

use crate::gbdt::simd::vectorised;
use crate::gbdt::{BLOCK, Sheet};

/// Numbers that are compared at a time.
const WAYS: usize = 16;
/// The split values that a byte tells apart.
pub(super) const STRETCH: usize = u8::MAX as usize;

/// Ascending numbers: the last level holds them in groups, each level above it the last number of each group below. Infinity ends every
/// level, so that there is always a group that a value does not exceed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    levels: Vec<Vec<[f64; WAYS]>>,
}

impl Ranks {
    /// Of ascending numbers.
    pub(super) fn of(ascending: &[f64]) -> Self {
        let mut levels = vec![groups(ascending.iter().copied())];
        while let Some(below) = levels.last().filter(|groups| groups.len() > 1) {
            let (_, former) = below.split_last().expect("there is more than one");
            levels.push(groups(former.iter().map(|group| group[WAYS - 1])));
        }
        levels.reverse();
        Self { levels }
    }

    /// Writes the codes of a block of values: the rank of each, how many numbers lie below it, cut into bytes; the first byte tells ranks
    /// up to [`STRETCH`] apart, the next one those up to twice as many, and so on. NaN is below everything.
    pub(super) fn codes(&self, values: &[f64; BLOCK], block: usize, codes: &mut [Sheet]) {
        code_block(&self.levels, values, block, codes);
    }
}

/// The numbers and infinity, in groups that are filled with infinity.
fn groups(numbers: impl Iterator<Item = f64>) -> Vec<[f64; WAYS]> {
    let mut all: Vec<f64> = numbers.chain([f64::INFINITY]).collect();
    all.resize(all.len().next_multiple_of(WAYS), f64::INFINITY);
    all.as_chunks().0.to_vec()
}

vectorised! {
    fn code_block(levels: &[Vec<[f64; WAYS]>], values: &[f64; BLOCK], block: usize, codes: &mut [Sheet]) = code_block_body;
}

#[inline(always)]
fn code_block_body(levels: &[Vec<[f64; WAYS]>], values: &[f64; BLOCK], block: usize, codes: &mut [Sheet]) {
    let mut ranks = [0_u32; BLOCK];
    for level in levels {
        for (rank, value) in ranks.iter_mut().zip(values) {
            *rank = *rank * WAYS as u32 + below(&level[*rank as usize], *value);
        }
    }
    for (stretch, sheet) in codes.iter_mut().enumerate() {
        let lowest = (stretch * STRETCH) as u32;
        for (code, rank) in sheet[block].iter_mut().zip(&ranks) {
            *code = rank.saturating_sub(lowest).min(STRETCH as u32) as u8;
        }
    }
}

#[inline(always)]
fn below(numbers: &[f64; WAYS], value: f64) -> u32 {
    let mut bits = 0_u32;
    for (place, number) in numbers.iter().enumerate() {
        bits |= u32::from(*number < value) << place;
    }
    bits.count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::BLOCKS;

    #[test]
    fn the_codes_of_a_value_add_up_to_the_number_of_splits_below_it() {
        for count in [0, 1, 2, 15, 16, 17, 255, 256, 257, 1000, 4095, 4096, 5000] {
            let numbers: Vec<f64> = (0..count).map(f64::from).collect();
            let ranks = Ranks::of(&numbers);
            let values = std::array::from_fn(|lane| match lane {
                0 => f64::NEG_INFINITY,
                1 => f64::INFINITY,
                2 => f64::NAN,
                lane => f64::from(count) * (lane as f64 / 50.0 - 0.1),
            });
            let mut codes = vec![[[0; BLOCK]; BLOCKS]; numbers.len().div_ceil(STRETCH)];
            ranks.codes(&values, 2, &mut codes);
            for (lane, value) in values.iter().enumerate() {
                let expected = numbers.iter().filter(|number| *number < value).count();
                let bytes: Vec<usize> = codes.iter().map(|sheet| usize::from(sheet[2][lane])).collect();
                assert_eq!(bytes.iter().sum::<usize>(), expected, "{value} among {count}");
                assert!(bytes.is_sorted_by(|one, other| one >= other));
            }
        }
    }
}
