//! `arterial alerts ...`: what a running service has found, and what people do about it.

mod acknowledge;
mod chart;
mod dead_letters;
mod document;
mod filter;
mod find;
mod judge;
mod list;
mod show;
mod table;
mod watch;
mod words;
mod zones;

use arterial_proto::v1::alert_service_client::AlertServiceClient;

use self::words::Words;
use super::client::{Connection, Service};
use super::runtime;
use crate::outcome::Usage;

/// What asks.
type Client = AlertServiceClient<Connection>;

/// Alerts of a running service: see them, take them on, judge them
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(list::Args),
    Watch(watch::Args),
    Show(show::Args),
    Acknowledge(acknowledge::Args),
    Judge(judge::Judge),
    Preview(judge::Preview),
    DeadLetters(dead_letters::Args),
}

/// What all of them take.
#[derive(Debug, clap::Args)]
struct Common {
    /// The language of the texts and of the words around them.
    #[arg(long, env = "ARTERIAL_LANGUAGE", default_value = "en", value_parser = ["en", "ru", "fr"])]
    language: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
}

impl Common {
    async fn connect(&self) -> anyhow::Result<Client> {
        Ok(AlertServiceClient::new(self.service.connect().await?).max_decoding_message_size(256 << 20))
    }

    fn words(&self) -> Words {
        Words::of(&self.language)
    }
}

/// Who does it: as said, or the user of this shell.
fn user(said: Option<&str>) -> Result<String, Usage> {
    let shell = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    let user = said
        .map(str::to_owned)
        .or_else(shell)
        .filter(|user| !user.trim().is_empty());
    user.ok_or_else(|| Usage("`--by` is missing, accepted: the name of whoever does it".into()))
}

/// Asks a running service, and prints.
///
/// # Errors
/// A service that cannot be reached, a request that it refuses.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = runtime()?;
    match &args.verb {
        Verb::List(args) => runtime.block_on(list::run(args)),
        Verb::Watch(args) => runtime.block_on(watch::run(args)),
        Verb::Show(args) => runtime.block_on(show::run(args)),
        Verb::Acknowledge(args) => runtime.block_on(acknowledge::run(args)),
        Verb::Judge(args) => runtime.block_on(judge::judge(args)),
        Verb::Preview(args) => runtime.block_on(judge::preview(args)),
        Verb::DeadLetters(args) => runtime.block_on(dead_letters::run(args)),
    }
}
