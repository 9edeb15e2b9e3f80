//! `arterial alerts judge` and `arterial alerts preview`.

use std::fmt::Write;

use arterial_proto::v1;
use serde_json::{Value, json};

use super::document::document;
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
    print!("{}", text(&effect));
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
    print!("{}", text(&effect));
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
    json!({
        "kind": effect.kind,
        "zone_id": effect.zone_id,
        "weeks": effect.weeks,
        "alerts_before": effect.alerts_before,
        "alerts_after": effect.alerts_after,
        "would_be_missing": effect.would_be_missing,
    })
}

/// What the judgement changes, seen on the last weeks.
fn text(effect: &v1::Judged) -> String {
    let kind = effect.kind.replace('_', " ");
    let zone = match effect.zone_id.as_str() {
        "" => "without a zone".into(),
        zone => format!("in {}", harmless(zone)),
    };
    let (before, after, weeks) = (effect.alerts_before, effect.alerts_after, effect.weeks);
    let mut text =
        format!("{kind} {zone}: {after} of the {before} alerts of the last {weeks:.1} weeks would have been raised\n");
    for missing in &effect.would_be_missing {
        let _ = writeln!(text, "  not {missing}");
    }
    text
}
