//! Signals to processes that a test has started.

use std::process::{Child, Command};

/// Sends a signal by name: `TERM`, `STOP`, `CONT`.
///
/// The shell's own `kill` sends it: a small system has no program of that name.
///
/// # Panics
/// Where the signal cannot be sent.
pub fn signal(process: &Child, name: &str) {
    let line = format!("kill -{name} {}", process.id());
    let sent = Command::new("sh").args(["-c", &line]).status();
    assert!(sent.is_ok_and(|status| status.success()), "`{line}` fails");
}
