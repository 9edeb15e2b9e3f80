//! Parameters: the types of a query's placeholders, and the query with values for them.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan, TIMEZONE_WILDCARD, TypeSignature};

use super::engine::Planned;
use super::plain;
use super::problem::problem;
use crate::{Error, Result};

/// The types of placeholders by name, such as `$1`; none where the query leaves a type open.
type Types = HashMap<String, Option<DataType>>;

impl Planned {
    /// The types of `$1`, `$2`, .. as clients send them best; text where the query leaves one open.
    ///
    /// # Errors
    /// A placeholder that stands for several types.
    pub fn parameters(&self) -> Result<SchemaRef> {
        let types = types(&self.plan)?;
        let fields = (1..=highest(&types)).map(|number| {
            let name = format!("${number}");
            let kind = types.get(&name).cloned().flatten().unwrap_or(DataType::Utf8);
            Field::new(name, sent(kind), true)
        });
        Ok(plain::schema(&Schema::new(fields.collect::<Vec<_>>())))
    }

    /// The query with its parameters: one row, a column each.
    ///
    /// # Errors
    /// Another number of rows or columns than one and the query's, a value that is none of the type that the query asks for.
    pub fn bind(self, parameters: Option<&RecordBatch>) -> Result<Self> {
        let types = types(&self.plan)?;
        let wanted = highest(&types);
        let given = parameters.map_or(0, RecordBatch::num_columns);
        if given != wanted {
            let accepted = format!("{wanted} of them, as the query has");
            return Err(Error::invalid("parameters", given, accepted));
        }
        let Some(parameters) = parameters.filter(|_| wanted > 0) else {
            return Ok(self);
        };
        if parameters.num_rows() != 1 {
            let found = format!("{} rows", parameters.num_rows());
            return Err(Error::invalid("parameters", found, "one row of values"));
        }
        let mut values = Vec::with_capacity(wanted);
        for (place, column) in parameters.columns().iter().enumerate() {
            let name = format!("${}", place + 1);
            let value = ScalarValue::try_from_array(column, 0).map_err(|error| failed(&error))?;
            values.push(match types.get(&name) {
                Some(Some(kind)) => fitted(&name, value, kind)?,
                _ => value,
            });
        }
        let bound = self.plan.with_param_values(ParamValues::from(values));
        let plan = bound.map_err(|error| failed(&error))?;
        Ok(Self {
            schema: plain::schema(plan.schema().as_arrow()),
            plan,
            ..self
        })
    }
}

fn failed(error: &DataFusionError) -> Error {
    problem("", error, &[])
}

/// The highest number of a placeholder; 0 where there is none.
fn highest(types: &Types) -> usize {
    let numbers = types.keys().filter_map(|name| name.strip_prefix('$')?.parse().ok());
    numbers.max().unwrap_or(0)
}

