//! `arterial alerts watch`.

use std::io::Write;
use std::time::Duration;

use arterial_proto::v1;
use tonic::Code;

use super::document::document;
use super::filter::Filter;
use super::table::{coordinates, minute, severity_style, state_style};
use super::words::Words;
use super::{Client, Common, zones};
use crate::commands::client::failed;
use crate::commands::paint::{Paint, Style, harmless};
use crate::outcome::Interrupted;

/// How long is waited before a service that went away is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// Print what is open, and then every change, until Ctrl-C. A service that goes away is asked again, and nothing is missed
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Only what changed after this; `--json` gives the number with each alert as `sequence`.
    #[arg(long, value_name = "SEQUENCE")]
    resume_after: Option<u64>,
    #[command(flatten)]
    common: Common,
}

/// Asks and prints, one line a change; with `--json` one JSON document a line.
///
/// # Errors
/// A service that cannot be reached at first, a filter that it refuses; being interrupted, which is how it ends.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    tokio::select! {
        watched = watch(args) => watched,
        _ = tokio::signal::ctrl_c() => Err(Interrupted.into()),
    }
}

async fn watch(args: &Args) -> anyhow::Result<()> {
    let mut resume_after = args.resume_after;
    let mut is_first = true;
    let times = args.filter.times()?;
    // Who cannot be reached at the beginning is probably not there; who goes away later comes back.
    let mut client = args.common.connect().await?;
    let filter = args.filter.message(times, &mut client).await?;
    zones::tell_unknown(&args.common, args.filter.zones(), &[]).await;
    loop {
        let request = v1::WatchAlertsRequest {
            filter: Some(filter.clone()),
            resume_after,
            language: args.common.language.clone(),
            ..v1::WatchAlertsRequest::default()
        };
        let status = match client.watch_alerts(request).await {
            Ok(answers) => follow(answers.into_inner(), args, &mut resume_after, &mut is_first).await?,
            Err(status) => status,
        };
        if !is_passing(status.code()) {
            return Err(failed(&status));
        }
        let reason = harmless(status.message());
        eprintln!("{}", args.common.words().say("went-away", &[("reason", &reason)]));
        client = come_back(args).await;
    }
}

/// The service again, however long it takes.
async fn come_back(args: &Args) -> Client {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Ok(client) = args.common.connect().await {
            return client;
        }
    }
}

/// Prints answers until there are no more; says why not. Where the very first one is empty, it says that it waits.
async fn follow(
    mut answers: tonic::Streaming<v1::WatchAlertsResponse>,
    args: &Args,
    resume_after: &mut Option<u64>,
    is_first: &mut bool,
) -> anyhow::Result<tonic::Status> {
    let paint = Paint::for_stdout();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                if std::mem::take(is_first) && answer.alerts.is_empty() {
                    eprintln!("{}", args.common.words().say(nothing(args.resume_after), &[]));
                }
                print(&answer.alerts, &args.common, paint)?;
                *resume_after = Some(answer.resume_after);
            }
            Ok(None) => return Ok(tonic::Status::unavailable("the stream ended")),
            Err(status) => return Ok(status),
        }
    }
}

/// The message that says what an empty first answer means.
fn nothing(resume_after: Option<u64>) -> &'static str {
    match resume_after {
        Some(_) => "nothing-changed",
        None => "nothing-open",
    }
}

fn print(alerts: &[v1::Alert], common: &Common, paint: Paint) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for alert in alerts {
        if common.json {
            writeln!(out, "{}", document(alert))?;
        } else {
            writeln!(out, "{}", line(alert, common.words(), paint))?;
        }
    }
    Ok(out.flush()?)
}

fn line(alert: &v1::Alert, words: Words, paint: Paint) -> String {
    let severity = words.name("severity", &alert.severity);
    let state = words.name("state", &alert.state);
    let mut parts = vec![
        format!("{} UTC", minute(alert.changed_at)),
        paint.paint(severity_style(alert), &format!("{severity:<8}")),
        paint.paint(state_style(&alert.state), &format!("{state:<12}")),
        harmless(&alert.text),
    ];
    parts.extend(judged(alert, words));
    parts.extend(coordinates(alert.lat, alert.lon));
    parts.push(paint.paint(Style::Faint, &alert.alert_id));
    parts.join("  ")
}

/// What people said of it last; without it, each judgement would look like the same change again.
fn judged(alert: &v1::Alert, words: Words) -> Option<String> {
    let said = !alert.judgement.is_empty();
    said.then(|| {
        let (label, verdict) = (words.name("label", "judged"), words.name("judged", &alert.judgement));
        format!("{label}: {}", harmless(&verdict))
    })
}

/// Whether a service that ended a call so may be there again soon.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_to_go_as_far_as_that_is_known() {
        let line = |lon: Option<f64>| {
            let alert = v1::Alert {
                alert_id: "3f2a".into(),
                changed_at: 1_767_600_000_000_000,
                severity: "high".into(),
                state: "open".into(),
                text: "Traffic is slower than expected on Ring Road.".into(),
                lat: Some(56.1551),
                lon,
                ..v1::Alert::default()
            };
            line(&alert, Words::of("en"), Paint::Plain)
        };
        let told = "2026-01-05 08:00 UTC  high      open          Traffic is slower than expected on Ring Road.";
        assert_eq!(line(Some(10.2031)), format!("{told}  56.15510, 10.20310  3f2a"));
        assert_eq!(line(None), format!("{told}  3f2a"));
    }

    #[test]
    fn a_line_says_how_the_alert_was_judged() {
        let line = |judgement: &str, language| {
            let alert = v1::Alert {
                alert_id: "3f2a".into(),
                judgement: judgement.into(),
                text: "Slow.".into(),
                ..v1::Alert::default()
            };
            line(&alert, Words::of(language), Paint::Plain)
        };
        assert!(line("", "en").ends_with("  Slow.  3f2a"));
        assert!(line("false", "en").ends_with("  Slow.  judged: false  3f2a"));
        assert!(line("withdrawn", "en").ends_with("  Slow.  judged: withdrawn  3f2a"));
        assert!(line("useful", "ru").ends_with("  Slow.  оценка: полезное  3f2a"));
    }
}
