//! Which part of a condition the lake can use: keys, times and days. `DataFusion` checks every row again, so that a condition that is
//! used in part, or not at all, costs time and nothing else.

use std::collections::BTreeSet;

use arterial_datasets::schema::DAY_COLUMN;
use arterial_datasets::time::{DAY, Timestamp};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::flight::{Dataset, Instant, Query};

/// What a condition says of one column.
#[derive(Debug, Clone, PartialEq)]
enum Fact {
    Keys(BTreeSet<String>),
    /// At or after the first, before the second.
    Time(String, i64, i64),
}

/// Whether the lake can use anything of the condition.
pub(super) fn is_of_use(filter: &Expr, dataset: &Dataset) -> bool {
    !facts(filter, dataset).is_empty()
}

/// Narrows the query by what is of use in the conditions, all of which hold.
pub(super) fn narrow(filters: &[Expr], dataset: &Dataset, query: &mut Query) {
    for fact in filters.iter().flat_map(|filter| facts(filter, dataset)) {
        match fact {
            Fact::Keys(mut keys) => {
                if let Some(known) = &query.keys {
                    keys.retain(|key| known.contains(key));
                }
                query.keys = Some(keys.into_iter().collect());
            }
            Fact::Time(column, from, to) => {
                if query.time.as_ref().is_some_and(|time| *time != column) {
                    continue;
                }
                query.time = Some(column);
                let known = query.from.map_or(i64::MIN, |from| from.0.0);
                query.from = Some(Instant(Timestamp(known.max(from))));
                let known = query.to.map_or(i64::MAX, |to| to.0.0);
                query.to = Some(Instant(Timestamp(known.min(to))));
            }
        }
    }
}

fn facts(filter: &Expr, dataset: &Dataset) -> Vec<Fact> {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => [facts(left, dataset), facts(right, dataset)].concat(),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => either(&facts(left, dataset), &facts(right, dataset)),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => comparison(left, *op, right, dataset).into_iter().collect(),
        Expr::Between(between) if !between.negated => [
            comparison(&between.expr, Operator::GtEq, &between.low, dataset),
            comparison(&between.expr, Operator::LtEq, &between.high, dataset),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Expr::InList(list) if !list.negated => {
            let keys = list.list.iter().map(text).collect::<Option<BTreeSet<String>>>();
            match (is_key(&list.expr, dataset), keys) {
                (true, Some(keys)) => vec![Fact::Keys(keys)],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// What holds where either side does: `DataFusion` writes short lists of keys so.
fn either(left: &[Fact], right: &[Fact]) -> Vec<Fact> {
    let pairs = left.iter().flat_map(|one| right.iter().map(move |other| (one, other)));
    let both = pairs.filter_map(|pair| match pair {
        (Fact::Keys(left), Fact::Keys(right)) => Some(Fact::Keys(left | right)),
        (Fact::Time(left, from, to), Fact::Time(right, since, until)) if left == right => {
            Some(Fact::Time(left.clone(), *from.min(since), *to.max(until)))
        }
        _ => None,
    });
    both.collect()
}

fn comparison(left: &Expr, operator: Operator, right: &Expr, dataset: &Dataset) -> Option<Fact> {
    let Some((column, shift)) = shifted(left) else {
        let swapped = operator.swap()?;
        return shifted(right)
            .is_some()
            .then(|| comparison(right, swapped, left, dataset))?;
    };
    if is_key(left, dataset) {
        return (operator == Operator::Eq).then(|| Some(Fact::Keys(BTreeSet::from([text(right)?]))))?;
    }
    let Expr::Literal(value, _) = right else { return None };
    let times = dataset.times();
    let (column, first, last) = if column.name == DAY_COLUMN && shift == 0 {
        // Rows are filed under the day of the main time.
        let ScalarValue::Date32(Some(day)) = value else {
            return None;
        };
        let start = i64::from(*day).checked_mul(DAY)?;
        (
            times.first().filter(|time| files_by(time))?.clone(),
            start,
            start.checked_add(DAY - 1)?,
        )
    } else {
        let at = microseconds(value)?.checked_sub(shift)?;
        (times.iter().find(|time| **time == column.name)?.clone(), at, at)
    };
    let after = last.checked_add(1)?;
    let (from, to) = match operator {
        Operator::Eq => (first, after),
        Operator::Lt => (i64::MIN, first),
        Operator::LtEq => (i64::MIN, after),
        Operator::Gt => (after, i64::MAX),
        Operator::GtEq => (first, i64::MAX),
        _ => return None,
    };
    Some(Fact::Time(column, from, to))
}

/// A column, and the microseconds that are added to it: `window_start + INTERVAL '7 days'`.
fn shifted(expression: &Expr) -> Option<(&Column, i64)> {
    match expression {
        Expr::Column(column) => Some((column, 0)),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Plus,
            right,
        }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(by)), _))
                if by.months == 0 && by.nanoseconds % 1_000 == 0 =>
            {
                let days = i64::from(by.days).checked_mul(DAY)?;
                Some((column, days.checked_add(by.nanoseconds / 1_000)?))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether `day` is the day of this column wherever a table has both.
fn files_by(time: &str) -> bool {
    ["window_start", "event_time", "origin", "received_at"].contains(&time)
}

fn is_key(expression: &Expr, dataset: &Dataset) -> bool {
    matches!(expression, Expr::Column(column) if column.name == "key") && dataset.has_keys()
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)),
            _,
        ) => Some(text.clone()),
        _ => None,
    }
}

fn microseconds(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampMicrosecond(at, _) => *at,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    fn later(days: i32, nanoseconds: i64) -> Expr {
        let interval = IntervalMonthDayNano::new(0, days, nanoseconds);
        let interval = Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), None);
        let column = Expr::Column(Column::from_name("window_start"));
        Expr::BinaryExpr(BinaryExpr::new(Box::new(column), Operator::Plus, Box::new(interval)))
    }

    #[test]
    fn a_column_is_shifted_as_far_as_can_be_counted() {
        assert_eq!(shifted(&later(7, 1_000)).unwrap().1, 7 * DAY + 1);
        assert_eq!(shifted(&later(i32::MAX, 0)), None);
        assert_eq!(shifted(&later(106_751_991, i64::MAX / 1_000 * 1_000)), None);
    }
}
