//! What clients rely on: the `.proto` files are documented, and nothing that was promised before is taken back. `buf` says so, which
//! scripts/node-clients installs; where it is not there, the tests are skipped and say so.

use std::path::PathBuf;
use std::process::Command;

use arterial_testing::{missing, run};

fn buf(arguments: &[&str]) {
    let home = std::env::var("ARTERIAL_NODE_CLIENTS").unwrap_or_default();
    let program = PathBuf::from(home).join("node_modules/.bin/buf");
    if !program.is_file() {
        return missing("node", "no buf here; set ARTERIAL_NODE_CLIENTS=$(scripts/node-clients)");
    }
    let mut command = Command::new(program);
    run(command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")));
}

#[test]
fn every_message_and_call_is_documented_and_named_as_usual() {
    buf(&["lint"]);
}

#[test]
fn nothing_that_was_promised_is_taken_back() {
    buf(&["breaking", "--against", "baseline.binpb"]);
}

#[test]
fn whatever_there_is_was_promised() {
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let promised = std::fs::read(home.join("baseline.binpb")).unwrap();
    for folder in ["arterial/v1", "inference"] {
        for entry in std::fs::read_dir(home.join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy());
            let stands_there = promised.windows(name.len()).any(|part| part == name.as_bytes());
            assert!(
                stands_there,
                "{name} is not in baseline.binpb: CONTRIBUTING.md says how to make it"
            );
        }
    }
}
