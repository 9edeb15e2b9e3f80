//! `arterial completions SHELL`.

use clap::CommandFactory;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub fn run(args: &Args) -> anyhow::Result<()> {
    clap_complete::generate(
        args.shell,
        &mut crate::Cli::command(),
        "arterial",
        &mut std::io::stdout(),
    );
    Ok(())
}
