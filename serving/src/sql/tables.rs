//! What a query is made of: its tables, some of them as they stood earlier, and how wide and how often its parts are read.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, SetExpr, TableAlias, TableFactor, Value,
    ValueWithSpan, VisitorMut,
};

use crate::{Error, Result};

/// The most tables that a query may name.
pub(crate) const MOST_TABLES: usize = 50;
/// The most copies of queries that `WITH` names.
const MOST_COPIES: usize = 64;
/// The most columns that all parts of a query name together.
pub(crate) const MOST_COLUMNS: usize = 1_600;
/// Texts beyond this length, in bytes, count together: a column of them is as many copies as a batch has rows.
const LONG_TEXT: usize = 64;
/// The most bytes of long texts.
pub(crate) const MOST_TEXT: usize = 16 << 10;

/// Counts tables, and turns `as_of('table', when)` into the name `table@when`, which `names` opens.
#[derive(Default)]
pub(super) struct Tables {
    seen: usize,
    /// How often each name is read.
    read: HashMap<String, usize>,
    /// The names that `WITH` gives.
    given: Vec<String>,
    /// How many columns are named.
    columns: usize,
    /// The bytes of long texts.
    text: usize,
}

impl Tables {
    /// A query that `WITH` names is planned anew at each place where it is read: names that are read twice by the next name, and that
    /// one twice by the next, would double the plan at each step.
    pub fn check_doubling(&self) -> Result<()> {
        let reads = self
            .given
            .iter()
            .map(|name| self.read.get(name).copied().unwrap_or(0).max(1));
        let times = reads.fold(1_usize, usize::saturating_mul);
        if times <= MOST_COPIES {
            return Ok(());
        }
        let found = format!("queries of WITH, read {times} times");
        let accepted =
            format!("queries that are read at most {MOST_COPIES} times, counting those that read each other");
        Err(Error::invalid("query", found, accepted))
    }
}

impl VisitorMut for Tables {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.columns += columns(&query.body);
        if self.columns > MOST_COLUMNS {
            let found = format!("{} columns", self.columns);
            let accepted = format!("at most {MOST_COLUMNS} in all parts of a query");
            return ControlFlow::Break(Error::invalid("query", found, accepted));
        }
        let given = query.with.iter().flat_map(|with| &with.cte_tables);
        self.given
            .extend(given.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Error> {
        *self.read.entry(name.to_string().to_lowercase()).or_default() += 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<Error> {
        let length = value.value.clone().into_string().map_or(0, |text| text.len());
        if length > LONG_TEXT {
            self.text += length;
        }
        if self.text > MOST_TEXT {
            let found = format!("long texts of {} bytes", self.text);
            let accepted = format!("at most {MOST_TEXT} bytes in texts of more than {LONG_TEXT}");
            return ControlFlow::Break(Error::invalid("query", found, accepted));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let kind = match expr {
            Expr::Cast { data_type, .. } => data_type,
            Expr::TypedString(text) => &text.data_type,
            _ => return ControlFlow::Continue(()),
        };
        // One null of a list of two thousand million numbers would take their room.
        if matches!(kind, DataType::Array(_)) {
            let accepted = "types of single values";
            return ControlFlow::Break(Error::invalid("type", kind, accepted));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        self.seen += 1;
        if self.seen > MOST_TABLES {
            let accepted = format!("at most {MOST_TABLES} tables and subqueries");
            return ControlFlow::Break(Error::invalid("query", format!("over {} tables", self.seen), accepted));
        }
        let TableFactor::Table {
            name,
            args,
            alias,
            sample,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        if sample.is_some() {
            let accepted = "a condition such as `WHERE key LIKE 'A%'`, a LIMIT, or nothing";
            return ControlFlow::Break(Error::invalid("query", "TABLESAMPLE", accepted));
        }
        let is_as_of = name.to_string().eq_ignore_ascii_case("as_of");
        let Some(given) = args.take_if(|_| is_as_of) else {
            return ControlFlow::Continue(());
        };
        let texts: Vec<String> = given.args.iter().filter_map(literal).collect();
        let [table, when] = texts.as_slice() else {
            let given = given
                .args
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            let accepted = "as_of('table', 7) with a version, or as_of('table', '2026-01-31T08:00:00Z')";
            return ControlFlow::Break(Error::invalid("as_of", given, accepted));
        };
        alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', table),
            columns: Vec::new(),
            at: None,
        });
        *name = ObjectName::from(Ident::with_quote('"', format!("{table}@{when}")));
        ControlFlow::Continue(())
    }
}

/// How many columns the parts of a query name; subqueries are counted by themselves.
fn columns(body: &SetExpr) -> usize {
    match body {
        SetExpr::Select(select) => select.projection.len(),
        SetExpr::SetOperation { left, right, .. } => columns(left) + columns(right),
        _ => 0,
    }
}

fn literal(argument: &FunctionArg) -> Option<String> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
        return None;
    };
    match &value.value {
        Value::Number(number, _) => Some(number.clone()),
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}
