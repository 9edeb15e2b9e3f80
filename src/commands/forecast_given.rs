//! Refuses options of `arterial forecast` that would be left unread, as they are those of the other way to forecast.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::client::Service;
use super::forecast;
use super::forecast_file::FileOptions;

/// Has no option of its own: it looks at those of the others before they are read. `requires` would not do, as clap waives it as
/// soon as an argument is there that conflicts with the one that is required.
#[derive(Debug)]
pub struct Checked;

impl Args for Checked {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl FromArgMatches for Checked {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let unread = if matches.contains_id("data") {
            named::<Service>(matches)
                .map(|option| format!("`{option}` does not go with `--data`: a file is forecast without a service"))
        } else {
            named::<FileOptions>(matches).map(|option| {
                format!("`{option}` needs `--data`: it is about the forecast of a file, and here a service is asked")
            })
        };
        unread.map_or(Ok(Self), |message| Err(refusal(message)))
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}

/// Ends with how `arterial forecast` is used: by itself an error of this stage would tell that of `arterial`.
fn refusal(message: String) -> clap::Error {
    let command = Command::new("forecast").bin_name("arterial forecast");
    clap::Error::raw(ErrorKind::ArgumentConflict, message).format(&mut forecast::Args::augment_args(command))
}

/// The first of the options of `O` that stands on the command line; the environment may say more than a command reads.
fn named<O: Args>(matches: &ArgMatches) -> Option<String> {
    let command = O::augment_args(Command::new("options"));
    let on_command_line =
        |option: &&clap::Arg| matches.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine);
    let found = command.get_arguments().find(on_command_line);
    found.and_then(clap::Arg::get_long).map(|name| format!("--{name}"))
}
