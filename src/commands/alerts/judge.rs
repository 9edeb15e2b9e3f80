//! `arterial alerts judge` and `arterial alerts preview`.

use std::fmt::Write;

use arterial_datasets::time::{DAY, Duration, Timestamp};
use arterial_proto::v1;
use serde_json::{Value, json};

use super::document::document;
use super::table::minute;
use super::words::Words;
use super::{Common, find, user};
use crate::commands::client::failed;
use crate::commands::paint::harmless;
use crate::commands::print_json;

/// What is said of an alert.
#[derive(Debug, clap::Args)]
struct Verdict {
    /// The alert's id, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    /// useful; false: nothing had happened; duplicate: another alert told of it; withdrawn: takes back what was said.
    #[arg(value_parser = ["useful", "false", "duplicate", "withdrawn"], value_name = "VERDICT")]
    verdict: String,
}

/// Say whether an alert was useful: its kind is raised more or less readily at that place from then on
#[derive(Debug, clap::Args)]
pub struct Judge {
    #[command(flatten)]
    verdict: Verdict,
    /// Who says so [default: the user of this shell].
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Show what a judgement would change, without changing anything
#[derive(Debug, clap::Args)]
pub struct Preview {
    #[command(flatten)]
    verdict: Verdict,
    #[command(flatten)]
    common: Common,
}

/// Judges, and prints what changes.
///
/// # Errors
/// A service that cannot be reached, an alert that it does not know.
pub async fn judge(args: &Judge) -> anyhow::Result<()> {
    let by = user(args.by.as_deref())?;
    let mut client = args.common.connect().await?;
    let request = request(&mut client, &args.verdict, by, &args.common).await?;
    let answer = client
        .judge_alert(request)
        .await
        .map_err(|status| failed(&status))?
        .into_inner();
    let effect = answer.effect.unwrap_or_default();
    if args.common.json {
        let alert = answer.alert.as_ref().map(document);
        return print_json(&json!({"alert": alert, "effect": effect_json(&effect)}));
    }
    print!("{}", text(&effect, args.common.words()));
    Ok(())
}

/// Prints what a judgement would change.
///
/// # Errors
/// A service that cannot be reached, an alert that it does not know.
pub async fn preview(args: &Preview) -> anyhow::Result<()> {
    let mut client = args.common.connect().await?;
    let request = request(&mut client, &args.verdict, String::new(), &args.common).await?;
    let answer = client
        .preview_judgement(request)
        .await
        .map_err(|status| failed(&status))?;
    let effect = answer.into_inner().effect.unwrap_or_default();
    if args.common.json {
        return print_json(&json!({"effect": effect_json(&effect)}));
    }
    print!("{}", text(&effect, args.common.words()));
    Ok(())
}

async fn request(
    client: &mut super::Client,
    verdict: &Verdict,
    by: String,
    common: &Common,
) -> anyhow::Result<v1::JudgeAlertRequest> {
    let alert = find::one(client, &verdict.alert, &common.language).await?;
    Ok(v1::JudgeAlertRequest {
        alert_id: alert.alert_id,
        judgement: verdict.verdict.clone(),
        by,
        language: common.language.clone(),
    })
}

fn effect_json(effect: &v1::Judged) -> Value {
    let alerts = |alerts: &[v1::JudgedAlert]| alerts.iter().map(alert_json).collect::<Vec<_>>();
    json!({
        "kind": effect.kind,
        "zone_id": effect.zone_id,
        "weeks": effect.weeks,
        "alerts_before": effect.alerts_before,
        "alerts_after": effect.alerts_after,
        "would_be_missing": effect.would_be_missing,
        "missing": alerts(&effect.missing),
        "added": alerts(&effect.added),
        "added_unknown": effect.added_unknown,
    })
}

fn alert_json(alert: &v1::JudgedAlert) -> Value {
    json!({
        "alert_id": alert.alert_id,
        "since": Timestamp(alert.since).to_string(),
        "until": Timestamp(alert.until).to_string(),
        "severity": alert.severity,
        "peak_score": alert.peak_score,
        "text": alert.text,
    })
}

/// What the judgement changes, seen on the last weeks.
fn text(effect: &v1::Judged, words: Words) -> String {
    let mut text = format!("{}\n", head(effect, words));
    for alert in &effect.missing {
        let _ = writeln!(text, "  - {} {}", line(alert, words), harmless(&alert.alert_id));
    }
    for alert in &effect.added {
        let _ = writeln!(text, "  + {}", line(alert, words));
    }
    if effect.added_unknown {
        let _ = writeln!(text, "  {}", words.say("effect-unknown", &[]));
    }
    text
}

/// What is judged, and how many alerts there are with and without.
fn head(effect: &v1::Judged, words: Words) -> String {
    let mut what = words.name("kind", &effect.kind);
    if !effect.zone_id.is_empty() {
        what.push_str(&words.say("of-zone", &[("zone", &harmless(&effect.zone_id))]));
    }
    let lasting = words.lasting(Duration((effect.weeks * (7 * DAY) as f64) as i64));
    let (before, after) = (effect.alerts_before.to_string(), effect.alerts_after.to_string());
    let values = [
        ("what", what.as_str()),
        ("lasting", &lasting),
        ("before", &before),
        ("after", &after),
    ];
    words.say("effect", &values)
}

fn line(alert: &v1::JudgedAlert, words: Words) -> String {
    let sentence = alert.text.lines().next().unwrap_or_default();
    let values = [
        ("time", minute(alert.since)),
        ("severity", words.name("severity", &alert.severity)),
        ("value", format!("{:.2}", alert.peak_score)),
        ("text", harmless(sentence)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    words.say("effect-alert", &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: &str) -> v1::JudgedAlert {
        v1::JudgedAlert {
            alert_id: id.into(),
            since: 1_767_600_000_000_000,
            severity: "low".into(),
            peak_score: 1.125,
            text: "Traffic on Ring Road is slow.".into(),
            ..v1::JudgedAlert::default()
        }
    }

    fn effect() -> v1::Judged {
        v1::Judged {
            kind: "incident_suspected".into(),
            zone_id: "Z03".into(),
            weeks: 2.25,
            alerts_before: 3,
            alerts_after: 3,
            missing: vec![alert("3f2a")],
            added: vec![alert("")],
            ..v1::Judged::default()
        }
    }

    #[test]
    fn what_goes_and_what_comes_is_told_line_by_line() {
        let told = text(&effect(), Words::of("en"));
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[0],
            "incident suspected, zone Z03, at the keys of this alert, over the last 15 days: 3 with this judgement, 3 without"
        );
        assert!(
            lines[1].starts_with("  - 2026-01-05 08:00 UTC, low, peak 1.12"),
            "{told}"
        );
        assert!(lines[1].ends_with("Traffic on Ring Road is slow. 3f2a"), "{told}");
        assert!(lines[2].starts_with("  + "), "{told}");
    }

    #[test]
    fn a_judgement_is_told_in_the_language_of_the_reader() {
        let told = text(&effect(), Words::of("ru"));
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[0],
            "возможно происшествие, зона Z03, ключи этого оповещения, за последние 15 дн.: 3 с этой оценкой, 3 без неё"
        );
        assert!(
            lines[1].starts_with("  - 2026-01-05 08:00 UTC, важность низкая, пик 1.12: "),
            "{told}"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_said() {
        let effect = v1::Judged {
            added_unknown: true,
            ..v1::Judged::default()
        };
        assert!(text(&effect, Words::of("en")).contains("cannot be seen yet"));
    }
}
