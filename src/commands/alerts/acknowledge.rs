//! `arterial alerts acknowledge`.

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use serde_json::json;

use super::document::document;
use super::table::minute;
use super::words::Words;
use super::{Common, find, table, user};
use crate::commands::client::failed;
use crate::commands::paint::{Paint, harmless};
use crate::commands::print_json;

/// Say that somebody takes care of an alert; whoever says so last has it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The alert's id, or its beginning.
    #[arg(value_name = "ALERT")]
    alert: String,
    /// Who takes care [default: the user of this shell].
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Says so, and prints who has it, who had it before, and the alert as it has become.
///
/// # Errors
/// A service that cannot be reached, an alert that it does not know or that is over.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let by = user(args.by.as_deref())?;
    let mut client = args.common.connect().await?;
    let alert = find::one(&mut client, &args.alert, &args.common.language).await?;
    let request = v1::AcknowledgeAlertRequest {
        alert_id: alert.alert_id,
        by,
        language: args.common.language.clone(),
    };
    let answer = client
        .acknowledge_alert(request)
        .await
        .map_err(|status| failed(&status))?
        .into_inner();
    let (alert, before) = (answer.alert.unwrap_or_default(), answer.before);
    if args.common.json {
        let before = before.map(|one| json!({"by": one.by, "at": Timestamp(one.at).to_string()}));
        let mut shown = document(&alert);
        shown["acknowledged_before"] = json!(before);
        return print_json(&shown);
    }
    let words = args.common.words();
    println!("{}", who(&alert, before.as_ref(), words));
    print!("{}", table::alerts(&[alert], words, Paint::for_stdout()));
    Ok(())
}

/// Who has it, and who had it before.
fn who(alert: &v1::Alert, before: Option<&v1::Acknowledgement>, words: Words) -> String {
    let by = alert.acknowledgement.as_ref().map(|one| harmless(&one.by));
    let by = by.unwrap_or_default();
    match before {
        None => words.say("acknowledged", &[("by", &by)]),
        Some(one) => {
            let (former, time) = (harmless(&one.by), minute(one.at));
            words.say(
                "acknowledged-after",
                &[("by", &by), ("former", &former), ("time", &time)],
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledgement(by: &str) -> v1::Acknowledgement {
        v1::Acknowledgement {
            by: by.into(),
            at: 1_767_600_000_000_000,
        }
    }

    #[test]
    fn whoever_takes_an_alert_from_somebody_is_told_from_whom() {
        let alert = v1::Alert {
            acknowledgement: Some(acknowledgement("ann")),
            ..v1::Alert::default()
        };
        let words = Words::of("en");
        assert_eq!(who(&alert, None, words), "acknowledged by ann");
        assert_eq!(
            who(&alert, Some(&acknowledgement("ben")), words),
            "acknowledged by ann; before that by ben, since 2026-01-05 08:00 UTC"
        );
    }
}
