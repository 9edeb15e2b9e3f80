//! Signatures after the Standard Webhooks specification, version 1.0.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! ```text
//! webhook-signature = "v1," base64(HMAC-SHA256(key, id "." timestamp "." body)), one a key, with spaces between
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, sign};

use super::secret::Secret;
use crate::{Error, Result};

/// What a secret of a webhook begins with.
const PREFIX: &str = "whsec_";
/// How long a key may be, in bytes, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What is accepted as secrets.
const ACCEPTED: &str =
    "`whsec_` and 24 to 64 bytes in base64; several, with white space between, while one replaces another";

/// The keys that a webhook is signed with: one, or two while one replaces the other.
#[derive(Clone)]
pub struct SigningKeys(Vec<Key>);

impl SigningKeys {
    /// Reads `whsec_...` secrets with white space between; `key` is the configuration key that they are about.
    ///
    /// # Errors
    /// A text that is no such secret; the text is not in the message.
    pub fn parse(secrets: &Secret, key: &str) -> Result<Self> {
        let refuse = || Error::invalid(key, "***", ACCEPTED);
        let mut keys = Vec::new();
        for text in secrets.reveal().split_whitespace() {
            let encoded = text.strip_prefix(PREFIX).ok_or_else(refuse)?;
            let bytes = STANDARD.decode(encoded).map_err(|_| refuse())?;
            if !KEY_BYTES.contains(&bytes.len()) {
                return Err(refuse());
            }
            keys.push(Key::new(HMAC_SHA256, &bytes));
        }
        if keys.is_empty() {
            return Err(refuse());
        }
        Ok(Self(keys))
    }

    /// The value of the header `webhook-signature`: a signature by each key. `id` has no full stop in it; `timestamp` is in
    /// seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        let signature = |key: &Key| format!("v1,{}", STANDARD.encode(sign(key, &signed)));
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn keys(text: &str) -> Result<SigningKeys> {
        SigningKeys::parse(&Secret::new(text), "secret_file")
    }

    #[test]
    fn the_example_of_the_reference_libraries_is_met() {
        let signature = keys(SECRET).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_one_secret_replaces_another_both_sign() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let both = keys(&format!("{SECRET}\n{other}\n")).unwrap().sign("a", 1, b"b");
        let alone = [SECRET, other].map(|one| keys(one).unwrap().sign("a", 1, b"b"));
        assert_eq!(both, alone.join(" "));
    }

    #[test]
    fn a_wrong_secret_is_refused_and_not_repeated() {
        for wrong in ["", "hush", "whsec_hush", "whsec_c2hvcnQ=", "whsec_!!!"] {
            let error = keys(wrong).err().unwrap().to_string();
            assert!(error.contains("`secret_file` is `***`"), "{error}");
        }
    }
}
