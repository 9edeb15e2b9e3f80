//! How much surprise makes an alert.

use super::gate::{self, Gate};

/// Surprises below this are not learned, in nats: no line is as low.
const LEAST: f64 = 8.0;
/// The width of a bin of surprise.
const WIDTH: f64 = 0.125;
const BINS: usize = 640;
/// The highest ones, which may well be true events, do not count.
const FREE: f64 = 3.0;
/// One normal value in 3,000 is so many standard deviations above the mean.
const DEVIATIONS: f64 = 3.4;
/// After so many weeks the old ones count half.
const HALVED: f64 = 52.0;

/// The surprise that was news at most once a week so far, not counting the three highest; never lower than what one row
/// in 3,000 exceeds under an exact calibration.
///
/// It is an order statistic and no fitted tail: true events, which are the highest, move it by a place and not by their size. On a
/// series that goes on as it was, the next week brings one more of that height.
#[derive(Debug, Clone)]
pub(super) struct Line {
    counts: Vec<f32>,
    weeks: f64,
    learned: f64,
    gate: Gate,
    lasting: bool,
    /// The bin of the newest news and how many rows ago it was.
    event: Option<(usize, usize)>,
}

impl Line {
    /// A line for surprises that come and go.
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0.0; BINS],
            weeks: 0.0,
            learned: LEAST,
            gate: Gate::new(),
            lasting: false,
            event: None,
        }
    }

    /// A line for surprises that last: news soon after other news is the same event, grown.
    pub(super) fn of_lasting() -> Self {
        Self {
            lasting: true,
            ..Self::new()
        }
    }

    /// The line by what was learned so far, for the sum of so many pieces of evidence.
    pub(super) fn now(&self, pieces: usize) -> f64 {
        self.learned.max(least(pieces))
    }

    /// Learns the surprise of the next row, which lies `weeks` after the one before it.
    pub(super) fn learn(&mut self, surprise: f64, weeks: f64) {
        self.weeks += weeks;
        self.event = self
            .event
            .map(|(bin, age)| (bin, age + 1))
            .filter(|(_, age)| *age <= gate::ROWS);
        if self.gate.opens(surprise) && surprise > LEAST {
            let bin = ((surprise - LEAST) / WIDTH).min(BINS as f64 - 1.0) as usize;
            if let Some((before, _)) = self.event.filter(|_| self.lasting) {
                self.counts[before] = (self.counts[before] - 1.0).max(0.0);
            }
            self.counts[bin] += 1.0;
            self.event = Some((bin, 0));
            self.learned = self.place();
        }
        if self.weeks >= HALVED {
            self.counts.iter_mut().for_each(|count| *count *= 0.5);
            self.weeks *= 0.5;
        }
    }

    /// The upper edge of the highest bin that does not fit into the free places.
    fn place(&self) -> f64 {
        let free = FREE + self.weeks.floor();
        let mut above = 0.0;
        for bin in (0..BINS).rev() {
            above += f64::from(self.counts[bin]);
            if above > free {
                return LEAST + (bin + 1) as f64 * WIDTH;
            }
        }
        LEAST
    }
}

/// The sum of that many exact surprises which one row in 3,000 exceeds: the quantile of a gamma distribution (Wilson and Hilferty,
/// Proceedings of the National Academy of Sciences 1931).
fn least(pieces: usize) -> f64 {
    let pieces = pieces.max(1) as f64;
    let ninth = 1.0 / (9.0 * pieces);
    pieces * (1.0 - ninth + DEVIATIONS * ninth.sqrt()).powi(3)
}
