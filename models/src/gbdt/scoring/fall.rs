//! A sheet of rows, four blocks of sixty-four, falls through a tree together: every step a few vector instructions, without a branch or a
//! look-up.
//!
//! Each split compares the codes of all rows of a block and hands the rows that have come to it on to its children.
//! A row that goes right skips the leaves on the left, so that the sum of what it skips is the number of its leaf.
//! What a split says is read once for all blocks: with one block alone, reading it takes most of the time.

use super::block::{BlockNode, BlockTree, Codes, MOST_LEAVES};
#[cfg(target_arch = "x86_64")]
use super::rise;
use crate::gbdt::binning::{BLOCK, BLOCKS, Sheet};
#[cfg(target_arch = "x86_64")]
use crate::gbdt::simd::{Level, level};
use crate::gbdt::split::CodeSet;

/// Room for the rows that have come to each split.
pub(crate) struct Room {
    /// A byte for each row of a sheet: all of its bits set or none, or what was found from the leaves up.
    bytes: [Sheet; MOST_LEAVES],
    /// Codes of splits by sets.
    #[cfg(target_arch = "x86_64")]
    sets: Vec<Sheet>,
    /// A bit for each row of a sheet, where the processor has instructions for that.
    #[cfg(target_arch = "x86_64")]
    bits: [[u64; BLOCKS]; MOST_LEAVES],
}

impl Room {
    /// Room with nobody in it.
    #[expect(
        clippy::large_stack_arrays,
        reason = "64 KiB, once for many rows, on the way to the heap"
    )]
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self {
            bytes: [[[0; BLOCK]; BLOCKS]; MOST_LEAVES],
            #[cfg(target_arch = "x86_64")]
            sets: Vec::new(),
            #[cfg(target_arch = "x86_64")]
            bits: [[0; BLOCKS]; MOST_LEAVES],
        })
    }
}

/// Finds the leaf of every row of the first blocks of a sheet, as many as `leaves` has; the tree has at most 256 leaves.
pub(crate) fn fall(tree: &BlockTree, columns: &Codes<'_>, room: &mut Room, leaves: &mut [[u8; BLOCK]]) {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: the instructions are there.
        Level::Avx512 => return unsafe { wide::fall(tree, columns, &mut room.bits, leaves) },
        // SAFETY: as above.
        Level::Avx2 => return unsafe { rise::fall(tree, columns, &mut room.bytes, &mut room.sets, leaves) },
        Level::Portable => {}
    }
    fall_by_bytes(tree, columns, &mut room.bytes, leaves);
}

fn fall_by_bytes(tree: &BlockTree, columns: &Codes<'_>, room: &mut [Sheet; MOST_LEAVES], leaves: &mut [[u8; BLOCK]]) {
    leaves.as_flattened_mut().fill(0);
    room[0] = [[u8::MAX; BLOCK]; BLOCKS];
    for (place, node) in (0..=u8::MAX).zip(&tree.nodes) {
        let codes = columns[node.column as usize];
        for (block, leaves) in leaves.iter_mut().enumerate() {
            let beyond = match node.set {
                0 => above(&codes[block], node),
                set => within(&codes[block], &tree.sets[usize::from(set) - 1]),
            };
            let here = room[usize::from(place)][block];
            let (mut left, mut right) = ([0; BLOCK], [0; BLOCK]);
            for lane in 0..BLOCK {
                left[lane] = here[lane] & !beyond[lane];
                right[lane] = here[lane] & beyond[lane];
                leaves[lane] = leaves[lane].wrapping_add(right[lane] & node.left_leaves as u8);
            }
            room[usize::from(node.left_mask)][block] = left;
            room[usize::from(node.right_mask)][block] = right;
        }
    }
}

fn above(codes: &[u8; BLOCK], node: &BlockNode) -> [u8; BLOCK] {
    let mut beyond = [0; BLOCK];
    for lane in 0..BLOCK {
        let is_above = codes[lane].wrapping_add(node.turn as u8) > node.highest as u8;
        beyond[lane] = if is_above { u8::MAX } else { 0 };
    }
    beyond
}

