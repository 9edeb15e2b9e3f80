//! What is usual of a column where another is as it is.

use super::day::{Level, Usual};
use super::scale::Scale;

/// The width of a bin of the other column, in its spreads, and how many lie on each side of its median.
const WIDTH: f64 = 0.25;
const SIDE: f64 = 16.0;
/// Rows before the bins are laid out, and rows of a bin before it says anything.
const FIRST: u32 = 100;
const ROWS: f64 = 8.0;

/// The level of one column in each bin of another: a curve of any shape, such as the density of traffic over its volume.
#[derive(Debug, Clone)]
pub(super) struct Given {
    seen: u32,
    centre: f64,
    unit: f64,
    bins: Vec<Level>,
    deviation: f64,
    rows: f64,
}

impl Given {
    pub(super) fn new() -> Self {
        Self {
            seen: 0,
            centre: 0.0,
            unit: 1.0,
            bins: vec![Level::default(); 2 * SIDE as usize + 1],
            deviation: 0.0,
            rows: 0.0,
        }
    }

    /// What is usual where the other column is `other`; nothing while too little was seen there.
    pub(super) fn usual(&self, other: f64) -> Option<Usual> {
        if self.seen <= FIRST {
            return None;
        }
        self.bins[self.place(other)].usual(self.deviation, ROWS)
    }

    fn place(&self, other: f64) -> usize {
        let place = ((other - self.centre) / (self.unit * WIDTH)).round().clamp(-SIDE, SIDE);
        (place + SIDE) as usize
    }

    /// Learns a pair; `scale` is that of the other column.
    pub(super) fn learn(&mut self, value: f64, other: f64, scale: &Scale) {
        self.seen = self.seen.saturating_add(1);
        if self.seen < FIRST {
            return;
        }
        if self.seen == FIRST {
            (self.centre, self.unit) = (scale.centre(), scale.unit());
        }
        let place = self.place(other);
        let known = self.usual(other).is_some();
        let difference = self.bins[place].learn(value, self.deviation);
        if known || self.rows < 50.0 {
            self.rows = (self.rows + 1.0).min(4000.0);
            let bound = if self.rows > 50.0 {
                6.0 * self.deviation
            } else {
                f64::INFINITY
            };
            self.deviation += (difference.abs().min(bound) - self.deviation) / self.rows;
        }
    }
}
