//! Whether the columns go together as they always did.

use std::collections::VecDeque;

/// Rows whose mean is judged.
pub(super) const ROWS: usize = 10;
/// Means before a distance is told, and means after which each further one counts a tenth: by then the machine is known.
const FIRST: f64 = 60.0;
const SETTLED: f64 = 400.0;
const LATER: f64 = 0.1;
/// What is added to the variances, as a share of them.
const RIDGE: f64 = 0.05;

/// The Mahalanobis distance of the mean of the last rows to the means before it (Hotelling's T-squared of a moving mean).
///
/// With `m` and `S` the mean and covariance of the short means, and `S'` that with its diagonal a little raised,
///
/// ```text
/// distance^2 = (x - m)' S'^-1 (x - m)
/// ```
///
/// A mean farther away than twice the usual teaches less, by the fourth power of its distance. With the first value of a column all begins
/// anew: what was learned without it says nothing of it.
#[derive(Debug, Clone)]
pub(super) struct Together {
    /// Which columns ever had a value.
    lives: Vec<bool>,
    last: VecDeque<Vec<f64>>,
    seen: f64,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    /// The lower triangle of the Cholesky factor of `S'`, as of some rows ago where there are many columns.
    factor: Vec<f64>,
    age: usize,
}

/// A distance, the column that does most of it, what its mean is and what it should be, given the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distance {
    pub(super) length: f64,
    pub(super) column: usize,
    pub(super) mean: f64,
    pub(super) expected: f64,
}

impl Together {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            lives: vec![false; columns],
            last: VecDeque::with_capacity(ROWS + 1),
            seen: 0.0,
            mean: vec![0.0; columns],
            covariance: vec![0.0; columns * columns],
            factor: Vec::new(),
            age: 0,
        }
    }

    /// Takes the next row; a missing value is taken for what is usual. Nothing while too little is known.
    pub(super) fn observe(&mut self, values: &[Option<f64>]) -> Option<Distance> {
        self.welcome(values);
        let row = values.iter().zip(&self.mean);
        let row = row.map(|(value, mean)| value.unwrap_or(*mean)).collect();
        self.last.push_back(row);
        if self.last.len() > ROWS {
            self.last.pop_front();
        }
        if self.last.len() < ROWS {
            return None;
        }
        let columns = self.mean.len();
        let short: Vec<f64> = (0..columns)
            .map(|column| self.last.iter().map(|row| row[column]).sum::<f64>() / ROWS as f64)
            .collect();
        let difference: Vec<f64> = short.iter().zip(&self.mean).map(|(short, mean)| short - mean).collect();
        if self.seen < FIRST {
            self.learn(&difference, 1.0);
            return None;
        }
        self.age += 1;
        if self.factor.is_empty() || self.age > columns / 8 {
            self.factorise();
        }
        let pull = self.solve(&difference);
        let square = difference.iter().zip(&pull).map(|(a, b)| a * b).sum::<f64>().max(0.0);
        let certain = 1.0 + 0.5 * columns as f64 * ROWS as f64 / self.seen;
        let told = self.tell((square / certain).sqrt(), &short, &difference, &pull);
        let trust = (4.0 * columns as f64 / square.max(1e-9)).powi(2).min(1.0);
        self.learn(&difference, trust);
        Some(told)
    }

    fn welcome(&mut self, values: &[Option<f64>]) {
        let pairs = self.lives.iter().zip(values);
        let lives: Vec<bool> = pairs.map(|(lives, value)| *lives || value.is_some()).collect();
        if lives != self.lives {
            *self = Self {
                lives,
                ..Self::new(values.len())
            };
        }
    }

    /// The column with the largest part of the distance, and what it is expected to be: `x_i - (S'^-1 d)_i / (S'^-1)_ii`.
    fn tell(&self, distance: f64, short: &[f64], difference: &[f64], pull: &[f64]) -> Distance {
        let parts = difference.iter().zip(pull).map(|(a, b)| a * b);
        let column = parts
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(column, _)| column);
        let mut unit = vec![0.0; short.len()];
        unit[column] = 1.0;
        let precision = self.solve(&unit)[column];
        Distance {
            length: distance,
            column,
            mean: short[column],
            expected: short[column] - pull[column] / precision.max(f64::MIN_POSITIVE),
        }
    }

    fn learn(&mut self, difference: &[f64], trust: f64) {
        self.seen += 1.0;
        let later = if self.seen > SETTLED { LATER } else { 1.0 };
        let weight = trust * later / self.seen;
        let columns = self.mean.len();
        for (row, a) in difference.iter().enumerate() {
            for (column, b) in difference.iter().enumerate() {
                let cell = &mut self.covariance[row * columns + column];
                *cell = (1.0 - weight) * (*cell + weight * a * b);
            }
        }
        for (mean, a) in self.mean.iter_mut().zip(difference) {
            *mean += weight * a;
        }
    }

    fn factorise(&mut self) {
        self.age = 0;
        let columns = self.mean.len();
        self.factor = self.covariance.clone();
        for row in 0..columns {
            let least = (self.mean[row].abs() * 1e-4).powi(2) + 1e-18;
            for column in 0..=row {
                let mut sum = self.covariance[row * columns + column];
                if row == column {
                    sum = sum * (1.0 + RIDGE) + least;
                }
                for before in 0..column {
                    sum -= self.factor[row * columns + before] * self.factor[column * columns + before];
                }
                self.factor[row * columns + column] = if row == column {
                    sum.max(least).sqrt()
                } else {
                    sum / self.factor[column * columns + column]
                };
            }
        }
    }

    /// `S'^-1 right`.
    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let columns = right.len();
        let mut solution = right.to_vec();
        for row in 0..columns {
            for before in 0..row {
                solution[row] -= self.factor[row * columns + before] * solution[before];
            }
            solution[row] /= self.factor[row * columns + row];
        }
        for row in (0..columns).rev() {
            for after in row + 1..columns {
                solution[row] -= self.factor[after * columns + row] * solution[after];
            }
            solution[row] /= self.factor[row * columns + row];
        }
        solution
    }
}
