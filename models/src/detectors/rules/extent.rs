//! How far something usually goes at most, learned from how far it went.

/// What is above the line teaches little: what was seen grows by at most this factor.
const GROWTH: f64 = 1.25;

/// The largest size seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    largest: f64,
}

impl Extent {
    /// How many times the line `size` is. The line is twice what was seen at most, and not below `least`.
    pub fn score(self, size: f64, least: f64) -> f64 {
        size / (2.0 * self.largest).max(least)
    }

    /// Takes note of how far it went in the end; what passed the line teaches little once the line `is_known`.
    pub fn take(&mut self, size: f64, least: f64, is_known: bool) {
        let passed = is_known && self.score(size, least) >= 1.0;
        let most = if passed { self.largest * GROWTH } else { size };
        self.largest = self.largest.max(most);
    }
}
