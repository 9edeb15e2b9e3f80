//! Handles that clients keep for us: whatever comes back under our seal is what we gave.
//!
//! A sealed handle is its purpose (one byte), its content, and HMAC-SHA256 (RFC 2104) of both. Nothing is kept on the server, so
//! that no client can fill its memory, and replicas that share a key take each other's handles.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Error, Result};

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
pub(crate) struct Seal(Hmac<Sha256>);

impl Seal {
    /// Under a secret text.
    pub fn new(secret: &str) -> Self {
        // HMAC takes keys of any length.
        let keyed = Hmac::new_from_slice(secret.as_bytes());
        Self(keyed.unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default())))
    }

    /// Under a secret that is drawn now and ends with the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "a secret that a seed gives could be drawn again by others"
    )]
    pub fn drawn() -> Self {
        Self::new(&format!("{}{}", uuid::Uuid::new_v4(), uuid::Uuid::new_v4()))
    }

    /// The handle with this content.
    pub fn close(&self, purpose: Purpose, content: &[u8]) -> Vec<u8> {
        let mut handle = Vec::with_capacity(1 + content.len() + TAG);
        handle.push(purpose as u8);
        handle.extend_from_slice(content);
        let tag = self.0.clone().chain_update(&handle).finalize().into_bytes();
        handle.extend_from_slice(&tag);
        handle
    }

    /// The content of a handle.
    ///
    /// # Errors
    /// [`Error::Foreign`] where it is not as it was given, or for another purpose.
    pub fn open<'a>(&self, purpose: Purpose, handle: &'a [u8]) -> Result<&'a [u8]> {
        let foreign = || Error::Foreign(purpose.name());
        let (signed, tag) = handle
            .len()
            .checked_sub(TAG)
            .and_then(|length| handle.split_at_checked(length))
            .ok_or_else(foreign)?;
        self.0
            .clone()
            .chain_update(signed)
            .verify_slice(tag)
            .map_err(|_| foreign())?;
        match signed.split_first() {
            Some((kind, content)) if *kind == purpose as u8 => Ok(content),
            _ => Err(foreign()),
        }
    }
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
