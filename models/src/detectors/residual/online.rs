//! Forecasts of a series' next row, learned row by row: where there is no champion.
//!
//! A regression on the last two values and on what was usual at the same time of the day and of the week, before and now. Its
//! coefficients follow the series by recursive least squares with forgetting (L. Ljung, System Identification, 2nd edition 1999,
//! chapter 11); its spread is that of the whole series and of the time of the day, half each; its quantiles are learned in
//! units of the spread.

use arterial_datasets::time::{DAY, Duration, HOUR, Timestamp};

/// Times of the day, and hours of the week, that are told apart.
const SLOTS: usize = 96;
const HOURS: usize = 168;
/// What the regression reads: 1, two values before, the profiles of day and week then and now.
const INPUTS: usize = 7;
/// After so many rows a row counts a third.
const MEMORY: f64 = 2000.0;
/// After so many visits of a slot a visit counts a third.
const VISITS: f64 = 10.0;
/// How certain the first coefficients are: few rows outweigh them.
const UNCERTAIN: f64 = 10.0;
/// So many rows are taken as they are, as nothing tells yet what is far off; from then on it teaches less.
const TRUSTING: f64 = 30.0;
/// But what is farther from their median than its size and so many median deviations is left out.
const WILD: f64 = 30.0;
/// An error counts as at most so many spreads when it is learned from.
const LARGEST_ERROR: f64 = 4.0;
/// The quantiles that are learned.
pub(super) const LEVELS: [f64; 7] = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98];
/// Those of a Laplace distribution whose mean absolute deviation is 1.
const LAPLACE: [f64; 7] = [-3.219, -1.609, -0.693, 0.0, 0.693, 1.609, 3.219];

/// A mean that follows what is seen.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    value: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64, memory: f64) {
        self.count = (self.count + weight).min(memory);
        self.value += (value - self.value) * weight / self.count.max(weight);
    }

    /// The mean, or `otherwise` while there is none.
    fn or(&self, otherwise: f64) -> f64 {
        // One visit says little: it counts half.
        let trust = self.count / (self.count + 1.0);
        trust * self.value + (1.0 - trust) * otherwise
    }
}

/// A forecast of the next value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forecast {
    pub middle: f64,
    /// The mean absolute error to expect.
    pub spread: f64,
    pub quantiles: [f64; LEVELS.len()],
}

/// What is known of one series.
#[derive(Debug, Clone)]
pub(super) struct Online {
    rows: f64,
    level: Mean,
    /// The mean distance from the level: the unit of the regression.
    unit: Mean,
    day: Vec<Mean>,
    week: Vec<Mean>,
    errors: Mean,
    errors_by_slot: Vec<Mean>,
    /// The values that were learned of the first rows, and whether the last of these was left out as wild.
    first: Vec<f64>,
    wild: bool,
    /// In units of the spread.
    quantiles: [f64; LEVELS.len()],
    coefficients: [f64; INPUTS],
    covariance: [[f64; INPUTS]; INPUTS],
    /// The last value and its slot and hour, and the value before.
    last: Option<(f64, usize, usize)>,
    before: Option<f64>,
}

impl Online {
    /// Nothing seen yet: persistence.
    pub fn new() -> Self {
        let mut coefficients = [0.0; INPUTS];
        coefficients[1] = 1.0;
        Self {
            rows: 0.0,
            level: Mean::default(),
            unit: Mean::default(),
            day: vec![Mean::default(); SLOTS],
            week: vec![Mean::default(); HOURS],
            errors: Mean::default(),
            errors_by_slot: vec![Mean::default(); SLOTS],
            first: Vec::new(),
            wild: false,
            quantiles: LAPLACE,
            coefficients,
            covariance: std::array::from_fn(|row| {
                std::array::from_fn(|column| if row == column { UNCERTAIN } else { 0.0 })
            }),
            last: None,
            before: None,
        }
    }

    /// What is expected at `at`; none before the second value, and where it is no finite number.
    pub fn forecast(&self, at: Timestamp) -> Option<Forecast> {
        self.last?;
        let inputs = self.inputs(at);
        let change: f64 = inputs
            .iter()
            .zip(&self.coefficients)
            .map(|(input, one)| input * one)
            .sum();
        let unit = self.unit();
        let middle = self.level.value + unit * change;
        let spread = (0.5 * (self.errors.value + self.errors_by_slot[slot(at)].or(self.errors.value))).max(1e-9 * unit);
        (middle.is_finite() && spread.is_finite()).then(|| Forecast {
            middle,
            spread,
            quantiles: self.quantiles.map(|one| middle + spread * one),
        })
    }

    /// Learns the value of a row, given what was expected of it.
    pub fn learn(&mut self, at: Timestamp, value: f64, forecast: Option<&Forecast>) {
        self.rows += 1.0;
        if self.rows <= TRUSTING && self.leaves_out(value) {
            return;
        }
        let (slot, hour) = (slot(at), hour(at));
        let mut learned = value;
        if let Some(forecast) = forecast {
            let mut error = value - forecast.middle;
            if self.rows > TRUSTING {
                let largest = LARGEST_ERROR * forecast.spread.max(0.25 * self.errors.value);
                error = error.clamp(-largest, largest);
                learned = forecast.middle + error;
            }
            self.regress(at, learned);
            self.learn_spread(slot, error, forecast);
        }
        self.level.add(learned, 1.0, MEMORY);
        self.unit.add((learned - self.level.value).abs(), 1.0, MEMORY);
        for (neighbour, weight) in [(SLOTS - 1, 0.5), (0, 1.0), (1, 0.5)] {
            self.day[(slot + neighbour) % SLOTS].add(learned, weight * 0.3, VISITS);
        }
        self.week[hour].add(learned, 0.1, VISITS / 2.0);
        self.before = self.last.map(|(last, ..)| last);
        self.last = Some((value, slot, hour));
    }

