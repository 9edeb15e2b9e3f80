//! The same from the leaves up, for processors that have thirty-two bytes in a vector but no bits for its rows.
//!
//! Every split is asked about every row anyway. Asked from the leaves up, it only chooses between the leaf numbers that its two sides have
//! found: nothing has to be kept of which rows have come to it.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_blendv_epi8, _mm256_cmpgt_epi8, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_sub_epi8,
};

use super::block::{BlockTree, Codes, MOST_LEAVES};
use super::units::{Question, Side, Unit};
use crate::gbdt::binning::{BLOCK, BLOCKS, SHEET, Sheet};
use crate::gbdt::simd::{self, members};

/// Rows of a vector.
const LANES: usize = 32;

/// Finds the leaf of every row of the first blocks of a sheet. `found` is room for what splits find, and `sets` for the codes of splits by sets.
#[target_feature(enable = "avx2")]
pub(super) fn fall(
    tree: &BlockTree,
    columns: &Codes<'_>,
    found: &mut [Sheet; MOST_LEAVES],
    sets: &mut Vec<Sheet>,
    leaves: &mut [[u8; BLOCK]],
) {
    if tree.nodes.is_empty() {
        leaves.as_flattened_mut().fill(0);
        return;
    }
    if tree.sets.is_empty() {
        rise_all(&tree.units, columns, found, leaves.len());
    } else {
        mark_sets(tree, columns, sets);
        let codes: Vec<&Sheet> = sets.iter().chain(columns.iter().copied()).collect();
        rise_all(&tree.units, &codes, found, leaves.len());
    }
    leaves.copy_from_slice(&found[0][..leaves.len()]);
}

/// Replaces the codes of each split by a set: by 255 where they are in it, and by 0 where they are not and go left.
#[target_feature(enable = "avx2")]
fn mark_sets(tree: &BlockTree, columns: &Codes<'_>, sets: &mut Vec<Sheet>) {
    sets.resize(tree.sets.len(), [[0; BLOCK]; BLOCKS]);
    for node in tree.nodes.iter().filter(|node| node.set != 0) {
        let place = usize::from(node.set) - 1;
        let (codes, set) = (columns[node.column as usize], &tree.sets[place]);
        for vector in 0..SHEET / LANES {
            store(&mut sets[place], vector, members(load(codes, vector), &set.0));
        }
    }
}

#[target_feature(enable = "avx2")]
fn rise_all(units: &[Unit], codes: &Codes<'_>, found: &mut [Sheet; MOST_LEAVES], blocks: usize) {
    if blocks == 1 {
        rise::<{ BLOCK / LANES }>(units, codes, found);
    } else {
        rise::<{ SHEET / LANES }>(units, codes, found);
    }
}

/// What a split compares.
struct Split<'a> {
    codes: &'a Sheet,
    turn: __m256i,
    highest: __m256i,
}

impl<'a> Split<'a> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(question: &Question, codes: &Codes<'a>) -> Self {
        Self {
            codes: codes[question.codes as usize],
            turn: _mm256_set1_epi32(question.turn.cast_signed()),
            highest: _mm256_set1_epi32(question.highest.cast_signed()),
        }
    }

    /// `left` for the rows that go left, and `right` for the others.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn choose(&self, vector: usize, left: __m256i, right: __m256i) -> __m256i {
        _mm256_blendv_epi8(left, right, self.goes_right(vector))
    }

    /// The number of the leaf on the left for the rows that go left, and one more for the others.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn choose_leaf(&self, vector: usize, left: __m256i) -> __m256i {
        _mm256_sub_epi8(left, self.goes_right(vector))
    }

    /// All bits of the rows that go right, which is minus one.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn goes_right(&self, vector: usize) -> __m256i {
        let code = _mm256_add_epi8(load(self.codes, vector), self.turn);
        _mm256_cmpgt_epi8(code, self.highest)
    }
}

/// Asks all splits about so many vectors of rows; what the uppermost one finds stands first in the end.
#[target_feature(enable = "avx2")]
fn rise<const VECTORS: usize>(units: &[Unit], codes: &Codes<'_>, found: &mut [Sheet; MOST_LEAVES]) {
    for unit in units {
        match unit {
            Unit::Pair { place, ask, first } => {
                let (one, left) = (Split::of(ask, codes), fill(*first));
                for vector in 0..VECTORS {
                    store(&mut found[usize::from(*place)], vector, one.choose_leaf(vector, left));
                }
            }
            Unit::Four {
                place,
                ask: [one, left, right],
                first,
            } => {
                let (one, left, right) = (Split::of(one, codes), Split::of(left, codes), Split::of(right, codes));
                let (first, third) = (fill(*first), fill(first + 2));
                for vector in 0..VECTORS {
                    let (left, right) = (left.choose_leaf(vector, first), right.choose_leaf(vector, third));
                    store(&mut found[usize::from(*place)], vector, one.choose(vector, left, right));
                }
            }
            Unit::One {
                place,
                ask,
                sides: [left, right],
            } => {
                let one = Split::of(ask, codes);
                for vector in 0..VECTORS {
                    let (left, right) = (side(*left, found, vector), side(*right, found, vector));
                    store(&mut found[usize::from(*place)], vector, one.choose(vector, left, right));
                }
            }
            Unit::Three {
                place,
                ask: [one, left, right],
                below,
            } => {
                let (one, left, right) = (Split::of(one, codes), Split::of(left, codes), Split::of(right, codes));
                let [a, b, c, d] = below.map(usize::from);
                for vector in 0..VECTORS {
                    let left = left.choose(vector, load(&found[a], vector), load(&found[b], vector));
                    let right = right.choose(vector, load(&found[c], vector), load(&found[d], vector));
                    store(&mut found[usize::from(*place)], vector, one.choose(vector, left, right));
                }
            }
        }
    }
}

/// What a side has found.
#[inline]
#[target_feature(enable = "avx2")]
fn side(side: Side, found: &[Sheet; MOST_LEAVES], vector: usize) -> __m256i {
    match side {
        Side::Unit(place) => load(&found[usize::from(place)], vector),
        Side::Leaf(leaf) => fill(leaf),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn fill(leaf: u8) -> __m256i {
    _mm256_set1_epi8(leaf.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(sheet: &Sheet, vector: usize) -> __m256i {
    simd::load(&sheet.as_flattened().as_chunks::<LANES>().0[vector])
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(sheet: &mut Sheet, vector: usize, bytes: __m256i) {
    simd::store(&mut sheet.as_flattened_mut().as_chunks_mut::<LANES>().0[vector], bytes);
}
