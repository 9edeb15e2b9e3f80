//! `[redis]`: where the mirror is.

use arterial_datasets::time::{Duration, HOUR, SECOND};
use redis::IntoConnectionInfo;

use crate::{Error, Result};

/// Where the mirror is, and how long its values live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://[[user]:password@]host[:port][/database]`; empty for no mirror. Default empty.
    pub url: String,
    /// What every key begins with. Default `arterial`.
    pub prefix: String,
    /// A value expires so long after the service took note of it, from 1s; a forecast before, once its data are stale. Default 2h.
    pub ttl: Duration,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            prefix: "arterial".into(),
            ttl: Duration(2 * HOUR),
        }
    }
}

impl RedisSettings {
    /// Checks the values; nothing is connected.
    ///
    /// # Errors
    /// The first value that is not accepted.
    pub fn check(&self) -> Result<()> {
        self.client().map(|_| ())
    }

    /// The address without what may be secret.
    pub fn shown_url(&self) -> String {
        match url::Url::parse(&self.url) {
            Ok(mut url) if url.password().is_some() => {
                // An address that has a password can have another.
                let _ = url.set_password(Some("***"));
                url.into()
            }
            Err(_) if self.url.contains('@') => "***".into(),
            _ => self.url.clone(),
        }
    }

    /// A client, where an address is given.
    pub(super) fn client(&self) -> Result<Option<redis::Client>> {
        let fits = |letter: char| letter.is_ascii_graphic() && !"*?[]{}".contains(letter);
        if self.prefix.is_empty() || !self.prefix.chars().all(fits) {
            let accepted = "printable characters without spaces, `*`, `?`, brackets and braces";
            return Err(Error::invalid("redis.prefix", &self.prefix, accepted));
        }
        if self.ttl.0 < SECOND {
            return Err(Error::invalid("redis.ttl", self.ttl, "a duration from 1s, such as 2h"));
        }
        if self.url.is_empty() {
            return Ok(None);
        }
        let refuse = |error: redis::RedisError| {
            let accepted = format!("redis://[[user]:password@]host[:port][/database] ({error})");
            Error::invalid("redis.url", self.shown_url(), accepted)
        };
        let info = self.url.as_str().into_connection_info().map_err(refuse)?;
        Ok(Some(redis::Client::open(info).map_err(refuse)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> RedisSettings {
        RedisSettings {
            url: url.into(),
            ..RedisSettings::default()
        }
    }

    #[test]
    fn without_an_address_there_is_no_mirror() {
        assert!(of("").client().unwrap().is_none());
        assert!(of("redis://localhost:6379/1").client().unwrap().is_some());
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_key() {
        for bad in ["localhost", "http://localhost", "redis://host:port"] {
            let error = of(bad).check().unwrap_err().to_string();
            assert!(
                error.starts_with("`redis.url` is") && error.contains("redis://"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(of("redis://ann:hush@host:1/2").shown_url(), "redis://ann:***@host:1/2");
        assert_eq!(of("redis://host").shown_url(), "redis://host");
    }
}
