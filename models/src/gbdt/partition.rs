//! Rows of a leaf are put in order: first those that go left, then those that go right.
//!
//! The codes are looked at once, for one bit a row; by these bits each array of the rows is then separated.

use super::split::CodeSet;

/// Rows whose bits share a word.
const WORD: usize = 16;

/// A bit for each row, set where it goes right; 16 rows a word.
///
/// `codes` holds a code for each row of the table and three more.
pub(crate) fn mark(rows: &[u32], codes: &[u8], right: &CodeSet) -> Vec<u16> {
    let mut marks = vec![0; rows.len().div_ceil(WORD)];
    let done = wide::mark(rows, codes, right, &mut marks);
    for (mark, rows) in marks.iter_mut().zip(rows.chunks(WORD)).skip(done) {
        for (bit, row) in rows.iter().enumerate() {
            *mark |= u16::from(right.contains(codes[*row as usize])) << bit;
        }
    }
    marks
}

/// Moves the values whose bit is set behind the others and returns how many are not. The order on both sides stays.
pub(crate) fn separate(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> usize {
    assert!(
        scratch.len() == values.len() && marks.len() * WORD >= values.len(),
        "room and a bit for every value"
    );
    let Sides { mut kept, mut moved } = wide::separate(values, scratch, marks);
    for place in kept + moved..values.len() {
        let value = values[place];
        let goes_right = usize::from(marks[place / WORD] >> (place % WORD) & 1);
        // Both writes always happen and one of them counts: no branch to mispredict.
        values[kept] = value;
        scratch[moved] = value;
        kept += 1 - goes_right;
        moved += goes_right;
    }
    values[kept..].copy_from_slice(&scratch[..moved]);
    kept
}

/// How many values have been put on each side.
#[derive(Default)]
struct Sides {
    kept: usize,
    moved: usize,
}

#[cfg(not(target_arch = "x86_64"))]
mod wide {
    use super::{CodeSet, Sides};

    /// Nothing: one row at a time is as fast without gathering vectors.
    pub(super) fn mark(_: &[u32], _: &[u8], _: &CodeSet, _: &mut [u16]) -> usize {
        0
    }

    /// Nothing: one value at a time is as fast without compressing vectors.
    pub(super) fn separate(_: &mut [u32], _: &mut [u32], _: &[u16]) -> Sides {
        Sides::default()
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        _mm256_loadu_si256, _mm512_and_si512, _mm512_broadcast_i64x4, _mm512_cmplt_epu32_mask, _mm512_i32gather_epi32,
        _mm512_loadu_si512, _mm512_maskz_compress_epi32, _mm512_permutexvar_epi32, _mm512_set1_epi32,
        _mm512_srli_epi32, _mm512_srlv_epi32, _mm512_storeu_si512, _mm512_test_epi32_mask,
    };

    use super::{CodeSet, Sides, WORD};
    use crate::gbdt::simd::{Level, level};

    /// Marks whole words; returns how many.
    pub(super) fn mark(rows: &[u32], codes: &[u8], right: &CodeSet, marks: &mut [u16]) -> usize {
        // Gathers take signed 32-bit offsets.
        if level() != Level::Avx512 || codes.len() > i32::MAX as usize {
            return 0;
        }
        // SAFETY: the instructions are there.
        unsafe { mark_words(rows, codes, right, marks) }
    }

    #[target_feature(enable = "avx512f")]
    fn mark_words(rows: &[u32], codes: &[u8], right: &CodeSet, marks: &mut [u16]) -> usize {
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
    pub(super) fn separate(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> Sides {
        if level() != Level::Avx512 {
            return Sides::default();
        }
        // SAFETY: the instructions are there, and the caller has checked both lengths.
        unsafe { separate_words(values, scratch, marks) }
    }

    /// # Safety
    /// `scratch` must be as long as `values`, and `marks` must have a bit for each of them.
    #[target_feature(enable = "avx512f")]
    unsafe fn separate_words(values: &mut [u32], scratch: &mut [u32], marks: &[u16]) -> Sides {
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
    #[should_panic(expected = "index out of bounds")]
    fn rows_outside_of_the_table_are_refused() {
        mark(&[9; 15], &[0; 8], &CodeSet::default());
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn rows_outside_of_the_table_are_refused_by_vectors() {
        mark(&[9; 16], &[0; 8], &CodeSet::default());
    }
}
