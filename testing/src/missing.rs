//! What a test needs and does not find: said where nobody can overlook it, and a failure where nothing may be skipped.

use std::env;
use std::io::Write;
use std::process::Command;
use std::thread;

/// Says that the calling test is skipped, or a part of it, and for want of what; `name` is what the variable `ARTERIAL_MAY_LACK` calls it.
///
/// # Panics
/// Where the variable `ARTERIAL_REQUIRE_ALL` is set: nothing is skipped there, but for want of what `ARTERIAL_MAY_LACK` names, with commas
/// between.
#[track_caller]
pub fn missing(name: &str, what: &str) {
    let set = |variable: &str| env::var(variable).unwrap_or_default();
    let is_required = !set("ARTERIAL_REQUIRE_ALL").is_empty() && !names(&set("ARTERIAL_MAY_LACK"), name);
    assert!(
        !is_required,
        "{what}; with `ARTERIAL_REQUIRE_ALL` set nothing is skipped unless `ARTERIAL_MAY_LACK` names it: `{name}`"
    );
    let thread = thread::current();
    let line = format!("skipped in `{}`: {what}\n", thread.name().unwrap_or("a test"));
    // Past the harness, which keeps to itself what a test that passes prints. Where standard error is closed nobody reads.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Whether `list` has `name`, with commas between.
fn names(list: &str, name: &str) -> bool {
    list.split(',').any(|one| one.trim() == name)
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
    missing(
        "python",
        &format!("`{program}` cannot import {libraries}; what ARTERIAL_PYTHON=$(scripts/clients) makes can"),
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_missing_is_named_with_commas_between() {
        for name in ["minio", "alertmanager", "data"] {
            assert!(names("minio, alertmanager,data", name), "{name}");
        }
        assert!(!names("minio,data", "alertmanager") && !names("", "data") && !names("data-sets", "data"));
    }
}
