//! Every metric of the service, by name, and their text for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sync::lock;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

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

            fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }

            fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }
        }
    };
}

metrics! {
    AlertDeadLetters Gauge "arterial_alert_dead_letters_count" "Revisions that a receiver did not take and that wait to be sent again, by sink.",
    AlertDeliveries Counter "arterial_alert_deliveries_total" "Revisions of alerts that a receiver took, by sink.",
    AlertDuration Histogram "arterial_alert_duration_seconds" "Time from taking up a closed window of one stream until its alerts are in the lake.",
    AlertFailures Counter "arterial_alert_failures_total" "How often the watch for alerts had to begin anew.",
    AlertLearning Gauge "arterial_alert_learning_state" "1 while the detector of a number is still learning, 0 otherwise, by target.",
    AlertLive Gauge "arterial_alert_live_count" "Alerts whose events go on.",
    AlertRetries Counter "arterial_alert_retries_total" "Deliveries that failed and are tried again, by sink.",
    AlertRevisions Counter "arterial_alert_revisions_total" "Revisions of alerts, by kind.",
    AlertWindows Counter "arterial_alert_windows_total" "Closed windows that were looked at, by topic.",
    AliasFailures Counter "arterial_alias_failures_total" "How often a model did not load or gave no number, by alias.",
    AliasForecasts Counter "arterial_alias_forecasts_total" "Forecasts of closed windows, by who gave them: champion, canary, last_good, profile, and shadow, which is not served.",
    AliasSwaps Counter "arterial_alias_swaps_total" "Models put in force, by alias.",
    CanaryShare Gauge "arterial_canary_share_ratio" "The share of the keys that a canary answers for, 0 without one, by target.",
    FlightRows Counter "arterial_flight_rows_total" "Rows sent over Flight, by dataset.",
    ForecastCalls Counter "arterial_forecast_calls_total" "Forecast requests answered.",
    ForecastDuration Histogram "arterial_forecast_duration_seconds" "Time to answer a forecast request.",
    ForecastRefusals Counter "arterial_forecast_refusals_total" "Refusals in answers, by code.",
    IngestBytes Gauge "arterial_ingest_size_bytes" "Memory for open windows and for closed ones that late events may revise, by topic.",
    IngestDuplicates Counter "arterial_ingest_duplicates_total" "Repeated events, by topic.",
    IngestEvents Counter "arterial_ingest_events_total" "Distinct events since the process began, by topic.",
    IngestLag Gauge "arterial_ingest_lag_count" "Unread records, by topic.",
    IngestLate Counter "arterial_ingest_late_total" "Distinct events that came after their window had closed, by topic.",
    IngestLost Counter "arterial_ingest_lost_total" "Records that the source no longer had, by topic.",
    IngestQuarantined Counter "arterial_ingest_quarantined_total" "Records that went to quarantine, by topic.",
    LiveBytes Gauge "arterial_live_size_bytes" "Memory for recent windows, by topic.",
    LiveKeys Gauge "arterial_live_keys_count" "Keys that reported within the kept history, by topic.",
    LiveRevisions Counter "arterial_live_revisions_total" "Late revisions taken into live state, by topic.",
    LiveWatermark Gauge "arterial_live_watermark_seconds" "Event time up to which windows are closed, Unix time, by topic.",
    LiveWindows Counter "arterial_live_windows_total" "Window rows taken into live state, by topic.",
    ModelFailures Counter "arterial_model_failures_total" "Models that did not load or gave no number, by target.",
    ModelSwaps Counter "arterial_model_swaps_total" "Models put in charge, by target.",
    ScoreDuration Histogram "arterial_score_duration_seconds" "Time to score one window of one target.",
    ScoreRuns Counter "arterial_score_runs_total" "Windows scored, by target.",
    ScoreSkipped Counter "arterial_score_skipped_total" "Closed windows that were not scored because newer ones had closed, by target.",
    ServerReady Gauge "arterial_server_ready_state" "1 while ready, 0 otherwise.",
    ShadowDuration Histogram "arterial_shadow_duration_seconds" "Time to score one window of one target by its shadow.",
    ShadowSkipped Counter "arterial_shadow_skipped_total" "Closed windows that a shadow was not scored on because it had fallen behind, by target.",
    SinkFailures Counter "arterial_sink_failures_total" "Rows that a sink did not take, by sink.",
    SinkRows Counter "arterial_sink_rows_total" "Forecast rows delivered, by sink.",
    SqlDuration Histogram "arterial_sql_duration_seconds" "Time from a query's start to its last row.",
    SqlQueries Counter "arterial_sql_queries_total" "Queries that ended, by how.",
    SqlRows Counter "arterial_sql_rows_total" "Rows that queries gave.",
}

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 14] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
];

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The values of all metrics.
#[derive(Debug)]
pub struct Metrics {
    labelled: Mutex<BTreeMap<(Metric, String), f64>>,
    plain: [AtomicU64; Metric::ALL.len()],
    histograms: [Histogram; Metric::ALL.len()],
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            labelled: Mutex::default(),
            plain: std::array::from_fn(|_| AtomicU64::default()),
            histograms: std::array::from_fn(|_| Histogram::default()),
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
        let histogram = &self.histograms[metric as usize];
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BUCKETS.iter().position(|&bound| seconds <= bound) {
            histogram.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
        histogram.count.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        histogram.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
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
            let kind = match metric.kind() {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = writeln!(text, "# HELP {0} {1}\n# TYPE {0} {kind}", metric.name(), metric.help());
            if metric.kind() == Kind::Histogram {
                self.render_histogram(metric, &mut text);
                continue;
            }
            let mut values = labelled.iter().filter(|((one, _), _)| *one == metric).peekable();
            if values.peek().is_none() || self.plain(metric) > 0 {
                let _ = writeln!(text, "{} {}", metric.name(), self.plain(metric));
            }
            for ((_, labels), value) in values {
                let _ = writeln!(text, "{}{labels} {value}", metric.name());
            }
        }
        text
    }

    fn render_histogram(&self, metric: Metric, text: &mut String) {
        let histogram = &self.histograms[metric as usize];
        let mut below = 0;
        for (bound, bucket) in BUCKETS.iter().zip(&histogram.buckets) {
            below += bucket.load(Ordering::Relaxed);
            let _ = writeln!(text, "{}_bucket{{le=\"{bound}\"}} {below}", metric.name());
        }
        let count = histogram.count.load(Ordering::Relaxed);
        let seconds = Duration::from_nanos(histogram.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(
            text,
            "{0}_bucket{{le=\"+Inf\"}} {count}\n{0}_sum {seconds}\n{0}_count {count}",
            metric.name()
        );
    }
}

fn labels(label: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{{{label}=\"{value}\"}}")
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
