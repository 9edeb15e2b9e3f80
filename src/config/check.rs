//! Whether a configuration can be used: everything is looked at before anything is opened or made.

use std::error::Error;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use arterial_datasets::lake::Place;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_features::decode::{Decoder, IdentityKey};
use arterial_features::source::KafkaSource;
use arterial_serving::sinks::alerts::config;

use super::{Config, ConfigError};
use crate::telemetry;

const BROKERS: &str = "host:port, or several with commas between";
const LAKE: &str = "a local path, file:///path or s3://bucket/prefix";

impl Config {
    /// Checks every value, and that nothing is missing that `arterial run` needs. Reads the files that are named, and
    /// opens and makes nothing.
    ///
    /// # Errors
    /// The first key that is wrong or missing.
    pub fn check_service(&self) -> Result<(), ConfigError> {
        for (key, value, accepted) in [
            ("kafka.brokers", &self.kafka.brokers, BROKERS),
            ("lake.url", &self.lake.url, LAKE),
        ] {
            if value.is_empty() {
                return Err(self.missing(key, accepted));
            }
        }
        self.check()?;
        // Everybody who reads the files of an object store would hold a secret that is kept beside them.
        if matches!(
            Place::find(&self.lake.url, &self.lake.options),
            Ok(Place::Objects { .. })
        ) && self.privacy.identity_key.is_empty()
        {
            return Err(self.missing(
                "privacy.identity_key",
                "a secret text, as the lake is in an object store",
            ));
        }
        Ok(())
    }

    /// Checks every value. Reads the files that are named, and opens and makes nothing. An address that is empty is not
    /// missed: not every command needs it.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let catalog = self.catalog()?;
        self.check_ingest(&self.enabled(&catalog)?)?;
        self.check_kafka()?;
        self.check_places()?;
        self.server_config().check().map_err(|error| self.refused(&error))?;
        let (grpc, http) = (&self.server.grpc, &self.server.http);
        if grpc == http && !http.ends_with(":0") {
            return Err(self.wrong(
                "server.http",
                http,
                "another address and port than those of `server.grpc`",
            ));
        }
        let serving = self.serving_config()?;
        serving.check().map_err(|error| self.refused(&error))?;
        serving.check_streams(&catalog).map_err(|error| self.refused(&error))?;
        let alerts = self.alerts_config()?;
        alerts.check(&catalog).map_err(|error| self.refused(&error))?;
        let publishes = !self.kafka.brokers.is_empty() && self.kafka.publish_results;
        let sinks = config::check_all(&self.alerts.sinks, &alerts.settings, publishes);
        sinks.map_err(|error| self.refused(&error))?;
        self.redis_settings().check().map_err(|error| self.refused(&error))?;
        self.trace_settings().check().map_err(|error| self.refused(&error))?;
        telemetry::filter(&self.telemetry.log)
            .map_err(|accepted| self.wrong("telemetry.log", &self.telemetry.log, accepted))?;
        Ok(())
    }

    /// What works and is hardly meant, in a line for whoever runs the service.
    pub fn doubts(&self) -> Option<String> {
        let servers = [("server.grpc", &self.server.grpc), ("server.http", &self.server.http)];
        let (key, address) = servers.into_iter().find(|(_, address)| !is_loopback(address))?;
        self.server.token_file.is_empty().then(|| {
            format!(
                "{}: `{key}` is `{address}` and there is no `server.token_file`: whoever reaches that address may ask anything",
                self.place_of(key)
            )
        })
    }

    /// The streams that are compiled in and those of the configured folder.
    ///
    /// # Errors
    /// A folder that cannot be read, a definition that does not check.
    pub fn catalog(&self) -> Result<StreamCatalog, ConfigError> {
        let folder = &self.streams.folder;
        let read = match folder.as_str() {
            "" => StreamCatalog::built_in(),
            path => StreamCatalog::with_folder(path.as_ref()),
        };
        read.map_err(|error| {
            self.wrong(
                "streams.folder",
                folder,
                format!("good definitions ({})", chain(&error)),
            )
        })
    }

    /// The streams of `catalog` that are consumed.
    ///
    /// # Errors
    /// A name that no stream has.
    pub fn enabled(&self, catalog: &StreamCatalog) -> Result<Vec<Arc<StreamDefinition>>, ConfigError> {
        let names = &self.streams.enabled;
        if names.is_empty() {
            return Ok(catalog.iter().cloned().collect());
        }
        let known = || catalog.names().collect::<Vec<_>>().join(", ");
        let find = |name: &String| {
            catalog
                .get(name)
                .cloned()
                .map_err(|_| self.wrong("streams.enabled", name, known()))
        };
        names.iter().map(find).collect()
    }

    fn check_ingest(&self, streams: &[Arc<StreamDefinition>]) -> Result<(), ConfigError> {
        let options = self.pipeline_options(IdentityKey::from_secret(""));
        options.check().map_err(|error| match error {
            arterial_features::Error::Invalid { field, value, accepted } => {
                let key = match field.as_str() {
                    "archive_rows" => "ingest.flush_records",
                    "record_bytes" => "kafka.max_record_bytes",
                    other => other,
                };
                self.wrong(key, value, accepted)
            }
            other => self.refused(&other),
        })?;
        for stream in streams {
            let decoder = Decoder::with_limits(Arc::clone(stream), options.secret, false, options.limits);
            decoder.map_err(|error| {
                let accepted = format!("definitions that can be decoded ({}: {})", stream.name, chain(&error));
                self.wrong("streams.folder", &self.streams.folder, accepted)
            })?;
        }
        Ok(())
    }

    fn check_kafka(&self) -> Result<(), ConfigError> {
        let kafka = &self.kafka;
        if !kafka.brokers.is_empty() && !kafka.brokers.split(',').all(is_broker) {
            return Err(self.wrong("kafka.brokers", &kafka.brokers, BROKERS));
        }
        if kafka.group.trim().is_empty() {
            return Err(self.wrong("kafka.group", &kafka.group, "a name, such as arterial"));
        }
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !kafka.result_prefix.chars().all(fits) {
            return Err(self.wrong(
                "kafka.result_prefix",
                &kafka.result_prefix,
                "letters, digits, `-`, `_` and `.`",
            ));
        }
        KafkaSource::check(&kafka.properties).map_err(|error| self.refused(&error))
    }

    fn check_places(&self) -> Result<(), ConfigError> {
        let options = &self.lake.options;
        // The options are those of a bucket, whether there is one or not.
        Place::find("s3://any", options).map_err(|error| match error {
            arterial_datasets::Error::Invalid { value, accepted, .. } => ConfigError::Value {
                place: self.place_of(&format!("lake.options.{value}")),
                message: format!("`lake.options` has `{value}`, accepted: {accepted}"),
            },
            other => self.refused(&other.about("lake.options")),
        })?;
        for (key, url) in [("lake.url", &self.lake.url), ("registry.url", &self.registry.url)] {
            if !url.is_empty() {
                Place::find(url, options).map_err(|error| self.refused(&error.about(key)))?;
            }
        }
        Ok(())
    }

    /// `key` has a value that is not accepted.
    pub(super) fn wrong(&self, key: &str, value: impl Display, accepted: impl Display) -> ConfigError {
        ConfigError::Value {
            place: self.place_of(key),
            message: format!("`{key}` is `{value}`, accepted: {accepted}"),
        }
    }

    /// `key` has no value, and needs one.
    fn missing(&self, key: &str, accepted: &str) -> ConfigError {
        ConfigError::Value {
            place: self.place_of(key),
            message: format!("`{key}` is missing, accepted: {accepted}"),
        }
    }

    /// An error of bad input, which begins with the key that it is about.
    fn refused(&self, error: &dyn Error) -> ConfigError {
        let message = chain(error);
        let key = message.split('`').nth(1).unwrap_or_default();
        ConfigError::Value {
            place: self.place_of(key),
            message,
        }
    }

    /// Where `key` was set, else the section that it belongs to, else the file.
    fn place_of(&self, key: &str) -> String {
        let place = self.places.get(key).cloned();
        place.unwrap_or_else(|| match key.rsplit_once('.') {
            Some((section, _)) => self.place_of(section),
            None => self.places.get("").cloned().unwrap_or_else(|| "configuration".into()),
        })
    }
}

