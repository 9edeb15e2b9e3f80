//! What several columns say of a row by being together.

use std::f64::consts::TAU;

use super::column::Column;
use super::day::Usual;
use super::evidence::{Evidence, Finding, Question};
use super::given::Given;
use super::neighbours::{CHANGE, Neighbours, RADIUS};
use super::together::Together;

/// Numbers that are kept for the neighbours, so that time and memory do not grow with the columns.
const KEPT: usize = 12_288;
/// A number of a row counts up to so many spreads.
const MOST: f64 = 12.0;
/// Values of a column with gaps before its spread is one to measure by.
const FIRST: u64 = 20;

/// The questions that are asked of rows of more than one column. Single columns are asked for news only, as one column alone
/// goes wrong in many ways that mean nothing; columns that deviate together are credible in every row.
///
/// Each question is asked of what is known of a row.
#[derive(Debug, Clone)]
pub(super) struct Company {
    columns: usize,
    rows: u64,
    time_of_day: Vec<Question>,
    given: Vec<(Given, Question)>,
    values: Neighbours,
    values_apart: Question,
    before: Vec<Option<f64>>,
    together: Option<Together>,
    apart: Question,
}

/// A row as it came, and what is usual at its time of the day.
pub(super) struct Row<'a> {
    pub(super) values: &'a [Option<f64>],
    pub(super) usual: &'a [Option<Usual>],
    /// As a part of the day, where days are known.
    pub(super) time: Option<f64>,
    /// Whether the time of the day is known, but not yet what is usual then.
    pub(super) awaited: bool,
    pub(super) columns: &'a [Column],
}

impl Company {
    pub(super) fn new(columns: usize) -> Self {
        let pairs = if columns == 2 { 2 } else { 0 };
        let size = 2 * columns + 2;
        Self {
            columns,
            rows: 0,
            time_of_day: vec![Question::of_state(); columns],
            given: vec![(Given::new(), Question::of_state()); pairs],
            values: Neighbours::new(size, (KEPT / size).max(64)),
            values_apart: Question::of_state(),
            before: vec![None; columns],
            together: (columns > 2).then(|| Together::new(columns)),
            apart: Question::of_lasting_state(),
        }
    }

    /// How many rows it was asked about.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// A row without any value came: what is next changes from nothing.
    pub(super) fn interrupt(&mut self) {
        self.before.fill(None);
    }

    /// Takes the next row, before its columns learn from it, and returns how many pieces of evidence were found; the two halves of a
    /// relation are one. What will be found once the days are known counts already, so that the line does not rise then.
    pub(super) fn observe(&mut self, row: &Row<'_>, found: &mut Vec<Evidence>) -> usize {
        self.ask(row, found);
        let halves = found
            .iter()
            .filter(|evidence| matches!(evidence.finding, Finding::Given { .. }));
        let known = row.values.iter().flatten().count();
        let waiting = if row.awaited { known } else { 0 };
        self.rows = self.rows.saturating_add(1);
        found.len() - halves.count() / 2 + waiting
    }

    fn ask(&mut self, row: &Row<'_>, found: &mut Vec<Evidence>) {
        self.ask_together(row, found);
        self.ask_time_of_day(row, found);
        self.ask_given(row, found);
        self.ask_values(row, found);
    }

    fn ask_together(&mut self, row: &Row<'_>, found: &mut Vec<Evidence>) {
        let told = self.together.as_mut().and_then(|together| together.observe(row.values));
        if let Some(told) = told {
            found.push(Evidence {
                surprise: self.apart.ask(told.length),
                finding: Finding::Together {
                    column: told.column,
                    mean: told.mean,
                    expected: told.expected,
                },
            });
        }
    }

    fn ask_time_of_day(&mut self, row: &Row<'_>, found: &mut Vec<Evidence>) {
        for (column, question) in self.time_of_day.iter_mut().enumerate() {
            let (Some(value), Some(usual)) = (row.values[column], row.usual[column]) else {
                continue;
            };
            let deviation = usual.standardise(value);
            let (low, high) = usual.range();
            found.push(Evidence {
                surprise: question.ask(deviation.abs() + NOTHING),
                finding: Finding::TimeOfDay {
                    column,
                    value,
                    low,
                    high,
                },
            });
        }
    }

    /// Both directions of a relation are one piece of evidence, so each counts half.
    fn ask_given(&mut self, row: &Row<'_>, found: &mut Vec<Evidence>) {
        for (column, (given, question)) in self.given.iter_mut().enumerate() {
            let other = 1 - column;
            let (Some(value), Some(other_value)) = (row.values[column], row.values[other]) else {
                continue;
            };
            if let Some(usual) = given.usual(other_value) {
                let (low, high) = usual.range();
                found.push(Evidence {
                    surprise: 0.5 * question.ask(usual.standardise(value).abs() + NOTHING),
                    finding: Finding::Given {
                        column,
                        value,
                        low,
                        high,
                        other,
                        other_value,
                    },
                });
            }
            given.learn(value, other_value, row.columns[other].scale());
        }
    }

    /// What is not known, or of a column of which too little is, is NaN.
    fn ask_values(&mut self, row: &Row<'_>, found: &mut Vec<Evidence>) {
        let before = std::mem::replace(&mut self.before, row.values.to_vec());
        let scales: Vec<_> = row.columns.iter().map(Column::scale).collect();
        let least = self.rows.min(FIRST);
        let pairs = scales.iter().zip(row.values);
        let values: Vec<f64> = pairs
            .map(|(scale, value)| value.filter(|_| scale.seen() >= least).unwrap_or(f64::NAN))
            .collect();
        let nothing = values.iter().all(|value| value.is_nan());
        if nothing || scales.iter().all(|scale| scale.spread() <= 0.0) {
            return;
        }
        let standard = scales
            .iter()
            .zip(&values)
            .map(|(scale, value)| scale.standardise(*value));
        let changes = scales.iter().enumerate().map(|(column, scale)| {
            let before = before[column].unwrap_or(values[column]);
            CHANGE * (values[column] - before) / scale.unit()
        });
        let angle = row.time.map(|time| TAU * time);
        let time = [angle.map_or(0.0, f64::sin), angle.map_or(0.0, f64::cos)].map(|part| RADIUS * part);
        let all = standard
            .chain(changes)
            .map(|value| value.clamp(-MOST, MOST))
            .chain(time);
        let vector: Vec<f32> = all.map(|value| value as f32).collect();
        if let Some((distance, nearest)) = self.values.distance(&vector) {
            let differences = vector.iter().zip(&nearest).take(self.columns);
            let column = farthest(differences.map(|(a, b)| f64::from(a - b)));
            let nearest = scales[column].centre() + f64::from(nearest[column]) * scales[column].unit();
            let finding = Finding::Apart {
                column,
                value: values[column],
                nearest,
            };
            let surprise = self.values_apart.ask(distance + NOTHING);
            found.push(Evidence { surprise, finding });
        }
        self.values.remember(&vector);
    }
}

/// Differences below this share of the spread say nothing.
const NOTHING: f64 = 0.3;

/// The place of the largest absolute value; NaN is none.
pub(super) fn farthest(values: impl Iterator<Item = f64>) -> usize {
    let sizes = values.map(f64::abs).enumerate();
    let sizes = sizes.filter(|(_, size)| !size.is_nan());
    sizes.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
}
