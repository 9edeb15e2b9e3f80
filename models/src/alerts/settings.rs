//! How alerts are made and where they go.

use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE, Timestamp, check_zone};
use serde::{Deserialize, Serialize};

use super::alert::{Alert, Kind, Severity, named};
use crate::{Error, Result};

use std::fmt;
use std::str::FromStr;

named! {
    /// A language that alerts are told in.
    Language, "language", {
        /// English.
        English = "en",
        /// Russian.
        Russian = "ru",
        /// French.
        French = "fr",
    }
}

/// How alerts are made and where they go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertSettings {
    /// The language of the column `text`. Default `en`; `en`, `ru` or `fr`.
    pub language: Language,
    /// Windows in a row that one key must be strange for before it raises an alert. Default 2; 1 to 6. Rules, extreme scores and
    /// several neighbours at once do not wait.
    pub persistence: usize,
    /// From this score on one window of one key is enough. Default 3.0; 1 or more.
    pub extreme_score: f64,
    /// So many neighbours that are strange in the same window do not wait. Default 3; 2 or more.
    pub neighbours_at_once: usize,
    /// A key of an alert counts as strange until its score is below this share of the line. Default 0.7; above 0, at most 1.
    pub calm_below: f64,
    /// How long all keys must be calm before the alert is resolved. Default `15m`; `5m` to `6h`.
    pub resolve_after: Duration,
    /// An event that comes back so soon after is the same alert, reopened. Default `30m`; `0s` to `24h`.
    pub reopen_within: Duration,
    /// An alert of which nothing was heard for so long is resolved. Default `2h`; `30m` to `7d`.
    pub lost_after: Duration,
    /// An open alert that changes little is told again this often at the most. Default `30m`; `5m` to `45m`.
    pub refresh_every: Duration,
    /// Keys so near are neighbours, in metres; twice as far along the same road. Default 1000; 50 to 20,000.
    pub neighbour_metres: f64,
    /// From this share of a stream's keys on strangeness is an event of the whole city. Default 0.3; above 0, at most 1.
    pub citywide_share: f64,
    /// From this share of a stream's keys on silence is an outage of its feed. Default 0.3; above 0, at most 1.
    pub outage_share: f64,
    /// Neither is less than so many keys. Default 10; 3 or more.
    pub citywide_keys: usize,
    /// Vehicle-hours lost from which an alert is medium, high and critical. Default 5, 25 and 100; rising, above 0.
    pub severity_vehicle_hours: [f64; 3],
    /// Reported incidents so near can be causes, in metres. Default 1500; 50 to 20,000.
    pub cause_metres: f64,
    /// When alerts are recorded and not delivered.
    pub suppressions: Vec<Suppression>,
    /// When alerts of lower severities are recorded and not delivered.
    pub quiet_hours: Option<QuietHours>,
    /// Which sinks an alert goes to: those of every route that takes it; all sinks where there are no routes.
    pub routes: Vec<Route>,
    /// The local clock. It is the site's, not a key of this section.
    #[serde(skip, default = "utc")]
    pub timezone: String,
}

fn utc() -> String {
    "UTC".to_string()
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            language: Language::English,
            persistence: 2,
            extreme_score: 3.0,
            neighbours_at_once: 3,
            calm_below: 0.7,
            resolve_after: Duration(15 * MINUTE),
            reopen_within: Duration(30 * MINUTE),
            lost_after: Duration(2 * HOUR),
            refresh_every: Duration(30 * MINUTE),
            neighbour_metres: 1000.0,
            citywide_share: 0.3,
            outage_share: 0.3,
            citywide_keys: 10,
            severity_vehicle_hours: [5.0, 25.0, 100.0],
            cause_metres: 1500.0,
            suppressions: Vec::new(),
            quiet_hours: None,
            routes: Vec::new(),
            timezone: utc(),
        }
    }
}

