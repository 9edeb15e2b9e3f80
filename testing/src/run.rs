//! Programs that tests run to their end, and that have to end well, or to refuse.

use std::process::{Command, Output};

/// Runs a program; what it prints.
///
/// # Panics
/// Where it cannot be started, or does not end well: with all that it said.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    printed(&command.output().unwrap())
}

/// The same on a thread of its own, for a program that asks a service of the test that runs it.
///
/// # Panics
/// As [`run`] does.
pub async fn run_beside(mut command: Command) -> String {
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    printed(&ended.unwrap().unwrap())
}

/// Runs a program that has to refuse what it is asked: it ends with `code`, says why, and prints nothing. What it said.
///
/// # Panics
/// Where it cannot be started, ends otherwise, prints something, or panics itself: with all that it said.
#[track_caller]
pub fn refused(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
    assert!(output.stdout.is_empty(), "{command:?} prints something: {said}");
    assert!(!said.contains("panicked"), "{command:?}: {said}");
    said
}

#[track_caller]
fn printed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}:\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_prints_is_given_and_one_that_fails_fails_the_test_with_what_it_said() {
        assert_eq!(run(&mut shell("echo said")), "said\n");
        let failed = std::panic::catch_unwind(|| run(&mut shell("echo printed; echo wrong >&2; exit 3")));
        let message = failed.unwrap_err().downcast::<String>().unwrap();
        assert!(
            message.contains("exit status: 3") && message.contains("printed") && message.contains("wrong"),
            "{message}"
        );
    }

    #[test]
    fn what_a_program_says_that_refuses_is_given_and_one_that_ends_otherwise_fails_the_test() {
        assert_eq!(refused(&mut shell("echo why >&2; exit 2"), 2), "why\n");
        for script in ["exit 0", "exit 1", "echo printed; exit 2", "echo panicked >&2; exit 2"] {
            let failed = std::panic::catch_unwind(|| refused(&mut shell(script), 2));
            assert!(failed.is_err(), "{script}");
        }
    }
}
