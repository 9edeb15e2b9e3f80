//! Texts that nobody is shown: tokens and keys of receivers.

use std::cmp::Reverse;
use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

use crate::{Error, Result};

/// What stands in place of a secret.
const BLANK: &str = "***";
/// Parts of an address that are shorter are words such as `api` or `v2`.
const SHORTEST_PART: usize = 8;

/// A text that is neither logged nor shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for those who have to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` without this secret: some servers repeat in an answer what they were sent.
    pub fn hide(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.into();
        }
        text.replace(&self.0, BLANK)
    }

    /// What can be secret of an address: user name, password, path and query, and the longer parts of the last two, as some servers
    /// repeat no more than a part.
    pub fn of_address(url: &Url) -> Vec<Self> {
        let path = url.path().trim_end_matches('/');
        let (password, query) = (url.password().unwrap_or_default(), url.query().unwrap_or_default());
        let steps = path.split('/').map(str::to_owned);
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let parts = steps.chain(values).filter(|part| part.len() >= SHORTEST_PART);
        let whole = [url.username(), password, path, query].map(str::to_owned);
        let secrets = whole.into_iter().chain(parts).filter(|text| !text.is_empty());
        secrets.map(Self).collect()
    }

    /// `text` without any of `secrets`.
    pub fn hide_all(secrets: &[Self], text: &str) -> String {
        // A short one may be a part of a long one, which would then not be found any more.
        let mut longest_first: Vec<&Self> = secrets.iter().collect();
        longest_first.sort_by_key(|secret| Reverse(secret.0.len()));
        let hidden = longest_first.into_iter();
        hidden.fold(text.to_owned(), |text, secret| secret.hide(&text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(BLANK)
    }
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl SecretPlace {
    /// Reads it, without the space around; `key` is the configuration key that names the place.
    ///
    /// # Errors
    /// A file that cannot be read, a variable that is not set, an empty secret. The secret is in no message.
    pub fn read(&self, key: &str) -> Result<Secret> {
        let (place, text) = match self {
            Self::File(path) => {
                let text = std::fs::read_to_string(path);
                let refuse = |error| Error::invalid(key, path.display(), format!("a file that can be read ({error})"));
                (path.display().to_string(), text.map_err(refuse)?)
            }
            Self::Variable(name) => {
                let refuse = |_| Error::invalid(key, name, "an environment variable that is set");
                (name.clone(), std::env::var(name).map_err(refuse)?)
            }
        };
        match text.trim() {
            "" => Err(Error::invalid(
                key,
                place,
                "a place that holds a secret, and is not empty",
            )),
            text => Ok(Secret::new(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("123:abc");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.hide("POST /bot123:abc/sendMessage"), "POST /bot***/sendMessage");
    }

    fn hidden(url: &str, text: &str) -> String {
        Secret::hide_all(&Secret::of_address(&Url::parse(url).unwrap()), text)
    }

    #[test]
    fn what_can_be_secret_of_an_address_is_not_shown_whole_or_in_parts() {
        let url = "https://mona:pass@example.org/hooks/T0P-SECRET/?key=hush%20hush";
        for (said, shown) in [
            ("Cannot POST /hooks/T0P-SECRET", "Cannot POST ***"),
            ("no hook T0P-SECRET for mona with pass", "no hook *** for *** with ***"),
            ("key=hush%20hush, which is hush hush", "***, which is ***"),
        ] {
            assert_eq!(hidden(url, said), shown);
        }
    }

    #[test]
    fn of_an_address_without_a_path_nothing_is_hidden() {
        assert_eq!(hidden("http://alertmanager:9093/", "no /api/v2"), "no /api/v2");
    }

    #[test]
    fn an_empty_file_is_no_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let place = SecretPlace::File(file.path().into());
        let error = place.read("alerts.sinks.a.token_file").unwrap_err().to_string();
        assert!(error.starts_with("`alerts.sinks.a.token_file`"), "{error}");
        std::fs::write(file.path(), " hush\n").unwrap();
        assert_eq!(place.read("any").unwrap().reveal(), "hush");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let place = SecretPlace::Variable("ARTERIAL_NO_SUCH_VARIABLE".into());
        let error = place.read("token_env").unwrap_err().to_string();
        assert!(error.contains("ARTERIAL_NO_SUCH_VARIABLE"), "{error}");
    }
}
