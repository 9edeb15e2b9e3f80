//! Rows of a leaf are put in order: first those that go left, then those that go right.
//!
//! The codes are looked at once, for one bit a row; by these bits each array of the rows is then separated.

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::simd::{Level, level};
use super::split::CodeSet;

/// Rows whose bits share a word.
const WORD: usize = 16;
/// Rows that are worked on as one piece.
const PIECE: usize = 32_768;

/// A bit for each row, set where it goes right; 16 rows a word.
///
/// `codes` holds a code for each row of the table and three more.
pub(crate) fn mark(rows: &[u32], codes: &[u8], right: &CodeSet) -> Vec<u16> {
    let mut marks = vec![0; rows.len().div_ceil(WORD)];
    marks
        .par_chunks_mut(PIECE / WORD)
        .zip(rows.par_chunks(PIECE))
        .for_each(|(marks, rows)| mark_piece(rows, codes, right, marks));
    marks
}

fn mark_piece(rows: &[u32], codes: &[u8], right: &CodeSet, marks: &mut [u16]) {
    let done = mark_words(rows, codes, right, marks);
    for (mark, rows) in marks.iter_mut().zip(rows.chunks(WORD)).skip(done) {
        for (bit, row) in rows.iter().enumerate() {
            *mark |= u16::from(right.contains(codes[*row as usize])) << bit;
        }
    }
}

/// Marks some words, the first ones, with vectors and returns how many.
#[cfg(target_arch = "x86_64")]
fn mark_words(rows: &[u32], codes: &[u8], right: &CodeSet, marks: &mut [u16]) -> usize {
    match level() {
        // SAFETY: the instructions are there, and gathers reach every code.
        Level::Avx512 if i32::try_from(codes.len()).is_ok() => unsafe { wide::mark(rows, codes, right, marks) },
        // SAFETY: the instructions are there.
        Level::Avx512 | Level::Avx2 => unsafe { narrow::mark(rows, codes, right, marks) },
        Level::Portable => 0,
    }
}

/// Nothing: one row at a time is as fast without vectors.
#[cfg(not(target_arch = "x86_64"))]
fn mark_words(_: &[u32], _: &[u8], _: &CodeSet, _: &mut [u16]) -> usize {
    0
}

