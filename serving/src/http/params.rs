//! Query parameters: read into the same structs that describe them in the OpenAPI document.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use arterial_datasets::time::Timestamp;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, de};

use super::accept::Format;
use crate::analytics::Bounds;
use crate::sql::nearest;
use crate::{Error, Result};

/// Reads a query.
///
/// # Errors
/// A parameter that is not known, with those that are; one that is given twice; a value that cannot be read, with what is accepted.
pub fn read<T: DeserializeOwned>(query: &str) -> Result<T> {
    let pair = RefCell::new((String::new(), String::new()));
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let pairs = pairs.inspect(|read| pair.borrow_mut().clone_from(read));
    let read = T::deserialize(MapDeserializer::<_, Wrong>::new(pairs));
    read.map_err(|wrong| {
        let (name, value) = pair.into_inner();
        match wrong {
            Wrong::Unknown { name, known } => unknown(&name, known),
            Wrong::Twice(name) => Error::invalid(name, "given twice", "each parameter once, lists with commas between"),
            Wrong::Value(accepted) => Error::invalid(name, value, accepted),
        }
    })
}

/// No parameter has that name: those that there are, and which of them may have been meant, such as `horizons_minutes` by
/// `horizon_minutes`.
fn unknown(name: &str, known: &[&str]) -> Error {
    let mut accepted = known.join(", ");
    if let Some(near) = nearest(name, known.iter().copied()) {
        accepted = format!("{accepted}; `{near}` may have been meant");
    }
    Error::invalid("query", name, accepted)
}

/// Why a query cannot be read.
#[derive(Debug)]
enum Wrong {
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    Twice(&'static str),
    /// What would have been accepted.
    Value(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown {
            name: field.to_owned(),
            known: expected,
        }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Twice(field)
    }
}

/// What one value can be read into.
pub trait Parameter: Sized {
    /// Whether an empty text is as good as none. It is not where it may have been meant to say something, such as a time.
    const EMPTY_IS_ABSENT: bool = false;

    /// Reads a text.
    ///
    /// # Errors
    /// What would have been accepted.
    fn read(text: &str) -> std::result::Result<Self, String>;
}

impl Parameter for String {
    const EMPTY_IS_ABSENT: bool = true;

    fn read(text: &str) -> std::result::Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Parameter for f64 {
    fn read(text: &str) -> std::result::Result<Self, String> {
        parsed(text, "fractions with commas between, such as 0.1,0.5,0.9")
    }
}

impl Parameter for i32 {
    fn read(text: &str) -> std::result::Result<Self, String> {
        parsed(text, "whole minutes with commas between")
    }
}

impl Parameter for u32 {
    fn read(text: &str) -> std::result::Result<Self, String> {
        parsed(text, "whole minutes")
    }
}

impl Parameter for Timestamp {
    fn read(text: &str) -> std::result::Result<Self, String> {
        // A `+` that was not escaped has become a space.
        parsed(
            &text.replace(' ', "+"),
            "RFC 3339 with an offset, such as 2026-01-31T08:00:00Z",
        )
    }
}

impl Parameter for Bounds {
    fn read(text: &str) -> std::result::Result<Self, String> {
        let accepted = || "west,south,east,north in degrees, such as 10.1,56.1,10.3,56.2".to_owned();
        let numbers: Vec<f64> = text
            .split(',')
            .map(|number| number.trim().parse().map_err(|_| accepted()))
            .collect::<std::result::Result<_, _>>()?;
        let [west, south, east, north] = numbers[..] else {
            return Err(accepted());
        };
        let longitudes = [west, east].iter().all(|one| (-180.0..=180.0).contains(one));
        let latitudes = [south, north].iter().all(|one| (-90.0..=90.0).contains(one));
        if !longitudes || !latitudes || south > north {
            return Err(accepted());
        }
        Ok(Self {
            west,
            south,
            east,
            north,
        })
    }
}

fn parsed<T: FromStr>(text: &str, accepted: &str) -> std::result::Result<T, String> {
    text.trim().parse().map_err(|_| accepted.to_owned())
}

/// A value that may be left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Given<T>(pub Option<T>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl Given<String> {
    /// The text, or `default` where it is left out.
    pub fn or(&self, default: &str) -> String {
        self.0.clone().unwrap_or_else(|| default.to_owned())
    }
}

impl<'de, T: Parameter> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if T::EMPTY_IS_ABSENT && text.is_empty() {
            return Ok(Self(None));
        }
        T::read(&text).map(|value| Self(Some(value))).map_err(D::Error::custom)
    }
}

