//! The command line as a person meets it: exit codes, and errors that name field, value and what is accepted.

use std::path::Path;
use std::process::{Command, Output};

fn arterial(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(arguments)
        .env_remove("ARTERIAL_REGISTRY__URL")
        .output()
        .unwrap()
}

/// Runs a command that must end with 2, and gives what it said.
fn refused(arguments: &[&str]) -> String {
    let output = arterial(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to stdout");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn every_command_has_help() {
    let help = String::from_utf8(arterial(&["--help"]).stdout).unwrap();
    for command in [
        "demo",
        "run",
        "simulate",
        "replay",
        "train",
        "backtest",
        "promote",
        "streams",
        "quarantine",
        "lake",
    ] {
        assert!(help.contains(command), "{command} is missing in:\n{help}");
        assert!(arterial(&[command, "--help"]).status.success(), "{command}");
    }
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "arterial.toml", "[lake]\nurl = \"x\"\nfsnyc = true\n");
    let said = refused(&["run", "--config", &path]);
    assert!(said.contains("arterial.toml:3") && said.contains("fsync"), "{said}");
}

#[test]
fn a_service_without_brokers_says_which_key_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let path = write(
        folder.path(),
        "arterial.toml",
        &format!("[lake]\nurl = \"{}\"\n", lake.display()),
    );
    assert!(refused(&["run", "--config", &path]).contains("kafka.brokers"));
}

#[test]
fn a_stream_that_does_not_check_is_refused_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "noise.toml",
        "name = \"noise\"\ndescription = \"x\"\nkye = 1\n",
    );
    let said = refused(&["streams", "check", &path]);
    assert!(said.contains("noise.toml:3") && said.contains("kye"), "{said}");
}

#[test]
fn a_definition_that_is_no_text_file_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.toml");
    std::fs::write(&odd, b"name = \"\xff\"\n").unwrap();
    for (path, why) in [
        (odd.as_path(), "odd.toml:1"),
        (folder.path(), "not a folder"),
        (&folder.path().join("absent.toml"), "a file that exists"),
    ] {
        let said = refused(&["streams", "check", &path.to_string_lossy()]);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn an_unknown_model_lists_those_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "x.csv",
        "timestamp,a\n2026-01-01T00:00:00Z,1\n2026-01-01T00:05:00Z,2\n",
    );
    let said = refused(&["backtest", "--data", &path, "--models", "prophet"]);
    assert!(
        said.contains("prophet") && said.contains("persistence") && said.contains("linear"),
        "{said}"
    );
}

#[test]
fn a_cell_that_is_no_number_is_refused_with_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "x.csv",
        "timestamp,a\n2026-01-01T00:00:00Z,1\n2026-01-01T00:05:00Z,fast\n",
    );
    let said = refused(&["data", "describe", &path]);
    assert!(
        said.contains("row 2") && said.contains("`a`") && said.contains("fast"),
        "{said}"
    );
}

#[test]
fn a_demo_in_a_folder_that_is_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mine.txt", "precious");
    let said = refused(&["demo", "--once", "--dir", &folder.path().to_string_lossy()]);
    assert!(said.contains("empty folder"), "{said}");
}

#[test]
fn a_service_that_is_not_there_is_a_failure_from_outside() {
    let output = arterial(&["health", "--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn commands_that_only_read_a_lake_make_none() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let lake = nowhere.to_string_lossy();
    for command in [
        &["quarantine", "list"][..],
        &["lake", "maintain"],
        &[
            "train",
            "--model",
            "linear",
            "--topic",
            "parking",
            "--target",
            "occupancy_rate",
        ],
    ] {
        let said = refused(&[command, &["--lake", &lake]].concat());
        assert!(
            said.contains("nowhere") && said.contains("exists"),
            "{command:?}: {said}"
        );
        assert!(!nowhere.exists(), "{command:?}");
    }
}

#[test]
fn an_empty_quarantine_says_so_and_an_unknown_topic_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_string_lossy();
    let output = arterial(&["quarantine", "list", "--lake", &lake]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing in quarantine"));
    let said = refused(&["quarantine", "list", "--lake", &lake, "--topic", "prking"]);
    assert!(said.contains("prking") && said.contains("parking"), "{said}");
}

#[test]
fn brokers_that_are_not_there_are_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_string_lossy();
    let output = arterial(&["quarantine", "replay", "--lake", &lake, "--brokers", "127.0.0.1:9"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("127.0.0.1:9") && said.contains("--brokers"), "{said}");
    assert!(said.contains("no broker answers within 10s"), "{said}");
}

#[test]
fn json_is_one_document_and_nothing_else() {
    let output = arterial(&["streams", "list", "--json"]);
    let streams: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(streams.as_array().map(Vec::len), Some(8));
}
