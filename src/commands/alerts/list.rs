//! `arterial alerts list`.

use serde_json::json;

use super::document::document;
use super::filter::Filter;
use super::{Common, find, table, zones};
use crate::commands::paint::Paint;
use crate::commands::print_json;

/// List alerts, the latest change first
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: Filter,
    /// The most that are listed.
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    #[command(flatten)]
    common: Common,
}

/// Asks and prints.
///
/// # Errors
/// A service that cannot be reached, a filter that it refuses.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let times = args.filter.times()?;
    let mut client = args.common.connect().await?;
    let filter = args.filter.message(times, &mut client).await?;
    let (alerts, more) = find::newest(&mut client, filter, args.limit as usize, &args.common.language).await?;
    zones::tell_unknown(&args.common, args.filter.zones(), &alerts).await;
    if args.common.json {
        let alerts: Vec<_> = alerts.iter().map(document).collect();
        return print_json(&json!({"alerts": alerts, "more": more}));
    }
    let words = args.common.words();
    if alerts.is_empty() {
        eprintln!("{}", words.say("nothing-listed", &[]));
        return Ok(());
    }
    print!("{}", table::alerts(&alerts, words, Paint::for_stdout()));
    if more {
        eprintln!("{}", words.say("more-listed", &[]));
    }
    Ok(())
}