    /// Whether one of the first values, from the third on, is wild beside those before it: it would be most of the mean error for
    /// thousands of rows. The value after it is learned whatever it is, as what comes twice is no slip; and where all was 0 so far
    /// there is nothing to measure by.
    fn leaves_out(&mut self, value: f64) -> bool {
        let middle = median(self.first.clone());
        let deviations = self.first.iter().map(|one| (one - middle).abs());
        let largest = WILD * median(deviations.collect()) + middle.abs();
        let told = self.first.len() >= 2 && largest > 0.0;
        self.wild = told && !self.wild && (value - middle).abs() > largest;
        if !self.wild {
            self.first.push(value);
        }
        self.wild
    }

    fn unit(&self) -> f64 {
        if self.unit.value > 0.0 { self.unit.value } else { 1.0 }
    }

    fn inputs(&self, at: Timestamp) -> [f64; INPUTS] {
        let level = self.level.value;
        let unit = self.unit();
        let (last, slot_before, hour_before) = self.last.unwrap_or((level, 0, 0));
        let relative = |value: f64| (value - level) / unit;
        [
            1.0,
            relative(last),
            relative(self.before.unwrap_or(last)),
            relative(self.day[slot(at)].or(level)),
            relative(self.day[slot_before].or(level)),
            relative(self.week[hour(at)].or(level)),
            relative(self.week[hour_before].or(level)),
        ]
    }

    /// One step of recursive least squares.
    fn regress(&mut self, at: Timestamp, value: f64) {
        let inputs = self.inputs(at);
        let forgetting = 1.0 - 1.0 / MEMORY;
        let gain: [f64; INPUTS] = std::array::from_fn(|row| {
            self.covariance[row]
                .iter()
                .zip(&inputs)
                .map(|(one, input)| one * input)
                .sum()
        });
        let denominator = forgetting + gain.iter().zip(&inputs).map(|(one, input)| one * input).sum::<f64>();
        let expected: f64 = inputs
            .iter()
            .zip(&self.coefficients)
            .map(|(input, one)| input * one)
            .sum();
        let error = (value - self.level.value) / self.unit() - expected;
        if !(denominator.is_finite() && error.is_finite()) {
            return;
        }
        for (coefficient, one) in self.coefficients.iter_mut().zip(&gain) {
            *coefficient += one / denominator * error;
        }
        // What nothing tells of for long must not become ever more uncertain.
        let uncertain: f64 = (0..INPUTS).map(|one| self.covariance[one][one]).sum();
        let growth = if uncertain < UNCERTAIN * INPUTS as f64 {
            1.0 / forgetting
        } else {
            1.0
        };
        for row in 0..INPUTS {
            for column in 0..INPUTS {
                let one = &mut self.covariance[row][column];
                *one = (*one - gain[row] * gain[column] / denominator) * growth;
            }
        }
    }

    fn learn_spread(&mut self, slot: usize, error: f64, forecast: &Forecast) {
        self.errors.add(error.abs(), 1.0, MEMORY);
        self.errors_by_slot[slot].add(error.abs(), 0.3, VISITS);
        let pace = 5.0 / (self.rows + 100.0).min(MEMORY);
        let relative = error / forecast.spread;
        for (quantile, level) in self.quantiles.iter_mut().zip(LEVELS) {
            let below = f64::from(u8::from(relative < *quantile));
            *quantile += pace * (level - below);
        }
        self.quantiles.sort_unstable_by(f64::total_cmp);
    }
}

/// The upper median; 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn slot(at: Timestamp) -> usize {
    (at.0.rem_euclid(DAY) * SLOTS as i64 / DAY) as usize
}

fn hour(at: Timestamp) -> usize {
    (at.0.div_euclid(HOUR).rem_euclid(HOURS as i64)) as usize
}

/// The usual time between two rows: half of all gaps are shorter. Gaps that are not positive do not count.
#[derive(Debug, Clone)]
pub(super) struct Step {
    last: Option<Timestamp>,
    gaps: Vec<i64>,
    usual: Duration,
}

/// So many gaps are looked at; then the step is known.
const GAPS: usize = 64;

impl Step {
    pub fn new() -> Self {
        Self {
            last: None,
            gaps: Vec::new(),
            usual: Duration(5 * HOUR / 60),
        }
    }

    /// Takes the time of the next row; gives the step as far as it is known.
    pub fn observe(&mut self, at: Timestamp) -> Duration {
        let gap = self.last.map_or(0, |last| at.0.saturating_sub(last.0));
        self.last = Some(at);
        if gap > 0 && self.gaps.len() < GAPS {
            self.gaps.push(gap);
            let mut sorted = self.gaps.clone();
            sorted.sort_unstable();
            self.usual = Duration(sorted[sorted.len() / 2]);
        }
        self.usual
    }
}
