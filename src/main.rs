//! The `arterial` command line.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed for a reason outside, 2 wrong usage or bad input,
//! 3 refused by a gate, 130 interrupted.

#[macro_use]
mod stdout;

mod commands;
mod config;
mod outcome;
mod service;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

/// Answers, windows and queries are many small pieces of memory that one thread makes and another frees, where the system's
/// allocator spends a fifth of a call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Congestion forecasts from a city's sensor streams.
#[derive(Debug, Parser)]
#[command(name = "arterial", version, max_term_width = 110, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => outcome::report(&error),
    }
}
