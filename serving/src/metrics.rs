//! Every metric of the service, by name, and their text for Prometheus.

mod family;
mod fresh;
mod grpc;
mod histogram;
mod http;
mod process;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use family::{Family, Kind};
pub use grpc::{GrpcCall, GrpcCalls};
use histogram::Histogram;
pub use http::HttpCalls;
use process::Process;

use crate::sync::lock;

macro_rules! metrics {
    ($($variant:ident $kind:ident $name:literal $help:literal,)*) => {
        /// Every metric there is: `arterial_<area>_<noun>_<unit>`, counters with `_total`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $help] $variant,)*
        }

        impl Metric {
            /// Every metric, in the order of the text.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            const fn family(self) -> Family {
                match self { $(Self::$variant => Family { name: $name, kind: Kind::$kind, help: $help },)* }
            }

            fn kind(self) -> Kind {
                self.family().kind
            }
        }
    };
}

metrics! {
    AlertDeadLetters Gauge "arterial_alert_dead_letters" "Revisions that a receiver did not take and that wait to be sent again, by sink.",
    AlertDeliveries Counter "arterial_alert_deliveries_total" "Revisions of alerts that a receiver took, by sink.",
    AlertDuration Histogram "arterial_alert_duration_seconds" "Time from taking up a closed window of one stream until its alerts are in the lake.",
    AlertFailures Counter "arterial_alert_failures_total" "How often the watch for alerts had to begin anew.",
    AlertLearning Gauge "arterial_alert_learning_state" "1 while the detector of a number is still learning, 0 otherwise, by target.",
    AlertLive Gauge "arterial_alert_live_events" "Alerts whose events go on.",
    AlertRetries Counter "arterial_alert_retries_total" "Deliveries that failed and are tried again, by sink.",
    AlertRevisions Counter "arterial_alert_revisions_total" "Revisions of alerts, by kind.",
    AlertWindows Counter "arterial_alert_windows_total" "Closed windows that were looked at, by topic.",
    AliasFailures Counter "arterial_alias_failures_total" "How often a model did not load or gave no number, by alias.",
    AliasForecasts Counter "arterial_alias_forecasts_total" "Forecasts of closed windows, by who gave them: champion, canary, last good model, profile, and shadow, which is not served.",
    AliasSwaps Counter "arterial_alias_swaps_total" "Models put in force, by alias.",
    CanaryShare Gauge "arterial_canary_share_ratio" "The share of the keys that a canary answers for, 0 without one, by target.",
    FlightRows Counter "arterial_flight_rows_total" "Rows sent over Flight, by dataset.",
    ForecastAge Gauge "arterial_forecast_age_seconds" "Event time since the end of the last window that the newest forecasts were made from, by target.",
    ForecastCalls Counter "arterial_forecast_calls_total" "Forecast requests answered.",
    ForecastDuration Histogram "arterial_forecast_duration_seconds" "Time to answer a forecast request.",
    ForecastRefusals Counter "arterial_forecast_refusals_total" "Refusals in answers, by code.",
    IngestBytes Gauge "arterial_ingest_size_bytes" "Memory for open windows and for closed ones that late events may revise, by topic.",
    IngestDuplicates Counter "arterial_ingest_duplicates_total" "Repeated events, by topic.",
    IngestEvents Counter "arterial_ingest_events_total" "Distinct events since the process began, by topic.",
    IngestLag Gauge "arterial_ingest_lag_records" "Unread records, by topic.",
    IngestLate Counter "arterial_ingest_late_total" "Distinct events that came after their window had closed, by topic.",
    IngestLost Counter "arterial_ingest_lost_total" "Records that the source no longer had, by topic.",
    IngestQuarantined Counter "arterial_ingest_quarantined_total" "Records that went to quarantine, by topic.",
    LakeBytes Gauge "arterial_lake_size_bytes" "Memory for what queries read again and again of the lake's files.",
    LakeHits Counter "arterial_lake_hits_total" "Row groups of the lake's files that queries found in memory.",
    LiveBytes Gauge "arterial_live_size_bytes" "Memory for recent windows, by topic.",
    LiveKeys Gauge "arterial_live_keys_known" "Keys that reported within the kept history, by topic.",
    LiveLag Gauge "arterial_live_lag_seconds" "Event time between now and the end of the newest closed window, by topic.",
    LiveRevisions Counter "arterial_live_revisions_total" "Late revisions taken into live state, by topic.",
    LiveWatermark Gauge "arterial_live_watermark_seconds" "Event time up to which windows are closed, Unix time, by topic.",
    LiveWindows Counter "arterial_live_windows_total" "Window rows taken into live state, by topic.",
    ModelFailures Counter "arterial_model_failures_total" "Models that did not load or gave no number, by target.",
    ModelSwaps Counter "arterial_model_swaps_total" "Models put in charge, by target.",
    RedisConnected Gauge "arterial_redis_connected_state" "1 while the mirror in Redis is written, 0 while it is away or there is none.",
    RedisFailures Counter "arterial_redis_failures_total" "Connections to the mirror in Redis that failed or broke.",
    RedisWrites Counter "arterial_redis_writes_total" "Values that the mirror in Redis took.",
    ScoreDuration Histogram "arterial_score_duration_seconds" "Time to score one window of one target.",
    ScoreRuns Counter "arterial_score_runs_total" "Windows scored, by target.",
    ScoreSkipped Counter "arterial_score_skipped_total" "Closed windows that were not scored because newer ones had closed, by target.",
    ServerReady Gauge "arterial_server_ready_state" "1 while ready and nothing is lacking, 0 otherwise.",
    ServerWatchers Gauge "arterial_server_watchers_open" "Who watches forecasts or alerts now.",
    ShadowDuration Histogram "arterial_shadow_duration_seconds" "Time to score one window of one target by its shadow.",
    ShadowSkipped Counter "arterial_shadow_skipped_total" "Closed windows that a shadow was not scored on because it had fallen behind, by target.",
    SinkFailures Counter "arterial_sink_failures_total" "Rows that a sink did not take, by sink.",
    SinkRows Counter "arterial_sink_rows_total" "Forecast rows delivered, by sink.",
    SqlDuration Histogram "arterial_sql_duration_seconds" "Time from a query's start to its last row.",
    SqlQueries Counter "arterial_sql_queries_total" "Queries that ended, by how.",
    SqlRows Counter "arterial_sql_rows_total" "Rows that queries gave.",
}