/// What a suppression or a route is about. Empty lists take everything.
#[derive(Debug, Clone, Copy)]
struct Scope<'a> {
    kinds: &'a [Kind],
    zones: &'a [String],
    keys: &'a [String],
    /// Whether zones take an alert that has none: of the whole city, of a stream.
    without_zone: bool,
}

impl Scope<'_> {
    fn takes(self, alert: &Alert) -> bool {
        let kind = self.kinds.is_empty() || self.kinds.contains(&alert.kind);
        let zone = match &alert.zone_id {
            _ if self.zones.is_empty() => true,
            Some(zone) => self.zones.contains(zone),
            None => self.without_zone,
        };
        let keys = self.keys.is_empty() || alert.keys.iter().all(|key| self.keys.contains(key));
        kind && zone && keys
    }
}

/// A time at which certain alerts are recorded and not delivered: roadworks, a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// Its name for people.
    pub name: String,
    /// Kinds of alerts; empty means all.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Zones; empty means all. Alerts without a zone are of none.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Keys, and an alert is meant where all of its keys are among them; empty means all.
    #[serde(default)]
    pub keys: Vec<String>,
    /// When it begins, RFC 3339 with an offset.
    #[serde(with = "instant")]
    pub from: Timestamp,
    /// When it ends.
    #[serde(with = "instant")]
    pub until: Timestamp,
}

/// The hours of the local day at which only severe alerts are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// When they begin, such as `22:00`.
    pub from: String,
    /// When they end, such as `06:00`; they may go over midnight, and `24:00` is the end of the day.
    pub until: String,
    /// The lowest severity that is delivered all the same. Default `high`.
    #[serde(default = "high")]
    pub except: Severity,
}

fn high() -> Severity {
    Severity::High
}

/// Which sinks certain alerts go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Names of sinks.
    pub sinks: Vec<String>,
    /// Kinds of alerts; empty means all.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Zones; empty means all. Alerts without a zone, such as those of the whole city, are of each.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Keys, and an alert is meant where all of its keys are among them; empty means all.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The lowest severity that is sent there. Default `low`.
    #[serde(default = "low")]
    pub from_severity: Severity,
}

fn low() -> Severity {
    Severity::Low
}

impl AlertSettings {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// The first field that is outside of its range.
    pub fn check(&self) -> Result<()> {
        within("alerts.persistence", self.persistence, 1, 6)?;
        within("alerts.neighbours_at_once", self.neighbours_at_once, 2, 1000)?;
        within("alerts.citywide_keys", self.citywide_keys, 3, 100_000)?;
        within("alerts.extreme_score", self.extreme_score, 1.0, 1e6)?;
        within("alerts.neighbour_metres", self.neighbour_metres, 50.0, 20_000.0)?;
        within("alerts.cause_metres", self.cause_metres, 50.0, 20_000.0)?;
        share("alerts.calm_below", self.calm_below)?;
        share("alerts.citywide_share", self.citywide_share)?;
        share("alerts.outage_share", self.outage_share)?;
        lasting("alerts.resolve_after", self.resolve_after, 5 * MINUTE, 6 * HOUR)?;
        lasting("alerts.reopen_within", self.reopen_within, 0, DAY)?;
        lasting("alerts.lost_after", self.lost_after, 30 * MINUTE, 7 * DAY)?;
        lasting("alerts.refresh_every", self.refresh_every, 5 * MINUTE, 45 * MINUTE)?;
        self.check_severities()?;
        self.check_times()?;
        Ok(check_zone(&self.timezone)?)
    }

    fn check_severities(&self) -> Result<()> {
        let steps = self.severity_vehicle_hours;
        if steps[0] > 0.0 && steps[0] < steps[1] && steps[1] < steps[2] && steps[2].is_finite() {
            return Ok(());
        }
        let accepted = "three rising numbers above 0, such as [5, 25, 100]";
        Err(Error::invalid(
            "alerts.severity_vehicle_hours",
            format!("{steps:?}"),
            accepted,
        ))
    }

