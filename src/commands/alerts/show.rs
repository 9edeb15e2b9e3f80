//! `arterial alerts show`: everything that is known of one alert.

use std::fmt::Write;

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use serde_json::json;

use super::chart::{Point, Size, draw};
use super::document::document;
use super::table::{expected, lasted, minute, number, place, severity_style, state_style, with_unit};
use super::{Common, find};
use crate::commands::paint::{Paint, Style, harmless};
use crate::commands::print_json;

/// The chart, in characters.
const CHART: Size = Size { width: 72, height: 12 };

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
    print!("{}", text(&alert, Paint::for_stdout()));
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
fn text(alert: &v1::Alert, paint: Paint) -> String {
    let mut text = String::new();
    let severity = paint.paint(severity_style(alert), &alert.severity);
    let state = paint.paint(state_style(&alert.state), &alert.state);
    let kind = alert.kind.replace('_', " ");
    let _ = writeln!(
        text,
        "{}: {severity}, {state}, {}",
        paint.paint(Style::Bold, &kind),
        harmless(&place(alert))
    );
    let _ = writeln!(text, "\n{}\n", harmless(&alert.text));
    for (name, value) in facts(alert) {
        let _ = writeln!(
            text,
            "{}  {}",
            paint.paint(Style::Faint, &format!("{name:<12}")),
            harmless(&value)
        );
    }
    let points: Vec<Point> = alert.history.iter().map(point).collect();
    let chart = draw(&points, CHART, paint);
    if !chart.is_empty() {
        let unit = if alert.unit.is_empty() {
            String::new()
        } else {
            format!("({})", alert.unit)
        };
        let what = with_unit(&alert.target, &unit);
        let _ = writeln!(
            text,
            "\n{} at {}, over what was expected (░), UTC\n{chart}",
            harmless(&what),
            harmless(&alert.key)
        );
    }
    text
}

/// Names and values of what is known.
fn facts(alert: &v1::Alert) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("alert", format!("{}, revision {}", alert.alert_id, alert.revision)),
        (
            "since",
            format!("{} UTC, for {}", minute(alert.since), lasted(alert).in_words()),
        ),
    ];
    if let Some(end) = alert.closed_at {
        facts.push(("over", format!("{} UTC", minute(end))));
    } else if let Some(end) = alert.expected_end {
        facts.push(("over, we think", format!("{} UTC", minute(end))));
    }
    if let Some(seen) = alert.seen {
        let seen = with_unit(&number(seen), &alert.unit);
        facts.push(("seen", format!("{seen}, expected {}", expected(alert))));
    }
    facts.push((
        "certainty",
        format!(
            "{:.0} %, score {:.1} (1.0 is the line)",
            100.0 * alert.certainty,
            alert.peak_score
        ),
    ));
    if alert.vehicle_hours > 0.0 {
        facts.push(("lost so far", format!("{} vehicle hours", number(alert.vehicle_hours))));
    }
    if let Some(cause) = &alert.cause {
        facts.push(("cause", cause.kind.replace('_', " ")));
        facts.extend(cause.evidence.iter().map(|evidence| ("", evidence.clone())));
    }
    if alert.keys.len() > 1 {
        facts.push(("keys", alert.keys.join(", ")));
    }
    if let Some(one) = &alert.acknowledgement {
        facts.push(("taken on", format!("by {}, {} UTC", one.by, minute(one.at))));
    }
    if !alert.held_back_by.is_empty() {
        facts.push(("held back", format!("by {}: nobody is told", alert.held_back_by)));
    }
    if !alert.merged_into.is_empty() {
        facts.push(("became part", format!("of {}", alert.merged_into)));
    }
    if !alert.judgement.is_empty() {
        facts.push(("judged", alert.judgement.clone()));
    }
    facts
}

fn point(seen: &v1::Seen) -> Point {
    Point {
        time: Timestamp(seen.window_start),
        seen: seen.value,
        expected: seen.expected_low.zip(seen.expected_high),
    }
}
