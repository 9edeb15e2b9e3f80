//! Alerts as lines that an operator reads at a glance.

use arterial_datasets::time::{Duration, Timestamp};
use arterial_proto::v1::Alert;

use crate::commands::client::table;
use crate::commands::paint::{Paint, Style, harmless};

/// A line for each alert, under heads.
pub fn alerts(alerts: &[Alert], paint: Paint) -> String {
    let heads = [
        "severity",
        "state",
        "kind",
        "where",
        "since (UTC)",
        "for",
        "seen",
        "expected",
        "cause",
        "alert",
    ];
    let heads = heads.map(|head| paint.paint(Style::Bold, head));
    let rows: Vec<_> = alerts.iter().map(|alert| row(alert, paint)).collect();
    table(&heads.each_ref().map(String::as_str), &rows)
}

fn row(alert: &Alert, paint: Paint) -> Vec<String> {
    let seen = alert
        .seen
        .map_or_else(|| "-".into(), |seen| with_unit(&number(seen), &alert.unit));
    vec![
        paint.paint(severity_style(alert), &alert.severity),
        paint.paint(state_style(&alert.state), &alert.state),
        alert.kind.replace('_', " "),
        harmless(&place(alert)),
        minute(alert.since),
        lasted(alert).in_words(),
        seen,
        expected(alert),
        harmless(&cause(alert)),
        alert.alert_id.clone(),
    ]
}

/// The road, else the key; the zone; how many more keys.
pub fn place(alert: &Alert) -> String {
    let first = if alert.road.is_empty() { &alert.key } else { &alert.road };
    let mut parts = vec![first.clone()];
    if !alert.zone_id.is_empty() {
        parts.push(alert.zone_id.clone());
    }
    let place = parts.join(", ");
    match alert.keys.len() {
        0 | 1 => place,
        keys => format!("{place} ({keys} keys)"),
    }
}

/// The range of what was expected.
pub fn expected(alert: &Alert) -> String {
    match (alert.expected_low, alert.expected_high) {
        (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
        (Some(low), None) => format!("from {}", number(low)),
        (None, Some(high)) => format!("up to {}", number(high)),
        (None, None) => "-".into(),
    }
}

fn cause(alert: &Alert) -> String {
    match &alert.cause {
        Some(cause) => cause.kind.replace('_', " "),
        None => "unknown".into(),
    }
}

/// How long an alert lasted, as far as is known.
pub fn lasted(alert: &Alert) -> Duration {
    let end = alert.closed_at.unwrap_or(alert.changed_at);
    Duration(end.saturating_sub(alert.since).max(0))
}

/// An instant to the minute, in UTC: `2026-01-31 08:05`.
pub fn minute(micros: i64) -> String {
    Timestamp(micros)
        .to_string()
        .replace('T', " ")
        .chars()
        .take(16)
        .collect()
}

/// A number with as many decimals as its size asks for.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// A value and its unit, where there is one.
pub fn with_unit(value: &str, unit: &str) -> String {
    format!("{value} {unit}").trim_end().to_owned()
}

/// How loud a severity is; what is over is quiet.
pub fn severity_style(alert: &Alert) -> Style {
    match (alert.closed_at, alert.severity.as_str()) {
        (None, "critical" | "high") => Style::Alarm,
        (None, "medium") => Style::Warning,
        _ => Style::Faint,
    }
}

/// What state somebody has to see.
pub fn state_style(state: &str) -> Style {
    match state {
        "open" | "reopened" => Style::Bold,
        "acknowledged" => Style::Good,
        _ => Style::Faint,
    }
}
