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
    /// Where what is usual stands among what is asked for; none where the rule does not mind.
    pub usual: Option<usize>,
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

impl Check {
    /// The column whose usual values say whether it is usual what is looked for: the one that passes the line; of what stands still, how
    /// much readings of its `first` field differ within a window.
    fn asked(&self, first: &str, columns: &[String]) -> Option<String> {
        match self {
            Self::OverCapacity { mean, .. } | Self::SevereCongestion { mean, .. } => Some(columns[*mean].clone()),
            Self::Overcrowded { largest, .. } => Some(columns[*largest].clone()),
            Self::Stuck(_) => Some(format!("{first}_{}", Aggregate::Std.suffix())),
            _ => None,
        }
    }
}

impl Compiled {
    /// The rule for rows of `columns` and for what is usual of `asked`, which grow by what it reads.
    pub fn new(
        stream: &StreamDefinition,
        rule: &Rule,
        columns: &mut Vec<String>,
        asked: &mut Vec<String>,
    ) -> Result<Self> {
        let mut place = |name: String| place_of(columns, name);
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
        let read = check.asked(first, columns).filter(|_| rule.unless_usual);
        let usual = read.map(|column| place_of(asked, column));
        Ok(Self {
            check,
            target: first.into(),
            lasting: rule.lasting.unwrap_or(stream.window),
            usual,
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

/// The place of `name` in `names`, which it is added to where it is new.
fn place_of(names: &mut Vec<String>, name: String) -> usize {
    names.iter().position(|one| *one == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
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
