//! Sums behind the scores of one model at one step. Tallies of parts of the windows add up to the tally of all of them.

/// Targets nearer to zero than this are left out of the percentage error.
pub const PERCENTAGE_FLOOR: f64 = 1e-6;

/// A sum and how many values went into it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    /// The sum.
    pub sum: f64,
    /// How many values.
    pub count: u64,
}

impl Mean {
    /// Adds one value.
    pub fn push(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean; none without values or where it is not finite.
    pub fn value(self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        Some(self.sum / self.count as f64).filter(|mean| mean.is_finite())
    }
}

/// What one target and its forecast add to a tally.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// What happened; not NaN.
    pub target: f64,
    /// The point forecast; not NaN.
    pub point: f64,
    /// The scale of the series for the scaled error, where it has one.
    pub scale: Option<f64>,
    /// The quantile forecasts, in the order of the tally's quantiles; empty or NaN where there are none.
    pub quantiles: &'a [f64],
}

/// Sums over the forecasts of one model at one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Targets that are present.
    pub targets: u64,
    /// Forecasts that were refused, whether or not a target is present.
    pub refused: u64,
    /// Absolute errors.
    pub absolute: Mean,
    /// Squared errors.
    pub squared: Mean,
    /// Absolute errors as shares of the target.
    pub percentage: Mean,
    /// Absolute errors in units of the series' scale.
    pub scaled: Mean,
    /// Absolute values of the targets that have quantile forecasts.
    pub magnitude: Mean,
    /// Quantile losses, by quantile.
    pub pinball: Vec<f64>,
    /// Targets at or below each quantile forecast.
    pub below: Vec<u64>,
    /// Targets inside of each central interval, ends included.
    pub covered: Vec<u64>,
    /// Widths of each central interval.
    pub width: Vec<f64>,
    /// Absolute errors where the seasonal naive forecast exists too.
    pub beside_naive: Mean,
    /// Absolute errors of the seasonal naive forecast at the same places.
    pub naive: Mean,
    /// Absolute errors where every listed model has a forecast.
    pub common: Mean,
}

/// Which quantiles and intervals a tally counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The fractions, increasing.
    pub fractions: Vec<f64>,
    /// Which of them enter the weighted quantile loss.
    pub weighted: Vec<usize>,
    /// The places of both ends of each central interval in `fractions`.
    pub intervals: Vec<[usize; 2]>,
}

impl Tally {
    /// An empty tally.
    pub fn new(layout: &Layout) -> Self {
        let quantiles = layout.fractions.len();
        let intervals = layout.intervals.len();
        Self {
            pinball: vec![0.0; quantiles],
            below: vec![0; quantiles],
            covered: vec![0; intervals],
            width: vec![0.0; intervals],
            ..Self::default()
        }
    }

    /// Counts one forecast.
    pub fn push(&mut self, layout: &Layout, seen: &Observation<'_>) {
        let error = (seen.target - seen.point).abs();
        self.absolute.push(error);
        self.squared.push(error * error);
        if seen.target.abs() >= PERCENTAGE_FLOOR {
            self.percentage.push(error / seen.target.abs());
        }
        if let Some(scale) = seen.scale {
            self.scaled.push(error / scale);
        }
        if seen.quantiles.len() == layout.fractions.len() && seen.quantiles.iter().all(|value| value.is_finite()) {
            self.push_quantiles(layout, seen);
        }
    }

    fn push_quantiles(&mut self, layout: &Layout, seen: &Observation<'_>) {
        self.magnitude.push(seen.target.abs());
        for (place, (&fraction, &value)) in layout.fractions.iter().zip(seen.quantiles).enumerate() {
            self.pinball[place] += pinball(fraction, seen.target, value);
            self.below[place] += u64::from(seen.target <= value);
        }
        for (place, &[low, high]) in layout.intervals.iter().enumerate() {
            let (low, high) = (seen.quantiles[low], seen.quantiles[high]);
            self.covered[place] += u64::from(low <= seen.target && seen.target <= high);
            self.width[place] += high - low;
        }
    }

    /// Adds what another part of the windows gave.
    pub fn merge(&mut self, other: &Self) {
        self.targets += other.targets;
        self.refused += other.refused;
        self.absolute.merge(other.absolute);
        self.squared.merge(other.squared);
        self.percentage.merge(other.percentage);
        self.scaled.merge(other.scaled);
        self.magnitude.merge(other.magnitude);
        self.beside_naive.merge(other.beside_naive);
        self.naive.merge(other.naive);
        self.common.merge(other.common);
        add(&mut self.pinball, &other.pinball);
        add(&mut self.below, &other.below);
        add(&mut self.covered, &other.covered);
        add(&mut self.width, &other.width);
    }
}

fn add<T: Copy + std::ops::AddAssign>(sums: &mut [T], others: &[T]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += *other;
    }
}

/// The quantile loss: `fraction * (y - q)` above the forecast `q`, `(1 - fraction) * (q - y)` below it.
pub fn pinball(fraction: f64, target: f64, forecast: f64) -> f64 {
    if target >= forecast {
        fraction * (target - forecast)
    } else {
        (1.0 - fraction) * (forecast - target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_loss_weighs_both_sides_by_the_fraction() {
        let cases = [
            (0.9, 10.0, 8.0, 1.8),
            (0.9, 8.0, 10.0, 0.2),
            (0.5, 10.0, 8.0, 1.0),
            (0.1, 5.0, 5.0, 0.0),
        ];
        for (fraction, target, forecast, expected) in cases {
            assert!(
                (pinball(fraction, target, forecast) - expected).abs() < 1e-12,
                "{fraction} {target} {forecast}"
            );
        }
    }

    #[test]
    fn tallies_of_parts_add_up_to_the_tally_of_the_whole() {
        let layout = Layout {
            fractions: vec![0.1, 0.9],
            weighted: vec![0, 1],
            intervals: vec![[0, 1]],
        };
        let rows = [(3.0, 2.0, [1.0, 4.0]), (0.0, 1.0, [0.0, 2.0]), (5.0, 5.0, [6.0, 7.0])];
        let tally = |rows: &[(f64, f64, [f64; 2])]| {
            let mut tally = Tally::new(&layout);
            for (target, point, quantiles) in rows {
                let seen = Observation {
                    target: *target,
                    point: *point,
                    scale: Some(2.0),
                    quantiles,
                };
                tally.push(&layout, &seen);
            }
            tally
        };
        let mut parts = tally(&rows[..1]);
        parts.merge(&tally(&rows[1..]));
        assert_eq!(parts, tally(&rows));
        assert_eq!(
            (parts.absolute.count, parts.percentage.count, parts.covered[0]),
            (3, 2, 2)
        );
    }
}
