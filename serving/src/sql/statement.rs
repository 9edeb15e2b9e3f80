//! From text to a statement: one query and nothing else, with `$1`, `$2`, .. for `?` and the names of tables as they stood earlier.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{Statement, VisitMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::problem;
use super::tables::Tables;
use crate::{Error, Result};

/// The longest text of a query, in bytes.
pub(crate) const LONGEST_QUERY: usize = 1 << 20;
/// How deep expressions may be nested.
const DEEPEST: usize = 50;
/// The most operators, and words such as `AND`: plans are as deep as there are such.
const MOST_JOINTS: usize = 1_000;
/// The most placeholders, and the highest number of one: each has a column among the parameters, whether or not it is read.
const MOST_PLACEHOLDERS: usize = 1_000;
const ACCEPTED: &str = "one query: SELECT, WITH, VALUES, EXPLAIN, DESCRIBE or SHOW TABLES";

/// Reads a query.
///
/// # Errors
/// Text that is no SQL, with its place; anything that is not a query.
pub(super) fn parse(sql: &str) -> Result<Parsed> {
    if sql.len() > LONGEST_QUERY {
        let accepted = format!("at most {LONGEST_QUERY} bytes");
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

/// Whether a query may ask what time it is: each function that does has one of these words in its name, and one of them anywhere else costs
/// little.
pub(super) fn asks_the_time(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    ["now", "current", "today"].iter().any(|word| lower.contains(word))
}

/// The words that put an expression or a query below another.
const JOINTS: [Keyword; 21] = [
    Keyword::AND,
    Keyword::OR,
    Keyword::XOR,
    Keyword::NOT,
    Keyword::IS,
    Keyword::NOTNULL,
    Keyword::IN,
    Keyword::LIKE,
    Keyword::ILIKE,
    Keyword::SIMILAR,
    Keyword::RLIKE,
    Keyword::REGEXP,
    Keyword::BETWEEN,
    Keyword::AT,
    Keyword::COLLATE,
    Keyword::DIV,
    Keyword::OVERLAPS,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::JOIN,
];

/// The parser bounds what is nested in brackets; chains such as `1 + 1 + 1` it nests without a bound.
fn check_joints(tokens: &[TokenWithSpan]) -> Result<()> {
    let joint = |token: &&TokenWithSpan| match &token.token {
        Token::Word(word) => JOINTS.contains(&word.keyword),
        Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::SemiColon
        | Token::Number(_, _)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::EOF => false,
        _ => true,
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
                if number.is_none_or(|number| !(1..=MOST_PLACEHOLDERS).contains(&number)) {
                    let accepted = format!("`?`, or `$1`, `$2`, .. up to `${MOST_PLACEHOLDERS}` as placeholders");
                    return Err(Error::invalid("query", name, accepted));
                }
                named = true;
            }
        }
    }
    if marks > MOST_PLACEHOLDERS {
        let accepted = format!("at most {MOST_PLACEHOLDERS}");
        return Err(Error::invalid("query", format!("{marks} placeholders"), accepted));
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

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
    fn no_more_parameters_are_asked_for_than_a_query_may_have() {
        read("SELECT $1000");
        for number in ["0", "1001", "999999999", "18446744073709551615", "99999999999999999999"] {
            let error = refused(&format!("SELECT 1 FROM t WHERE a = ${number}"));
            assert!(
                error.contains(&format!("`${number}`")) && error.contains("up to `$1000`"),
                "{error}"
            );
        }
        read(&format!("SELECT 1 FROM t WHERE a IN ({})", ["?"; 1_000].join(",")));
        let error = refused(&format!("SELECT 1 FROM t WHERE a IN ({})", ["?"; 1_001].join(",")));
        assert!(error.contains("`1001 placeholders`"), "{error}");
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
        for chain in [
            "+1",
            "=1",
            " IS NULL",
            "[1]",
            "::INT",
            " AT TIME ZONE 'UTC'",
            " NOT LIKE 'a'",
        ] {
            let error = refused(&format!("SELECT 1{}", chain.repeat(1_001)));
            assert!(error.contains("operators"), "{chain}: {error}");
        }
        let keys: Vec<String> = (0..10_000).map(|number| format!("'key-{number}'")).collect();
        parse(&format!("SELECT * FROM t WHERE key IN ({})", keys.join(","))).unwrap();
        assert!(refused(&format!("SELECT 1 FROM {}", vec!["t"; 51].join(","))).contains("at most 50 tables"));
    }

    #[test]
    fn queries_that_double_each_other_are_refused() {
        let mut sql = "WITH t0 AS (SELECT 1)".to_owned();
        for step in 1..20 {
            let _ = write!(sql, ", t{step} AS (SELECT 1 FROM t{0} a, t{0} b)", step - 1);
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
