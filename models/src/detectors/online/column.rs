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
/// So many times the range of the values after it the first value may be away from them.
const FARTHEST: f64 = 1e5;
/// Courses remembered, and twice the values.
const PLACES: usize = 2048;

/// Asks four questions of each value of a column: was a value like it ever seen, was a course of three values, was the
/// level of the last rows ever so far off, and was the column ever so calm? Each counts where the answer is news.
///
/// The first two are the distances to the nearest neighbour of streaming discords (Yeh et al., ICDM 2016) with one and three lags.
#[derive(Debug, Clone)]
pub(super) struct Column {
    number: usize,
    /// The first value, unless it is far from all others: what is kept in single precision is kept as a difference from it.
    origin: Option<f64>,
    seen: u64,
    scale: Scale,
    values: Patterns<1>,
    courses: Patterns<3>,
    last: VecDeque<f64>,
    deviations: VecDeque<f64>,
    changes: Scale,
    /// Whether no other column ever had a value; rows of several are asked the first two questions by their neighbours.
    alone: bool,
    value: Question,
    course: Question,
    level: Question,
    shape: Question,
    calm: Question,
}

impl Column {
    pub(super) fn new(number: usize) -> Self {
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
            alone: true,
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

    /// How many values it had.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes the next value, with what is usual at its time of the day where that is known, and whether no other column ever had one.
    pub(super) fn observe(&mut self, value: f64, usual: Option<Usual>, alone: bool, found: &mut Vec<Evidence>) {
        self.alone = alone;
        self.origin.get_or_insert(value);
        self.last.push_front(value);
        self.last.truncate(CALM);
        if self.seen == FIRST {
            self.doubt_origin();
        }
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

    /// Takes another origin where the first value, such as a sentinel, lies so far from those after it that single precision would not
    /// tell these apart. What was remembered by the old one goes.
    fn doubt_origin(&mut self) {
        let Some(origin) = self.origin else { return };
        let mut after: Vec<f64> = self.last.iter().copied().take(FIRST as usize).collect();
        after.sort_unstable_by(f64::total_cmp);
        let middle = after[after.len() / 2];
        let unit = (after[after.len() - 1] - after[0]).max(middle.abs() * 1e-4);
        if unit > 0.0 && (origin - middle).abs() > FARTHEST * unit {
            self.origin = Some(middle);
            self.values = Patterns::new(PLACES / 2);
            self.courses = Patterns::new(PLACES);
        }
    }

    fn short<const SIZE: usize>(&self, values: [f64; SIZE]) -> [f32; SIZE] {
        let origin = self.origin.unwrap_or(0.0);
        values.map(|value| (value - origin) as f32)
    }

    fn long(&self, value: f32) -> f64 {
        f64::from(value) + self.origin.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin_of(first: f64) -> Option<f64> {
        let mut column = Column::new(0);
        column.observe(first, None, true, &mut Vec::new());
        for row in 0..40 {
            column.observe(50.0 + f64::from(row % 7), None, true, &mut Vec::new());
        }
        column.origin
    }

    #[test]
    fn the_first_value_is_the_origin_unless_single_precision_could_not_tell_the_others_apart_from_there() {
        assert_eq!(origin_of(52.0), Some(52.0));
        assert_eq!(origin_of(5000.0), Some(5000.0));
        let origin = origin_of(1e9).unwrap();
        assert!((50.0..57.0).contains(&origin), "{origin}");
    }
}
