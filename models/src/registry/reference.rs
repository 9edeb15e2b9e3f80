//! How models and what they forecast are called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// A published model: `linear@3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelVersion {
    /// The name.
    pub name: String,
    /// The version, 1 first.
    pub version: u32,
}

/// How somebody asks for a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `linear@3`.
    Version(ModelVersion),
    /// `linear`: its newest version.
    Newest(String),
    /// `@champion`: what the alias of a target points to.
    Alias(String),
}

/// What a model forecasts: a field of a topic. Written `traffic-sensors.speed_kmh`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The topic, or the name of the file that the model was trained on.
    pub topic: String,
    /// The field.
    pub field: String,
}

/// Checks that `name` can stand in a path.
pub(super) fn check_name(field: &str, name: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.chars().all(fits) {
        let accepted = "1 to 128 letters, digits, `-`, `_` and `.`, the first no dot";
        return Err(Error::invalid(field, name, accepted));
    }
    Ok(())
}

impl fmt::Display for ModelVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

impl FromStr for ModelVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse()? {
            Reference::Version(id) => Ok(id),
            _ => Err(Error::invalid("model", text, "a name and a version, such as linear@3")),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(id) => id.fmt(formatter),
            Self::Newest(name) => formatter.write_str(name),
            Self::Alias(alias) => write!(formatter, "@{alias}"),
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    /// Reads `linear@3`, `linear` or `@champion`.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(
                "model",
                text,
                "name@version, a name, or @alias, such as linear@3, linear or @champion",
            )
        };
        let (name, version) = match text.split_once('@') {
            Some(("", alias)) => {
                check_name("alias", alias)?;
                return Ok(Self::Alias(alias.into()));
            }
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        check_name("model", name)?;
        let Some(version) = version else {
            return Ok(Self::Newest(name.into()));
        };
        match version.parse() {
            Ok(version) if version > 0 => Ok(Self::Version(ModelVersion {
                name: name.into(),
                version,
            })),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.topic, self.field)
    }
}

impl FromStr for Target {
    type Err = Error;

    /// Reads `topic.field`; the field stands behind the last dot.
    fn from_str(text: &str) -> Result<Self> {
        let accepted = "a topic and a field, such as traffic-sensors.speed_kmh";
        let (topic, field) = text
            .rsplit_once('.')
            .ok_or_else(|| Error::invalid("target", text, accepted))?;
        check_name("topic", topic)?;
        check_name("field", field)?;
        Ok(Self {
            topic: topic.into(),
            field: field.into(),
        })
    }
}

macro_rules! as_text {
    ($kind:ty) => {
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(ModelVersion);
as_text!(Target);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_print_as_they_are_read() {
        for text in ["linear@3", "linear", "@champion"] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_reference_cannot_leave_its_folder() {
        for text in ["../etc", "a/b@1", "@../x", "linear@0", "linear@one", "", "@"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_split_at_its_last_dot() {
        let target: Target = "losloop.parquet.value".parse().unwrap();
        assert_eq!(
            (target.topic.as_str(), target.field.as_str()),
            ("losloop.parquet", "value")
        );
    }
}
