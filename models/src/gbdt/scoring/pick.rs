//! Adds to each row of a block what its leaf says.

use crate::gbdt::binning::BLOCK;

/// What leaves say.
pub(crate) trait Value: Copy + Into<f64> {
    /// Adds up eight at a time.
    ///
    /// # Safety
    /// The processor must have AVX-512F; `values` must have every leaf.
    #[cfg(target_arch = "x86_64")]
    unsafe fn add_wide(values: &[Self], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]);
}

/// Adds the value of its leaf to the sum of each row.
///
/// # Panics
/// A leaf that has no value.
pub(crate) fn add_values<V: Value>(values: &[V], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]) {
    let furthest = leaves.iter().fold(0, |furthest, leaf| furthest.max(*leaf));
    assert!(usize::from(furthest) < values.len(), "every leaf has a value");
    #[cfg(target_arch = "x86_64")]
    if crate::gbdt::simd::level() == crate::gbdt::simd::Level::Avx512 {
        // SAFETY: the instructions are there, and so is every value.
        return unsafe { V::add_wide(values, leaves, sums) };
    }
    add_one_by_one(values, leaves, sums);
}

fn add_one_by_one<V: Value>(values: &[V], leaves: &[u8; BLOCK], sums: &mut [f64; BLOCK]) {
    for (sum, leaf) in sums.iter_mut().zip(leaves) {
        *sum += values[usize::from(*leaf)].into();
    }
}

/// Writes [`Value::add_wide`]: `gather` loads the values of eight leaves as doubles.
#[cfg(target_arch = "x86_64")]
macro_rules! wide {
    ($kind:ty, $gather:path) => {
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

#[cfg(target_arch = "x86_64")]
wide!(f32, gather::singles);
#[cfg(target_arch = "x86_64")]
wide!(f64, gather::doubles);
#[cfg(not(target_arch = "x86_64"))]
impl Value for f32 {}
#[cfg(not(target_arch = "x86_64"))]
impl Value for f64 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_at_a_time_give_the_same_bits_as_one_by_one() {
        let leaves: [u8; BLOCK] = std::array::from_fn(|lane| (lane * 37 % 256) as u8);
        let singles: Vec<f32> = (0..256_u16).map(|leaf| 1.0 / (f32::from(leaf) + 3.0)).collect();
        let doubles: Vec<f64> = singles.iter().map(|value| f64::from(*value) / 7.0).collect();
        let begin: [f64; BLOCK] = std::array::from_fn(|lane| lane as f64 / 3.0);
        let (mut chosen, mut plain) = (begin, begin);
        add_values(&singles, &leaves, &mut chosen);
        add_one_by_one(&singles, &leaves, &mut plain);
        assert_eq!(chosen.map(f64::to_bits), plain.map(f64::to_bits));
        add_values(&doubles, &leaves, &mut chosen);
        add_one_by_one(&doubles, &leaves, &mut plain);
        assert_eq!(chosen.map(f64::to_bits), plain.map(f64::to_bits));
    }

    #[test]
    #[should_panic(expected = "every leaf has a value")]
    fn a_leaf_without_value_is_never_read() {
        let mut leaves = [0; BLOCK];
        leaves[5] = 3;
        add_values(&[1.0, 2.0, 3.0], &leaves, &mut [0.0; BLOCK]);
    }
}