/// `DataFusion` knows the type of what is compared with something; not of what counts rows, nor of what a function takes.
fn types(plan: &LogicalPlan) -> Result<Types> {
    let mut types = plan.get_parameter_types().map_err(|error| failed(&error))?;
    if types.is_empty() {
        return Ok(types);
    }
    let seen = plan.apply_with_subqueries(|node| {
        let counts_rows = matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                learn(part, counts_rows, &mut types);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    seen.map_err(|error| failed(&error))?;
    Ok(types)
}

/// What one part of an expression says of placeholders.
fn learn(part: &Expr, counts_rows: bool, types: &mut Types) {
    match part {
        Expr::Placeholder(_) if counts_rows => note(part, &DataType::Int64, types),
        // The same placeholder elsewhere, where nothing says its type, hides this one.
        Expr::Placeholder(Placeholder { field: Some(field), .. }) => note(part, field.data_type(), types),
        Expr::ScalarFunction(call) => {
            let signature = &call.func.signature().type_signature;
            for (place, argument) in call.args.iter().enumerate() {
                if let Some(kind) = taken(signature, place) {
                    note(argument, kind, types);
                }
            }
        }
        _ => {}
    }
}

/// Notes the type of a placeholder whose type is open.
fn note(expression: &Expr, kind: &DataType, types: &mut Types) {
    if let Expr::Placeholder(placeholder) = expression
        && let Some(known) = types.get_mut(&placeholder.id)
    {
        known.get_or_insert_with(|| kind.clone());
    }
}

/// The type that a function takes at that place, where that is one type.
fn taken(signature: &TypeSignature, place: usize) -> Option<&DataType> {
    let ways = match signature {
        TypeSignature::OneOf(ways) => ways.as_slice(),
        way => std::slice::from_ref(way),
    };
    let mut found = None;
    for way in ways {
        let TypeSignature::Exact(kinds) = way else { return None };
        let Some(kind) = kinds.get(place) else { continue };
        if found.is_some_and(|found| found != kind) {
            return None;
        }
        found = Some(kind);
    }
    found.filter(|kind| !is_any_zone(kind))
}

/// Whether a type stands for instants of every zone, and so is none that a value can have.
fn is_any_zone(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(_, Some(zone)) if zone.as_ref() == TIMEZONE_WILDCARD)
}

/// The type that a client is asked for. JDBC's driver writes instants in milliseconds, whatever unit it is told.
fn sent(kind: DataType) -> DataType {
    match kind {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
        other => other,
    }
}

/// The value in the type that the query asks for. A number or an instant that this would change stays as it came: it is compared as if
/// it stood in the query.
fn fitted(name: &str, value: ScalarValue, kind: &DataType) -> Result<ScalarValue> {
    if value.is_null() {
        return ScalarValue::try_new_null(kind).map_err(|error| failed(&error));
    }
    let given = value.data_type();
    let Ok(cast) = value.cast_to(kind) else {
        if stands_beside(&value, kind) {
            return Ok(value);
        }
        return Err(Error::invalid(name, &value, format!("a value of type {kind}")));
    };
    let is_text = value.try_as_str().is_some();
    let is_same = is_text || cast.cast_to(&given).is_ok_and(|back| back == value);
    Ok(if is_same { cast } else { value })
}

/// Whether a value that is none of a type goes with one: a number with a shorter kind of number, a span with an instant.
fn stands_beside(value: &ScalarValue, kind: &DataType) -> bool {
    let span = DataType::Interval(IntervalUnit::MonthDayNano);
    let are_numbers = value.data_type().is_numeric() && kind.is_numeric();
    are_numbers || kind.is_temporal() && value.cast_to(&span).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn text(text: &str) -> ScalarValue {
        ScalarValue::Utf8(Some(text.to_owned()))
    }

    #[test]
    fn a_value_takes_the_type_that_the_query_asks_for() {
        let number = ScalarValue::Int64(Some(5));
        for (value, kind, fit) in [
            (ScalarValue::Int32(Some(5)), DataType::Int64, number.clone()),
            (text("5"), DataType::Int64, number.clone()),
            (ScalarValue::Null, DataType::Int64, ScalarValue::Int64(None)),
            (ScalarValue::Utf8(None), DataType::Int64, ScalarValue::Int64(None)),
            (number, DataType::Float64, ScalarValue::Float64(Some(5.0))),
        ] {
            assert_eq!(fitted("$1", value, &kind).unwrap(), fit);
        }
    }

    #[test]
    fn a_value_that_this_would_change_stays_as_it_came() {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (value, kind) in [
            (ScalarValue::Float64(Some(1.5)), DataType::Int64),
            (ScalarValue::Int64(Some(3_000_000_000)), DataType::Int32),
            (ScalarValue::TimestampNanosecond(Some(1), None), instant.clone()),
            (text("1 hour"), instant),
        ] {
            assert_eq!(fitted("$1", value.clone(), &kind).unwrap(), value);
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused_by_its_name() {
        let error = fitted("$2", text("many"), &DataType::Int64).unwrap_err().to_string();
        assert_eq!(error, "`$2` is `many`, accepted: a value of type Int64");
    }

    #[test]
    fn a_function_says_the_type_of_an_argument_where_it_takes_one_type_alone() {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")));
        let exact = |kinds: &[DataType]| TypeSignature::Exact(kinds.to_vec());
        let either = TypeSignature::OneOf(vec![
            exact(&[DataType::Utf8, instant.clone()]),
            exact(&[DataType::Int64, instant.clone()]),
            exact(&[DataType::Utf8]),
        ]);
        assert_eq!(taken(&either, 0), None);
        assert_eq!(taken(&either, 1), Some(&instant));
        assert_eq!(taken(&either, 2), None);
        assert_eq!(taken(&exact(std::slice::from_ref(&instant)), 0), Some(&instant));
        assert_eq!(taken(&TypeSignature::Any(1), 0), None);
        let anywhere = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(TIMEZONE_WILDCARD)));
        assert_eq!(taken(&exact(&[anywhere]), 0), None);
    }
}
