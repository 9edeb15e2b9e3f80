//! `arterial alerts show`: everything that is known of one alert.

use std::fmt::Write;
use std::iter::{once, repeat_with};

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Symptom;
use arterial_proto::v1;
use serde_json::json;

use super::chart::{Point, Size, draw};
use super::document::document;
use super::table::{
    coordinates, expected, lasted, minute, place, scatters, seen, severity_style, state_style, with_unit,
};
use super::words::Words;
use super::{Common, find};
use crate::commands::paint::{Paint, Style, harmless};
use crate::commands::print_json;

/// The chart, in characters.
const CHART: Size = Size { width: 72, height: 12 };
/// What the names of facts take at least, in characters.
const NAMES: usize = 12;

/// Show one alert: what, where, since when, why, and a chart of what was seen against what was expected
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The alert's id, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    #[command(flatten)]
    common: Common,
}

/// Asks and prints.
///
/// # Errors
/// A service that cannot be reached, an alert that it does not know.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let mut client = args.common.connect().await?;
    let alert = find::one(&mut client, &args.alert, &args.common.language).await?;
    if args.common.json {
        let mut shown = document(&alert);
        shown["history"] = alert.history.iter().map(window).collect();
        return print_json(&shown);
    }
    print!("{}", text(&alert, args.common.words(), Paint::for_stdout()));
    Ok(())
}

fn window(seen: &v1::Seen) -> serde_json::Value {
    json!({
        "window_start": Timestamp(seen.window_start).to_string(),
        "seen": seen.value,
        "expected_low": seen.expected_low,
        "expected_high": seen.expected_high,
    })
}

/// Everything, for people.
fn text(alert: &v1::Alert, words: Words, paint: Paint) -> String {
    let mut text = String::new();
    let severity = paint.paint(severity_style(alert), &words.name("severity", &alert.severity));
    let state = paint.paint(state_style(&alert.state), &words.name("state", &alert.state));
    let _ = writeln!(
        text,
        "{}: {severity}, {state}, {}",
        paint.paint(Style::Bold, &words.name("kind", &alert.kind)),
        harmless(&place(alert, words))
    );
    let _ = writeln!(text, "\n{}\n", harmless(&alert.text));
    let facts = facts(alert, words);
    let widest = facts.iter().map(|(name, _)| name.chars().count()).max();
    let width = widest.unwrap_or_default().max(NAMES);
    for (name, value) in facts {
        let _ = writeln!(
            text,
            "{}  {}",
            paint.paint(Style::Faint, &format!("{name:<width$}")),
            harmless(&value)
        );
    }
    text.push_str(&chart(alert, words, paint));
    text
}

/// What was seen window by window, under a line that says what it is; nothing where nothing was seen.
fn chart(alert: &v1::Alert, words: Words, paint: Paint) -> String {
    let points: Vec<Point> = alert.history.iter().map(|seen| point(seen, alert.peak_at)).collect();
    let chart = draw(&points, CHART, paint);
    if chart.is_empty() {
        return chart;
    }
    let unit = if alert.unit.is_empty() {
        String::new()
    } else {
        format!("({})", alert.unit)
    };
    let what = with_unit(&alert.target, &unit);
    let title = words.say("show-chart", &[("what", &what), ("key", &alert.key)]);
    let mut text = format!("\n{}\n{chart}", harmless(&title));
    for note in notes(alert, &points) {
        let _ = writeln!(text, "{}", words.say(note, &[]));
    }
    text
}

/// The messages that say what the signs of the chart mean.
fn notes(alert: &v1::Alert, points: &[Point]) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if points.iter().any(|point| point.is_strangest) {
        notes.push("show-peak");
    }
    if points.iter().any(|point| point.expected.is_some()) {
        let usual = is_held_against_usual(alert);
        notes.push(if usual { "show-usual" } else { "show-ahead" });
    }
    // A service remembers what it expected for the last hours alone, whatever the alert's age.
    if points
        .iter()
        .any(|point| point.seen.is_some() && point.expected.is_none())
    {
        notes.push("show-partly");
    }
    notes
}

/// Whether a rule found it that leaves out what is usual; all else is held against forecasts.
fn is_held_against_usual(alert: &v1::Alert) -> bool {
    let rules = [Symptom::OverCapacity, Symptom::SevereCongestion, Symptom::Overcrowded];
    alert.expected_low.is_some() && rules.iter().any(|rule| rule.name() == alert.symptom)
}