/// Values with commas between.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Parameter> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words
            .map(T::read)
            .collect::<std::result::Result<_, _>>()
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// The rows of a page where nobody says how many.
const USUAL: usize = 100;

/// How many rows a page has at the most; none where nobody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit<const MOST: usize>(Option<usize>);

impl<const MOST: usize> Limit<MOST> {
    /// The rows of a page in `form`: as many as somebody says, or a hundred. In a form without room for where the next page begins they are
    /// as many as there may be instead: whoever reads such a page hardly asks whether it is all.
    pub fn rows(self, form: Format) -> usize {
        self.rows_within(form, MOST)
    }

    /// The same where there may be only so many of these rows.
    pub fn rows_within(self, form: Format, most: usize) -> usize {
        let usual = if form.tells_next() { USUAL } else { most };
        self.0.unwrap_or(usual.min(MOST))
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Limit<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        match limit {
            Some(_) => Ok(Self(limit)),
            None => Err(D::Error::custom(format!("1 to {MOST}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Example {
        keys: List<String>,
        model: Given<String>,
        since: Given<Timestamp>,
        bbox: Given<Bounds>,
        limit: Limit<1_000>,
    }

    #[test]
    fn lists_have_commas_between_and_an_empty_name_is_none() {
        let example: Example = read("keys=a,%20b,&model=").unwrap();
        assert_eq!((example.keys.0.len(), example.model.0), (2, None));
        assert_eq!((example.since.0, example.limit.rows(Format::Json)), (None, 100));
        let example: Example = read("bbox=10,56,11,57&since=1970-01-01T01:00:00+01:00&limit=7").unwrap();
        assert_eq!(
            (example.since.0, example.limit.rows(Format::Json)),
            (Some(Timestamp(0)), 7)
        );
        assert!(example.bbox.0.unwrap().hold(56.5, 10.5));
    }

    #[test]
    fn a_page_without_room_for_the_next_cursor_is_as_long_as_it_may_be_unless_somebody_says() {
        let limit = |query: &str| read::<Example>(query).unwrap().limit;
        for (form, rows) in [
            (Format::Json, 100),
            (Format::GeoJson, 100),
            (Format::Csv, 1_000),
            (Format::Arrow, 1_000),
        ] {
            assert_eq!(limit("").rows(form), rows, "{form:?}");
            assert_eq!(limit("limit=7").rows(form), 7, "{form:?}");
            assert_eq!(limit("limit=7").rows_within(form, 3), 7, "{form:?}");
        }
        assert_eq!(limit("").rows_within(Format::Csv, 3), 3);
        assert_eq!(Limit::<10>::default().rows(Format::Json), 10);
    }

    #[test]
    fn a_wrong_parameter_is_refused_with_what_is_accepted() {
        for (query, said) in [
            (
                "kezs=a",
                "`query` is `kezs`, accepted: keys, model, since, bbox, limit; `keys` may have been meant",
            ),
            ("since=", "`since` is ``, accepted: RFC 3339"),
            ("limit=", "`limit` is ``, accepted: 1 to 1000"),
            ("keys=a&keys=b", "`keys` is `given twice`"),
            ("keys=a&since=yesterday", "`since` is `yesterday`, accepted: RFC 3339"),
            ("limit=0", "`limit` is `0`, accepted: 1 to 1000"),
            ("limit=many", "`limit` is `many`, accepted: 1 to 1000"),
            ("bbox=1,2,3", "`bbox` is `1,2,3`, accepted: west,south,east,north"),
            ("bbox=1,2,3,nan", "`bbox`"),
            ("bbox=1,3,2,2", "`bbox`"),
        ] {
            let error = read::<Example>(query).unwrap_err().to_string();
            assert!(error.contains(said), "{query}: {error}");
        }
    }
}
