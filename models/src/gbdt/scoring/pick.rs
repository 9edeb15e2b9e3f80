//! Adds to each row of a block what its leaf says.

use crate::gbdt::binning::BLOCK;
#[cfg(target_arch = "x86_64")]
use crate::gbdt::simd::{Level, level};

/// What leaves say.
pub(crate) trait Value: Copy + Into<f64> {
    /// Adds up eight at a time.
    ///
    /// # Safety
    /// The processor must have AVX-512F; `values` must have every leaf.
    #[cfg(target_arch = "x86_64")]
    unsafe fn add_wide(values: &[Self], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]);

    /// Adds up four at a time.
    ///
    /// # Safety
    /// The processor must have AVX2; `values` must have every leaf.
    #[cfg(target_arch = "x86_64")]
    unsafe fn add_narrow(values: &[Self], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]);
}

/// Adds the value of its leaf to the sum of each row.
///
/// # Panics
/// A leaf that has no value.
pub(crate) fn add_values<V: Value>(values: &[V], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]) {
    let furthest = leaves.iter().fold(0, |furthest, leaf| furthest.max(*leaf));
    assert!(usize::from(furthest) < values.len(), "every leaf has a value");
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: the instructions are there, and so is every value.
        Level::Avx512 => return unsafe { V::add_wide(values, leaves, sums) },
        // SAFETY: as above.
        Level::Avx2 => return unsafe { V::add_narrow(values, leaves, sums) },
        Level::Portable => {}
    }
    add_one_by_one(values, leaves, sums);
}

fn add_one_by_one<V: Value>(values: &[V], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]) {
    for (sum, leaf) in sums.iter_mut().zip(leaves) {
        *sum += values[usize::from(*leaf)].into();
    }
}

