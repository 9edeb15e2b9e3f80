//! What can be set, with defaults and ranges.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use arterial_datasets::panel::Holidays;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Duration, HOUR, MINUTE, SECOND, check_zone};
use arterial_models::Quantile;
use arterial_models::registry::Target;

use crate::answer::FURTHEST;
use crate::cors;
use crate::live::{target_column, target_fields};
use crate::sql::SqlConfig;
use crate::token::Token;
use crate::{Error, Result};

/// Where the servers listen, and what they bear.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// gRPC, Flight and health, `HOST:PORT`; port 0 takes a free one. Default 127.0.0.1:50051.
    pub grpc: String,
    /// Metrics, readiness and the page, `HOST:PORT`; port 0 takes a free one. Default 127.0.0.1:8080.
    pub http: String,
    /// The largest request and answer in bytes, 1024 to 2 GiB. Default 16 MiB.
    pub max_message_bytes: usize,
    /// A file with the token that callers have to bring, of 16 characters or more; empty where nobody is asked. Default none.
    pub token_file: String,
    /// Calls that are answered at the same time, from 1; more wait until their deadlines. Health, reflection, probes and metrics wait for
    /// nobody. Default 256.
    pub max_concurrent_calls: usize,
    /// How long health says `NOT_SERVING` before a service that shuts down takes no more connections; calls are answered meanwhile. Default
    /// 5s.
    pub drain_delay: Duration,
    /// How long calls in flight may take after that. Default 10s.
    pub drain: Duration,
    /// The longest that a call without an earlier deadline of its own may take; streams end by their clients. Default 60s.
    pub longest_call: Duration,
    /// Who may watch forecasts and alerts at the same time, from 1; more are refused with `RESOURCE_EXHAUSTED`. Default 4096.
    pub max_watchers: usize,
    /// Who may follow the server-sent events of `/v1/events` at the same time, from 1; more are refused as not ready. Default 1000.
    pub max_followers: usize,
    /// Connections that say nothing for so long are asked by an HTTP/2 ping whether they live; 0 never asks. Default 30s.
    pub keepalive_interval: Duration,
    /// A connection that does not answer a ping within so long is closed. Default 20s.
    pub keepalive_timeout: Duration,
    /// Web pages of these origins may call gRPC-Web and HTTP from a browser, such as `https://dashboard.example.org`; `*` means any.
    /// Default none.
    pub cors_origins: Vec<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            grpc: "127.0.0.1:50051".into(),
            http: "127.0.0.1:8080".into(),
            max_message_bytes: 16 << 20,
            token_file: String::new(),
            max_concurrent_calls: 256,
            drain_delay: Duration(5 * SECOND),
            drain: Duration(10 * SECOND),
            longest_call: Duration(MINUTE),
            max_watchers: 4096,
            max_followers: 1000,
            keepalive_interval: Duration(30 * SECOND),
            keepalive_timeout: Duration(20 * SECOND),
            cors_origins: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// Checks the ranges, and that there is a token where one is meant to be.
    ///
    /// # Errors
    /// The first value outside its range, a file without a token.
    pub fn check(&self) -> Result<()> {
        for (field, address) in [("server.grpc", &self.grpc), ("server.http", &self.http)] {
            if !is_address(address) {
                return Err(Error::invalid(field, address, "HOST:PORT, such as 127.0.0.1:50051"));
            }
        }
        if !(1024..=2 << 30).contains(&self.max_message_bytes) {
            return Err(Error::invalid(
                "server.max_message_bytes",
                self.max_message_bytes,
                "1024 to 2147483648 bytes",
            ));
        }
        for (field, count) in [
            ("server.max_concurrent_calls", self.max_concurrent_calls),
            ("server.max_watchers", self.max_watchers),
            ("server.max_followers", self.max_followers),
        ] {
            if count == 0 {
                return Err(Error::invalid(field, 0, "a whole number from 1"));
            }
        }
        if self.longest_call.0 <= 0 {
            return Err(Error::invalid(
                "server.longest_call",
                self.longest_call,
                "a positive duration, such as 60s",
            ));
        }
        if self.keepalive_interval.0 < 0 {
            let accepted = "a duration such as 30s, or 0s for never";
            return Err(Error::invalid(
                "server.keepalive_interval",
                self.keepalive_interval,
                accepted,
            ));
        }
        if self.keepalive_timeout.0 <= 0 {
            let accepted = "a positive duration, such as 20s";
            return Err(Error::invalid(
                "server.keepalive_timeout",
                self.keepalive_timeout,
                accepted,
            ));
        }
        cors::check("server.cors_origins", &self.cors_origins)?;
        Token::read(&self.token_file).map(|_| ())
    }
}

