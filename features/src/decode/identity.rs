//! What makes two records the same event: a keyed hash of 128 bits.

use std::fmt;

use sha2::{Digest, Sha256};
use siphasher::sip128::SipHasher24;

/// The service's secret. It keys the hashes of identities and of personal fields, so that nobody who lacks it can find a
/// person by trying ids, or make events that collide. Two services that read the same events need the same secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdentityKey(pub [u8; 16]);

impl IdentityKey {
    /// The key that a secret text of any length stands for.
    #[must_use]
    pub fn from_secret(secret: &str) -> Self {
        let digest = Sha256::digest(secret.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }

    /// The keyed hash of `bytes`: SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012).
    pub(super) fn hash(&self, bytes: &[u8]) -> u128 {
        SipHasher24::new_with_key(&self.0).hash(bytes).into()
    }

    /// The keyed hash of a personal text, as tables show it: 32 hexadecimal digits, the same for the same text in every
    /// stream.
    #[must_use]
    pub fn pseudonym(&self, text: &str) -> String {
        let mut bytes = Vec::with_capacity(text.len() + 9);
        bytes.extend_from_slice(b"personal:");
        bytes.extend_from_slice(text.as_bytes());
        format!("{:032x}", self.hash(&bytes))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdentityKey(secret)")
    }
}

/// The bytes that an identity is the hash of: each part with its kind and, where its length varies, its length, so that
/// no two different lists of parts have the same bytes.
#[derive(Debug, Default)]
pub(super) struct IdentityBytes(Vec<u8>);

impl IdentityBytes {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn text(&mut self, text: &str) {
        self.0.push(b't');
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn whole(&mut self, number: i64) {
        self.0.push(b'i');
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn real(&mut self, number: f64) {
        self.0.push(b'f');
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn truth(&mut self, truth: bool) {
        self.0.extend_from_slice(&[b'b', u8::from(truth)]);
    }

    pub fn hash(&self, key: IdentityKey) -> u128 {
        key.hash(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(parts: &[&str]) -> u128 {
        let mut bytes = IdentityBytes::default();
        for part in parts {
            bytes.text(part);
        }
        bytes.hash(IdentityKey([7; 16]))
    }

    #[test]
    fn where_one_part_ends_matters() {
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    }

    #[test]
    fn another_secret_gives_other_pseudonyms_and_shows_none() {
        let (one, other) = (IdentityKey::from_secret("one"), IdentityKey::from_secret("other"));
        assert_eq!(one.pseudonym("taxi-7").len(), 32);
        assert_ne!(one.pseudonym("taxi-7"), other.pseudonym("taxi-7"));
        assert_eq!(format!("{one:?}"), "IdentityKey(secret)");
    }
}
