//! What each part of the system reads of the configuration.

use arterial_datasets::panel::{Holidays, read_flows};
use arterial_features::decode::{DecodeLimits, IdentityKey};
use arterial_features::pipeline::{OnRecreatedTopic, PipelineOptions};
use arterial_features::source::{Assignment, KafkaSettings};
use arterial_models::alerts::AlertSettings;
use arterial_models::detectors::residual;
use arterial_serving::alerts::AlertsConfig;
use arterial_serving::sinks::redis::RedisSettings;
use arterial_serving::sql::SqlConfig;
use arterial_serving::traces::TraceSettings;
use arterial_serving::{ServerConfig, ServingConfig};

use super::{Config, ConfigError, RecreatedTopic};

impl Config {
    /// Where models are kept: as configured, or beside the lake's tables.
    pub fn registry_url(&self) -> String {
        if self.registry.url.is_empty() {
            return format!("{}/registry", self.lake.url.trim_end_matches('/'));
        }
        self.registry.url.clone()
    }

    /// The part that the servers read.
    pub fn server_config(&self) -> ServerConfig {
        ServerConfig {
            grpc: self.server.grpc.clone(),
            http: self.server.http.clone(),
            token_file: self.server.token_file.clone(),
            max_message_bytes: self.server.max_message_bytes,
            max_concurrent_calls: self.server.max_concurrent_calls,
            drain_delay: self.server.drain_delay,
            drain: self.server.drain,
            longest_call: self.server.longest_call,
            max_watchers: self.server.max_watchers,
            max_followers: self.server.max_followers,
            keepalive_interval: self.server.keepalive_interval,
            keepalive_timeout: self.server.keepalive_timeout,
            cors_origins: self.server.cors_origins.clone(),
        }
    }

    /// The part that scoring reads.
    ///
    /// # Errors
    /// A target that is not of the form `topic.field`, a file of holidays that cannot be read.
    pub fn serving_config(&self) -> Result<ServingConfig, ConfigError> {
        let target = |text: &String| {
            let accepted = "a topic and a field, such as traffic-sensors.speed_kmh";
            text.parse().map_err(|_| self.wrong("serving.targets", text, accepted))
        };
        let holidays = match self.site.holidays.as_str() {
            "" => Ok(Holidays::default()),
            path => Holidays::read(path.as_ref()),
        };
        Ok(ServingConfig {
            site: self.site.name.clone(),
            timezone: self.site.timezone.clone(),
            holidays: holidays.map_err(|error| {
                let accepted = format!("a file with one date a line ({error})");
                self.wrong("site.holidays", &self.site.holidays, accepted)
            })?,
            targets: self.serving.targets.iter().map(target).collect::<Result<_, _>>()?,
            horizons_minutes: self.serving.horizons_minutes.clone(),
            stale_after: self.serving.stale_after,
            history: self.serving.history,
            history_bytes: self.serving.history_bytes,
            poll_every: self.registry.poll_every,
            sql: self.sql_config(),
            ..ServingConfig::default()
        })
    }

    /// What queries may take.
    fn sql_config(&self) -> SqlConfig {
        SqlConfig {
            query_memory_bytes: self.sql.query_memory_bytes,
            spill_bytes: self.sql.spill_bytes,
            spill_folder: self.sql.spill_folder.clone(),
            max_rows: self.sql.max_rows,
            deadline: self.sql.deadline,
            concurrent_queries: self.sql.concurrent_queries,
            handle_key: self.sql.handle_key.clone(),
        }
    }

