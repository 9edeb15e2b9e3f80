//! What `DataFusion` says of a query, as our error: a code, the place in the text, and what may have been meant.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use tonic::Code;

use super::names::{CATALOG, SCHEMA};
use super::suggest::{locate, nearest};
use crate::Error;
use crate::error::chain;

/// The words of which a query is built.
const WORDS: [&str; 24] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "BY", "HAVING", "LIMIT", "OFFSET", "JOIN", "LEFT", "RIGHT", "INNER",
    "OUTER", "ON", "USING", "WITH", "UNION", "VALUES", "BETWEEN", "DISTINCT", "CASE", "EXPLAIN", "DESCRIBE",
];

/// A text that is no SQL.
pub(super) fn syntax(sql: &str, error: &ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => "the query is nested too deeply".to_owned(),
        ParserError::TokenizerError(said) | ParserError::ParserError(said) => said.clone(),
    };
    // "Expected: an SQL statement, found: SELEC at Line: 1, Column: 1"
    let message = message.replace("Line: ", "line ").replace("Column: ", "column ");
    let found = message.split_once("found: ").map_or("", |(_, rest)| rest);
    let found = found.split_whitespace().next().unwrap_or_default();
    // Most often the slip is not where the parser stopped, but in a word before that reads as a name.
    let slip = std::iter::once(found).chain(words(sql)).find_map(|word| {
        let meant = nearest(word, WORDS)?;
        (!WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))).then_some((word, meant))
    });
    wrong(match slip {
        Some((word, meant)) => format!("{message}; `{word}`{} may be meant as `{meant}`", place(sql, word)),
        None => message,
    })
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|letter: char| !letter.is_alphabetic())
        .filter(|word| word.len() > 3)
}

/// Any other failure; `tables` are the names that exist.
pub(super) fn problem(sql: &str, error: &DataFusionError, tables: &[String]) -> Error {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => column(sql, schema),
        DataFusionError::Plan(message) => plan(sql, message, tables),
        DataFusionError::SQL(parser, _) => syntax(sql, parser),
        DataFusionError::NotImplemented(message) | DataFusionError::Configuration(message) => wrong(message.clone()),
        other => failure(other),
    }
}

/// A failure while rows are made.
pub(super) fn failure(error: &DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(message) => Error::Query {
            code: Code::ResourceExhausted,
            message: format!("the query needs more than it may have: {message}"),
        },
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => Error::Query {
                code: ours.code(),
                message: chain(ours),
            },
            None => Error::Background(inner.to_string()),
        },
        DataFusionError::Execution(message)
        | DataFusionError::Plan(message)
        | DataFusionError::NotImplemented(message) => wrong(message.clone()),
        DataFusionError::ArrowError(arrow, _) => wrong(chain(arrow.as_ref())),
        other => Error::Background(other.strip_backtrace()),
    }
}

fn wrong(message: String) -> Error {
    Error::Query {
        code: Code::InvalidArgument,
        message,
    }
}

fn column(sql: &str, error: &SchemaError) -> Error {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return wrong(error.to_string());
    };
    let known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    let hint = meant(nearest(&field.name, known.iter().copied()), || known.join(", "));
    wrong(format!("no column `{}`{}{hint}", field.name, place(sql, &field.name)))
}

fn plan(sql: &str, message: &str, tables: &[String]) -> Error {
    let quoted = |before: &str| {
        let (_, rest) = message.split_once(before)?;
        rest.split('\'').next()
    };
    if let Some(name) = quoted("table '").filter(|_| message.contains("' not found")) {
        let ours = format!("{CATALOG}.{SCHEMA}.");
        let name = name.strip_prefix(&ours).unwrap_or(name);
        let hint = meant(nearest(name, tables.iter().map(String::as_str)), || tables.join(", "));
        return Error::Query {
            code: Code::NotFound,
            message: format!("no table `{name}`{}{hint}", place(sql, name)),
        };
    }
    if let Some(name) = quoted("Invalid function '") {
        let said = message.split_once('\n').map_or("", |(_, said)| said);
        return wrong(format!(
            "no function `{name}`, or none that is allowed here{}; {said}",
            place(sql, name)
        ));
    }
    wrong(message.to_owned())
}

fn place(sql: &str, word: &str) -> String {
    locate(sql, word).map_or_else(String::new, |(line, column)| {
        format!(" at line {line}, column {column}")
    })
}

fn meant(nearest: Option<&str>, known: impl FnOnce() -> String) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!(", known: {}", known()),
    }
}
