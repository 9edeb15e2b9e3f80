//! Handles that clients keep for us: whatever comes back under our seal is what we gave.
//!
//! A sealed handle is its purpose (one byte), its content, and HMAC-SHA256 (RFC 2104) of both. Nothing is kept on the server, so
//! that no client can fill its memory, and replicas that share a key take each other's handles.

use std::fmt;

use ring::hmac::{HMAC_SHA256, Key, sign, verify};

use crate::{Error, Result};

/// The length of a tag, in bytes.
const TAG: usize = 32;

/// What a handle is for: one made for one purpose is refused for any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Ticket = 1,
    Statement = 2,
    Session = 3,
    Bearer = 4,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Ticket => "this ticket",
            Self::Statement => "this prepared statement",
            Self::Session => "this session",
            Self::Bearer => "this token",
        }
    }
}

/// The key of all handles.
#[derive(Clone)]
pub(crate) struct Seal(Key);

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal")
    }
}

impl Seal {
    /// Under a secret text.
    pub fn new(secret: &str) -> Self {
        Self(Key::new(HMAC_SHA256, secret.as_bytes()))
    }

    /// Under a secret that is drawn now and ends with the process.
    pub fn drawn() -> Self {
        Self::new(&format!("{}{}", chance(), chance()))
    }

    /// The handle with this content.
    pub fn close(&self, purpose: Purpose, content: &[u8]) -> Vec<u8> {
        let mut handle = Vec::with_capacity(1 + content.len() + TAG);
        handle.push(purpose as u8);
        handle.extend_from_slice(content);
        let tag = sign(&self.0, &handle);
        handle.extend_from_slice(tag.as_ref());
        handle
    }

    /// The content of a handle.
    ///
    /// # Errors
    /// [`Error::Foreign`] where it is not as it was given, or for another purpose.
    pub fn open<'a>(&self, purpose: Purpose, handle: &'a [u8]) -> Result<&'a [u8]> {
        let foreign = || Error::Foreign(purpose.name());
        let length = handle.len().checked_sub(TAG).ok_or_else(foreign)?;
        let (signed, tag) = handle.split_at(length);
        verify(&self.0, signed, tag).map_err(|_| foreign())?;
        match signed.split_first() {
            Some((kind, content)) if *kind == purpose as u8 => Ok(content),
            _ => Err(foreign()),
        }
    }
}

/// A number that nobody else draws.
#[expect(
    clippy::disallowed_methods,
    reason = "a secret that a seed gives could be drawn again by others"
)]
pub(crate) fn chance() -> u128 {
    uuid::Uuid::new_v4().as_u128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_comes_back() {
        let seal = Seal::new("secret");
        for content in [&b""[..], b"SELECT 1"] {
            let handle = seal.close(Purpose::Ticket, content);
            assert_eq!(seal.open(Purpose::Ticket, &handle).unwrap(), content);
        }
    }

    #[test]
    fn a_handle_that_was_changed_anywhere_is_refused() {
        let seal = Seal::new("secret");
        let handle = seal.close(Purpose::Ticket, b"SELECT 1");
        for place in 0..handle.len() {
            let mut forged = handle.clone();
            forged[place] ^= 1;
            assert!(seal.open(Purpose::Ticket, &forged).is_err(), "byte {place}");
        }
        assert!(seal.open(Purpose::Ticket, &handle[..20]).is_err());
    }

    #[test]
    fn a_handle_of_another_purpose_or_another_run_is_refused() {
        let seal = Seal::drawn();
        let handle = seal.close(Purpose::Ticket, b"SELECT 1");
        assert!(seal.open(Purpose::Statement, &handle).is_err());
        assert!(Seal::drawn().open(Purpose::Ticket, &handle).is_err());
    }
}
