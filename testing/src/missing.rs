//! What a test needs and does not find: said where nobody can overlook it, and a failure where nothing may be skipped.

use std::env;
use std::io::Write;
use std::process::Command;
use std::thread;

/// Says that the calling test is skipped, or a part of it, and for want of what.
///
/// # Panics
/// Where the variable `ARTERIAL_REQUIRE_ALL` is set: nothing is skipped there.
#[track_caller]
pub fn missing(what: &str) {
    let required = env::var_os("ARTERIAL_REQUIRE_ALL").is_some_and(|value| !value.is_empty());
    assert!(!required, "{what}; with `ARTERIAL_REQUIRE_ALL` set nothing is skipped");
    say(what);
}

/// Says for want of what the calling test is skipped. The line goes past the harness, which keeps to itself what a test that passes prints.
pub(crate) fn say(what: &str) {
    let thread = thread::current();
    let line = format!("skipped in `{}`: {what}\n", thread.name().unwrap_or("a test"));
    // Where standard error is closed nobody reads.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// The interpreter `$ARTERIAL_PYTHON`, or `python3`, where it has these libraries, such as `deltalake, polars`; none, with a word about
/// it, where it has not.
///
/// # Panics
/// As [`missing`] does.
#[track_caller]
pub fn python(libraries: &str) -> Option<String> {
    let program = env::var("ARTERIAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&program)
        .args(["-c", &format!("import {libraries}")])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(program);
    }
    missing(&format!(
        "`{program}` cannot import {libraries}; what ARTERIAL_PYTHON=$(scripts/clients) makes can"
    ));
    None
}
