//! Alerts as lines that an operator reads at a glance.

use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::alerts::{Kind, Symptom};
use arterial_proto::v1::Alert;

use super::words::Words;
use crate::commands::client::table;
use crate::commands::paint::{Paint, Style, harmless};

/// A line for each alert, under heads.
pub fn alerts(alerts: &[Alert], words: Words, paint: Paint) -> String {
    let heads = [
        "severity",
        "state",
        "kind",
        "where",
        "coordinates",
        "since-utc",
        "for",
        "seen",
        "expected",
        "cause",
        "alert",
    ];
    let heads = heads.map(|head| paint.paint(Style::Bold, &words.name("label", head)));
    let rows: Vec<_> = alerts.iter().map(|alert| row(alert, words, paint)).collect();
    table(&heads.each_ref().map(String::as_str), &rows)
}

fn row(alert: &Alert, words: Words, paint: Paint) -> Vec<String> {
    vec![
        paint.paint(severity_style(alert), &words.name("severity", &alert.severity)),
        paint.paint(state_style(&alert.state), &words.name("state", &alert.state)),
        words.name("kind", &alert.kind),
        harmless(&place(alert, words)),
        coordinates(alert.lat, alert.lon).unwrap_or_else(|| "-".into()),
        minute(alert.since),
        words.lasting(lasted(alert)),
        seen(alert).unwrap_or_else(|| "-".into()),
        expected(alert, words),
        harmless(&cause(alert, words)),
        alert.alert_id.clone(),
    ]
}

/// What was seen; of readings that scatter how far they do, as that is no value of the field.
pub fn seen(alert: &Alert) -> Option<String> {
    let seen = with_unit(&number(alert.seen?), &alert.unit);
    Some(if scatters(alert) { format!("±{seen}") } else { seen })
}

/// Whether what was seen is how far readings scatter.
pub fn scatters(alert: &Alert) -> bool {
    alert.symptom == Symptom::Erratic.name()
}

/// What stands there by its name and key, unless traffic is meant, which the road says enough of; the road; the zone; how many more keys.
pub fn place(alert: &Alert, words: Words) -> String {
    let key = match alert.place_name.as_str() {
        "" => alert.key.clone(),
        name => format!("{name} ({})", alert.key),
    };
    let is_of_road = !alert.road.is_empty() && alert.place_name.is_empty() && alert.kind != Kind::SensorFault.name();
    let key = (!is_of_road).then_some(&key);
    let parts = key.into_iter().chain([&alert.road, &alert.zone_id]);
    let parts: Vec<&str> = parts.map(String::as_str).filter(|part| !part.is_empty()).collect();
    let place = parts.join(", ");
    match alert.keys.len() {
        0 | 1 => place,
        keys => words.say("place-keys", &[("place", &place), ("number", &keys.to_string())]),
    }
}

/// Degrees north and east, to about a metre; nothing where they are not known.
pub fn coordinates(lat: Option<f64>, lon: Option<f64>) -> Option<String> {
    let (lat, lon) = lat.zip(lon)?;
    Some(format!("{lat:.5}, {lon:.5}"))
}

/// The range of what was expected.
pub fn expected(alert: &Alert, words: Words) -> String {
    match (alert.expected_low.map(number), alert.expected_high.map(number)) {
        (Some(low), Some(high)) => words.say("range", &[("low", &low), ("high", &high)]),
        (Some(low), None) => words.say("range-from", &[("low", &low)]),
        (None, Some(high)) => words.say("range-to", &[("high", &high)]),
        (None, None) => "-".into(),
    }
}

fn cause(alert: &Alert, words: Words) -> String {
    let kind = alert.cause.as_ref().map_or("unknown", |cause| cause.kind.as_str());
    words.name("why", kind)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert {
        Alert {
            kind: "congestion".into(),
            key: "TS-0042".into(),
            keys: vec!["TS-0042".into()],
            road: "Ring Road".into(),
            zone_id: "Z03".into(),
            lat: Some(56.1551),
            lon: Some(10.203_104),
            ..Alert::default()
        }
    }

    #[test]
    fn traffic_is_on_its_road_and_a_faulty_sensor_or_a_car_park_has_its_own_name() {
        let words = Words::of("en");
        assert_eq!(place(&alert(), words), "Ring Road, Z03");
        let fault = Alert {
            kind: "sensor_fault".into(),
            ..alert()
        };
        assert_eq!(place(&fault, words), "TS-0042, Ring Road, Z03");
        let full = Alert {
            kind: "demand".into(),
            key: "P-7".into(),
            place_name: "Station Square".into(),
            road: String::new(),
            ..alert()
        };
        assert_eq!(place(&full, words), "Station Square (P-7), Z03");
    }

    #[test]
    fn the_list_says_where_to_go() {
        let told = alerts(&[alert()], Words::of("en"), Paint::Plain);
        assert!(told.contains("latitude, longitude"), "{told}");
        assert!(told.contains("56.15510, 10.20310"), "{told}");
        assert_eq!(coordinates(Some(56.0), None), None);
    }
}
