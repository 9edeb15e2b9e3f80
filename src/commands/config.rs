//! `arterial config show|check`.

use std::path::PathBuf;

use crate::config::Config;

/// Show or check the configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Print what is in force: defaults, file and environment together
    Show {
        /// The configuration file
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Say whether `arterial run` would take a configuration, or all that is wrong with it; nothing is opened
    Check {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::Show { config } => print!("{}", Config::load(config.as_deref(), std::env::vars())?.to_toml()?),
        Verb::Check { config } => {
            let found = Config::load_for_service(config, std::env::vars())?;
            if let Some(doubt) = found.doubts() {
                eprintln!("warning: {doubt}");
            }
            println!("{} is fine", config.display());
        }
    }
    Ok(())
}
