//! `arterial alerts acknowledge`.

use arterial_proto::v1;

use super::document::document;
use super::{Common, find, table, user};
use crate::commands::client::failed;
use crate::commands::paint::Paint;
use crate::commands::print_json;

/// Say that somebody takes care of an alert
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

/// Says so, and prints the alert as it has become.
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
        .map_err(|status| failed(&status))?;
    let alert = answer.into_inner().alert.unwrap_or_default();
    if args.common.json {
        return print_json(&document(&alert));
    }
    print!("{}", table::alerts(&[alert], args.common.words(), Paint::for_stdout()));
    Ok(())
}
