//! One kind of evidence: a score, how rare it is, and what to say of it.

use super::gate::Gate;
use super::tail::Tail;

/// Of a state that lasts: scores after which strange ones teach little, how surprising they are, and how much they still count. What
/// stays strange becomes usual in the end, but not within the event.
const SETTLED: u32 = 300;
const STRANGE: f64 = 4.0;
const TRUST: f64 = 0.02;

/// One question that is asked of every row, with the distribution of its answers so far.
#[derive(Debug, Clone)]
pub(super) struct Question {
    tail: Tail,
    asked: u32,
    gate: Option<Gate>,
    lasts: bool,
}

impl Question {
    /// A question whose answer counts in every row.
    pub(super) fn of_state() -> Self {
        Self {
            tail: Tail::new(),
            asked: 0,
            gate: None,
            lasts: false,
        }
    }

    /// A question whose answer counts in every row, and whose strange answers come in long rows: they teach little.
    pub(super) fn of_lasting_state() -> Self {
        Self {
            lasts: true,
            ..Self::of_state()
        }
    }

    /// A question whose answer counts where it is news: above all of the last rows.
    pub(super) fn of_news() -> Self {
        Self {
            gate: Some(Gate::new()),
            ..Self::of_state()
        }
    }

    /// How surprising `score` is among those before it, in nats; then it is one of them.
    pub(super) fn ask(&mut self, score: f64) -> f64 {
        let surprise = self.tail.surprise(score);
        let counts = self.gate.as_mut().is_none_or(|gate| gate.opens(score));
        self.asked = self.asked.saturating_add(1);
        let doubted = self.lasts && self.asked > SETTLED && surprise > STRANGE;
        let trust = if doubted { TRUST } else { 1.0 };
        self.tail.learn(score, trust);
        if counts { surprise } else { 0.0 }
    }
}

/// What was found, and how surprising it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) surprise: f64,
    pub(super) finding: Finding,
}

/// What can be found. Columns are told by their number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finding {
    /// A value unlike any before; the nearest one.
    Value { column: usize, value: f64, nearest: f64 },
    /// Three values in a row as never before; the most similar ones. The newest comes first.
    Course {
        column: usize,
        values: [f64; 3],
        nearest: [f64; 3],
    },
    /// The mean of the last rows, and what it usually is.
    Level { column: usize, mean: f64, usual: f64 },
    /// The mean deviation of the last rows from what is usual at their times of the day, in usual deviations.
    Shape { column: usize, size: f64 },
    /// The mean change from row to row, and what it usually is.
    Calm { column: usize, change: f64, usual: f64 },
    /// A value outside of what is usual at this time of the day.
    TimeOfDay {
        column: usize,
        value: f64,
        low: f64,
        high: f64,
    },
    /// A value outside of what is usual where another column is as it is.
    Given {
        column: usize,
        value: f64,
        low: f64,
        high: f64,
        other: usize,
        other_value: f64,
    },
    /// Short means that do not go together, most of all this column's; what it should be, given the others.
    Together { column: usize, mean: f64, expected: f64 },
    /// A value far outside of all that was seen.
    Beyond {
        column: usize,
        value: f64,
        low: f64,
        high: f64,
    },
    /// A row far from those most like it: the column that differs most, and its value in the nearest one.
    Apart { column: usize, value: f64, nearest: f64 },
}

impl Finding {
    /// The finding as a sentence without a period.
    pub(super) fn sentence(&self, columns: &[String]) -> String {
        match *self {
            Self::Value { column, value, nearest } => format!(
                "{} is {}, a value not seen before: expected one like {}, the nearest so far",
                columns[column],
                number(value),
                number(nearest)
            ),
            Self::Course {
                column,
                values,
                nearest,
            } => format!(
                "{} went {}, a course not seen before: expected one such as {}",
                columns[column],
                course(values),
                course(nearest)
            ),
            Self::Level { column, mean, usual } => format!(
                "{} is {} on the average of the last {} rows, expected {}",
                columns[column],
                number(mean),
                super::column::LEVEL,
                number(usual)
            ),
            Self::Shape { column, size } => format!(
                "{} has another course than usual at this time of the day: the last {} rows are {} usual deviations off, expected less than 1",
                columns[column],
                super::column::LEVEL,
                number(size)
            ),
            Self::Calm { column, change, usual } => format!(
                "{} changes by {} from row to row, expected {}: it hardly moves",
                columns[column],
                number(change),
                number(usual)
            ),
            Self::TimeOfDay {
                column,
                value,
                low,
                high,
            } => format!(
                "{} is {}, expected {} to {} at this time of the day",
                columns[column],
                number(value),
                number(low),
                number(high)
            ),
            Self::Given {
                column,
                value,
                low,
                high,
                other,
                other_value,
            } => format!(
                "{} is {}, expected {} to {} where {} is {}",
                columns[column],
                number(value),
                number(low),
                number(high),
                columns[other],
                number(other_value)
            ),
            Self::Together { column, mean, expected } => format!(
                "{} is {} on the average of the last {} rows, expected {} by the other columns",
                columns[column],
                number(mean),
                super::together::ROWS,
                number(expected)
            ),
            Self::Beyond {
                column,
                value,
                low,
                high,
            } => format!(
                "{} is {}, far outside of all that was seen: expected {} to {}",
                columns[column],
                number(value),
                number(low),
                number(high)
            ),
            Self::Apart { column, value, nearest } => format!(
                "{} is {}, expected {} as in the rows most like this one",
                columns[column],
                number(value),
                number(nearest)
            ),
        }
    }
}

fn course(newest_first: [f64; 3]) -> String {
    let [last, middle, first] = newest_first.map(number);
    format!("{first}, {middle}, {last}")
}

/// A number as a person would write it: four digits that count.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e9 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.3e}");
    }
    let digits = match size {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
