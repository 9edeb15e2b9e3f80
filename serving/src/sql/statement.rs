//! From text to a statement: one query and nothing else, with `$1`, `$2`, .. for `?` and the names of tables as they stood earlier.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, SetExpr, Statement, TableAlias,
    TableFactor, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::problem;
use crate::{Error, Result};

/// The longest text of a query, in bytes.
const LONGEST: usize = 1 << 20;
/// How deep expressions may be nested.
const DEEPEST: usize = 50;
/// The most words that put one expression or query below another, such as `AND`: plans are as deep as there are such.
const MOST_JOINTS: usize = 1_000;
/// The most tables that a query may name.
const MOST_TABLES: usize = 50;
/// The most copies of queries that `WITH` names.
const MOST_COPIES: usize = 64;
/// The most columns that all parts of a query name together.
const MOST_COLUMNS: usize = 1_600;
/// Texts beyond this length, in bytes, count together: a column of them is as many copies as a batch has rows.
const LONG_TEXT: usize = 64;
/// The most bytes of long texts.
const MOST_TEXT: usize = 16 << 10;
const ACCEPTED: &str = "one query: SELECT, WITH, VALUES, EXPLAIN, DESCRIBE or SHOW TABLES";

/// Reads a query.
///
/// # Errors
/// Text that is no SQL, with its place; anything that is not a query.
pub(super) fn parse(sql: &str) -> Result<Parsed> {
    if sql.len() > LONGEST {
        let accepted = format!("at most {LONGEST} bytes");
        return Err(Error::invalid("query", format!("{} bytes long", sql.len()), accepted));
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| problem::syntax(sql, &error.into()))?;
    check_joints(&tokens)?;
    let mut statements = Parser::new(&dialect)
        .with_recursion_limit(DEEPEST)
        .with_tokens_with_locations(numbered(tokens)?)
        .parse_statements()
        .map_err(|error| problem::syntax(sql, &error))?;
    let Some(mut statement) = statements.pop() else {
        return Err(Error::invalid("query", "empty", ACCEPTED));
    };
    if !statements.is_empty() {
        let found = format!("{} statements", statements.len() + 1);
        return Err(Error::invalid("query", found, ACCEPTED));
    }
    only_queries(&statement)?;
    let mut tables = Tables::default();
    if let ControlFlow::Break(error) = VisitMut::visit(&mut statement, &mut tables) {
        return Err(error);
    }
    tables.check_doubling()?;
    Ok(Parsed::Statement(Box::new(statement)))
}

/// Whether a query lists the tables themselves.
pub(super) fn lists_tables(sql: &str) -> bool {
    let lower = sql.trim_start().to_lowercase();
    lower.contains("information_schema") || lower.starts_with("show") || lower.starts_with("desc")
}

fn check_joints(tokens: &[TokenWithSpan]) -> Result<()> {
    let joint = |token: &&TokenWithSpan| match &token.token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND | Keyword::OR | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN
        ),
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::DoubleColon => true,
        _ => false,
    };
    let joints = tokens.iter().filter(joint).count();
    if joints > MOST_JOINTS {
        let accepted = format!("at most {MOST_JOINTS}; a list of values is shorter as `IN (..)`");
        return Err(Error::invalid(
            "query",
            format!("{joints} operators and joins long"),
            accepted,
        ));
    }
    Ok(())
}

/// Numbers `?` in the order of the text.
fn numbered(mut tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let (mut marks, mut named) = (0, false);
    for token in &mut tokens {
        if let Token::Placeholder(name) = &mut token.token {
            if name == "?" {
                marks += 1;
                *name = format!("${marks}");
            } else {
                let number: Option<usize> = name.strip_prefix('$').and_then(|number| number.parse().ok());
                if number.is_none_or(|number| number == 0) {
                    return Err(Error::invalid("query", name, "`?`, or `$1`, `$2`, .. as placeholders"));
                }
                named = true;
            }
        }
    }
    if marks > 0 && named {
        let accepted = "one kind of placeholders only";
        return Err(Error::invalid("query", "`?` beside `$1`", accepted));
    }
    Ok(tokens)
}

fn only_queries(statement: &Statement) -> Result<()> {
    match statement {
        Statement::Query(_)
        | Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. } => Ok(()),
        Statement::Explain { statement, .. } => only_queries(statement),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(Error::invalid("query", words.join(" "), ACCEPTED))
        }
    }
}