    fn check_times(&self) -> Result<()> {
        for suppression in &self.suppressions {
            if suppression.until <= suppression.from {
                let accepted = format!("a time after `from`, {}", suppression.from);
                return Err(Error::invalid("alerts.suppressions.until", suppression.until, accepted));
            }
        }
        if let Some(quiet) = &self.quiet_hours {
            quiet.minutes()?;
        }
        for route in &self.routes {
            if route.sinks.is_empty() {
                return Err(Error::invalid(
                    "alerts.routes.sinks",
                    "[]",
                    "names of sinks, at least one",
                ));
            }
        }
        Ok(())
    }

    /// The names of the sinks that `alert` goes to; nothing where it goes to all.
    #[must_use]
    pub fn sinks(&self, alert: &Alert) -> Option<Vec<&str>> {
        if self.routes.is_empty() {
            return None;
        }
        let takes = |route: &&Route| route.takes(alert);
        let names = self.routes.iter().filter(takes).flat_map(|route| &route.sinks);
        let mut sinks: Vec<&str> = names.map(String::as_str).collect();
        sinks.sort_unstable();
        sinks.dedup();
        Some(sinks)
    }
}

impl Suppression {
    /// Whether it keeps `alert` back at `now`.
    #[must_use]
    pub fn holds_back(&self, alert: &Alert, now: Timestamp) -> bool {
        let scope = Scope {
            kinds: &self.kinds,
            zones: &self.zones,
            keys: &self.keys,
            without_zone: false,
        };
        self.from <= now && now < self.until && scope.takes(alert)
    }
}

impl Route {
    fn takes(&self, alert: &Alert) -> bool {
        let scope = Scope {
            kinds: &self.kinds,
            zones: &self.zones,
            keys: &self.keys,
            without_zone: true,
        };
        alert.severity >= self.from_severity && scope.takes(alert)
    }
}

impl QuietHours {
    /// Minutes after midnight at which they begin and end.
    ///
    /// # Errors
    /// A time of day that cannot be read; hours that end when they begin, of which nobody could say whether they are none or all.
    pub fn minutes(&self) -> Result<(i64, i64)> {
        let read = |field: &str, text: &str| {
            let refuse = || Error::invalid(field, text, "a time of day, such as 22:00");
            let time = jiff::civil::Time::strptime("%H:%M", text).map_err(|_| refuse())?;
            Ok::<_, Error>(i64::from(time.hour()) * 60 + i64::from(time.minute()))
        };
        let from = read("alerts.quiet_hours.from", &self.from)?;
        let until = match self.until.as_str() {
            "24:00" => DAY / MINUTE,
            text => read("alerts.quiet_hours.until", text)?,
        };
        if from == until {
            let accepted = "another time of day than `from`; the whole day is from 00:00 until 24:00";
            return Err(Error::invalid("alerts.quiet_hours.until", &self.until, accepted));
        }
        Ok((from, until))
    }
}

fn within<T: PartialOrd + fmt::Display + Copy>(field: &str, value: T, lowest: T, highest: T) -> Result<()> {
    if value >= lowest && value <= highest {
        return Ok(());
    }
    Err(Error::invalid(field, value, format!("{lowest} to {highest}")))
}

fn share(field: &str, value: f64) -> Result<()> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(Error::invalid(field, value, "a share above 0, at most 1"))
}

fn lasting(field: &str, value: Duration, lowest: i64, highest: i64) -> Result<()> {
    if (lowest..=highest).contains(&value.0) {
        return Ok(());
    }
    let accepted = format!("{} to {}", Duration(lowest), Duration(highest));
    Err(Error::invalid(field, value, accepted))
}

/// Instants as RFC 3339 texts.
mod instant {
    use arterial_datasets::time::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(instant)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
