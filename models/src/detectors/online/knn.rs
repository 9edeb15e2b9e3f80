//! `knn`: how far a row is from the rows most like it.

use std::f64::consts::TAU;

use arterial_datasets::time::{DAY, Timestamp};

use super::auto::{ROWS_A_WEEK, WARM};
use super::company::farthest;
use super::day::Clock;
use super::evidence::{Finding, Question};
use super::line::Line;
use super::neighbours::{CHANGE, Neighbours, RADIUS};
use super::scale::Scale;
use super::{learning, rows_of, usable, without_value};
use crate::Result;
use crate::detector::{AnomalyScore, SeriesDetector, Verdict, Watch};

/// Numbers that are kept of the past.
const KEPT: usize = 8192;
/// A number of a row counts up to so many spreads: more than in `auto`, as no other question says how far it is.
const MOST: f64 = 100.0;

/// The distance to the tenth neighbour among the rows so far (Ramaswamy, Rastogi and Shim, SIGMOD 2000): the values and their changes since
/// the row before, in units of their spreads, and the time of the day as a point on a circle where the times tell it. Changes and time weigh
/// as they do in `auto`, which asks the same question among others.
///
/// The memory is an even sample of the whole history. The distance counts by its surprise among those before it; the line is the surprise
/// that was news at most once a week so far, as for `auto`. The first 150 rows with a value have no score.
///
/// An incomplete row is compared by what is known of it, with rows of which as much is known; it has no score where these are fewer
/// than ten. The first 50 values of a column only set its scale. With the first value of a column that was always missing all begins anew.
#[derive(Debug, Clone, Copy, Default)]
pub struct Knn;

impl SeriesDetector for Knn {
    fn name(&self) -> &'static str {
        "knn"
    }

    fn warm_up(&self) -> u64 {
        WARM
    }

    fn start(&self, columns: &[String], _seed: u64) -> Result<Box<dyn Watch>> {
        rows_of(columns)?;
        Ok(Box::new(KnnWatch {
            names: columns.to_vec(),
            rows: 0,
            clock: Clock::default(),
            scales: vec![Scale::new(); columns.len()],
            before: vec![None; columns.len()],
            memory: memory_of(columns.len()),
            question: Question::of_state(),
            line: Line::new(),
        }))
    }
}

/// An empty memory of points.
fn memory_of(columns: usize) -> Neighbours {
    let size = 2 * columns + 2;
    Neighbours::new(size, (KEPT / size).max(64))
}

struct KnnWatch {
    names: Vec<String>,
    /// Those with a value, since the columns are those that they are.
    rows: u64,
    clock: Clock,
    scales: Vec<Scale>,
    before: Vec<Option<f64>>,
    memory: Neighbours,
    question: Question,
    line: Line,
}

impl KnnWatch {
    /// The row as a point: values, changes, and the time of the day. NaN is missing.
    fn point(&self, at: Timestamp, values: &[f64]) -> Vec<f32> {
        let standard = self
            .scales
            .iter()
            .zip(values)
            .map(|(scale, value)| scale.standardise(*value));
        let pairs = values.iter().zip(&self.before);
        let changes = self
            .scales
            .iter()
            .zip(pairs)
            .map(|(scale, (value, before))| CHANGE * (value - before.unwrap_or(*value)) / scale.unit());
        let angle = TAU * at.0.rem_euclid(DAY) as f64 / DAY as f64;
        let time = if self.clock.slots().is_some() {
            [RADIUS * angle.sin(), RADIUS * angle.cos()]
        } else {
            [0.0; 2]
        };
        let clamped = standard.chain(changes).map(|value| value.clamp(-MOST, MOST));
        clamped.chain(time).map(|value| value as f32).collect()
    }

    /// The surprise of a row, and the column by which it is farthest from the nearest row, with the value there.
    fn surprise(&mut self, point: &[f32], values: &[f64]) -> Option<(f64, Finding)> {
        let (distance, nearest) = self.memory.distance(point)?;
        let differences = point.iter().zip(&nearest).take(values.len());
        let column = farthest(differences.map(|(a, b)| f64::from(a - b)));
        let scale = &self.scales[column];
        let finding = Finding::Apart {
            column,
            value: values[column],
            nearest: scale.centre() + f64::from(nearest[column]) * scale.unit(),
        };
        Some((self.question.ask(distance + 0.3), finding))
    }

    /// Begins anew where a column has its first value: with it rows are farther from each other than they were.
    fn welcome(&mut self, values: &[Option<f64>]) {
        let mut pairs = self.scales.iter().zip(values);
        if pairs.any(|(scale, value)| scale.seen() == 0 && value.is_some()) {
            self.rows = 0;
            self.memory = memory_of(values.len());
            self.question = Question::of_state();
        }
    }

    /// Judges a row, then learns it; nothing where too little is known.
    fn weigh(&mut self, at: Timestamp, values: &[Option<f64>]) -> Option<(f64, Finding)> {
        let least = WARM / 3;
        let pairs = self.scales.iter().zip(values);
        let known: Vec<f64> = pairs
            .map(|(scale, value)| value.filter(|_| scale.seen() >= least).unwrap_or(f64::NAN))
            .collect();
        let mut found = None;
        if known.iter().any(|value| !value.is_nan()) {
            let point = self.point(at, &known);
            found = self.surprise(&point, &known);
            self.memory.remember(&point);
        }
        for (scale, value) in self.scales.iter_mut().zip(values) {
            if let Some(value) = value {
                scale.learn(*value);
            }
        }
        self.before = values.to_vec();
        found
    }
}

impl Watch for KnnWatch {
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict {
        self.clock.observe(at);
        let values: Vec<Option<f64>> = values.iter().map(|value| usable(*value)).collect();
        if values.iter().all(Option::is_none) {
            self.before.fill(None);
            return without_value(self.rows, WARM);
        }
        self.welcome(&values);
        self.rows = self.rows.saturating_add(1);
        let found = self.weigh(at, &values);
        if self.rows <= WARM {
            return learning(self.rows, WARM);
        }
        let Some((surprise, finding)) = found else {
            return Verdict {
                score: AnomalyScore::NONE,
                reason: String::new(),
            };
        };
        let line = self.line.now(1);
        self.line
            .learn(surprise, self.clock.weeks().unwrap_or(1.0 / ROWS_A_WEEK));
        let score = AnomalyScore::try_from(surprise / line).unwrap_or(AnomalyScore::NONE);
        let reason = if score.is_alert() {
            finding.sentence(&self.names)
        } else {
            String::new()
        };
        Verdict { score, reason }
    }
}
