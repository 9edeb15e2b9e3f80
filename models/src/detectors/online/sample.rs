//! Which rows of a long history are kept.

/// Takes one row in `stride`, scattered: a regular step would meet the same times of the day again and again.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    stride: u64,
    seen: u64,
}

impl Sampler {
    pub(super) fn new() -> Self {
        Self { stride: 1, seen: 0 }
    }

    /// How many rows were seen.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether the next row is taken.
    pub(super) fn takes(&mut self) -> bool {
        self.seen += 1;
        scattered(self.seen).is_multiple_of(self.stride)
    }

    /// Half of what was kept goes, and rows are taken half as often from now on.
    pub(super) fn thin(&mut self) -> Thinning {
        self.stride *= 2;
        Thinning(self.seen)
    }
}

/// Which half goes: the same for every list that was kept side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thinning(u64);

impl Thinning {
    pub(super) fn apply<T>(self, kept: &mut Vec<T>) {
        let mut place = self.0;
        kept.retain(|_| {
            place += 1;
            scattered(place).is_multiple_of(2)
        });
    }
}

/// A number without order, from one with it: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
