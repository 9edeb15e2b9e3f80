//! How large a statistic usually gets, and the line that it passes at a stated rate.

/// Bins of a histogram: the first below [`FIRST`], each next one wider by [`RATIO`], the last open.
const BINS: usize = 40;
const FIRST: f64 = 0.1;
const RATIO: f64 = 1.25;
/// The tail is read off between these levels and taken for exponential beyond.
const NEAR: f64 = 0.9;
const FAR: f64 = 0.98;
/// Weights are brought back to 1 when they reach this.
const HEAVIEST: f32 = 1024.0;

/// How often a statistic that is not negative had which size; old observations count less and less.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    counts: [f32; BINS],
    /// The weight of the next observation: weights grow instead of all counts shrinking each time.
    weight: f32,
}

impl Tail {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            counts: [0.0; BINS],
            weight: 1.0,
        }
    }

    /// As if an exponential variable of that mean had been observed `count` times.
    pub fn exponential(mean: f64, count: f64) -> Self {
        let beyond = |x: f64| (-x / mean).exp();
        let share = |bin: usize| beyond(lower(bin)) - upper(bin).map_or(0.0, beyond);
        Self {
            counts: std::array::from_fn(|bin| (count * share(bin)) as f32),
            weight: 1.0,
        }
    }

    /// Counts one observation; an observation `memory` earlier counts a third of it (1/e).
    pub fn add(&mut self, value: f64, share: f32, memory: f32) {
        self.counts[bin(value)] += share * self.weight;
        self.weight *= 1.0 + 1.0 / memory;
        if self.weight > HEAVIEST {
            for count in &mut self.counts {
                *count /= self.weight;
            }
            self.weight = 1.0;
        }
    }

    /// The size that is exceeded with `probability`, from what was seen here and, as if `strength` of its observations had been
    /// seen here too, in `others`. Far out the tail is taken for exponential (the excess over a high level; J. Pickands,
    /// Annals of Statistics 3, 1975, with shape 0).
    pub fn line(&self, others: &Self, strength: f32, probability: f64) -> f64 {
        let own = 1.0 / self.weight;
        let theirs = strength / others.counts.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let counts: [f32; BINS] = std::array::from_fn(|bin| own * self.counts[bin] + theirs * others.counts[bin]);
        let near = quantile(&counts, NEAR);
        let far = quantile(&counts, FAR);
        let excess = (far - near) / ((1.0 - NEAR) / (1.0 - FAR)).ln();
        far + excess * ((1.0 - FAR) / probability).max(1.0).ln()
    }
}

/// The bin of `value`.
fn bin(value: f64) -> usize {
    if value < FIRST {
        return 0;
    }
    (((value / FIRST).ln() / RATIO.ln()) as usize + 1).min(BINS - 1)
}

fn lower(bin: usize) -> f64 {
    if bin == 0 {
        0.0
    } else {
        FIRST * RATIO.powi(bin as i32 - 1)
    }
}

/// The upper end of a bin; none for the last.
fn upper(bin: usize) -> Option<f64> {
    (bin + 1 < BINS).then(|| FIRST * RATIO.powi(bin as i32))
}

/// The size below which the share `level` lies; evenly spread within its bin.
fn quantile(counts: &[f32; BINS], level: f64) -> f64 {
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let mut below = 0.0;
    for (bin, count) in counts.iter().enumerate() {
        let count = f64::from(*count);
        if below + count >= level * total && count > 0.0 {
            let share = (level * total - below) / count;
            let low = lower(bin);
            return low + share * (upper(bin).unwrap_or(low) - low);
        }
        below += count;
    }
    lower(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_an_exponential_variable_is_where_it_should_be() {
        for mean in [0.5, 1.0, 4.0] {
            let tail = Tail::exponential(mean, 1000.0);
            let line = Tail::new().line(&tail, 1.0, 1e-4);
            let exact = mean * 1e4f64.ln();
            assert!((line / exact - 1.0).abs() < 0.06, "{mean}: {line}, {exact}");
        }
    }

    #[test]
    fn own_observations_outweigh_those_of_others_in_time() {
        let others = Tail::exponential(1.0, 1000.0);
        let mut own = Tail::new();
        let own_exponential = |step: usize| -3.0 * (1.0 - (step as f64 + 0.5) / 500.0f64).ln();
        let mut lines = Vec::new();
        for round in 0..20 {
            for step in 0..500 {
                own.add(own_exponential((step * 7 + round) % 500), 1.0, 8000.0);
            }
            lines.push(own.line(&others, 500.0, 1e-4));
        }
        assert!(lines[0] < lines[19], "{lines:?}");
        assert!((lines[19] / (3.0 * 1e4f64.ln()) - 1.0).abs() < 0.12, "{lines:?}");
    }

    #[test]
    fn weights_stay_bounded_however_much_is_counted() {
        let mut tail = Tail::new();
        for _ in 0..200_000 {
            tail.add(1.0, 1.0, 100.0);
        }
        let total: f32 = tail.counts.iter().sum();
        assert!(total.is_finite() && tail.weight <= HEAVIEST * 1.1);
        assert!((total / tail.weight - 100.0).abs() < 5.0, "{total} {}", tail.weight);
    }
}
