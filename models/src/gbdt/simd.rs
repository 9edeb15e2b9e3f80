//! One body, several instruction sets: which of them a kernel runs with is chosen when it is called.

#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;

/// Writes `name`, which runs `body` compiled for the widest vectors that this processor has.
///
/// The body must be `#[inline(always)]`, so that it is compiled once for each instruction set.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? = $body:path;) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $kind),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma,popcnt")]
                fn wide($($argument: $kind),*) $(-> $result)? {
                    $body($($argument),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,fma,popcnt")]
                fn narrow($($argument: $kind),*) $(-> $result)? {
                    $body($($argument),*)
                }
                match $crate::gbdt::simd::level() {
                    // SAFETY: the processor has the instructions that the function was compiled for.
                    $crate::gbdt::simd::Level::Avx512 => return unsafe { wide($($argument),*) },
                    // SAFETY: as above.
                    $crate::gbdt::simd::Level::Avx2 => return unsafe { narrow($($argument),*) },
                    $crate::gbdt::simd::Level::Portable => {}
                }
            }
            $body($($argument),*)
        }
    };
}
pub(crate) use vectorised;

/// Writes `name`, which runs `body`, a kernel of AVX2, where this processor has it, and says whether it did.
#[cfg(target_arch = "x86_64")]
macro_rules! narrowed {
    (fn $name:ident($($argument:ident: $kind:ty),* $(,)?) = $body:path;) => {
        fn $name($($argument: $kind),*) -> bool {
            #[target_feature(enable = "avx2,bmi1,bmi2,fma,popcnt")]
            fn narrow($($argument: $kind),*) {
                $body($($argument),*);
            }
            if $crate::gbdt::simd::level() == $crate::gbdt::simd::Level::Portable {
                return false;
            }
            // SAFETY: the processor has the instructions that the function was compiled for.
            unsafe { narrow($($argument),*) };
            true
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use narrowed;

/// The instructions that kernels were compiled for beside the portable ones.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// 64 bytes at once, with compressing stores.
    Avx512,
    /// 32 bytes at once.
    Avx2,
    /// What every processor of the kind has.
    Portable,
}

/// What this processor can do, looked up once.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(detect)
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("popcnt");
    if !avx2 {
        return Level::Portable;
    }
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    if avx512 { Level::Avx512 } else { Level::Avx2 }
}

/// Asks for the cache line of `place`, which is needed soon.
#[inline(always)]
pub(crate) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program sees, and the address is that of a reference.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(target_arch = "x86_64")]
pub(crate) use vectors::{load, load_floats, members, store};

/// Vectors of 32 bytes.
#[cfg(target_arch = "x86_64")]
mod vectors {
    use std::arch::x86_64::{
        __m256, __m256i, _mm256_and_si256, _mm256_blendv_epi8, _mm256_cmpeq_epi8, _mm256_loadu_ps, _mm256_loadu_si256,
        _mm256_permute4x64_epi64, _mm256_set1_epi8, _mm256_set1_epi64x, _mm256_shuffle_epi8, _mm256_srli_epi16,
        _mm256_storeu_si256,
    };

    /// The bit of a code within its byte of a set, by the lowest three bits of the code.
    const BITS: i64 = i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]);

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn load(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: there are 32 bytes.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn load_floats(floats: &[f32; 8]) -> __m256 {
        // SAFETY: there are eight floats.
        unsafe { _mm256_loadu_ps(floats.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn store(room: &mut [u8; 32], bytes: __m256i) {
        // SAFETY: there is room for 32 bytes.
        unsafe { _mm256_storeu_si256(room.as_mut_ptr().cast(), bytes) }
    }

    /// All bits of each code that is in a set of codes, one bit each, and none of any other.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn members(codes: __m256i, set: &[u32; 8]) -> __m256i {
        // SAFETY: a set is 32 bytes long.
        let set = unsafe { _mm256_loadu_si256(set.as_ptr().cast()) };
        let (low, high) = (
            _mm256_permute4x64_epi64::<0b01_00_01_00>(set),
            _mm256_permute4x64_epi64::<0b11_10_11_10>(set),
        );
        let place = _mm256_and_si256(_mm256_srli_epi16::<3>(codes), _mm256_set1_epi8(31));
        let (low, high) = (_mm256_shuffle_epi8(low, place), _mm256_shuffle_epi8(high, place));
        // The highest bit of a code says in which half of the set its byte is.
        let byte = _mm256_blendv_epi8(low, high, codes);
        let bit = _mm256_shuffle_epi8(_mm256_set1_epi64x(BITS), _mm256_and_si256(codes, _mm256_set1_epi8(7)));
        _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit)
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::gbdt::split::CodeSet;

    narrowed! {
        fn find(codes: &[u8; 32], set: &CodeSet, found: &mut [u8; 32]) = find_by_vectors;
    }

    #[target_feature(enable = "avx2")]
    fn find_by_vectors(codes: &[u8; 32], set: &CodeSet, found: &mut [u8; 32]) {
        store(found, members(load(codes), &set.0));
    }

    #[test]
    fn every_code_is_found_where_the_set_holds_it() {
        let mut every_seventh = CodeSet::default();
        (0..=255).step_by(7).for_each(|code| every_seventh.insert(code));
        let sets = [
            CodeSet::default(),
            CodeSet::above(0, true),
            CodeSet::above(127, false),
            CodeSet::all_but(&[0, 8, 127, 128, 254, 255]),
            every_seventh,
        ];
        for set in &sets {
            for first in (0..=255_u8).step_by(32) {
                let codes: [u8; 32] = std::array::from_fn(|place| first + place as u8);
                let mut found = [7; 32];
                if find(&codes, set, &mut found) {
                    assert_eq!(found, codes.map(|code| if set.contains(code) { u8::MAX } else { 0 }));
                }
            }
        }
    }
}
