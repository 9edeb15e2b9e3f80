//! One body, several instruction sets: which of them a kernel runs with is chosen when it is called.

/// Writes `name`, which runs `body` compiled for the widest vectors that this processor has.
///
/// The body must be `#[inline(always)]`, so that it is compiled once for each instruction set.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? = $body:path;) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $kind),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
                fn wide($($argument: $kind),*) $(-> $result)? {
                    $body($($argument),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
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

/// What this processor can do; the answer is kept by the standard library.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn level() -> Level {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma");
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