/// Names and values of what is known.
fn facts(alert: &v1::Alert, words: Words) -> Vec<(String, String)> {
    let name = |id: &str| words.name("label", id);
    let mut facts = vec![(
        name("alert"),
        words.say(
            "show-alert",
            &[("alert", &alert.alert_id), ("revision", &alert.revision.to_string())],
        ),
    )];
    facts.extend(coordinates(alert.lat, alert.lon).map(|there| (name("coordinates"), there)));
    facts.extend(times(alert, words));
    if let Some(seen) = seen(alert) {
        facts.push(if scatters(alert) {
            (name("scatter"), seen)
        } else {
            let expected = expected(alert, words);
            (
                name("seen"),
                words.say("show-seen", &[("seen", &seen), ("expected", &expected)]),
            )
        });
    }
    let (percent, score) = (
        format!("{:.0}", 100.0 * alert.certainty),
        format!("{:.1}", alert.peak_score),
    );
    facts.push((
        name("certainty"),
        words.say("show-certainty", &[("percent", &percent), ("value", &score)]),
    ));
    if alert.vehicle_hours > 0.0 {
        facts.push((name("lost"), words.counted("show-lost", alert.vehicle_hours)));
    }
    if let Some(cause) = &alert.cause {
        facts.push((name("cause"), words.name("why", &cause.kind)));
        // The service tells the times of evidence by the city's clock, as those of the text.
        let names = once(name("evidence")).chain(repeat_with(String::new));
        facts.extend(names.zip(cause.evidence.iter().cloned()));
        let names = once(name("incident")).chain(repeat_with(String::new));
        let incident = cause.incident.as_ref().map(|incident| incident_lines(incident, words));
        facts.extend(names.zip(incident.unwrap_or_default()));
    }
    if alert.keys.len() > 1 {
        facts.push((name("keys"), alert.keys.join(", ")));
    }
    facts.extend(deeds(alert, words));
    facts
}

