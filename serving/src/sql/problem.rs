//! What `DataFusion` says of a query, as our error: a code, the place in the text, and what may have been meant.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use tonic::Code;

use super::names::{CATALOG, SCHEMA};
use super::suggest::{locate, nearest};
use crate::Error;
use crate::error::{Fault, chain};

/// A line and a column of a text, from 1.
type Place = (usize, usize);

/// What `DataFusion` says of a query that has spilled as much as it may.
const SPILLED_ALL: &str = "exceeded the allowable limit";
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
    match slip {
        Some((word, meant)) => {
            let place = locate(sql, word);
            wrong_at(
                place,
                format!("{message}; `{word}`{} may be meant as `{meant}`", at(place)),
            )
        }
        None => wrong_at(stopped_at(&message), message),
    }
}

/// Where the parser stopped: what it says ends with that.
fn stopped_at(message: &str) -> Option<Place> {
    let (_, place) = message.rsplit_once("line ")?;
    let (line, column) = place.split_once(", column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
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
            Some(ours) => again(ours),
            None => Error::Background(inner.to_string()),
        },
        DataFusionError::Execution(message)
        | DataFusionError::Plan(message)
        | DataFusionError::NotImplemented(message) => wrong(message.clone()),
        DataFusionError::ArrowError(refusal, _) => refused(refusal),
        other => Error::Background(other.strip_backtrace()),
    }
}

/// What Arrow refuses is the query's fault, except where it writes and reads what was spilled.
fn refused(error: &ArrowError) -> Error {
    match (error, chain(error)) {
        (ArrowError::IoError(..), said) if said.contains(SPILLED_ALL) => Error::Query {
            code: Code::ResourceExhausted,
            message: "the query needs more disk than it may have, its part of `sql.spill_bytes`: select less, or sort and group fewer rows"
                .to_owned(),
        },
        (ArrowError::IoError(..), said) => Error::Background(said),
        (_, said) => wrong(said),
    }
}

/// An error of ours that `DataFusion` holds, with the field or the name that is wrong.
fn again(ours: &Error) -> Error {
    if let Some(Fault { field, value, accepted }) = ours.fault() {
        return match value {
            Some(value) => Error::invalid(field, value, accepted),
            None => Error::missing(field, accepted),
        };
    }
    match *ours {
        Error::Unknown {
            what,
            ref name,
            ref known,
        }
        | Error::Ground(arterial_datasets::Error::Unknown {
            what,
            ref name,
            ref known,
        }) => Error::Unknown {
            what,
            name: name.clone(),
            known: known.clone(),
        },
        _ => Error::Query {
            code: ours.code(),
            message: chain(ours),
        },
    }
}

fn wrong(message: String) -> Error {
    wrong_at(None, message)
}

fn wrong_at(place: Option<Place>, message: String) -> Error {
    Error::Sql {
        message,
        place,
        table: None,
    }
}

fn column(sql: &str, error: &SchemaError) -> Error {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return wrong(error.to_string());
    };
    let known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    let hint = meant(nearest(&field.name, known.iter().copied()), || known.join(", "));
    let place = locate(sql, &field.name);
    wrong_at(place, format!("no column `{}`{}{hint}", field.name, at(place)))
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
        let place = locate(sql, name);
        return Error::Sql {
            message: format!("no table `{name}`{}{hint}", at(place)),
            place,
            table: Some(name.to_owned()),
        };
    }
    if let Some(name) = quoted("Invalid function '") {
        let said = message.split_once('\n').map_or("", |(_, said)| said);
        let place = locate(sql, name);
        let found = format!(
            "no function `{name}`, or none that is allowed here{}; {said}",
            at(place)
        );
        return wrong_at(place, found);
    }
    wrong(message.to_owned())
}

fn at(place: Option<Place>) -> String {
    place.map_or_else(String::new, |(line, column)| {
        format!(" at line {line}, column {column}")
    })
}

fn meant(nearest: Option<&str>, known: impl FnOnce() -> String) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!(", known: {}", known()),
    }
}
