//! What a rule must be: the keys that its kind takes, and numbers that windows keep.

use super::check::Checker;
use super::definition::{Aggregate, Field, StreamDefinition};
use super::rule::{Condition, Rule, RuleKind};
use crate::{Error, Result};

/// The most rules of a stream.
const MOST: usize = 100;

/// Looks at one rule and knows where it stands.
struct RuleChecker<'a> {
    checker: &'a Checker<'a>,
    stream: &'a StreamDefinition,
    /// Its place among the rules.
    number: usize,
    rule: &'a Rule,
}

/// Checks every rule of `stream`.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check_rules(checker: &Checker<'_>, stream: &StreamDefinition) -> Result<()> {
    for (number, rule) in stream.rules.iter().enumerate() {
        let one = RuleChecker {
            checker,
            stream,
            number,
            rule,
        };
        if number == MOST {
            return one.refuse("kind", rule.kind.name(), "at most 100 rules");
        }
        one.check()?;
    }
    Ok(())
}

impl RuleChecker<'_> {
    fn check(&self) -> Result<()> {
        self.check_keys()?;
        self.check_fields()?;
        self.check_numbers()?;
        self.check_quality()?;
        self.rule
            .conditions
            .iter()
            .try_for_each(|one| self.check_condition(one))
    }

    /// Each kind takes some keys and needs some of them.
    fn check_keys(&self) -> Result<()> {
        let rule = self.rule;
        let (needed, optional): (&[&str], &[&str]) = match rule.kind {
            RuleKind::Stuck => (&["fields", "for"], &["while", "unless_usual"]),
            RuleKind::Silence => (&["for"], &[]),
            RuleKind::Impossible => (&["fields", "range"], &["while"]),
            RuleKind::Jump => (&["fields", "above"], &["while"]),
            RuleKind::Erratic => (&["fields", "above"], &["for", "while"]),
            RuleKind::OverCapacity | RuleKind::Overcrowded => (&["fields", "above"], &["for", "while", "unless_usual"]),
            RuleKind::SevereCongestion => (&["fields", "below"], &["for", "while", "unless_usual"]),
            RuleKind::Degraded => (&["above"], &["for", "while"]),
        };
        let given = [
            ("fields", !rule.fields.is_empty()),
            ("above", rule.above.is_some()),
            ("below", rule.below.is_some()),
            ("range", rule.range.is_some()),
            ("for", rule.lasting.is_some()),
            ("unless_usual", rule.unless_usual),
            ("while", !rule.conditions.is_empty()),
        ];
        let accepted = format!("for `{}`: {}", rule.kind.name(), [needed, optional].concat().join(", "));
        for (key, is_given) in given {
            if is_given && !needed.contains(&key) && !optional.contains(&key) {
                return self.refuse(key, key, &accepted);
            }
            if !is_given && needed.contains(&key) {
                return self.refuse(key, "", &accepted);
            }
        }
        Ok(())
    }

    fn check_fields(&self) -> Result<()> {
        let rule = self.rule;
        if rule.fields.len() > 1 && rule.kind != RuleKind::Stuck {
            return self.refuse("fields", &rule.fields[1], "one field; several for `stuck` only");
        }
        let mut aggregates = rule.kind.aggregates().to_vec();
        if rule.kind == RuleKind::Stuck && rule.unless_usual {
            // How much readings usually change.
            aggregates.push(Aggregate::Std);
        }
        rule.fields
            .iter()
            .try_for_each(|field| self.check_number("fields", field, &aggregates))
    }

    /// `field` must be a number of which windows keep `aggregates`.
    fn check_number(&self, key: &str, field: &str, aggregates: &[Aggregate]) -> Result<()> {
        let mut columns = self.stream.value_fields().filter(|one| one.column() == field);
        let kept = columns.next().map(Field::window_aggregates);
        let missing = |kept: &Vec<Aggregate>| aggregates.iter().find(|one| !kept.contains(one));
        match kept {
            None => {
                let known: Vec<String> = self.stream.value_fields().map(Field::column).collect();
                self.refuse(key, field, &format!("fields of role `value`: {}", known.join(", ")))
            }
            Some(kept) => match missing(&kept) {
                None => Ok(()),
                Some(one) => {
                    let accepted = format!("a field whose `aggregates` hold `{}`", one.suffix());
                    self.refuse(key, field, &accepted)
                }
            },
        }
    }

    fn check_numbers(&self) -> Result<()> {
        let rule = self.rule;
        if let Some((low, high)) = rule.range
            && !(low < high && low.is_finite() && high.is_finite())
        {
            return self.refuse("range", &format!("[{low}, {high}]"), "[least, largest], both finite");
        }
        if let Some(above) = rule.above {
            let (fine, accepted) = match rule.kind {
                RuleKind::Degraded => (above > 0.0 && above < 1.0, "a share between 0 and 1"),
                RuleKind::Erratic => (above > 1.0 && above.is_finite(), "a finite number above 1"),
                _ => (above > 0.0 && above.is_finite(), "a finite number above 0"),
            };
            if !fine {
                return self.refuse("above", &above.to_string(), accepted);
            }
        }
        if let Some(below) = rule.below
            && !(below > 0.0 && below.is_finite())
        {
            return self.refuse("below", &below.to_string(), "a finite number above 0");
        }
        if let Some(lasting) = rule.lasting
            && lasting < self.stream.window
        {
            let accepted = format!("at least a window, {}", self.stream.window);
            return self.refuse("for", &lasting.to_string(), &accepted);
        }
        Ok(())
    }

    fn check_quality(&self) -> Result<()> {
        if self.rule.kind != RuleKind::Degraded || self.stream.quality_column().is_some() {
            return Ok(());
        }
        let accepted = "`degraded` where the stream's `quality` is a category with the value `good`";
        self.refuse("kind", self.rule.kind.name(), accepted)
    }

    fn check_condition(&self, condition: &Condition) -> Result<()> {
        self.check_number("while", &condition.field, &[Aggregate::Mean])?;
        let lines = [condition.above, condition.below];
        if lines.iter().flatten().count() != 1 || lines.iter().flatten().any(|line| !line.is_finite()) {
            let accepted =
                "either `above` or `below`, a finite number, such as { field = \"vehicle_flow\", above = 0 }";
            return self.refuse("while", &condition.field, accepted);
        }
        Ok(())
    }

    /// The error for `key`, at its line within this rule, or where the rule begins.
    fn refuse(&self, key: &str, value: &str, accepted: &str) -> Result<()> {
        let lines = || self.checker.text.lines().enumerate();
        let begins = |line: &str| line.trim() == "[[rules]]";
        let first = lines().filter(|(_, line)| begins(line)).nth(self.number);
        let first = first.map_or(0, |(at, _)| at);
        let within = lines()
            .skip(first + 1)
            .take_while(|(_, line)| !line.trim_start().starts_with("[["));
        let holds = |line: &str| {
            line.trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let found = within.clone().find(|(_, line)| holds(line));
        let named = || {
            within
                .clone()
                .find(|(_, line)| !value.is_empty() && line.contains(value))
        };
        Err(Error::Definition {
            path: self.checker.path.into(),
            line: found.or_else(named).map_or(first, |(at, _)| at) + 1,
            key: key.into(),
            message: format!("is `{value}`, accepted: {accepted}"),
        })
    }
}