/// Whether `text` reads as host and port; whether the host exists is not asked.
fn is_address(text: &str) -> bool {
    let host = |host: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !host.is_empty() && host.chars().all(fits)
    };
    let named = text.rsplit_once(':');
    text.parse::<SocketAddr>().is_ok() || named.is_some_and(|(name, port)| host(name) && port.parse::<u16>().is_ok())
}

/// What is forecast, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct ServingConfig {
    /// The city's or region's name, which the page shows. Default `site`.
    pub site: String,
    /// The IANA zone whose clock seasonality follows. Default UTC.
    pub timezone: String,
    /// Days that count as Sundays. Default none.
    pub holidays: Holidays,
    /// What is scored on each closed window, beside whatever has a champion in the registry.
    pub targets: Vec<Target>,
    /// The horizons that go to the table `forecasts`, in minutes, each a multiple of some stream's window; those that are no
    /// multiple of a stream's own window or lie beyond the model's reach are left out for it. Default 5, 10, .. 60.
    pub horizons_minutes: Vec<u32>,
    /// The quantiles that are computed for each closed window; others are computed when they are asked for. 0.1, 0.5
    /// and 0.9 are always among them. Default 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95.
    pub quantiles: Vec<f64>,
    /// A key whose newest window ended longer ago is refused as `STALE`. Default 15m.
    pub stale_after: Duration,
    /// How much history is kept in memory for each target: 8 bytes a key and window, so 28 days of five-minute windows
    /// take 64 KB a key, with two bytes a window for its revision 80 KB. Default 28 days.
    pub history: Duration,
    /// The most memory for that history over all targets, in bytes; where it does not suffice, history is cut short and
    /// the log says so. Default 2 GiB.
    pub history_bytes: usize,
    /// How often the registry is looked at. Default 2s.
    pub poll_every: Duration,
    /// How far ahead the slot-of-week profile answers where no model was ever promoted. Default 6h.
    pub profile_horizon: Duration,
    /// What queries may take.
    pub sql: SqlConfig,
}

impl Default for ServingConfig {
    fn default() -> Self {
        Self {
            site: "site".into(),
            timezone: "UTC".into(),
            holidays: Holidays::default(),
            targets: Vec::new(),
            horizons_minutes: (1..=12).map(|step| 5 * step).collect(),
            quantiles: vec![0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95],
            stale_after: Duration(15 * MINUTE),
            history: Duration(28 * 24 * HOUR),
            history_bytes: 2 << 30,
            poll_every: Duration(2 * SECOND),
            profile_horizon: Duration(6 * HOUR),
            sql: SqlConfig::default(),
        }
    }
}

