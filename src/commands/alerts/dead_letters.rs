//! `arterial alerts dead-letters`.

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use serde_json::{Value, json};

use super::Common;
use super::table::minute;
use super::words::Words;
use crate::commands::client::{failed, table};
use crate::commands::paint::harmless;
use crate::commands::print_json;

/// Revisions of alerts that a receiver did not take: see them, have them sent again
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List them
    List(Which),
    /// Have them sent again, in order; those that are taken leave the list
    Retry(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Only those of these receivers, by their names in the configuration.
    #[arg(long = "sink", value_delimiter = ',', value_name = "NAME,..")]
    sinks: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Lists or has them sent again.
///
/// # Errors
/// A service that cannot be reached; letters that were not taken again.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List(which) => list(which).await,
        Verb::Retry(which) => retry(which).await,
    }
}

async fn list(which: &Which) -> anyhow::Result<()> {
    let mut client = which.common.connect().await?;
    let mut request = v1::ListDeadLettersRequest {
        sinks: which.sinks.clone(),
        ..v1::ListDeadLettersRequest::default()
    };
    let mut letters = Vec::new();
    loop {
        let answer = client.list_dead_letters(request.clone()).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        letters.extend(answer.letters);
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if which.common.json {
        return print_json(&json!({"dead_letters": letters.iter().map(document).collect::<Vec<_>>()}));
    }
    let words = which.common.words();
    if letters.is_empty() {
        eprintln!("{}", words.say("no-letters", &[]));
    } else {
        print!("{}", lines(&letters, words));
    }
    Ok(())
}

async fn retry(which: &Which) -> anyhow::Result<()> {
    let mut client = which.common.connect().await?;
    let request = v1::RetryDeadLettersRequest {
        sinks: which.sinks.clone(),
    };
    let answer = client
        .retry_dead_letters(request)
        .await
        .map_err(|status| failed(&status))?
        .into_inner();
    if which.common.json {
        let left: Vec<_> = answer.left.iter().map(document).collect();
        print_json(&json!({"sent": answer.sent, "left": left}))?;
    } else {
        let words = which.common.words();
        let (sent, left) = (answer.sent.to_string(), answer.left_count.to_string());
        println!("{}", words.say("letters-sent", &[("sent", &sent), ("left", &left)]));
        if !answer.left.is_empty() {
            print!("{}", lines(&answer.left, words));
        }
    }
    anyhow::ensure!(
        answer.left_count == 0,
        "{} letters were not taken again",
        answer.left_count
    );
    Ok(())
}

fn lines(letters: &[v1::DeadLetter], words: Words) -> String {
    let row = |letter: &v1::DeadLetter| {
        vec![
            letter.sink.clone(),
            letter.alert_id.clone(),
            letter.revision.to_string(),
            minute(letter.at),
            harmless(&letter.reason),
        ]
    };
    let rows: Vec<_> = letters.iter().map(row).collect();
    let heads = ["sink", "alert", "revision", "given-up-utc", "answer"];
    let heads = heads.map(|head| words.name("label", head));
    table(&heads.each_ref().map(String::as_str), &rows)
}

fn document(letter: &v1::DeadLetter) -> Value {
    json!({
        "sink": letter.sink,
        "alert_id": letter.alert_id,
        "revision": letter.revision,
        "sequence": letter.sequence,
        "reason": letter.reason,
        "at": Timestamp(letter.at).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_under_heads_in_the_language_of_the_reader() {
        let letter = v1::DeadLetter {
            sink: "on-call".into(),
            alert_id: "3f2a".into(),
            revision: 2,
            at: 1_767_600_000_000_000,
            reason: "503".into(),
            ..v1::DeadLetter::default()
        };
        let told = lines(&[letter], Words::of("fr"));
        assert!(
            told.starts_with("destinataire  alerte  révision  abandonné (UTC)"),
            "{told}"
        );
        assert!(told.contains("on-call       3f2a"), "{told}");
    }
}
