//! Rules with the places of the columns that they read.

use std::sync::Arc;

use arterial_datasets::stream::{Aggregate, Rule, RuleKind, StreamDefinition};
use arterial_datasets::time::Duration;

use crate::{Error, Result};

/// A rule that is ready to look at rows.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub check: Check,
    /// What its signals are about: its first field; empty where it is the whole record.
    pub target: Arc<str>,
    /// How long it must have been so.
    pub lasting: Duration,
    conditions: Vec<Condition>,
}

/// What is looked for, and in which columns.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// Columns of least and largest reading.
    Stuck(Vec<(usize, usize)>),
    Silence,
    Impossible {
        low: usize,
        high: usize,
        range: (f64, f64),
    },
    Jump {
        mean: usize,
        most: f64,
    },
    Erratic {
        deviation: usize,
        times: f64,
    },
    OverCapacity {
        mean: usize,
        line: f64,
    },
    SevereCongestion {
        mean: usize,
        line: f64,
    },
    Overcrowded {
        largest: usize,
        line: f64,
    },
    Degraded {
        good: usize,
        events: usize,
        line: f64,
    },
}

/// A column above or below a line.
#[derive(Debug, Clone)]
struct Condition {
    mean: usize,
    above: Option<f64>,
    below: Option<f64>,
}

impl Compiled {
    /// The rule for rows of `columns`, which grow by what it reads.
    pub fn new(stream: &StreamDefinition, rule: &Rule, columns: &mut Vec<String>) -> Result<Self> {
        let mut place = |name: String| {
            columns.iter().position(|one| *one == name).unwrap_or_else(|| {
                columns.push(name);
                columns.len() - 1
            })
        };
        let mut of = |field: &str, aggregate: Aggregate| place(format!("{field}_{}", aggregate.suffix()));
        let first = rule.fields.first().map_or("", String::as_str);
        let conditions = rule
            .conditions
            .iter()
            .map(|one| Condition {
                mean: of(&one.field, Aggregate::Mean),
                above: one.above,
                below: one.below,
            })
            .collect();
        let above = || need(rule.above, rule, "above");
        let check = match rule.kind {
            RuleKind::Silence => Check::Silence,
            RuleKind::Stuck => {
                let columns = |field: &String| (of(field, Aggregate::Min), of(field, Aggregate::Max));
                Check::Stuck(rule.fields.iter().map(columns).collect())
            }
            RuleKind::Impossible => Check::Impossible {
                low: of(first, Aggregate::Min),
                high: of(first, Aggregate::Max),
                range: need(rule.range, rule, "range")?,
            },
            RuleKind::Jump => Check::Jump {
                mean: of(first, Aggregate::Mean),
                most: above()?,
            },
            RuleKind::Erratic => Check::Erratic {
                deviation: of(first, Aggregate::Std),
                times: above()?,
            },
            RuleKind::OverCapacity => Check::OverCapacity {
                mean: of(first, Aggregate::Mean),
                line: above()?,
            },
            RuleKind::SevereCongestion => Check::SevereCongestion {
                mean: of(first, Aggregate::Mean),
                line: need(rule.below, rule, "below")?,
            },
            RuleKind::Overcrowded => Check::Overcrowded {
                largest: of(first, Aggregate::Max),
                line: above()?,
            },
            RuleKind::Degraded => Check::Degraded {
                good: place(need(stream.quality_column(), rule, "quality")?),
                events: place("events".into()),
                line: above()?,
            },
        };
        Ok(Self {
            check,
            target: first.into(),
            lasting: rule.lasting.unwrap_or(stream.window),
            conditions,
        })
    }

    /// Whether the rule may speak of this row: every condition is known to hold.
    pub fn applies(&self, row: &[f64]) -> bool {
        let holds = |one: &Condition| {
            let mean = row[one.mean];
            one.above.is_none_or(|line| mean > line) && one.below.is_none_or(|line| mean < line)
        };
        self.conditions.iter().all(holds)
    }
}

/// What a checked rule has; a rule that was made otherwise may lack it.
fn need<T>(value: Option<T>, rule: &Rule, key: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::invalid(
            format!("rules.{key}"),
            "",
            format!("a value, for `{}`", rule.kind.name()),
        )
    })
}
