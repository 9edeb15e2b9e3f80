//! The configuration: shipped defaults < file < environment < command line, parsed once.

mod check;
mod error;
mod layers;
mod mend;
mod parts;

use std::collections::BTreeMap;
use std::path::Path;

use arterial_datasets::time::Duration;
use arterial_models::alerts::{Language, QuietHours, Route, Suppression};
use arterial_serving::sinks::alerts::config::SinkSettings;
use serde::{Deserialize, Serialize};

pub use error::ConfigError;

/// The shipped `default.toml`, which documents every key.
pub const DEFAULTS: &str = include_str!("../../default.toml");

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub site: Site,
    pub kafka: Kafka,
    pub streams: Streams,
    pub lake: Lake,
    pub registry: Registry,
    pub ingest: Ingest,
    pub server: Server,
    pub serving: Serving,
    pub sql: Sql,
    pub alerts: Alerts,
    pub redis: Redis,
    pub privacy: Privacy,
    pub telemetry: Telemetry,
    /// Where each key was set, for errors; the file itself stands under the empty key.
    #[serde(skip)]
    places: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    pub name: String,
    pub timezone: String,
    pub holidays: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assignment {
    Group,
    Manual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecreatedTopic {
    Stop,
    Restart,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub brokers: String,
    pub assignment: Assignment,
    pub group: String,
    pub result_prefix: String,
    pub publish_results: bool,
    pub max_record_bytes: usize,
    pub recreated_topic: RecreatedTopic,
    pub properties: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Streams {
    pub folder: String,
    pub enabled: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lake {
    pub url: String,
    pub fsync: bool,
    pub maintain_every: Duration,
    pub vacuum_after: Duration,
    pub options: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    pub url: String,
    pub poll_every: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    pub flush_every: Duration,
    pub flush_records: usize,
    pub late_cache_bytes: usize,
    pub quarantine_payload_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub grpc: String,
    pub http: String,
    pub token_file: String,
    pub max_message_bytes: usize,
    pub max_concurrent_calls: usize,
    pub drain_delay: Duration,
    pub drain: Duration,
    pub longest_call: Duration,
    pub max_watchers: usize,
    pub max_followers: usize,
    pub keepalive_interval: Duration,
    pub keepalive_timeout: Duration,
    pub cors_origins: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serving {
    pub targets: Vec<String>,
    pub horizons_minutes: Vec<u32>,
    pub stale_after: Duration,
    pub history: Duration,
    pub history_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    pub query_memory_bytes: usize,
    pub spill_bytes: u64,
    pub spill_folder: String,
    pub max_rows: usize,
    pub deadline: Duration,
    pub concurrent_queries: usize,
    pub handle_key: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    pub watch: Vec<String>,
    pub false_alerts_per_week: f64,
    pub language: Language,
    pub keep: Duration,
    pub persistence: usize,
    pub extreme_score: f64,
    pub neighbours_at_once: usize,
    pub calm_below: f64,
    pub resolve_after: Duration,
    pub reopen_within: Duration,
    pub lost_after: Duration,
    pub refresh_every: Duration,
    pub neighbour_metres: f64,
    pub graph: String,
    pub citywide_share: f64,
    pub outage_share: f64,
    pub citywide_keys: usize,
    pub severity_vehicle_hours: [f64; 3],
    pub cause_metres: f64,
    pub quiet_hours: QuietHours,
    pub suppressions: Vec<Suppression>,
    pub routes: Vec<Route>,
    pub sinks: BTreeMap<String, SinkSettings>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    pub url: String,
    pub prefix: String,
    pub ttl: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    pub identity_key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    pub log: String,
    pub format: LogFormat,
    pub otlp_endpoint: String,
    pub trace_ratio: f64,
    pub service_name: String,
}

impl Config {
    /// The configuration from `file` (none: the defaults alone) and from `environment`.
    ///
    /// # Errors
    /// A file that cannot be read; unknown keys and values of the wrong type, with file and line or variable.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::layers(file, environment)?.finish()
    }

    /// The same, where `arterial run` would take it. Reads the files that are named, and opens and makes nothing.
    ///
    /// # Errors
    /// A file that cannot be read; otherwise everything that is wrong or missing.
    pub fn load_for_service(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::layers(Some(file), environment)?.finish_for_service()
    }

    fn layers(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<layers::Layers, ConfigError> {
        let mut layers = layers::Layers::new(DEFAULTS)?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.display().to_string(),
                source,
            })?;
            layers.add_file(&path.display().to_string(), &text)?;
        }
        layers.add_environment(environment);
        Ok(layers)
    }

    /// Lets the command line override where the servers listen.
    pub fn listen_on(&mut self, grpc: Option<&str>, http: Option<&str>) {
        let servers = [
            (grpc, &mut self.server.grpc, "server.grpc", "--grpc"),
            (http, &mut self.server.http, "server.http", "--http"),
        ];
        for (address, server, key, option) in servers {
            if let Some(address) = address {
                address.clone_into(server);
                self.places.insert(key.into(), option.into());
            }
        }
    }

    /// This configuration as TOML, with secrets blanked.
    ///
    /// # Errors
    /// None in practice: every value has a TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let mut shown = self.clone();
        let secret = |name: &str| {
            ["password", "secret", "key", "token"]
                .iter()
                .any(|word| name.contains(word))
        };
        for (name, value) in shown.kafka.properties.iter_mut().chain(shown.lake.options.iter_mut()) {
            if secret(name) {
                *value = "***".into();
            }
        }
        for sink in shown.alerts.sinks.values_mut() {
            sink.blank();
        }
        shown.redis.url = self.redis_settings().shown_url();
        for secret in [&mut shown.privacy.identity_key, &mut shown.sql.handle_key] {
            if !secret.is_empty() {
                *secret = "***".into();
            }
        }
        toml::to_string_pretty(&shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arterial.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        Config::load(Some(&path), environment)
    }

    #[test]
    fn the_defaults_alone_are_complete() {
        let config = Config::load(None, []).unwrap();
        assert_eq!(config.server.grpc, "127.0.0.1:50051");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let file = "[kafka]\nbrokers = \"a:1\"\n[server]\nmax_concurrent_calls = 9\n";
        let config = load(
            file,
            &[("ARTERIAL_KAFKA__BROKERS", "b:2"), ("ARTERIAL_DATA", "elsewhere")],
        )
        .unwrap();
        assert_eq!(config.kafka.brokers, "b:2");
        assert_eq!(config.server.max_concurrent_calls, 9);
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_the_known_keys() {
        let error = load("[kafka]\nbroker = \"a:1\"\n", &[]).unwrap_err().to_string();
        assert!(
            error.contains("arterial.toml:2") && error.contains("`kafka.broker`"),
            "{error}"
        );
        assert!(error.contains("brokers"), "{error}");
    }

    #[test]
    fn every_key_and_value_that_does_not_read_is_told() {
        let text = "[lake]\nfsync = \"yes\"\nmaintain_every = \"soon\"\n\
                    [kafka]\nbroker = \"a:1\"\nassignment = \"any\"\n[odd]\nx = 1\n";
        let error = load(text, &[("ARTERIAL_KAFKA__GROUPS", "a")]).unwrap_err().to_string();
        assert!(error.starts_with("6 things are wrong:\n  "), "{error}");
        for part in [
            "arterial.toml:2: `lake.fsync`",
            "arterial.toml:3: `lake.maintain_every`",
            "arterial.toml:5: `kafka.broker`",
            "arterial.toml:6: `kafka.assignment`",
            "arterial.toml:8: `odd.x`",
            "environment variable ARTERIAL_KAFKA__GROUPS: `kafka.groups`",
        ] {
            assert_eq!(error.matches(part).count(), 1, "{part}: {error}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        let error = load("[lake]\nfsync = \"yes\"\n", &[]).unwrap_err().to_string();
        assert!(
            error.contains("arterial.toml:2") && error.contains("true or false"),
            "{error}"
        );
    }

    #[test]
    fn a_bad_duration_names_key_and_value() {
        let error = load("[lake]\nmaintain_every = \"soon\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("maintain_every") && error.contains("soon"), "{error}");
    }

    #[test]
    fn an_unknown_variable_is_refused() {
        let error = load("", &[("ARTERIAL_KAFKA__BROKER", "a:1")]).unwrap_err().to_string();
        assert!(
            error.contains("ARTERIAL_KAFKA__BROKER") && error.contains("brokers"),
            "{error}"
        );
    }

    #[test]
    fn free_tables_take_any_key() {
        let config = load("[kafka.properties]\n\"security.protocol\" = \"SASL_SSL\"\n", &[]).unwrap();
        assert_eq!(config.kafka.properties["security.protocol"], "SASL_SSL");
    }

    #[test]
    fn a_variable_names_the_dots_of_a_kafka_property_by_underscores() {
        let variables = [
            ("ARTERIAL_KAFKA__PROPERTIES__SASL_PASSWORD", "hush"),
            ("ARTERIAL_LAKE__OPTIONS__AWS_REGION", "us-east-1"),
        ];
        let config = load("", &variables).unwrap();
        assert_eq!(config.kafka.properties["sasl.password"], "hush");
        assert_eq!(config.lake.options["aws_region"], "us-east-1");
    }

    const TELEGRAM: &str =
        "[alerts.sinks.chat]\nkind = \"telegram\"\nurl = \"http://a:1/hush\"\nchat = \"1\"\ntoken_file = \"/none\"\n";

    #[test]
    fn a_variable_sets_a_key_of_a_receiver() {
        let config = load(TELEGRAM, &[("ARTERIAL_ALERTS__SINKS__CHAT__TOKEN_FILE", "/some")]).unwrap();
        assert_eq!(config.alerts.sinks["chat"].token_file.as_deref(), Some("/some"));
        assert_eq!(config.alerts.sinks["chat"].chat.as_deref(), Some("1"));
    }

    #[test]
    fn a_wrong_receiver_is_refused_with_its_line() {
        let error = load(&TELEGRAM.replace("chat = ", "room = "), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("arterial.toml:4") && error.contains("room"), "{error}");
        let error = load(TELEGRAM, &[]).unwrap().check().unwrap_err().to_string();
        assert!(
            error.contains("arterial.toml:5: `alerts.sinks.chat.token_file`"),
            "{error}"
        );
        let error = load("[alerts.sinks]\nchat = \"telegram\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("arterial.toml:2") && error.contains("a section"),
            "{error}"
        );
    }

    #[test]
    fn what_a_receivers_address_may_hide_is_not_shown() {
        let shown = load(TELEGRAM, &[]).unwrap().to_toml().unwrap();
        assert!(shown.contains("http://a:1/***") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn a_password_without_a_user_is_not_shown() {
        let plain = TELEGRAM.replace("a:1/hush", ":hush@a:1/");
        let shown = load(&plain, &[]).unwrap().to_toml().unwrap();
        assert!(shown.contains("http://a:1/***") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "[lake.options]\naws_secret_access_key = \"hush\"\n[redis]\nurl = \"redis://:hush@host\"\n";
        let config = load(text, &[]).unwrap();
        assert!(!config.to_toml().unwrap().contains("hush"));
    }
}
