//! Which vector instructions the kernels use, chosen when the program runs.

use pulp::{Arch, Simd, WithSimd};

/// A set of vector instructions that this CPU has: AVX-512, AVX2 with FMA, NEON, or plain Rust.
#[derive(Clone, Copy)]
pub struct Instructions(Arch);

impl Instructions {
    /// The widest set of this CPU.
    pub fn detect() -> Self {
        Self(Arch::new())
    }

    /// Plain Rust, which every CPU runs; the yardstick of the others.
    pub fn portable() -> Self {
        Self(Arch::Scalar)
    }

    /// Every set of this CPU, the portable one first.
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::portable()];
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V3::try_new().map(|avx2| Self(Arch::V3(avx2))));
            sets.extend(pulp::x86::V4::try_new().map(|avx512| Self(Arch::V4(avx512))));
        }
        #[cfg(not(target_arch = "x86_64"))]
        sets.push(Self::detect());
        sets
    }

    /// Runs `operation` compiled for this set.
    pub(crate) fn run<O: WithSimd>(self, operation: O) -> O::Output {
        self.0.dispatch(operation)
    }

    /// How many numbers stand side by side in a panel of a packed matrix, and how many in a vector.
    pub(crate) fn panel(self) -> (usize, usize) {
        self.run(Panel)
    }
}

impl std::fmt::Debug for Instructions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.0 {
            Arch::Scalar => "portable",
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => "AVX2 with FMA",
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => "AVX-512",
            _ => "of this CPU",
        })
    }
}

impl Default for Instructions {
    fn default() -> Self {
        Self::detect()
    }
}

/// How many vectors wide a panel is: with six rows of sums beside them they fill the registers.
#[inline(always)]
pub(crate) const fn vectors_of_panel<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

struct Panel;

impl WithSimd for Panel {
    type Output = (usize, usize);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> (usize, usize) {
        (vectors_of_panel::<S>() * S::F32_LANES, S::F32_LANES)
    }
}