impl ServingConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<()> {
        for (field, duration) in [
            ("serving.stale_after", self.stale_after),
            ("serving.history", self.history),
            ("registry.poll_every", self.poll_every),
            ("serving.profile_horizon", self.profile_horizon),
        ] {
            if duration.0 <= 0 {
                return Err(Error::invalid(field, duration, "a positive duration, such as 15m"));
            }
        }
        if let Some(horizon) = self.horizons_minutes.iter().find(|&&minutes| minutes == 0) {
            return Err(Error::invalid(
                "serving.horizons_minutes",
                horizon,
                "whole minutes from 1",
            ));
        }
        self.sql.check()?;
        check_zone(&self.timezone).map_err(|error| error.about("site.timezone"))?;
        self.grid().map(|_| ())
    }

    /// Checks targets and horizons against the streams that are defined.
    ///
    /// # Errors
    /// A target that no stream has, a horizon that is a multiple of no stream's window.
    pub fn check_streams(&self, catalog: &StreamCatalog) -> Result<()> {
        for target in &self.targets {
            let refuse = |accepted: String| Error::invalid("serving.targets", target, accepted);
            let Ok(stream) = catalog.get(&target.topic) else {
                let known: Vec<&str> = catalog.names().collect();
                return Err(refuse(format!("a field of {}", known.join(", "))));
            };
            if target_column(stream, &target.field).is_none() {
                let fields = target_fields(stream).join(", ");
                return Err(refuse(format!("`{}` and one of its numbers: {fields}", stream.name)));
            }
        }
        let windows: BTreeSet<Duration> = catalog.iter().map(|stream| stream.window).collect();
        let fits = |minutes: u32, window: &Duration| {
            let length = i64::from(minutes) * MINUTE;
            length % window.0 == 0 && length / window.0 <= FURTHEST as i64
        };
        let odd = |minutes: &&u32| !windows.iter().any(|window| fits(**minutes, window));
        match self.horizons_minutes.iter().find(odd) {
            None => Ok(()),
            Some(minutes) => {
                let windows: Vec<String> = windows.iter().map(ToString::to_string).collect();
                let accepted = format!(
                    "minutes that are multiples of {}, at most {FURTHEST} windows",
                    windows.join(" or ")
                );
                Err(Error::invalid("serving.horizons_minutes", minutes, accepted))
            }
        }
    }

    /// The quantiles to compute for each window: the configured ones and 0.1, 0.5 and 0.9, ascending.
    ///
    /// # Errors
    /// A quantile that is not strictly between 0 and 1.
    pub fn grid(&self) -> Result<Vec<Quantile>> {
        let mut grid = [0.1, 0.5, 0.9]
            .iter()
            .chain(&self.quantiles)
            .copied()
            .map(Quantile::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        grid.sort_by(|a, b| f64::from(*a).total_cmp(&f64::from(*b)));
        grid.dedup();
        Ok(grid)
    }

    /// The horizons to keep, in steps of `step`, ascending.
    pub fn stored_steps(&self, step: Duration) -> BTreeSet<usize> {
        let steps = |minutes: &u32| {
            let length = i64::from(*minutes) * MINUTE;
            (length % step.0 == 0).then_some((length / step.0) as usize)
        };
        self.horizons_minutes.iter().filter_map(steps).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_check() {
        ServerConfig::default().check().unwrap();
        ServingConfig::default().check().unwrap();
    }

    #[test]
    fn keep_alive_may_be_off_but_not_without_patience() {
        let with = |interval, timeout| ServerConfig {
            keepalive_interval: Duration(interval),
            keepalive_timeout: Duration(timeout),
            ..ServerConfig::default()
        };
        with(0, SECOND).check().unwrap();
        let error = with(-SECOND, SECOND).check().unwrap_err().to_string();
        assert!(error.starts_with("`server.keepalive_interval`"), "{error}");
        let error = with(SECOND, 0).check().unwrap_err().to_string();
        assert!(error.starts_with("`server.keepalive_timeout`"), "{error}");
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "localhost:80", "[::1]:50051", "0.0.0.0:65535"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "foo",
            "foo:",
            ":80",
            "a b:80",
            "host:65536",
            "http://host:80",
            "::1:80",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_horizon_that_is_a_multiple_of_no_window_is_refused() {
        let catalog = StreamCatalog::built_in().unwrap();
        let mut config = ServingConfig::default();
        config.check_streams(&catalog).unwrap();
        for minutes in [7, 5 * 1441, u32::MAX] {
            config.horizons_minutes = vec![5, minutes];
            let error = config.check_streams(&catalog).unwrap_err().to_string();
            assert!(error.contains("multiples of 5m"), "{error}");
        }
    }

    #[test]
    fn the_promised_quantiles_are_always_computed() {
        let config = ServingConfig {
            quantiles: vec![0.5, 0.99],
            ..ServingConfig::default()
        };
        let grid: Vec<f64> = config.grid().unwrap().into_iter().map(f64::from).collect();
        assert_eq!(grid, [0.1, 0.5, 0.9, 0.99]);
    }

    #[test]
    fn a_quantile_of_one_is_refused() {
        let config = ServingConfig {
            quantiles: vec![1.0],
            ..ServingConfig::default()
        };
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("strictly between 0 and 1")
        );
    }

    #[test]
    fn horizons_between_two_windows_are_left_out() {
        let config = ServingConfig {
            horizons_minutes: vec![5, 15, 60],
            ..ServingConfig::default()
        };
        assert_eq!(config.stored_steps(Duration(15 * MINUTE)), BTreeSet::from([1, 4]));
    }
}