/// The reported incident that is the cause: what and where, since when and until when, what people said of it.
fn incident_lines(incident: &v1::Incident, words: Words) -> Vec<String> {
    let named = |group: &str, name: &str| match name {
        "" => String::new(),
        name => words.name(group, name),
    };
    let what = [
        incident.incident_id.clone(),
        named("why", &incident.r#type),
        named("severity", &incident.severity),
        incident.road.clone(),
        incident.zone_id.clone(),
        coordinates(incident.lat, incident.lon).unwrap_or_default(),
    ];
    let (since, end) = (minute(incident.reported_at), minute(incident.expected_end));
    let when = if incident.active {
        words.say("show-incident-active", &[("time", &since), ("end", &end)])
    } else {
        words.say("show-incident-over", &[("time", &since)])
    };
    let known = |part: &String| !part.is_empty();
    let what: Vec<String> = what.into_iter().filter(known).collect();
    let lines = [what.join(", "), when, incident.description.clone()];
    lines.into_iter().filter(known).collect()
}

/// Since when, and until when.
fn times(alert: &v1::Alert, words: Words) -> Vec<(String, String)> {
    let (since, lasting) = (minute(alert.since), words.lasting(lasted(alert)));
    let mut times = vec![(
        words.name("label", "since"),
        words.say("show-since", &[("time", &since), ("lasting", &lasting)]),
    )];
    let end = match (alert.closed_at, alert.expected_end) {
        (Some(end), _) => Some(("over", end)),
        (None, Some(end)) => Some(("over-probably", end)),
        (None, None) => None,
    };
    times.extend(end.map(|(name, end)| (words.name("label", name), format!("{} UTC", minute(end)))));
    times
}

/// What people did about it, and what became of it.
fn deeds(alert: &v1::Alert, words: Words) -> Vec<(String, String)> {
    let mut deeds = Vec::new();
    let mut add = |name: &str, value: String| deeds.push((words.name("label", name), value));
    if let Some(one) = &alert.acknowledgement {
        let at = minute(one.at);
        add(
            "taken-on",
            words.say("show-taken-on", &[("by", &one.by), ("time", &at)]),
        );
    }
    if !alert.held_back_by.is_empty() {
        add("held-back", words.say("show-held-back", &[("by", &alert.held_back_by)]));
    }
    if !alert.merged_into.is_empty() {
        add(
            "became-part",
            words.say("show-became-part", &[("alert", &alert.merged_into)]),
        );
    }
    if !alert.judgement.is_empty() {
        add("judged", words.name("judged", &alert.judgement));
    }
    deeds
}

fn point(seen: &v1::Seen, peak_at: i64) -> Point {
    Point {
        time: Timestamp(seen.window_start),
        seen: seen.value,
        expected: seen.expected_low.zip(seen.expected_high),
        is_strangest: seen.window_start == peak_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> v1::Alert {
        v1::Alert {
            alert_id: "ab12".into(),
            kind: "sensor_fault".into(),
            severity: "low".into(),
            state: "open".into(),
            target: "speed_kmh".into(),
            unit: "km/h".into(),
            key: "TS-0042".into(),
            keys: vec!["TS-0042".into()],
            seen: Some(61.0),
            symptom: "erratic".into(),
            text: "A sensor scatters.".into(),
            ..v1::Alert::default()
        }
    }

    #[test]
    fn how_far_readings_scatter_is_no_speed_that_was_seen() {
        let shown = text(&alert(), Words::of("en"), Paint::Plain);
        assert!(shown.contains("scatter       ±61.0 km/h\n"), "{shown}");
        assert!(!shown.contains("seen"), "{shown}");
        let lower = v1::Alert {
            symptom: "lower".into(),
            ..alert()
        };
        let shown = text(&lower, Words::of("en"), Paint::Plain);
        assert!(shown.contains("seen          61.0 km/h, expected -\n"), "{shown}");
    }

    #[test]
    fn labels_are_in_the_language_of_the_text() {
        let shown = text(&alert(), Words::of("ru"), Paint::Plain);
        assert!(shown.starts_with("сбой датчика: низкая, открыто, TS-0042\n"), "{shown}");
        assert!(
            shown.contains("\nуверенность ") && !shown.contains("certainty"),
            "{shown}"
        );
    }

    #[test]
    fn evidence_stands_under_one_label_that_says_by_whose_clock_it_is() {
        let cause = v1::Cause {
            kind: "accident".into(),
            evidence: vec!["ДТП INC-12, с 08:12".into(), "дождь, 7,5 мм в час".into()],
            ..v1::Cause::default()
        };
        let alert = v1::Alert {
            cause: Some(cause),
            ..alert()
        };
        let shown = text(&alert, Words::of("ru"), Paint::Plain);
        let lines: Vec<&str> = shown.lines().collect();
        let first = lines
            .iter()
            .position(|line| line.starts_with("основания (местное время)"))
            .unwrap();
        assert!(lines[first].ends_with("  ДТП INC-12, с 08:12"), "{shown}");
        assert_eq!(lines[first + 1].trim(), "дождь, 7,5 мм в час");
    }

    #[test]
    fn an_incident_that_is_the_cause_is_told_with_where_since_when_and_until_when() {
        let incident = v1::Incident {
            incident_id: "INC-12".into(),
            r#type: "accident".into(),
            severity: "high".into(),
            active: true,
            road: "Ring Road".into(),
            zone_id: "Z03".into(),
            reported_at: 1_767_600_000_000_000,
            expected_end: 1_767_603_600_000_000,
            description: "two lorries".into(),
            ..v1::Incident::default()
        };
        let shown = |incident: &v1::Incident| {
            let cause = v1::Cause {
                kind: "accident".into(),
                incident: Some(incident.clone()),
                ..v1::Cause::default()
            };
            let alert = v1::Alert {
                cause: Some(cause),
                ..alert()
            };
            text(&alert, Words::of("en"), Paint::Plain)
        };
        let told = shown(&incident);
        let lines: Vec<&str> = told.lines().collect();
        let first = lines.iter().position(|line| line.starts_with("incident")).unwrap();
        assert!(
            lines[first].ends_with("  INC-12, accident, high, Ring Road, Z03"),
            "{told}"
        );
        assert_eq!(
            lines[first + 1].trim(),
            "since 2026-01-05 08:00 UTC, expected to be over by 2026-01-05 09:00 UTC"
        );
        assert_eq!(lines[first + 2].trim(), "two lorries");
        let over = v1::Incident {
            active: false,
            ..incident
        };
        assert!(shown(&over).contains("since 2026-01-05 08:00 UTC, over by now\n"));
    }

    #[test]
    fn an_alert_says_where_to_go() {
        let placed = v1::Alert {
            lat: Some(56.1551),
            lon: Some(10.2031),
            ..alert()
        };
        let shown = text(&placed, Words::of("en"), Paint::Plain);
        assert!(shown.contains("latitude, longitude  56.15510, 10.20310\n"), "{shown}");
        assert!(!text(&alert(), Words::of("en"), Paint::Plain).contains("latitude"));
    }

    /// A window by number, with the lower end of what was expected of it.
    fn window(step: i64, expected: Option<f64>) -> v1::Seen {
        v1::Seen {
            window_start: step * 300_000_000,
            value: Some(50.0),
            expected_low: expected,
            expected_high: expected.map(|low| low + 10.0),
        }
    }

    #[test]
    fn a_chart_says_what_its_band_is_and_which_window_the_numbers_above_are_of() {
        let with = |symptom: &str, peak: i64| {
            let alert = v1::Alert {
                symptom: symptom.into(),
                expected_low: Some(45.0),
                peak_at: peak * 300_000_000,
                history: vec![window(1, Some(45.0)), window(2, Some(45.0))],
                ..alert()
            };
            text(&alert, Words::of("en"), Paint::Plain)
        };
        let forecast = with("lower", 2);
        assert!(forecast.contains("▲ is the strangest window"), "{forecast}");
        assert!(forecast.contains("up to an hour before it"), "{forecast}");
        let long_ago = with("lower", 0);
        assert!(!long_ago.contains('▲'), "{long_ago}");
        let full = with("over_capacity", 2);
        assert!(full.contains("░ is what is usual at this time of the week."), "{full}");
    }

    #[test]
    fn a_chart_says_where_what_was_expected_is_not_known_any_more() {
        let with = |history: Vec<v1::Seen>| {
            let alert = v1::Alert { history, ..alert() };
            text(&alert, Words::of("en"), Paint::Plain)
        };
        let partly = "not known any more";
        assert!(with(vec![window(0, None), window(1, Some(45.0))]).contains(partly));
        assert!(!with(vec![window(0, Some(45.0)), window(1, Some(45.0))]).contains(partly));
    }
}