/// Moves the values whose bit is set behind the others and returns how many are not. The order on both sides stays.
pub(crate) fn separate(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> usize {
    assert!(
        scratch.len() == values.len() && marks.len() * WORD >= values.len(),
        "room and a bit for every value"
    );
    let pieces: Vec<Sides> = values
        .par_chunks_mut(PIECE)
        .zip(scratch.par_chunks_mut(PIECE))
        .zip(marks.par_chunks(PIECE / WORD))
        .map(|((values, scratch), marks)| separate_piece(values, scratch, marks))
        .collect();
    let mut all = 0;
    for (piece, sides) in pieces.iter().enumerate() {
        let first = piece * PIECE;
        if first > all {
            values.copy_within(first..first + sides.kept, all);
        }
        all += sides.kept;
    }
    let mut rest = &mut values[all..];
    for (sides, scratch) in pieces.iter().zip(scratch.chunks(PIECE)) {
        let (moved, behind) = rest.split_at_mut(sides.moved);
        moved.copy_from_slice(&scratch[..sides.moved]);
        rest = behind;
    }
    all
}

/// Leaves the values whose bit is not set in front, and puts the others into `scratch`.
fn separate_piece(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> Sides {
    assert!(
        scratch.len() == values.len() && marks.len() * WORD >= values.len(),
        "room and a bit for every value"
    );
    let Sides { mut kept, mut moved } = separate_words(values, scratch, marks);
    for place in kept + moved..values.len() {
        let value = values[place];
        let goes_right = usize::from(marks[place / WORD] >> (place % WORD) & 1);
        // Both writes always happen and one of them counts: no branch to mispredict.
        values[kept] = value;
        scratch[moved] = value;
        kept += 1 - goes_right;
        moved += goes_right;
    }
    Sides { kept, moved }
}

/// Separates some words of values, the first ones, with vectors.
#[cfg(target_arch = "x86_64")]
fn separate_words(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> Sides {
    match level() {
        // SAFETY: the instructions are there, and the caller has checked both lengths.
        Level::Avx512 => unsafe { wide::separate(values, scratch, marks) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { narrow::separate(values, scratch, marks) },
        Level::Portable => Sides::default(),
    }
}

/// Nothing: one value at a time is as fast without vectors.
#[cfg(not(target_arch = "x86_64"))]
fn separate_words(_: &mut [u32], _: &mut [u32], _: &[u16]) -> Sides {
    Sides::default()
}

/// How many values have been put on each side.
#[derive(Debug, Default, PartialEq)]
struct Sides {
    kept: usize,
    moved: usize,
}

/// Sixteen rows at a time: codes are gathered, and values compressed.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        _mm256_loadu_si256, _mm512_and_si512, _mm512_broadcast_i64x4, _mm512_cmplt_epu32_mask, _mm512_i32gather_epi32,
        _mm512_loadu_si512, _mm512_maskz_compress_epi32, _mm512_permutexvar_epi32, _mm512_set1_epi32,
        _mm512_srli_epi32, _mm512_srlv_epi32, _mm512_storeu_si512, _mm512_test_epi32_mask,
    };

    use super::{CodeSet, Sides, WORD};

    /// Marks whole words and returns how many.
    ///
    /// # Safety
    /// A signed 32-bit offset must reach every code.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn mark(rows: &[u32], codes: &[u8], right: &CodeSet, marks: &mut [u16]) -> usize {
        let (one, low, byte) = (_mm512_set1_epi32(1), _mm512_set1_epi32(31), _mm512_set1_epi32(255));
        // The first row from which on four codes cannot be read.
        let end = _mm512_set1_epi32(codes.len().saturating_sub(3) as i32);
        // SAFETY: a code set is 32 bytes long.
        let set = _mm512_broadcast_i64x4(unsafe { _mm256_loadu_si256(right.0.as_ptr().cast()) });
        let (words, _) = rows.as_chunks::<WORD>();
        for (mark, rows) in marks.iter_mut().zip(words) {
            // SAFETY: there are 16 rows.
            let rows = unsafe { _mm512_loadu_si512(rows.as_ptr().cast()) };
            assert!(
                _mm512_cmplt_epu32_mask(rows, end) == u16::MAX,
                "index out of bounds: three codes stand behind that of every row"
            );
            // SAFETY: four codes can be read from every row on.
            let code = _mm512_and_si512(
                unsafe { _mm512_i32gather_epi32::<1>(rows, codes.as_ptr().cast()) },
                byte,
            );
            let word = _mm512_permutexvar_epi32(_mm512_srli_epi32::<5>(code), set);
            *mark = _mm512_test_epi32_mask(_mm512_srlv_epi32(word, _mm512_and_si512(code, low)), one);
        }
        words.len()
    }

    /// Separates whole words of values.
    ///
    /// # Safety
    /// `scratch` must be as long as `values`, and `marks` must have a bit for each of them.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn separate(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> Sides {
        let mut sides = Sides::default();
        for (word, mark) in marks.iter().enumerate().take(values.len() / WORD) {
            // SAFETY: 16 values begin at this word. At most as many have gone to either side as have been read before it, so
            // that 16 more fit both buffers and overwrite only values that have been read.
            unsafe {
                let block = _mm512_loadu_si512(values.as_ptr().add(word * WORD).cast());
                let kept = _mm512_maskz_compress_epi32(!mark, block);
                let moved = _mm512_maskz_compress_epi32(*mark, block);
                _mm512_storeu_si512(values.as_mut_ptr().add(sides.kept).cast(), kept);
                _mm512_storeu_si512(scratch.as_mut_ptr().add(sides.moved).cast(), moved);
            }
            let count = mark.count_ones() as usize;
            sides.moved += count;
            sides.kept += WORD - count;
        }
        sides
    }
}

/// Eight values at a time: without compressing vectors, a table says where each of them goes.
///
/// Codes are fetched one by one, which is as fast as gathering them, and then compared thirty-two at a time.
#[cfg(target_arch = "x86_64")]
mod narrow {
    use std::arch::x86_64::{
        __m256i, _mm_loadl_epi64, _mm256_cvtepu8_epi32, _mm256_loadu_si256, _mm256_movemask_epi8,
        _mm256_permutevar8x32_epi32, _mm256_storeu_si256,
    };

    use super::{CodeSet, Sides, WORD};
    use crate::gbdt::simd::{load, members};

    /// Rows whose codes are fetched before any of them is compared: a vector that was written byte by byte is slow to read at once.
    const STRETCH: usize = 512;
    /// Codes that are compared at once, and the words that their bits fill.
    const CODES: usize = 32;
    const WORDS: usize = CODES / WORD;
    /// Values that are moved at once.
    const LANES: usize = 8;

    /// For eight bits the places of those that are set, in order.
    static PLACES: [[u8; LANES]; 256] = places();

    const fn places() -> [[u8; LANES]; 256] {
        let mut places = [[0; LANES]; 256];
        let mut bits = 0;
        while bits < places.len() {
            let (mut lane, mut found) = (0, 0);
            while lane < LANES {
                if bits >> lane & 1 == 1 {
                    places[bits][found] = lane as u8;
                    found += 1;
                }
                lane += 1;
            }
            bits += 1;
        }
        places
    }

    /// Marks pairs of whole words and returns how many words.
    #[target_feature(enable = "avx2")]
    pub(super) fn mark(rows: &[u32], codes: &[u8], right: &CodeSet, marks: &mut [u16]) -> usize {
        let mut fetched = [0; STRETCH];
        let whole = rows.len() / CODES * CODES;
        for (rows, marks) in rows[..whole].chunks(STRETCH).zip(marks.chunks_mut(STRETCH / WORD)) {
            for (code, row) in fetched.iter_mut().zip(rows) {
                *code = codes[*row as usize];
            }
            let (stretch, _) = fetched[..rows.len()].as_chunks::<CODES>();
            let (marks, _) = marks.as_chunks_mut::<WORDS>();
            for (codes, marks) in stretch.iter().zip(marks) {
                let bits = _mm256_movemask_epi8(members(load(codes), &right.0)).cast_unsigned();
                *marks = [bits as u16, (bits >> WORD) as u16];
            }
        }
        whole / WORD
    }

