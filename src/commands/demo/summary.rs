//! What the demonstration says: words for people as it goes, a document for programs at the end.

use std::sync::Arc;

use arterial_datasets::city::City;
use arterial_datasets::mapping::Speed;
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::alerts::Alert;
use arterial_models::registry::Target;
use arterial_serving::alerts::AlertFilter;
use arterial_serving::score;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};

use super::city::{FIELD, TOPIC};
use super::incident::Scheduled;
use super::model::Trained;
use crate::commands::paint::harmless;
use crate::service::{Foundation, Ingest, Service};

/// What `--once --json` prints.
#[derive(Debug, Serialize)]
pub struct Summary {
    synthetic: bool,
    events: u64,
    windows: u64,
    quarantined: u64,
    seconds_to_first_forecast: f64,
    model: Trained,
    forecasts: Vec<Map<String, Value>>,
    scheduled: Scheduled,
    alerts: Vec<Map<String, Value>>,
}

impl Summary {
    /// Takes stock, once the forecasts of a window at or after `live_from` are there.
    ///
    /// # Errors
    /// A target that is not served.
    pub async fn collect(
        foundation: &Foundation,
        service: &Service,
        ingest: &Ingest,
        model: Trained,
        scheduled: Scheduled,
        seconds_to_first_forecast: f64,
        live_from: Timestamp,
    ) -> anyhow::Result<Self> {
        let target: Target = format!("{TOPIC}.{FIELD}").parse()?;
        let scores = service
            .state
            .scores
            .get(&target)
            .ok_or_else(|| anyhow::anyhow!("{target} is not served"))?;
        let issue = {
            let mut issues = scores.subscribe();
            let live =
                |issue: &Option<Arc<score::Issue>>| issue.as_ref().is_some_and(|issue| issue.origin >= live_from);
            let found = tokio::time::timeout(std::time::Duration::from_secs(10), issues.wait_for(live)).await;
            match found {
                Ok(Ok(issue)) => issue.clone(),
                _ => scores.newest(),
            }
        };
        let serving = foundation.config.serving_config()?;
        let forecasts = match issue {
            Some(issue) => arterial_serving::json::rows(&score::rows(&issue, &serving.stored_steps(issue.step))?),
            None => Vec::new(),
        };
        let (alerts, ..) = service
            .state
            .alerts
            .store
            .page(&AlertFilter::default(), None, usize::MAX - 1);
        let status = ingest.status.borrow().clone();
        let sum = |of: fn(&arterial_features::pipeline::StreamStatus) -> u64| status.streams.values().map(of).sum();
        Ok(Self {
            synthetic: true,
            events: sum(|stream| stream.events),
            windows: sum(|stream| stream.windows),
            quarantined: sum(|stream| stream.quarantined),
            seconds_to_first_forecast,
            model,
            forecasts,
            scheduled,
            alerts: alerts.iter().map(|one| one.to_json()).collect(),
        })
    }
}

/// Words for people, on stderr; with `quiet` there are none.
pub struct Words {
    /// Whether a program listens instead.
    pub quiet: bool,
}

impl Words {
    /// One line.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// What an alert says, on stdout as what it is about stands there.
    pub fn tell(&self, alert: &Alert) {
        if !self.quiet {
            println!(
                "{}  alert  {}  {}  {}",
                alert.opened_at,
                alert.severity,
                harmless(&alert.text),
                alert.alert_id
            );
        }
    }

    /// Where to look, and what to try.
    pub fn invite(&self, service: &Service, city: &City, scheduled: &Scheduled, seconds: f64, speed: Speed) {
        if self.quiet {
            return;
        }
        let (grpc, http) = service.addresses();
        let zone = service.state.config.timezone.as_str();
        let key = city
            .sensors()
            .first()
            .map(|sensor| sensor.id.clone())
            .unwrap_or_default();
        println!("SYNTHETIC CITY: forecasts after {seconds:.1} s");
        println!("  page, metrics   http://{http}/");
        println!("  gRPC, Flight    {grpc}");
        println!("try, in another terminal:");
        println!("  cargo run -- forecast --endpoint http://{grpc} --keys {key}");
        println!("  cargo run -- health --endpoint http://{grpc}");
        // Quoted: to some shells `?` is a pattern.
        println!("  curl 'http://{http}/v1/forecasts?keys={key}'");
        println!(
            "an accident is scheduled for {} on {} ({}, zone {}); the city's clock says {}{}",
            on_both_clocks(scheduled.start, zone),
            scheduled.road_name,
            scheduled.road_id,
            scheduled.zone_id,
            on_both_clocks(city.now(), zone),
            until(scheduled.start, city.now(), speed),
        );
        println!(
            "its alert, five to fifteen minutes later by that clock, is printed here and shows on the page and by"
        );
        println!("  curl 'http://{http}/v1/alerts'");
        println!("  cargo run -- alerts watch --endpoint http://{grpc}");
        println!("Ctrl-C ends it.");
    }
}

/// An instant with what clocks in the city show then, such as `2026-01-20T09:00:00Z (10:00 Europe/Paris)`.
fn on_both_clocks(instant: Timestamp, zone: &str) -> String {
    let (Ok(known), Ok(clock)) = (instant.to_jiff(), TimeZone::get(zone)) else {
        return instant.to_string();
    };
    let shown = clock.to_datetime(known).strftime("%H:%M");
    format!("{instant} ({shown} {zone})")
}

/// How long `then` is to be waited for at `speed`, as far as that can be said: a slow machine plays more slowly.
fn until(then: Timestamp, now: Timestamp, speed: Speed) -> String {
    match speed {
        Speed::Times(times) => {
            let wait = Duration(((then.0 - now.0) as f64 / times) as i64);
            format!(", so in {} or more", wait.in_words())
        }
        Speed::Max => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_the_city_s_clock_too() {
        let instant: Timestamp = "2026-01-20T09:00:00Z".parse().unwrap();
        assert_eq!(
            on_both_clocks(instant, "Europe/Paris"),
            "2026-01-20T09:00:00Z (10:00 Europe/Paris)"
        );
        assert_eq!(on_both_clocks(instant, "Nowhere"), instant.to_string());
    }
}