/// The values of all metrics.
#[derive(Debug)]
pub struct Metrics {
    labelled: Mutex<BTreeMap<(Metric, String), f64>>,
    plain: [AtomicU64; Metric::ALL.len()],
    histograms: [Histogram; Metric::ALL.len()],
    /// The calls over gRPC and Flight, by method.
    pub grpc: GrpcCalls,
    /// The requests over HTTP, by route.
    pub http: HttpCalls,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            labelled: Mutex::default(),
            plain: std::array::from_fn(|_| AtomicU64::default()),
            histograms: std::array::from_fn(|_| Histogram::default()),
            grpc: GrpcCalls::default(),
            http: HttpCalls::default(),
        }
    }
}

impl Metrics {
    /// Adds to a counter without labels; no lock.
    pub fn count(&self, metric: Metric, add: u64) {
        self.plain[metric as usize].fetch_add(add, Ordering::Relaxed);
    }

    /// Adds to a counter with one label.
    pub fn count_by(&self, metric: Metric, label: &str, value: &str, add: u64) {
        *lock(&self.labelled).entry((metric, labels(label, value))).or_default() += add as f64;
    }

    /// Sets a gauge with one label.
    pub fn set_by(&self, metric: Metric, label: &str, value: &str, to: f64) {
        lock(&self.labelled).insert((metric, labels(label, value)), to);
    }

    /// Sets a gauge without labels.
    pub fn set(&self, metric: Metric, to: f64) {
        lock(&self.labelled).insert((metric, String::new()), to);
    }

    /// Takes one duration into a histogram; no lock.
    pub fn observe(&self, metric: Metric, took: Duration) {
        self.histograms[metric as usize].observe(took);
    }

    /// The value of a counter without labels.
    pub fn plain(&self, metric: Metric) -> u64 {
        self.plain[metric as usize].load(Ordering::Relaxed)
    }

    /// All metrics in Prometheus' text format 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let labelled = lock(&self.labelled).clone();
        for &metric in Metric::ALL {
            metric.family().head(&mut text);
            if metric.kind() == Kind::Histogram {
                self.histograms[metric as usize].render(metric.name(), "", &mut text);
                continue;
            }
            let mut values = labelled.iter().filter(|((one, _), _)| *one == metric).peekable();
            if values.peek().is_none() || self.plain(metric) > 0 {
                let _ = writeln!(text, "{} {}", metric.name(), self.plain(metric));
            }
            for ((_, labels), value) in values {
                let labels = if labels.is_empty() {
                    String::new()
                } else {
                    format!("{{{labels}}}")
                };
                let _ = writeln!(text, "{}{labels} {value}", metric.name());
            }
        }
        self.grpc.render(&mut text);
        self.http.render(&mut text);
        Process::render(&mut text);
        text
    }
}

/// Every family of metrics that [`Metrics::render`] gives, in its order.
pub fn families() -> impl Iterator<Item = Family> {
    let own = Metric::ALL.iter().map(|metric| metric.family());
    own.chain(grpc::FAMILIES).chain(http::FAMILIES).chain(process::FAMILIES)
}

/// One label as the text format writes it.
fn labels(label: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{label}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_follows_the_pattern() {
        for metric in Metric::ALL {
            let name = metric.name();
            assert!(name.starts_with("arterial_") && name.split('_').count() >= 4, "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind() == Kind::Counter, "{name}");
        }
    }

    #[test]
    fn every_family_begins_with_its_help_and_has_one_name() {
        let text = Metrics::default().render();
        let mut names: Vec<&str> = families().map(|family| family.name).collect();
        for family in families() {
            assert!(
                text.contains(&format!("# HELP {} {}\n", family.name, family.help)),
                "{}",
                family.name
            );
        }
        assert_eq!(text.matches("# TYPE ").count(), names.len());
        names.sort_unstable();
        names.dedup();
        assert_eq!(text.matches("# TYPE ").count(), names.len());
    }

    #[test]
    fn a_label_cannot_break_out_of_its_line() {
        let metrics = Metrics::default();
        metrics.count_by(Metric::FlightRows, "dataset", "a\"b\nc", 2);
        assert!(
            metrics
                .render()
                .contains("arterial_flight_rows_total{dataset=\"a\\\"b\\nc\"} 2")
        );
    }

    #[test]
    fn a_histogram_is_cumulative() {
        let metrics = Metrics::default();
        metrics.observe(Metric::ForecastDuration, Duration::from_micros(80));
        metrics.observe(Metric::ForecastDuration, Duration::from_secs(100));
        let text = metrics.render();
        assert!(text.contains("arterial_forecast_duration_seconds_bucket{le=\"0.00005\"} 0"));
        assert!(text.contains("arterial_forecast_duration_seconds_bucket{le=\"30\"} 1"));
        assert!(text.contains("arterial_forecast_duration_seconds_bucket{le=\"+Inf\"} 2"));
    }
}