    /// Separates whole words of values.
    ///
    /// # Safety
    /// `scratch` must be as long as `values`, and `marks` must have a bit for each of them.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn separate(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> Sides {
        let mut sides = Sides::default();
        for (word, mark) in marks.iter().enumerate().take(values.len() / WORD) {
            for (half, bits) in mark.to_le_bytes().into_iter().enumerate() {
                // SAFETY: eight values begin here. At most as many have gone to either side as have been read before them, so that eight
                // more fit both buffers and overwrite only values that have been read.
                unsafe {
                    let block = _mm256_loadu_si256(values.as_ptr().add(word * WORD + half * LANES).cast());
                    let (kept, moved) = (chosen(block, !bits), chosen(block, bits));
                    _mm256_storeu_si256(values.as_mut_ptr().add(sides.kept).cast(), kept);
                    _mm256_storeu_si256(scratch.as_mut_ptr().add(sides.moved).cast(), moved);
                }
                let count = bits.count_ones() as usize;
                sides.moved += count;
                sides.kept += LANES - count;
            }
        }
        sides
    }

    /// The values whose bit is set, side by side; what stands behind them is of no account.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn chosen(block: __m256i, bits: u8) -> __m256i {
        let places = &PLACES[usize::from(bits)];
        // SAFETY: there are eight places.
        let places = unsafe { _mm_loadl_epi64(places.as_ptr().cast()) };
        _mm256_permutevar8x32_epi32(block, _mm256_cvtepu8_epi32(places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_keep_their_order() {
        for count in [0, 1, 15, 16, 17, 333, 1000] {
            let codes: Vec<u8> = (0..5000_u32).map(|row| (row * 7919 % 256) as u8).collect();
            let right = CodeSet::above(100, true);
            let rows: Vec<u32> = (0..count).map(|index| index * 4 + index % 3).collect();
            let (expected_left, expected_right): (Vec<u32>, Vec<u32>) =
                rows.iter().partition(|row| !right.contains(codes[**row as usize]));
            let mut moved = rows.clone();
            let mut scratch = vec![0; rows.len()];
            let left = separate(&mut moved, &mut scratch, &mark(&rows, &codes, &right));
            assert_eq!(moved[..left], expected_left);
            assert_eq!(moved[left..], expected_right);
        }
    }

    #[test]
    fn sets_and_pieces_of_any_size_are_separated_as_one_by_one() {
        let codes: Vec<u8> = (0..70_003_u32).map(|row| ((row * 7919) >> 5) as u8).collect();
        let sets = [
            CodeSet::above(253, true),
            CodeSet::above(0, false),
            CodeSet::all_but(&[1, 2, 127, 128, 255]),
            CodeSet::default(),
        ];
        for right in &sets {
            for count in [1, 31, 32, 33, 511, 513, 32_768, 32_769, 70_000] {
                let rows: Vec<u32> = (0..count).collect();
                let marks = mark(&rows, &codes, right);
                for (place, row) in rows.iter().enumerate() {
                    let is_marked = marks[place / WORD] >> (place % WORD) & 1 == 1;
                    assert_eq!(is_marked, right.contains(codes[*row as usize]), "{place} of {count}");
                }
                let (left, beyond): (Vec<u32>, Vec<u32>) =
                    rows.iter().partition(|row| !right.contains(codes[**row as usize]));
                let mut moved = rows.clone();
                assert_eq!(separate(&mut moved, &mut vec![0; rows.len()], &marks), left.len());
                assert_eq!(moved, [left, beyond].concat());
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn eight_at_a_time_leave_what_one_by_one_leaves() {
        if level() == Level::Portable {
            return;
        }
        let values: Vec<u32> = (0..4096).map(|value| value * 31).collect();
        let marks: Vec<u16> = (0..256_u32).map(|word| ((word * 40_503) >> 3) as u16).collect();
        let (mut kept, mut moved) = (values.clone(), vec![0; 4096]);
        // SAFETY: the instructions are there; there is room and a bit for every value.
        let sides = unsafe { narrow::separate(&mut kept, &mut moved, &marks) };
        let goes_right = |place: &usize| marks[place / WORD] >> (place % WORD) & 1 == 1;
        let (right, left): (Vec<usize>, Vec<usize>) = (0..4096).partition(goes_right);
        assert_eq!((sides.kept, sides.moved), (left.len(), right.len()));
        assert!(left.iter().zip(&kept).all(|(place, value)| values[*place] == *value));
        assert!(right.iter().zip(&moved).all(|(place, value)| values[*place] == *value));
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn rows_outside_of_the_table_are_refused() {
        mark(&[9; 15], &[0; 8], &CodeSet::default());
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn rows_outside_of_the_table_are_refused_by_vectors() {
        mark(&[9; 32], &[0; 8], &CodeSet::default());
    }
}
