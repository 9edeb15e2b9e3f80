//! What a ticket or a descriptor asks for.

use std::fmt;
use std::str::FromStr;

use arrow_flight::{FlightDescriptor, Ticket, flight_descriptor::DescriptorType};
use arterial_datasets::time::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// The most keys in a query.
const MOST_KEYS: usize = 100_000;
const ACCEPTED: &str = r#"a dataset's name, or JSON such as {"dataset": "forecasts", "columns": ["key", "p50"], "keys": ["sensor-001"], "from": "2026-01-31T08:00:00Z", "to": "2026-01-31T09:00:00Z"}"#;

/// A dataset, and which part of it. As JSON it is the ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The dataset's name.
    pub dataset: String,
    /// The columns, in this order; all that are shown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Only rows with one of these keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// Only rows at or after this instant, RFC 3339; which column is meant, the dataset says.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "from")]
    pub from: Option<Instant>,
    /// Only rows before this instant, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "to")]
    pub to: Option<Instant>,
    /// The column that `from` and `to` mean, where it is not the one that the dataset chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The dataset as it stood then: a version of the table, or an instant, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
    /// Whether texts that repeat come dictionary-encoded; plain texts where absent, which every client reads.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dictionary: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A version of a table, or the instant at which it was the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The version's number, from 0.
    Version(i64),
    /// The instant.
    Instant(Timestamp),
}

impl FromStr for AsOf {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let accepted = "a version's number, or an instant such as 2026-01-31T08:00:00Z";
        let instant = text.parse().map_err(|_| Error::invalid("as_of", text, accepted))?;
        Ok(Self::Instant(instant))
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(formatter),
            Self::Instant(instant) => instant.fmt(formatter),
        }
    }
}

impl Serialize for AsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Version(version) => serializer.serialize_i64(*version),
            Self::Instant(instant) => serializer.collect_str(instant),
        }
    }
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map_err(D::Error::custom)
    }
}

/// An instant, RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Instant(pub Timestamp);

impl From<Instant> for String {
    fn from(instant: Instant) -> Self {
        instant.0.to_string()
    }
}

fn from<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    instant("from", deserializer)
}

fn to<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    instant("to", deserializer)
}

fn instant<'de, D: Deserializer<'de>>(field: &str, deserializer: D) -> Result<Option<Instant>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match text.parse() {
        Ok(instant) => Ok(Some(Instant(instant))),
        Err(error) => Err(D::Error::custom(arterial_datasets::Error::about(error, field))),
    }
}

impl Query {
    /// Reads a ticket: JSON, or the bare name of a dataset.
    ///
    /// # Errors
    /// Bytes that are neither.
    pub fn from_ticket(ticket: &Ticket) -> Result<Self> {
        Self::read("ticket", &ticket.ticket)
    }

    /// Reads a descriptor: `path = [NAME]`, or a command with what a ticket may hold.
    ///
    /// # Errors
    /// A path of several parts, or a command that does not read.
    pub fn from_descriptor(descriptor: &FlightDescriptor) -> Result<Self> {
        if descriptor.r#type() == DescriptorType::Cmd {
            return Self::read("cmd", &descriptor.cmd);
        }
        match descriptor.path.as_slice() {
            [name] => Ok(Self {
                dataset: name.clone(),
                ..Self::default()
            }),
            path => Err(Error::invalid("path", path.join("/"), "one part, the dataset's name")),
        }
    }

    /// The ticket that asks for this.
    ///
    /// # Errors
    /// None in practice: every query has a JSON form.
    pub fn ticket(&self) -> Result<Ticket> {
        Ok(Ticket::new(serde_json::to_vec(self)?))
    }

    fn read(field: &str, bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Error::invalid(field, "not UTF-8", ACCEPTED))?
            .trim();
        if text.is_empty() {
            return Err(Error::invalid(field, "", ACCEPTED));
        }
        if !text.starts_with('{') {
            return Ok(Self {
                dataset: text.into(),
                ..Self::default()
            });
        }
        let query: Self = serde_json::from_str(text).map_err(|error| Error::invalid(field, error, ACCEPTED))?;
        if query.columns.as_ref().is_some_and(Vec::is_empty) {
            let accepted = "one column or more, or no `columns` at all for all that there are";
            return Err(Error::invalid("columns", "[]", accepted));
        }
        if let Some(keys) = &query.keys
            && keys.len() > MOST_KEYS
        {
            return Err(Error::invalid(
                "keys",
                format!("{} of them", keys.len()),
                format!("at most {MOST_KEYS}"),
            ));
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_holds_what_was_asked() {
        let text = r#"{"dataset":"forecasts","columns":["key","p50"],"keys":["a"],"from":"2026-01-31T08:00:00Z","time":"target_time","as_of":7,"dictionary":true}"#;
        let query = Query::from_descriptor(&FlightDescriptor::new_cmd(text)).unwrap();
        assert_eq!(Query::from_ticket(&query.ticket().unwrap()).unwrap(), query);
        assert_eq!(query.ticket().unwrap().ticket, text.as_bytes());
    }

    #[test]
    fn a_bare_name_and_a_path_mean_the_whole_dataset() {
        let path = Query::from_descriptor(&FlightDescriptor::new_path(vec!["quarantine".into()])).unwrap();
        assert_eq!(Query::from_ticket(&Ticket::new("quarantine")).unwrap(), path);
    }

    #[test]
    fn as_of_is_a_version_or_an_instant() {
        for (text, read) in [
            ("7", AsOf::Version(7)),
            ("\"1970-01-01T00:00:01Z\"", AsOf::Instant(Timestamp(1_000_000))),
        ] {
            let ticket = format!(r#"{{"dataset":"x","as_of":{text}}}"#);
            let query = Query::from_ticket(&Ticket::new(ticket.clone())).unwrap();
            assert_eq!(query.as_of, Some(read));
            assert_eq!(query.ticket().unwrap().ticket, ticket.as_bytes());
        }
    }

    #[test]
    fn a_wrong_ticket_says_what_is_accepted() {
        for bad in [
            r#"{"dataset":"x","colums":[]}"#,
            r#"{"dataset":"x","from":"yesterday"}"#,
            r#"{"dataset":"x","as_of":"yesterday"}"#,
            r#"{"dataset":"x","as_of":1.5}"#,
            "",
            "{",
        ] {
            let error = Query::from_ticket(&Ticket::new(bad)).unwrap_err().to_string();
            assert!(error.contains("`ticket`") && error.contains("accepted"), "{error}");
        }
        let error = Query::from_ticket(&Ticket::new(r#"{"dataset":"x","columns":[],"dictionary":true}"#));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`columns` is `[]`, accepted: one column"), "{error}");
        for field in ["from", "to"] {
            let bad = format!(r#"{{"dataset":"x","{field}":"yesterday"}}"#);
            let error = Query::from_ticket(&Ticket::new(bad)).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}` is `yesterday`")), "{error}");
        }
    }
}
