//! Sessions: what a client set for all of its queries, in a cookie under our seal.

use std::collections::HashMap;
use std::fmt::Write;

use arrow::array::timezone::Tz;
use prost::Message;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};

use super::FlightSql;
use crate::seal::Purpose;
use crate::sql::{CATALOG, SCHEMA};
use crate::{Error, Result};

const COOKIE: &str = "arterial_session";

/// What was set.
#[derive(Clone, PartialEq, Message)]
pub(in crate::flight) struct Session {
    /// The zone of `local_time`, where it is not the site's.
    #[prost(string, optional, tag = "1")]
    pub zone: Option<String>,
}

/// `SetSessionOptionsRequest` of Flight.proto, as far as options are texts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetOptions {
    #[prost(map = "string, message", tag = "1")]
    pub options: HashMap<String, OptionValue>,
}

/// `GetSessionOptionsResult`.
pub(super) type Options = SetOptions;

/// `SessionOptionValue`; without a text it unsets the option.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OptionValue {
    #[prost(string, optional, tag = "1")]
    pub text: Option<String>,
}

/// `SetSessionOptionsResult`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetResult {
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, SetError>,
}

/// `SetSessionOptionsResult.Error`: 1 is a name, 2 a value that is not accepted.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetError {
    #[prost(int32, tag = "1")]
    pub value: i32,
}

/// `CloseSessionResult`: 1 is closed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseResult {
    #[prost(int32, tag = "1")]
    pub status: i32,
}

const BAD_NAME: SetError = SetError { value: 1 };
const BAD_VALUE: SetError = SetError { value: 2 };

impl Session {
    /// Sets options; what is not accepted comes back and changes nothing.
    pub(super) fn set(&mut self, request: &SetOptions) -> SetResult {
        let mut errors = HashMap::new();
        for (name, value) in &request.options {
            let text = value.text.as_deref();
            let refused = match (name.as_str(), text) {
                ("timezone", None | Some("")) => {
                    self.zone = None;
                    None
                }
                ("timezone", Some(zone)) if zone.parse::<Tz>().is_ok() => {
                    self.zone = Some(zone.to_owned());
                    None
                }
                ("catalog", text) => text.is_some_and(|text| text != CATALOG).then_some(BAD_VALUE),
                ("schema", text) => text.is_some_and(|text| text != SCHEMA).then_some(BAD_VALUE),
                ("timezone", _) => Some(BAD_VALUE),
                _ => Some(BAD_NAME),
            };
            errors.extend(refused.map(|error| (name.clone(), error)));
        }
        SetResult { errors }
    }

    /// Every option that is set.
    pub(super) fn options(&self) -> Options {
        let text = |text: &str| OptionValue {
            text: Some(text.to_owned()),
        };
        let mut options = HashMap::from([
            ("catalog".to_owned(), text(CATALOG)),
            ("schema".to_owned(), text(SCHEMA)),
        ]);
        options.extend(self.zone.iter().map(|zone| ("timezone".to_owned(), text(zone))));
        Options { options }
    }
}

impl FlightSql {
    /// The session of a call, from its cookie; an empty one where there is none.
    ///
    /// # Errors
    /// A cookie of ours that is not as it was given.
    pub fn session(&self, metadata: &MetadataMap) -> Result<Session> {
        let cookies = metadata
            .get_all("cookie")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let ours = cookies
            .flat_map(|line| line.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let Some(text) = ours.filter(|text| !text.is_empty()) else {
            return Ok(Session::default());
        };
        let foreign = || Error::Foreign("this session");
        let handle = bytes(text.trim_matches('"')).ok_or_else(foreign)?;
        let content = self.seal.open(Purpose::Session, &handle)?;
        Session::decode(content).map_err(|_| foreign())
    }

    /// The header that makes a client keep the session.
    pub(super) fn cookie(&self, session: &Session) -> Result<AsciiMetadataValue> {
        let handle = self.seal.close(Purpose::Session, &session.encode_to_vec());
        let mut text = format!("{COOKIE}=");
        for byte in handle {
            write!(text, "{byte:02x}").map_err(|error| Error::Background(error.to_string()))?;
        }
        header(&text)
    }

    /// The header that makes a client forget it.
    pub(super) fn no_cookie() -> Result<AsciiMetadataValue> {
        header(&format!("{COOKIE}=; Max-Age=0"))
    }

    /// The header and the text with which Basic authentication is answered: JDBC's driver goes on only with a bearer.
    pub fn bearer(&self) -> Result<AsciiMetadataValue> {
        let handle = self.seal.close(Purpose::Bearer, b"loopback");
        let mut text = "Bearer ".to_owned();
        for byte in handle {
            write!(text, "{byte:02x}").map_err(|error| Error::Background(error.to_string()))?;
        }
        header(&text)
    }
}

fn header(text: &str) -> Result<AsciiMetadataValue> {
    text.parse()
        .map_err(|_| Error::Background("a header that is no ASCII".to_owned()))
}

/// The bytes of pairs of hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, text: Option<&str>) -> SetOptions {
        let value = OptionValue {
            text: text.map(str::to_owned),
        };
        SetOptions {
            options: HashMap::from([(name.to_owned(), value)]),
        }
    }

    #[test]
    fn options_are_set_read_and_unset() {
        let mut session = Session::default();
        assert!(
            session
                .set(&request("timezone", Some("Europe/Copenhagen")))
                .errors
                .is_empty()
        );
        assert_eq!(
            session.options().options["timezone"].text.as_deref(),
            Some("Europe/Copenhagen")
        );
        assert!(session.set(&request("timezone", None)).errors.is_empty());
        assert_eq!(session, Session::default());
    }

    #[test]
    fn a_wrong_option_is_named_and_changes_nothing() {
        let mut session = Session::default();
        for (name, text, error) in [
            ("colour", "red", BAD_NAME),
            ("timezone", "Mars/Olympus", BAD_VALUE),
            ("catalog", "other", BAD_VALUE),
        ] {
            assert_eq!(session.set(&request(name, Some(text))).errors[name], error);
        }
        assert_eq!(session, Session::default());
    }
}