#[inline(always)]
fn within(codes: &[u8; BLOCK], set: &CodeSet) -> [u8; BLOCK] {
    let mut beyond = [0; BLOCK];
    for lane in 0..BLOCK {
        beyond[lane] = if set.contains(codes[lane]) { u8::MAX } else { 0 };
    }
    beyond
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi8, _mm512_loadu_si512, _mm512_mask_add_epi8, _mm512_mask_cmpgt_epu8_mask,
        _mm512_mask_test_epi8_mask, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
    };

    use super::{BLOCK, BLOCKS, BlockTree, Codes, MOST_LEAVES, within};

    /// The same with a bit for each row, all blocks of the sheet at a time.
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn fall(
        tree: &BlockTree,
        columns: &Codes<'_>,
        room: &mut [[u64; BLOCKS]; MOST_LEAVES],
        leaves: &mut [[u8; BLOCK]],
    ) {
        let mut numbers = [_mm512_setzero_si512(); BLOCKS];
        room[0] = [u64::MAX; BLOCKS];
        for (place, node) in (0..=u8::MAX).zip(&tree.nodes) {
            let here = room[usize::from(place)];
            let codes = columns[node.column as usize];
            let (turn, highest, left_leaves) = (fill(node.turn), fill(node.highest), fill(node.left_leaves));
            let (mut left, mut right) = ([0; BLOCKS], [0; BLOCKS]);
            for block in 0..BLOCKS {
                right[block] = if node.set == 0 {
                    let turned = _mm512_add_epi8(load(&codes[block]), turn);
                    _mm512_mask_cmpgt_epu8_mask(here[block], turned, highest)
                } else {
                    let beyond = load(&within(&codes[block], &tree.sets[usize::from(node.set) - 1]));
                    _mm512_mask_test_epi8_mask(here[block], beyond, beyond)
                };
                left[block] = here[block] ^ right[block];
                numbers[block] = _mm512_mask_add_epi8(numbers[block], right[block], numbers[block], left_leaves);
            }
            room[usize::from(node.left_mask)] = left;
            room[usize::from(node.right_mask)] = right;
        }
        for (leaves, numbers) in leaves.iter_mut().zip(numbers) {
            // SAFETY: there is room for 64 bytes.
            unsafe { _mm512_storeu_si512(leaves.as_mut_ptr().cast(), numbers) };
        }
    }

    #[target_feature(enable = "avx512f")]
    fn load(bytes: &[u8; BLOCK]) -> __m512i {
        // SAFETY: there are 64 bytes.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    fn fill(four: u32) -> __m512i {
        _mm512_set1_epi32(four.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::scoring::{CodeTest, Outline};

    /// A tree over three columns with splits of every kind; the children of node n are 2 n and 2 n + 1.
    fn tree(is_leaf: impl Fn(usize) -> bool) -> BlockTree {
        BlockTree::new(1_usize, &mut |node: usize| {
            if is_leaf(node) {
                return Outline::Leaf(node as f32);
            }
            let code = (node * 37 % 255) as u8;
            let test = match node % 3 {
                0 => CodeTest::Within(CodeSet::above(code, node.is_multiple_of(2))),
                kind => CodeTest::Above {
                    code,
                    missing_left: kind == 1,
                },
            };
            Outline::Split {
                column: node % 3,
                test,
                left: 2 * node,
                right: 2 * node + 1,
            }
        })
    }

    fn rows_fall_where_they_fall_one_by_one(tree: &BlockTree) {
        let code = |column: usize, row: usize| {
            if row % 9 == column {
                u8::MAX
            } else {
                (row * 97 + column * 31) as u8
            }
        };
        let codes: [Sheet; 3] = std::array::from_fn(|column| {
            std::array::from_fn(|block| std::array::from_fn(|lane| code(column, block * BLOCK + lane)))
        });
        let columns: Vec<&Sheet> = codes.iter().collect();
        let mut room = Room::new();
        for blocks in 1..=BLOCKS {
            // What stood there before is nobody's leaf.
            let mut leaves = [[7; BLOCK]; BLOCKS];
            fall(tree, &columns, &mut room, &mut leaves[..blocks]);
            for other in by_other_means(tree, &columns, &mut room, blocks) {
                assert_eq!(leaves, other);
            }
            for (block, leaves) in leaves[..blocks].iter().enumerate() {
                for lane in 0..BLOCK {
                    let expected = tree.value(|column| codes[column][block][lane]).to_bits();
                    assert_eq!(tree.values[usize::from(leaves[lane])].to_bits(), expected, "{lane}");
                }
            }
            assert_eq!(leaves[blocks..], vec![[7; BLOCK]; BLOCKS - blocks]);
        }
    }

    /// The leaves by bytes and, where the processor can, from the leaves up.
    fn by_other_means(tree: &BlockTree, columns: &Codes<'_>, room: &mut Room, blocks: usize) -> Vec<Sheet> {
        let mut by_bytes = [[7; BLOCK]; BLOCKS];
        fall_by_bytes(tree, columns, &mut room.bytes, &mut by_bytes[..blocks]);
        #[cfg(target_arch = "x86_64")]
        if level() != Level::Portable {
            let mut risen = [[7; BLOCK]; BLOCKS];
            // SAFETY: the instructions are there.
            unsafe { rise::fall(tree, columns, &mut room.bytes, &mut room.sets, &mut risen[..blocks]) };
            return vec![by_bytes, risen];
        }
        vec![by_bytes]
    }

    #[test]
    fn blocks_fall_through_complete_trees_as_their_rows_do() {
        for depth in 0..=8 {
            rows_fall_where_they_fall_one_by_one(&tree(|node| node >= 1 << depth));
        }
    }

    #[test]
    fn blocks_fall_through_lopsided_trees_as_their_rows_do() {
        rows_fall_where_they_fall_one_by_one(&tree(|node| node >= 100 || node % 5 == 3));
        rows_fall_where_they_fall_one_by_one(&tree(|node| node >= 300 || node % 7 == 6));
        rows_fall_where_they_fall_one_by_one(&tree(|node| node > 1 && !node.is_power_of_two() || node > 1 << 40));
        rows_fall_where_they_fall_one_by_one(&tree(|node| !(node + 1).is_power_of_two() || node > 1 << 40));
    }
}