    /// The part that alerts are made by.
    ///
    /// # Errors
    /// A number to watch that is not of the form `topic.field`, a graph that cannot be read.
    pub fn alerts_config(&self) -> Result<AlertsConfig, ConfigError> {
        let alerts = &self.alerts;
        let target = |text: &String| {
            let accepted = "a topic and a field, such as traffic-sensors.speed_kmh";
            text.parse().map_err(|_| self.wrong("alerts.watch", text, accepted))
        };
        let flows = match alerts.graph.as_str() {
            "" => Ok(Vec::new()),
            path => read_flows(path.as_ref()),
        };
        let quiet = &alerts.quiet_hours;
        let has_quiet_hours = !quiet.from.is_empty() || !quiet.until.is_empty();
        Ok(AlertsConfig {
            watch: alerts.watch.iter().map(target).collect::<Result<_, _>>()?,
            keep: alerts.keep,
            flows: flows.map_err(|error| {
                let accepted = format!("a file with the columns `from` and `to` ({error})");
                self.wrong("alerts.graph", &alerts.graph, accepted)
            })?,
            residual: residual::Settings {
                false_alerts_per_week: alerts.false_alerts_per_week,
                ..residual::Settings::default()
            },
            settings: AlertSettings {
                language: alerts.language,
                persistence: alerts.persistence,
                extreme_score: alerts.extreme_score,
                neighbours_at_once: alerts.neighbours_at_once,
                calm_below: alerts.calm_below,
                resolve_after: alerts.resolve_after,
                reopen_within: alerts.reopen_within,
                lost_after: alerts.lost_after,
                refresh_every: alerts.refresh_every,
                neighbour_metres: alerts.neighbour_metres,
                citywide_share: alerts.citywide_share,
                outage_share: alerts.outage_share,
                citywide_keys: alerts.citywide_keys,
                severity_vehicle_hours: alerts.severity_vehicle_hours,
                cause_metres: alerts.cause_metres,
                suppressions: alerts.suppressions.clone(),
                quiet_hours: has_quiet_hours.then(|| quiet.clone()),
                routes: alerts.routes.clone(),
                timezone: self.site.timezone.clone(),
            },
        })
    }

    /// The part that traces read.
    pub fn trace_settings(&self) -> TraceSettings {
        TraceSettings {
            endpoint: self.telemetry.otlp_endpoint.clone(),
            ratio: self.telemetry.trace_ratio,
            service: self.telemetry.service_name.clone(),
        }
    }

    /// The part that the mirror in Redis reads.
    pub fn redis_settings(&self) -> RedisSettings {
        RedisSettings {
            url: self.redis.url.clone(),
            prefix: self.redis.prefix.clone(),
            ttl: self.redis.ttl,
        }
    }

    /// The part that the source of `topics` reads.
    pub fn kafka_settings(&self, topics: impl IntoIterator<Item = String>) -> KafkaSettings {
        let kafka = &self.kafka;
        KafkaSettings {
            group: kafka.group.clone(),
            assignment: match kafka.assignment {
                super::Assignment::Group => Assignment::Group,
                super::Assignment::Manual => Assignment::All,
            },
            properties: kafka.properties.clone(),
            traces: true,
            ..KafkaSettings::new(kafka.brokers.clone(), topics)
        }
    }

    /// The part that the pipeline reads.
    pub fn pipeline_options(&self, secret: IdentityKey) -> PipelineOptions {
        let (ingest, kafka) = (&self.ingest, &self.kafka);
        PipelineOptions {
            limits: DecodeLimits {
                record_bytes: kafka.max_record_bytes,
                kept_bytes: ingest.quarantine_payload_bytes,
                ..DecodeLimits::default()
            },
            archive_rows: ingest.flush_records,
            archive_interval: ingest.flush_every.to_std(),
            closed_bytes: ingest.late_cache_bytes,
            on_recreated_topic: match kafka.recreated_topic {
                RecreatedTopic::Stop => OnRecreatedTopic::Stop,
                RecreatedTopic::Restart => OnRecreatedTopic::Restart,
            },
            ..PipelineOptions::new(secret)
        }
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::Flow;

    use super::*;

    #[test]
    fn a_graph_says_from_which_key_traffic_flows_on_to_which() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.csv");
        std::fs::write(&path, "from,to\nTS-1,TS-2\n").unwrap();
        let mut config = Config::load(None, []).unwrap();
        assert_eq!(config.alerts_config().unwrap().flows, []);
        config.alerts.graph = path.display().to_string();
        let flow = Flow {
            topic: None,
            from: "TS-1".into(),
            to: "TS-2".into(),
        };
        assert_eq!(config.alerts_config().unwrap().flows, [flow]);
        config.check().unwrap();
        std::fs::write(&path, "a,b\nTS-1,TS-2\n").unwrap();
        let error = config.alerts_config().unwrap_err().to_string();
        assert!(
            error.contains("`alerts.graph`") && error.contains("`from` and `to`"),
            "{error}"
        );
    }

    #[test]
    fn a_graph_names_streams_that_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.csv");
        let mut config = Config::load(None, []).unwrap();
        config.alerts.graph = path.display().to_string();
        std::fs::write(&path, "topic,from,to\ntraffic-sensors,TS-1,TS-2\n").unwrap();
        config.check().unwrap();
        std::fs::write(&path, "topic,from,to\ntrafic,TS-1,TS-2\n").unwrap();
        let error = config.check().unwrap_err().to_string();
        for part in ["`alerts.graph` is `trafic`", "`topic`", "traffic-sensors"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
