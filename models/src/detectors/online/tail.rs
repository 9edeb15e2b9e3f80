//! How surprising a score is among those before it.

/// The logarithm of the smallest score that is told from nothing.
const LOWEST: f64 = -3.0;
/// The width of a bin in the logarithm of the score.
const WIDTH: f64 = 0.125;
const BINS: usize = 136;
/// The share of the scores that make up the tail, and the fewest that do.
const SHARE: f64 = 0.03;
const FEWEST: f64 = 8.0;
/// What is believed of the tail before it was seen: a mean excess, with the weight of that many scores.
const BELIEVED: f64 = 0.3;
const WEIGHT: f64 = 8.0;
/// After so many scores the old ones count half.
const HALVED: f64 = 32_768.0;

/// The distribution of a score, as a histogram of its logarithm: any number of scores in a fixed memory.
///
/// Within what was seen the share of higher scores tells the surprise. Beyond it the logarithm of the score is taken to be
/// exponential, which is a Pareto tail of the score (Hill, Annals of Statistics 1975; for streams Siffer et al., KDD 2017): with `u`
/// the edge of the tail, `p` the share above it and `m` the mean of `ln s - u` there,
///
/// ```text
/// surprise(s) = -ln P(S >= s) = -ln p + (ln s - u) / m
/// ```
#[derive(Debug, Clone)]
pub(super) struct Tail {
    counts: Vec<f32>,
    total: f64,
}

impl Tail {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0.0; BINS],
            total: 0.0,
        }
    }

    /// The surprise of a score, in nats; 0 while nothing was learned.
    pub(super) fn surprise(&self, score: f64) -> f64 {
        if self.total <= 0.0 {
            return 0.0;
        }
        let place = place(score);
        let (edge, above, excess) = self.edge();
        let scores = self.total + 1.0;
        if place > edge as f64 {
            let mean = (excess + WEIGHT * BELIEVED) / (above + WEIGHT);
            return (scores / (above + 1.0)).ln().max(0.0) + (place - edge as f64) * WIDTH / mean;
        }
        let bin = place as usize;
        let higher: f64 = self.counts[bin + 1..].iter().map(|count| f64::from(*count)).sum();
        let within = f64::from(self.counts[bin]) * (1.0 - place.fract());
        (scores / (higher + within + 1.0)).ln().max(0.0)
    }

    /// Where the tail begins, as a bin, how many scores lie in it, and the sum of their excesses.
    fn edge(&self) -> (usize, f64, f64) {
        let wanted = (self.total * SHARE).max(FEWEST).min(self.total * 0.25);
        let (mut above, mut excess, mut edge) = (0.0, 0.0, BINS);
        while edge > 0 && above < wanted {
            edge -= 1;
            let count = f64::from(self.counts[edge]);
            excess += (above + 0.5 * count) * WIDTH;
            above += count;
        }
        (edge, above, excess)
    }

    /// Learns a score that counts as `weight` of one.
    pub(super) fn learn(&mut self, score: f64, weight: f64) {
        self.counts[place(score) as usize] += weight as f32;
        self.total += weight;
        if self.total >= HALVED {
            self.counts.iter_mut().for_each(|count| *count *= 0.5);
            self.total *= 0.5;
        }
    }
}

fn place(score: f64) -> f64 {
    ((score.max(f64::MIN_POSITIVE).ln() - LOWEST) / WIDTH).clamp(0.0, BINS as f64 - 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores with the Pareto tail `P(S > s) = 1 / s^2`, in order.
    fn pareto(rows: u32) -> impl Iterator<Item = f64> {
        (1..=rows).map(move |row| (f64::from(rows + 1) / f64::from(row)).sqrt())
    }

    #[test]
    fn a_score_is_as_surprising_as_it_is_rare() {
        let mut tail = Tail::new();
        pareto(10_000).for_each(|score| tail.learn(score, 1.0));
        for score in [2.0, 10.0, 100.0, 1000.0_f64] {
            let expected = 2.0 * score.ln();
            let surprise = tail.surprise(score);
            assert!(
                (surprise - expected).abs() < 0.1 * expected + 0.1,
                "{score}: {surprise}, expected {expected}"
            );
        }
    }

    #[test]
    fn nothing_is_surprising_before_anything_was_seen() {
        assert!(Tail::new().surprise(1e9) <= 0.0);
    }
}