/// Whether `text` is a host and a port, as librdkafka takes it; `SASL_SSL://` may stand before.
fn is_broker(text: &str) -> bool {
    let address = text.trim();
    let address = address.split_once("://").map_or(address, |(_, address)| address);
    let host = |host: &str| !host.is_empty() && !host.contains(|letter: char| letter.is_whitespace() || letter == '/');
    address
        .rsplit_once(':')
        .is_some_and(|(name, port)| host(name) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether only this machine reaches `address`, a host and a port.
fn is_loopback(address: &str) -> bool {
    match address.parse::<SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => address
            .rsplit_once(':')
            .is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost")),
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_a_host_and_a_port() {
        for good in ["a:9092", " b.example:1 ", "[::1]:9092", "SASL_SSL://kafka:9093"] {
            assert!(is_broker(good), "{good}");
        }
        for bad in [
            "",
            "foo bar",
            "foo",
            "foo:",
            ":9092",
            "foo:0",
            "foo:65536",
            "foo bar:9092",
        ] {
            assert!(!is_broker(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_that_others_reach_without_a_token_is_doubtful() {
        let mut config = Config::load(None, []).unwrap();
        assert_eq!(config.doubts(), None);
        config.server.grpc = "localhost:1".into();
        assert_eq!(config.doubts(), None);
        config.server.http = "0.0.0.0:8080".into();
        assert!(config.doubts().unwrap().contains("`server.http` is `0.0.0.0:8080`"));
        config.server.token_file = "/etc/token".into();
        assert_eq!(config.doubts(), None);
    }

    #[test]
    fn the_defaults_check_and_lack_what_a_service_needs() {
        let config = Config::load(None, []).unwrap();
        config.check().unwrap();
        let error = config.check_service().unwrap_err().to_string();
        assert!(error.contains("`kafka.brokers` is missing"), "{error}");
    }
}