/// Writes [`Value`]: `gather` loads the values of eight leaves as doubles, `four` those of four.
#[cfg(target_arch = "x86_64")]
macro_rules! value {
    ($kind:ty, $gather:path, $four:path) => {
        impl Value for $kind {
            #[target_feature(enable = "avx512f,avx2")]
            unsafe fn add_wide(values: &[Self], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]) {
                use std::arch::x86_64::{
                    _mm_loadl_epi64, _mm256_cvtepu8_epi32, _mm512_add_pd, _mm512_loadu_pd, _mm512_storeu_pd,
                };
                let (leaves, _) = leaves.as_chunks::<8>();
                let (sums, _) = sums.as_chunks_mut::<8>();
                for (leaves, sums) in leaves.iter().zip(sums) {
                    // SAFETY: there are eight leaves and eight sums, and the caller vouches for the values.
                    unsafe {
                        let places = _mm256_cvtepu8_epi32(_mm_loadl_epi64(leaves.as_ptr().cast()));
                        let added = $gather(places, values);
                        let sum = _mm512_add_pd(_mm512_loadu_pd(sums.as_ptr()), added);
                        _mm512_storeu_pd(sums.as_mut_ptr(), sum);
                    }
                }
            }

            #[target_feature(enable = "avx2")]
            unsafe fn add_narrow(values: &[Self], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]) {
                use std::arch::x86_64::{_mm256_add_pd, _mm256_loadu_pd, _mm256_storeu_pd};
                let (leaves, _) = leaves.as_chunks::<4>();
                let (sums, _) = sums.as_chunks_mut::<4>();
                for (leaves, sums) in leaves.iter().zip(sums) {
                    // SAFETY: there are four leaves and four sums, and the caller vouches for the values.
                    unsafe {
                        let sum = _mm256_add_pd(_mm256_loadu_pd(sums.as_ptr()), $four(*leaves, values));
                        _mm256_storeu_pd(sums.as_mut_ptr(), sum);
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod gather {
    use std::arch::x86_64::{__m256i, __m512d, _mm256_i32gather_ps, _mm512_cvtps_pd, _mm512_i32gather_pd};

    /// # Safety
    /// Every place must be one of `values`.
    #[target_feature(enable = "avx512f,avx2")]
    pub(super) unsafe fn singles(places: __m256i, values: &[f32]) -> __m512d {
        // SAFETY: as the caller says.
        _mm512_cvtps_pd(unsafe { _mm256_i32gather_ps::<4>(values.as_ptr(), places) })
    }

    /// # Safety
    /// Every place must be one of `values`.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn doubles(places: __m256i, values: &[f64]) -> __m512d {
        // SAFETY: as the caller says.
        unsafe { _mm512_i32gather_pd::<8>(places, values.as_ptr()) }
    }
}

/// Values that are loaded one by one: without wider vectors that is faster than gathering them.
#[cfg(target_arch = "x86_64")]
mod four {
    use std::arch::x86_64::{__m256d, _mm_setr_ps, _mm256_cvtps_pd, _mm256_setr_pd};

    /// # Safety
    /// Every leaf must be one of `values`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn singles([one, two, three, four]: [u8; 4], values: &[f32]) -> __m256d {
        // SAFETY: as the caller says.
        let singles = unsafe { _mm_setr_ps(at(values, one), at(values, two), at(values, three), at(values, four)) };
        _mm256_cvtps_pd(singles)
    }

    /// # Safety
    /// Every leaf must be one of `values`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn doubles([one, two, three, four]: [u8; 4], values: &[f64]) -> __m256d {
        // SAFETY: as the caller says.
        unsafe { _mm256_setr_pd(at(values, one), at(values, two), at(values, three), at(values, four)) }
    }

    /// # Safety
    /// The leaf must be one of `values`.
    #[inline]
    unsafe fn at<V: Copy>(values: &[V], leaf: u8) -> V {
        // SAFETY: as the caller says.
        unsafe { *values.get_unchecked(usize::from(leaf)) }
    }
}

#[cfg(target_arch = "x86_64")]
value!(f32, gather::singles, four::singles);
#[cfg(target_arch = "x86_64")]
value!(f64, gather::doubles, four::doubles);
#[cfg(not(target_arch = "x86_64"))]
impl Value for f32 {}
#[cfg(not(target_arch = "x86_64"))]
impl Value for f64 {}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_ways_give_the_same_bits<V: Value>(values: &[V]) {
        let leaves: [u8; BLOCK] = std::array::from_fn(|lane| (lane * 37 % values.len()) as u8);
        let begin: [f64; BLOCK] = std::array::from_fn(|lane| lane as f64 / 3.0);
        let (mut chosen, mut plain) = (begin, begin);
        add_values(values, &leaves, &mut chosen);
        add_one_by_one(values, &leaves, &mut plain);
        assert_eq!(chosen.map(f64::to_bits), plain.map(f64::to_bits));
        #[cfg(target_arch = "x86_64")]
        if level() != Level::Portable {
            let mut narrow = begin;
            // SAFETY: the instructions are there, and so is every value.
            unsafe { V::add_narrow(values, &leaves, &mut narrow) };
            assert_eq!(narrow.map(f64::to_bits), plain.map(f64::to_bits));
        }
    }

    #[test]
    fn several_at_a_time_give_the_same_bits_as_one_by_one() {
        for leaves in [1, 2, 63, 256] {
            let singles: Vec<f32> = (0..leaves).map(|leaf: u16| 1.0 / (f32::from(leaf) + 3.0)).collect();
            let doubles: Vec<f64> = singles.iter().map(|value| f64::from(*value) / 7.0).collect();
            all_ways_give_the_same_bits(&singles);
            all_ways_give_the_same_bits(&doubles);
        }
    }

    #[test]
    #[should_panic(expected = "every leaf has a value")]
    fn a_leaf_without_value_is_never_read() {
        let mut leaves = [0; BLOCK];
        leaves[5] = 3;
        add_values(&[1.0, 2.0, 3.0], &leaves, &mut [0.0; BLOCK]);
    }
}
