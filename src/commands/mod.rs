//! The commands: one file each, `Args` for the command line and `run` for the work.

mod again;
mod alerts;
mod backtest;
mod client;
mod compare;
mod completions;
mod config;
mod data;
mod demo;
mod detect;
mod device;
mod explanation;
mod forecast;
mod forecast_file;
mod forecast_given;
mod health;
mod hotspots;
mod imported;
mod lake;
mod lake_panel;
mod models;
mod nearest;
mod number;
mod outlet;
mod output;
mod paint;
mod place;
mod progress;
mod promote;
mod protocol;
mod quarantine;
mod reading;
mod registry;
mod replay;
mod rollback;
mod run;
mod simulate;
mod source;
mod sql;
mod streams;
mod train;
mod withdraw;

use clap::Subcommand;

/// Every command, in the order of `--help`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Simulate(simulate::Args),
    Replay(replay::Args),
    Streams(streams::Args),
    Data(data::Args),
    Train(Box<train::Args>),
    Backtest(Box<backtest::Args>),
    Compare(Box<compare::Args>),
    Promote(Box<promote::Args>),
    Rollback(rollback::Args),
    Withdraw(withdraw::Args),
    Models(models::Args),
    Detect(Box<detect::Args>),
    Forecast(Box<forecast::Args>),
    Hotspots(hotspots::Args),
    Alerts(Box<alerts::Args>),
    Sql(sql::Args),
    Health(health::Args),
    Quarantine(quarantine::Args),
    Lake(lake::Args),
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
            Self::Demo(args) => demo::run(&args),
            Self::Run(args) => run::run(&args),
            Self::Simulate(args) => simulate::run(&args),
            Self::Replay(args) => replay::run(&args),
            Self::Streams(args) => streams::run(&args),
            Self::Data(args) => data::run(&args),
            Self::Train(args) => train::run(&args),
            Self::Backtest(args) => backtest::run(&args),
            Self::Compare(args) => compare::run(&args),
            Self::Promote(args) => promote::run(&args),
            Self::Rollback(args) => rollback::run(&args),
            Self::Withdraw(args) => withdraw::run(&args),
            Self::Models(args) => models::run(&args),
            Self::Detect(args) => detect::run(&args),
            Self::Forecast(args) => forecast::run(&args),
            Self::Hotspots(args) => hotspots::run(&args),
            Self::Alerts(args) => alerts::run(&args),
            Self::Sql(args) => sql::run(&args),
            Self::Health(args) => health::run(&args),
            Self::Quarantine(args) => quarantine::run(&args),
            Self::Lake(args) => lake::run(&args),
            Self::Config(args) => config::run(&args),
            Self::Completions(args) => completions::run(&args),
        }
    }
}

/// Prints one JSON document on stdout, and nothing else.
///
/// # Errors
/// A value that has no JSON form.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A runtime for the commands that talk to stores and services.
///
/// # Errors
/// Threads that the system refuses.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
