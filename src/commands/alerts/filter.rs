//! Which alerts are meant.

use arterial_datasets::time::{Clock, Duration, SystemClock, Timestamp};
use arterial_proto::v1;

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
    /// Only these zones.
    #[arg(long = "zone", value_delimiter = ',', value_name = "ZONE,..")]
    zones: Vec<String>,
    /// Only these severities: low, medium, high, critical.
    #[arg(long = "severity", value_delimiter = ',', value_name = "SEVERITY,..")]
    severities: Vec<String>,
    /// Only what was not over before: RFC 3339, or so long ago, such as 6h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only what was opened before: RFC 3339, or so long ago, such as 1h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
}

impl Filter {
    /// As the service takes it.
    ///
    /// # Errors
    /// A time that cannot be read.
    pub fn message(&self) -> anyhow::Result<v1::AlertFilter> {
        let now = SystemClock.now();
        let instant =
            |option: &str, text: &Option<String>| text.as_ref().map(|text| instant(option, text, now)).transpose();
        Ok(v1::AlertFilter {
            kinds: self.kinds.clone(),
            states: self.states.clone(),
            zones: self.zones.clone(),
            severities: self.severities.clone(),
            since: instant("--since", &self.since)?.map(|instant| instant.0),
            until: instant("--until", &self.until)?.map(|instant| instant.0),
        })
    }
}

/// An instant, written as such or as how long ago it was.
fn instant(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, Usage> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    match text.parse::<Duration>() {
        Ok(ago) => Ok(Timestamp(now.0 - ago.0)),
        Err(_) => Err(Usage(format!(
            "`{option}` is `{text}`, accepted: RFC 3339 with an offset, such as 2026-01-31T08:00:00Z, or so long ago, such as 6h"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_or_so_long_ago() {
        let now: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap();
        let read = |text| instant("--since", text, now).map(|instant| instant.to_string());
        assert_eq!(read("6h").unwrap(), "2026-01-31T02:00:00Z");
        assert_eq!(read("2026-01-30T09:00:00+01:00").unwrap(), "2026-01-30T08:00:00Z");
        assert!(read("soon").unwrap_err().to_string().contains("`--since` is `soon`"));
    }
}
