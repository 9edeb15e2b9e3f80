//! Which alerts are meant.

use arterial_datasets::time::{Duration, Timestamp};
use arterial_proto::v1;

use super::{Client, find};
use crate::outcome::Usage;

/// Which alerts.
#[derive(Debug, clap::Args)]
pub struct Filter {
    /// Only these kinds, such as `congestion,sensor_fault`.
    #[arg(long = "kind", value_delimiter = ',', value_name = "KIND,..")]
    kinds: Vec<String>,
    /// Only these states, such as `open,reopened`.
    #[arg(long = "state", value_delimiter = ',', value_name = "STATE,..")]
    states: Vec<String>,
    /// Only these zones; one that is not known is named on stderr.
    #[arg(long = "zone", value_delimiter = ',', value_name = "ZONE,..")]
    zones: Vec<String>,
    /// Only these severities: low, medium, high, critical.
    #[arg(long = "severity", value_delimiter = ',', value_name = "SEVERITY,..")]
    severities: Vec<String>,
    /// Only what was not over before: RFC 3339, or so long ago by the service's time, such as 6h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only what was opened before: RFC 3339, or so long ago by the service's time, such as 1h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
}

impl Filter {
    /// The zones that are asked for; all where empty.
    pub fn zones(&self) -> &[String] {
        &self.zones
    }

    /// Its times, which can be refused before anybody is asked.
    ///
    /// # Errors
    /// A time that cannot be read.
    pub fn times(&self) -> Result<Times, Usage> {
        let read = |option, text: &Option<String>| text.as_ref().map(|text| Time::read(option, text)).transpose();
        Ok(Times {
            since: read("--since", &self.since)?,
            until: read("--until", &self.until)?,
        })
    }

    /// As the service takes it. Who says how long ago means so long before the service's own time.
    ///
    /// # Errors
    /// A service that cannot be asked what time it is.
    pub async fn message(&self, times: Times, client: &mut Client) -> anyhow::Result<v1::AlertFilter> {
        let now = if times.count_back() {
            find::now(client).await?
        } else {
            Timestamp(0)
        };
        let instant = |time: Option<Time>| time.map(|time| time.instant(now).0);
        Ok(v1::AlertFilter {
            kinds: self.kinds.clone(),
            states: self.states.clone(),
            zones: self.zones.clone(),
            severities: self.severities.clone(),
            since: instant(times.since),
            until: instant(times.until),
        })
    }
}

/// From when to when.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    since: Option<Time>,
    until: Option<Time>,
}

impl Times {
    /// Whether one of them is so long ago, so that it takes to know what time it is.
    fn count_back(self) -> bool {
        [self.since, self.until]
            .iter()
            .any(|time| matches!(time, Some(Time::Ago(_))))
    }
}

/// An instant, written as such or as how long ago it was.
#[derive(Debug, Clone, Copy)]
enum Time {
    At(Timestamp),
    Ago(Duration),
}

impl Time {
    fn read(option: &str, text: &str) -> Result<Self, Usage> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Self::At(instant));
        }
        match text.parse::<Duration>() {
            Ok(ago) => Ok(Self::Ago(ago)),
            Err(_) => Err(Usage(format!(
                "`{option}` is `{text}`, accepted: RFC 3339 with an offset, such as 2026-01-31T08:00:00Z, or so long ago, such as 6h"
            ))),
        }
    }

    fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::Ago(ago) => Timestamp(now.0.saturating_sub(ago.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_or_so_long_ago() {
        let now: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap();
        let read = |text| Time::read("--since", text).map(|time| time.instant(now).to_string());
        assert_eq!(read("6h").unwrap(), "2026-01-31T02:00:00Z");
        assert_eq!(read("2026-01-30T09:00:00+01:00").unwrap(), "2026-01-30T08:00:00Z");
        assert!(read("soon").unwrap_err().to_string().contains("`--since` is `soon`"));
    }
}
