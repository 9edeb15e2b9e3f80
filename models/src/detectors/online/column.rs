//! What is new in one column.

use std::collections::VecDeque;

use super::day::Usual;
use super::evidence::{Evidence, Finding, Question};
use super::patterns::Patterns;
use super::scale::Scale;

/// Rows whose mean is the level.
pub(super) const LEVEL: usize = 50;
/// Rows over which changes are averaged.
const CALM: usize = 24;
/// Rows before there is a scale.
const FIRST: u64 = 20;
/// Differences below this share of the spread say nothing, neither as scores nor between patterns.
const NOTHING: f64 = 0.1;
/// The same for what need not be remembered again.
const KNOWN: f64 = 0.05;
/// Courses remembered, and twice the values.
const PLACES: usize = 2048;

/// Asks four questions of each value of a column: was a value like it ever seen, was a course of three values, was the
/// level of the last rows ever so far off, and was the column ever so calm? Each counts where the answer is news.
///
/// The first two are the distances to the nearest neighbour of streaming discords (Yeh et al., ICDM 2016) with one and three lags.
#[derive(Debug, Clone)]
pub(super) struct Column {
    number: usize,
    /// The first value: what is kept in single precision is kept as a difference from it.
    origin: Option<f64>,
    seen: u64,
    scale: Scale,
    values: Patterns<1>,
    courses: Patterns<3>,
    last: VecDeque<f64>,
    deviations: VecDeque<f64>,
    changes: Scale,
    /// Whether there is no other column; rows of several are asked the first two questions by their neighbours.
    alone: bool,
    value: Question,
    course: Question,
    level: Question,
    shape: Question,
    calm: Question,
}

impl Column {
    pub(super) fn new(number: usize, alone: bool) -> Self {
        Self {
            number,
            origin: None,
            seen: 0,
            scale: Scale::new(),
            values: Patterns::new(PLACES / 2),
            courses: Patterns::new(PLACES),
            last: VecDeque::with_capacity(CALM + 1),
            deviations: VecDeque::with_capacity(LEVEL + 1),
            changes: Scale::new(),
            alone,
            value: Question::of_news(),
            course: Question::of_news(),
            level: Question::of_news(),
            shape: Question::of_news(),
            calm: Question::of_news(),
        }
    }

    /// The usual value and spread so far.
    pub(super) fn scale(&self) -> &Scale {
        &self.scale
    }

    /// Takes the next value, with what is usual at its time of the day where that is known.
    pub(super) fn observe(&mut self, value: f64, usual: Option<Usual>, found: &mut Vec<Evidence>) {
        self.origin.get_or_insert(value);
        self.last.push_front(value);
        self.last.truncate(CALM);
        let warm = self.seen >= FIRST;
        if self.alone {
            self.ask_value(value, warm, found);
            self.ask_course(warm, found);
        }
        self.ask_level(value, usual, warm, found);
        self.ask_calm(warm, found);
        self.scale.learn(value);
        self.seen += 1;
    }

    fn ask_value(&mut self, value: f64, warm: bool, found: &mut Vec<Evidence>) {
        let [short] = self.short([value]);
        let unit = self.scale.unit();
        let Some((distance, [nearest])) = self.values.nearest([short]) else {
            self.values.remember([short]);
            return;
        };
        if warm {
            let surprise = self.value.ask(distance / unit + NOTHING);
            let nearest = self.long(nearest);
            let finding = Finding::Value {
                column: self.number,
                value,
                nearest,
            };
            found.push(Evidence { surprise, finding });
        }
        if distance > 0.02 * unit {
            self.values.remember([short]);
        }
    }

    fn ask_course(&mut self, warm: bool, found: &mut Vec<Evidence>) {
        let [Some(&now), Some(&before), Some(&earlier)] = [0, 1, 2].map(|lag| self.last.get(lag)) else {
            return;
        };
        let values = [now, before, earlier];
        let short = self.short(values);
        let unit = self.scale.unit();
        let Some((distance, nearest)) = self.courses.nearest(short) else {
            self.courses.remember(short);
            return;
        };
        if warm {
            let surprise = self.course.ask(distance / unit + NOTHING);
            let nearest = nearest.map(|value| self.long(value));
            let finding = Finding::Course {
                column: self.number,
                values,
                nearest,
            };
            found.push(Evidence { surprise, finding });
        }
        if distance > KNOWN * unit {
            self.courses.remember(short);
        }
    }

    /// The level is that of the deviations from what is usual at the time of the day, or else from the median.
    fn ask_level(&mut self, value: f64, usual: Option<Usual>, warm: bool, found: &mut Vec<Evidence>) {
        let deviation = usual.map_or_else(|| self.scale.standardise(value), |usual| usual.standardise(value));
        self.deviations.push_front(deviation.clamp(-10.0, 10.0));
        self.deviations.truncate(LEVEL);
        if !warm || self.deviations.len() < LEVEL {
            return;
        }
        let mean = self.deviations.iter().sum::<f64>() / LEVEL as f64;
        let surprise = self.level.ask(mean.abs());
        let (centre, spread) = usual.map_or((self.scale.centre(), self.scale.unit()), |usual| {
            (usual.mean, usual.spread)
        });
        let finding = Finding::Level {
            column: self.number,
            mean: centre + mean * spread,
            usual: centre,
        };
        found.push(Evidence { surprise, finding });
        if self.alone && usual.is_some_and(|usual| usual.tells) {
            let size = self.deviations.iter().map(|deviation| deviation.abs()).sum::<f64>() / LEVEL as f64;
            let surprise = self.shape.ask(size);
            let finding = Finding::Shape {
                column: self.number,
                size,
            };
            found.push(Evidence { surprise, finding });
        }
    }

    fn ask_calm(&mut self, warm: bool, found: &mut Vec<Evidence>) {
        if self.last.len() < CALM {
            return;
        }
        let changes = self.last.iter().zip(self.last.iter().skip(1));
        let change = changes.map(|(value, before)| (value - before).abs()).sum::<f64>() / (CALM - 1) as f64;
        let usual = self.changes.centre();
        if warm {
            let least = 0.01 * self.scale.unit();
            let surprise = self.calm.ask((usual + least) / (change + least));
            let finding = Finding::Calm {
                column: self.number,
                change,
                usual,
            };
            found.push(Evidence { surprise, finding });
        }
        self.changes.learn(change);
    }

    fn short<const SIZE: usize>(&self, values: [f64; SIZE]) -> [f32; SIZE] {
        let origin = self.origin.unwrap_or(0.0);
        values.map(|value| (value - origin) as f32)
    }

    fn long(&self, value: f32) -> f64 {
        f64::from(value) + self.origin.unwrap_or(0.0)
    }
}
