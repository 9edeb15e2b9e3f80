//! Where somebody who follows the events stands: what a `Last-Event-ID` says.

use std::fmt;
use std::str::FromStr;

/// What was told last of each kind of event. Written as an id, `42.now-0f3a.models-77b1`: the sequence of the alerts, then a digest
/// of each of the others, so that it holds across restarts of the server too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The sequence up to which alerts were told; none before they were.
    pub alerts: Option<u64>,
    /// The digests of what was told last, by kind of event.
    told: Vec<(String, String)>,
}

impl Cursor {
    /// Whether this was the last that was told of `kind`.
    pub fn knows(&self, kind: &str, digest: &str) -> bool {
        self.told.iter().any(|(of, told)| of == kind && told == digest)
    }

    /// Forgets what was told of `kind`, so that it is told anew.
    pub fn forget(&mut self, kind: &str) {
        self.told.retain(|(of, _)| of != kind);
    }

    /// Notes that this was told of `kind`.
    pub fn note(&mut self, kind: &str, digest: &str) {
        self.forget(kind);
        self.told.push((kind.to_owned(), digest.to_owned()));
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(alerts) = self.alerts {
            write!(formatter, "{alerts}")?;
        }
        self.told
            .iter()
            .try_for_each(|(kind, digest)| write!(formatter, ".{kind}-{digest}"))
    }
}

impl FromStr for Cursor {
    type Err = ();

    /// Reads an id; whatever is none of ours is an error, as which everything is told anew.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let alerts = match parts.next().unwrap_or_default() {
            "" => None,
            number => Some(number.parse().map_err(|_| ())?),
        };
        let pair = |part: &str| {
            let (kind, digest) = part.split_once('-').ok_or(())?;
            Ok((kind.to_owned(), digest.to_owned()))
        };
        let told = parts.take(8).map(pair).collect::<Result<_, ()>>()?;
        Ok(Self { alerts, told })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let mut cursor = Cursor {
            alerts: Some(42),
            ..Cursor::default()
        };
        cursor.note("now", "0f3a");
        cursor.note("models", "77b1");
        cursor.note("now", "9c9c");
        assert_eq!(cursor.to_string(), "42.models-77b1.now-9c9c");
        assert_eq!("42.models-77b1.now-9c9c".parse(), Ok(cursor.clone()));
        assert!(cursor.knows("now", "9c9c") && !cursor.knows("now", "0f3a"));
        assert_eq!(".now-1".parse::<Cursor>().map(|cursor| cursor.alerts), Ok(None));
    }

    #[test]
    fn an_id_from_elsewhere_is_none() {
        for foreign in ["x", "1.now", "-1", "1..2"] {
            assert_eq!(foreign.parse::<Cursor>(), Err(()), "{foreign}");
        }
    }
}
