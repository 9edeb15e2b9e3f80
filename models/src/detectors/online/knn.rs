//! `knn`: how far a row is from the rows most like it.

use std::f64::consts::TAU;

use arterial_datasets::time::{DAY, Timestamp};

use super::auto::{ROWS_A_WEEK, WARM};
use super::day::Clock;
use super::evidence::{Finding, Question};
use super::line::Line;
use super::neighbours::Neighbours;
use super::scale::Scale;
use super::{learning, rows_of, usable};
use crate::Result;
use crate::detector::{AnomalyScore, SeriesDetector, Verdict, Watch};

/// Numbers that are kept of the past.
const KEPT: usize = 8192;
/// A number of a row counts up to so many spreads.
const MOST: f64 = 12.0;

/// The distance to the tenth neighbour among the rows so far (Ramaswamy, Rastogi and Shim, SIGMOD 2000): the values and their changes since
/// the row before, in units of their spreads, and the time of the day as a point on a circle where the times tell it.
///
/// The memory is an even sample of the whole history. The distance counts by its surprise among those before it; the line is the surprise
/// that was news at most once a week so far, as for `auto`. The first 150
/// rows have no score; a row with a missing value has none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Knn;

impl SeriesDetector for Knn {
    fn name(&self) -> &'static str {
        "knn"
    }

    fn start(&self, columns: &[String], _seed: u64) -> Result<Box<dyn Watch>> {
        rows_of(columns)?;
        let size = 2 * columns.len() + 2;
        Ok(Box::new(KnnWatch {
            names: columns.to_vec(),
            rows: 0,
            clock: Clock::default(),
            scales: vec![Scale::new(); columns.len()],
            before: None,
            memory: Neighbours::new(size, (KEPT / size).max(64)),
            question: Question::of_state(),
            line: Line::new(),
        }))
    }
}

struct KnnWatch {
    names: Vec<String>,
    rows: u64,
    clock: Clock,
    scales: Vec<Scale>,
    before: Option<Vec<f64>>,
    memory: Neighbours,
    question: Question,
    line: Line,
}

impl KnnWatch {
    /// The row as a point: values, changes, and the time of the day.
    fn point(&self, at: Timestamp, values: &[f64]) -> Vec<f32> {
        let standard = self
            .scales
            .iter()
            .zip(values)
            .map(|(scale, value)| scale.standardise(*value));
        let before = self.before.as_deref().unwrap_or(values);
        let pairs = values.iter().zip(before);
        let changes = self
            .scales
            .iter()
            .zip(pairs)
            .map(|(scale, (value, before))| (value - before) / scale.unit());
        let angle = TAU * at.0.rem_euclid(DAY) as f64 / DAY as f64;
        let time = if self.clock.slots().is_some() {
            [angle.sin(), angle.cos()]
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
        let sizes = differences.map(|(a, b)| (a - b).abs()).enumerate();
        let column = sizes.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(column, _)| column);
        let scale = &self.scales[column];
        let finding = Finding::Apart {
            column,
            value: values[column],
            nearest: scale.centre() + f64::from(nearest[column]) * scale.unit(),
        };
        Some((self.question.ask(distance + 0.3), finding))
    }

    fn weigh(&mut self, at: Timestamp, values: &[f64]) -> Option<(f64, Finding)> {
        let complete: Option<Vec<f64>> = values.iter().map(|value| usable(*value)).collect();
        let Some(values) = complete else {
            self.before = None;
            return None;
        };
        let mut found = None;
        if self.rows > WARM / 3 {
            let point = self.point(at, &values);
            found = self.surprise(&point, &values);
            self.memory.remember(&point);
        }
        for (scale, value) in self.scales.iter_mut().zip(&values) {
            scale.learn(*value);
        }
        self.before = Some(values);
        found
    }
}

impl Watch for KnnWatch {
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict {
        self.clock.observe(at);
        self.rows = self.rows.saturating_add(1);
        let found = self.weigh(at, values);
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
