//! How a command ends: what is said of an error, and the exit code it gives.

use std::process::ExitCode;

use crate::config::ConfigError;

/// Refused by a gate; exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Wrong usage that the command line parser cannot see; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The user pressed Ctrl-C; exit code 130.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Stands before an interruption where there is something to go on from; its text says how.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Resumable(pub String);

/// Stands before an error that is a line of the log already, and is not said again.
#[derive(Debug, thiserror::Error)]
#[error("the log says why")]
pub struct Logged;

const OUTSIDE: u8 = 1;
const BAD_INPUT: u8 = 2;
const REFUSED: u8 = 3;
/// The exit code after Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Says what went wrong on stderr, each cause once, and gives the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let code = code_of(error);
    if error.is::<Logged>() {
        return ExitCode::from(code);
    }
    if code == INTERRUPTED {
        eprintln!("interrupted");
        if let Some(Resumable(how)) = error.downcast_ref() {
            eprintln!("{how}");
        }
        return ExitCode::from(code);
    }
    eprintln!("error: {error}");
    for cause in causes(error) {
        eprintln!("  because: {cause}");
    }
    ExitCode::from(code)
}

/// What lies behind an error, without what was said already: many errors end with the text of their cause.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut said = vec![error.to_string()];
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.iter().any(|text| text.contains(&cause)) {
            said.push(cause);
        }
    }
    said.split_off(1)
}

fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of_cause).unwrap_or(OUTSIDE)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    let training = cause.downcast_ref::<arterial_training::Error>();
    if cause.is::<Interrupted>() || training.is_some_and(arterial_training::Error::is_cancelled) {
        return Some(INTERRUPTED);
    }
    if cause.is::<Refused>() {
        return Some(REFUSED);
    }
    if cause.is::<Usage>() || cause.is::<ConfigError>() {
        return Some(BAD_INPUT);
    }
    if let Some(error) = training {
        return code(error.is_bad_input(), error.is_refusal());
    }
    if let Some(error) = cause.downcast_ref::<arterial_models::Error>() {
        return code(error.is_bad_input(), error.is_refusal());
    }
    if let Some(error) = cause.downcast_ref::<arterial_features::Error>() {
        return code(error.is_bad_input(), false);
    }
    if let Some(error) = cause.downcast_ref::<arterial_serving::Error>() {
        return code(error.is_bad_input(), false);
    }
    let error = cause.downcast_ref::<arterial_datasets::Error>()?;
    code(error.is_bad_input(), false)
}

fn code(bad_input: bool, refused: bool) -> Option<u8> {
    match (bad_input, refused) {
        (true, _) => Some(BAD_INPUT),
        (false, true) => Some(REFUSED),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_exits_with_2_however_deep_it_stands() {
        let error = anyhow::Error::from(arterial_datasets::Error::invalid("step", "0s", "a positive duration"));
        assert_eq!(code_of(&error.context("cannot read the panel")), BAD_INPUT);
        let features = arterial_features::Error::invalid("reason", "FOO", "NOT_JSON, TOO_LARGE");
        assert_eq!(code_of(&features.into()), BAD_INPUT);
        let serving = arterial_serving::Error::invalid("kafka.brokers", "", "host:port");
        assert_eq!(code_of(&serving.into()), BAD_INPUT);
    }

    #[test]
    fn an_error_in_the_log_keeps_its_exit_code() {
        let error = anyhow::Error::from(Refused("no better".into())).context(Logged);
        assert!(error.is::<Logged>());
        assert_eq!(code_of(&error), REFUSED);
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("timed out")
            .context("delivery failed: timed out")
            .context("not sent");
        assert_eq!(causes(&error), ["delivery failed: timed out"]);
    }

    #[test]
    fn work_that_was_told_to_stop_exits_with_130() {
        let cancelled = arterial_training::Error::from(arterial_models::Error::Cancelled);
        assert_eq!(code_of(&cancelled.into()), INTERRUPTED);
    }

    #[test]
    fn an_interruption_keeps_its_exit_code_where_the_work_can_be_taken_up_again() {
        let cancelled = arterial_training::Error::from(arterial_models::Error::Cancelled);
        let error = anyhow::Error::from(cancelled).context(Resumable("--resume".into()));
        assert!(error.is::<Resumable>());
        assert_eq!(code_of(&error), INTERRUPTED);
    }

    #[test]
    fn a_gate_exits_with_3_and_the_world_with_1() {
        assert_eq!(code_of(&Refused("no better than the champion".into()).into()), REFUSED);
        assert_eq!(code_of(&std::io::Error::other("port taken").into()), OUTSIDE);
    }
}
