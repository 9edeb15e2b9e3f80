//! The commands: one file each, `Args` for the command line and `run` for the work.

mod client;
mod completions;
mod config;
mod forecast;
mod health;

use clap::Subcommand;

/// Every command, in the order of `--help`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Forecast(forecast::Args),
    Health(health::Args),
    Config(config::Args),
    Completions(completions::Args),
}

impl Command {
    /// Does the work.
    ///
    /// # Errors
    /// Whatever the command could not do.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Forecast(args) => forecast::run(&args),
            Self::Health(args) => health::run(&args),
            Self::Config(args) => config::run(&args),
            Self::Completions(args) => completions::run(&args),
        }
    }
}

/// Prints one JSON document on stdout, and nothing else.
///
/// # Errors
/// A value that has no JSON form, or a stdout that is closed.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// A runtime for the commands that talk to stores and services.
///
/// # Errors
/// Threads that the system refuses.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
