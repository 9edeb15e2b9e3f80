//! `arterial completions SHELL`.

use clap::CommandFactory;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "arterial", &mut script);
    print!("{}", String::from_utf8(script)?);
    Ok(())
}