/// Counts tables, and turns `as_of('table', when)` into the name `table@when`, which `names` opens.
#[derive(Default)]
struct Tables {
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
    fn check_doubling(&self) -> Result<()> {
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
        Value::Number(number, _) => Some(number.to_string()),
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> String {
        parse(sql).unwrap().to_string()
    }

    fn refused(sql: &str) -> String {
        parse(sql).unwrap_err().to_string()
    }

    #[test]
    fn question_marks_are_numbered_in_the_order_of_the_text() {
        let text = read("SELECT ? FROM t WHERE a = ? AND b = '?' LIMIT ?");
        assert_eq!(text, "SELECT $1 FROM t WHERE a = $2 AND b = '?' LIMIT $3");
        assert!(refused("SELECT ?, $1").contains("one kind of placeholders"));
        assert!(refused("SELECT $name").contains("`$name`"));
    }

    #[test]
    fn as_of_becomes_a_name() {
        assert_eq!(
            read("SELECT key FROM as_of('forecasts', 7)"),
            "SELECT key FROM \"forecasts@7\" AS \"forecasts\""
        );
        assert_eq!(
            read("SELECT f.key FROM AS_OF('forecasts', '2026-01-01T00:00:00Z') f"),
            "SELECT f.key FROM \"forecasts@2026-01-01T00:00:00Z\" f"
        );
        assert!(refused("SELECT * FROM as_of(forecasts, 7)").contains("as_of('table', 7)"));
    }

    #[test]
    fn only_queries_are_read() {
        for sql in [
            "DROP TABLE forecasts",
            "DELETE FROM forecasts",
            "INSERT INTO forecasts VALUES (1)",
            "UPDATE forecasts SET p50 = 0",
            "CREATE TABLE t (a INT)",
            "COPY forecasts TO '/tmp/x.csv'",
            "SET a = 1",
            "EXPLAIN DELETE FROM forecasts",
            "PREPARE p AS SELECT 1",
            "BEGIN",
        ] {
            assert!(refused(sql).contains("accepted: one query"), "{sql}");
        }
        assert!(refused("SELECT 1; SELECT 2").contains("2 statements"));
        assert!(refused(" -- nothing").contains("empty"));
        for sql in [
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "VALUES (1)",
            "EXPLAIN SELECT 1",
            "SHOW TABLES",
            "SELECT 1;",
        ] {
            parse(sql).unwrap();
        }
    }

    #[test]
    fn a_syntax_error_says_where_and_what_may_be_meant() {
        let error = refused("SELECT key\nFORM forecasts");
        assert!(error.contains("line 2"), "{error}");
        let error = refused("SELEC 1");
        assert!(
            error.contains("line 1, column 1") && error.contains("SELECT"),
            "{error}"
        );
    }

    #[test]
    fn a_query_that_is_deep_by_its_length_is_refused() {
        assert!(refused(&format!("SELECT 1{}", "+1".repeat(1_001))).contains("1001 operators"));
        let keys: Vec<String> = (0..10_000).map(|number| format!("'key-{number}'")).collect();
        parse(&format!("SELECT * FROM t WHERE key IN ({})", keys.join(","))).unwrap();
        assert!(refused(&format!("SELECT 1 FROM {}", vec!["t"; 51].join(","))).contains("at most 50 tables"));
    }

    #[test]
    fn queries_that_double_each_other_are_refused() {
        let mut sql = "WITH t0 AS (SELECT 1)".to_owned();
        for step in 1..20 {
            sql.push_str(&format!(", t{step} AS (SELECT 1 FROM t{0} a, t{0} b)", step - 1));
        }
        assert!(refused(&format!("{sql} SELECT * FROM t19")).contains("queries of WITH"));
    }

    #[test]
    fn a_query_that_makes_wide_rows_of_its_text_is_refused() {
        let many: Vec<String> = (0..2_000).map(|number| format!("1 AS c{number}")).collect();
        assert!(refused(&format!("SELECT {}", many.join(","))).contains("2000 columns"));
        let long = "x".repeat(20_000);
        assert!(refused(&format!("SELECT '{long}'")).contains("20000 bytes"));
        assert!(refused("SELECT CAST(NULL AS BIGINT[2147483647])").contains("`type`"));
        assert!(refused("SELECT NULL::INT[]").contains("`type`"));
        assert!(refused("SELECT * FROM t TABLESAMPLE (10 PERCENT)").contains("TABLESAMPLE"));
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(refused(&deep).contains("nested"), "{}", refused(&deep));
    }
}
