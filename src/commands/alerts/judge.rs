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
struct Said {
    /// The alert's id, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    /// useful; false: nothing had happened; duplicate: another alert told of it; withdrawn: takes back what was said.
    #[arg(value_parser = ["useful", "false", "duplicate", "withdrawn"], value_name = "VERDICT")]
    verdict: String,
    /// Who says so [default: the user of this shell]; not used by `preview`, which records nothing.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Say whether an alert was useful: its kind is raised more or less readily at that place from then on
#[derive(Debug, clap::Args)]
pub struct Judge {
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    common: Common,
}

/// Show what a judgement would change, without changing anything
#[derive(Debug, clap::Args)]
pub struct Preview {
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    common: Common,
}

/// Judges, says that it is recorded and how to take it back, and prints what changes.
///
/// # Errors
/// A service that cannot be reached, an alert that it does not know.
pub async fn judge(args: &Judge) -> anyhow::Result<()> {
    let by = user(args.said.by.as_deref())?;
    let mut client = args.common.connect().await?;
    let request = request(&mut client, &args.said, by.clone(), &args.common).await?;
    let answer = client
        .judge_alert(request)
        .await
        .map_err(|status| failed(&status))?
        .into_inner();
    let effect = answer.effect.as_ref();
    if args.common.json {
        let alert = answer.alert.as_ref().map(document);
        return print_json(&json!({"alert": alert, "effect": effect.map(effect_json)}));
    }
    let words = args.common.words();
    let changes = match effect {
        Some(effect) => text(effect, words),
        // The judgement counts all the same.
        None => format!("{}\n", words.say("effect-absent", &[])),
    };
    println!("{}", recorded(&answer.alert.unwrap_or_default(), &by, words));
    print!("{changes}");
    Ok(())
}

/// Prints what a judgement would change.
///
/// # Errors
/// A service that cannot be reached, an alert that it does not know.
pub async fn preview(args: &Preview) -> anyhow::Result<()> {
    let mut client = args.common.connect().await?;
    let request = request(&mut client, &args.said, String::new(), &args.common).await?;
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
    said: &Said,
    by: String,
    common: &Common,
) -> anyhow::Result<v1::JudgeAlertRequest> {
    let alert = find::one(client, &said.alert, &common.language).await?;
    Ok(v1::JudgeAlertRequest {
        alert_id: alert.alert_id,
        judgement: said.verdict.clone(),
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
        "alerts_kept": effect.alerts_kept,
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

/// That the judgement counts, and how to take it back.
fn recorded(alert: &v1::Alert, by: &str, words: Words) -> String {
    let message = if alert.judgement == "withdrawn" {
        "recorded-withdrawn"
    } else {
        "recorded"
    };
    let values = [
        ("alert", harmless(&alert.alert_id)),
        ("verdict", words.name("judged", &alert.judgement)),
        ("by", harmless(by)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    words.say(message, &values)
}

/// What the judgement changes, seen on the last weeks.
fn text(effect: &v1::Judged, words: Words) -> String {
    let changes = Changes::of(effect);
    let mut text = format!("{}\n", changes.told(effect, words));
    for alert in &effect.missing {
        let _ = writeln!(text, "  - {} {}", line(alert, words), harmless(&alert.alert_id));
    }
    more(&mut text, '-', changes.gone, effect.missing.len(), words);
    for alert in &effect.added {
        let _ = writeln!(text, "  + {}", line(alert, words));
    }
    more(&mut text, '+', changes.added, effect.added.len(), words);
    if effect.added_unknown {
        let _ = writeln!(text, "  {}", words.say("effect-unknown", &[]));
    }
    text
}

/// How many alerts go and come.
struct Changes {
    gone: u32,
    added: u32,
}

impl Changes {
    fn of(effect: &v1::Judged) -> Self {
        Self {
            gone: effect.alerts_before.saturating_sub(effect.alerts_kept),
            added: effect.alerts_after.saturating_sub(effect.alerts_kept),
        }
    }

    /// How many change at the keys of the alert, and how many do not.
    fn told(&self, effect: &v1::Judged, words: Words) -> String {
        let message = if self.gone == 0 && self.added == 0 {
            "effect-none"
        } else {
            "effect"
        };
        let weeks = Duration((effect.weeks * (7 * DAY) as f64) as i64);
        let values = [
            ("lasting", words.lasting(weeks)),
            ("gone", self.gone.to_string()),
            ("added", self.added.to_string()),
            ("kept", effect.alerts_kept.to_string()),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        words.say(message, &values)
    }
}

/// A line for those of `all` that the service did not list.
fn more(text: &mut String, sign: char, all: u32, listed: usize, words: Words) {
    let rest = (all as usize).saturating_sub(listed);
    if rest > 0 {
        let _ = writeln!(
            text,
            "  {sign} {}",
            words.say("effect-more", &[("number", &rest.to_string())])
        );
    }
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
            alerts_kept: 2,
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
            "Alerts at the keys of this alert over the last 15 days, of whatever kind, had this judgement stood: 1 not raised (-), \
             1 raised in addition (+), 2 as they are"
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
            "Оповещения любого вида по ключам этого оповещения за последние 15 дн., если бы эта оценка действовала: исчезло (-): 1, \
             добавилось (+): 1, без изменений: 2"
        );
        assert!(
            lines[1].starts_with("  - 2026-01-05 08:00 UTC, важность низкая, пик 1.12: "),
            "{told}"
        );
    }

    #[test]
    fn a_judgement_that_would_change_nothing_says_so_and_how_many_stay() {
        let effect = v1::Judged {
            alerts_before: 12,
            alerts_after: 12,
            alerts_kept: 12,
            missing: Vec::new(),
            added: Vec::new(),
            ..effect()
        };
        let told = text(&effect, Words::of("en"));
        assert!(told.ends_with("none would change, 12 stay as they are\n"), "{told}");
    }

    #[test]
    fn changes_that_the_service_does_not_list_are_counted() {
        let effect = v1::Judged {
            alerts_before: 105,
            alerts_after: 4,
            ..effect()
        };
        let told = text(&effect, Words::of("en"));
        assert!(told.contains("103 not raised (-), 2 raised in addition (+)"), "{told}");
        assert!(told.contains("\n  - and 102 more\n"), "{told}");
        assert!(told.ends_with("\n  + and 1 more\n"), "{told}");
    }

    #[test]
    fn a_judgement_that_was_made_is_said_to_be_recorded_and_how_it_is_taken_back() {
        let said = |judgement: &str| {
            let alert = v1::Alert {
                alert_id: "3f2a".into(),
                judgement: judgement.into(),
                ..v1::Alert::default()
            };
            recorded(&alert, "ann", Words::of("en"))
        };
        assert_eq!(
            said("false"),
            "Recorded: alert 3f2a is judged false by ann. To take it back: arterial alerts judge 3f2a withdrawn"
        );
        assert!(said("withdrawn").contains("does not count any more, says ann"));
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
