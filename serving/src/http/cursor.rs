//! Cursors: where the next page begins, opaque to clients and good for the same question only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Parameters that may change from page to page.
const FREE: [&str; 4] = ["cursor", "limit", "format", "fields"];
/// Bytes that tell one question from another.
const MARK: usize = 6;

/// What a question is about, so that its cursor fits no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope([u8; MARK]);

impl Scope {
    /// Of a path and its query.
    pub fn of(path: &str, query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let mut pairs: Vec<_> = pairs
            .filter(|(name, value)| !FREE.contains(&&**name) && !value.is_empty())
            .collect();
        pairs.sort();
        let mut digest = Sha256::new_with_prefix(path);
        for (name, value) in pairs {
            digest.update([0]);
            digest.update(name.as_bytes());
            digest.update([0]);
            digest.update(value.as_bytes());
        }
        let mut mark = [0; MARK];
        mark.copy_from_slice(&digest.finalize()[..MARK]);
        Self(mark)
    }

    /// The cursor that leads to `place`.
    ///
    /// # Errors
    /// None in practice: every place has a JSON form.
    pub fn write(&self, place: &(impl Serialize + ?Sized)) -> Result<String> {
        let mut bytes = self.0.to_vec();
        serde_json::to_writer(&mut bytes, place)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The place that a cursor leads to.
    ///
    /// # Errors
    /// A cursor that this question was not given.
    pub fn read<T: DeserializeOwned>(&self, cursor: &str) -> Result<T> {
        let foreign = || {
            let accepted = "the `next_cursor` of the page before, with the same parameters";
            Error::invalid("cursor", cursor, accepted)
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let place = bytes.strip_prefix(&self.0[..]).ok_or_else(foreign)?;
        serde_json::from_slice(place).map_err(|_| foreign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_where_it_came_from_and_nowhere_else() {
        let scope = Scope::of("/v1/traffic", "zones=Z01&limit=5");
        let cursor = scope.write(&("traffic-sensors", 7)).unwrap();
        let same = Scope::of("/v1/traffic", &format!("limit=9&cursor={cursor}&zones=Z01"));
        assert_eq!(
            same.read::<(String, i32)>(&cursor).unwrap(),
            ("traffic-sensors".into(), 7)
        );
        for other in [
            Scope::of("/v1/traffic", "zones=Z02"),
            Scope::of("/v1/transport", "zones=Z01"),
        ] {
            assert!(other.read::<(String, i32)>(&cursor).is_err());
        }
        for wrong in ["", "x", "!!", &cursor[..cursor.len() - 3]] {
            let error = scope.read::<(String, i32)>(wrong).unwrap_err().to_string();
            assert!(error.contains("next_cursor"), "{error}");
        }
    }
}
