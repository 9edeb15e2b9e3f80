//! Trials on the command line: a shadow and a canary from their promotion to their end.

use std::process::{Command, Output};

use serde_json::Value;

struct Registry {
    folder: tempfile::TempDir,
}

impl Registry {
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
        command
            .args(words.split(' '))
            .env("ARTERIAL_REGISTRY__URL", self.folder.path().join("registry"))
            .current_dir(self.folder.path());
        command
    }

    fn output(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// The JSON of a command that has to succeed.
    fn json(&self, words: &str) -> Value {
        let output = self.output(&format!("{words} --json"));
        assert!(output.status.success(), "{words}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command says that has to be refused with this exit code.
    fn refused(&self, words: &str, code: i32) -> String {
        arterial_testing::refused(&mut self.command(words), code)
    }

    /// Three days of a number that rises, and two models of it, the first of which is the champion.
    fn with_two_models() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let row = |hour: i32| format!("2026-01-0{}T{:02}:00:00Z,{hour}", 1 + hour / 24, hour % 24);
        let rows: Vec<String> = (0..72).map(row).collect();
        let text = format!("timestamp,a\n{}\n", rows.join("\n"));
        std::fs::write(folder.path().join("rising.csv"), text).unwrap();
        let registry = Self { folder };
        for _ in 0..2 {
            registry.json("train --data rising.csv --model persistence --context 2 --horizon 3");
        }
        registry
    }
}

#[test]
fn a_trial_needs_a_champion_a_canary_a_share_and_the_champion_cannot_be_withdrawn() {
    let registry = Registry::with_two_models();
    let said = registry.refused("promote persistence@2 --alias shadow", 2);
    assert!(said.contains("champion"), "{said}");
    registry.json("promote persistence@1");
    let said = registry.refused("promote persistence@2 --alias canary", 2);
    assert!(said.contains("`--share` is missing"), "{said}");
    let said = registry.refused("promote persistence@2 --alias canary --share 1.5", 2);
    assert!(said.contains("above 0, at most 1"), "{said}");
    let said = registry.refused("promote persistence@2 --share 0.5", 2);
    assert!(said.contains("`--share` is given"), "{said}");
    // It is no better than the champion, which is the same model.
    let said = registry.refused("promote persistence@2 --alias canary --share 0.5", 3);
    assert!(said.contains("not below"), "{said}");
    let said = registry.refused("promote persistence@1 --alias canary --share 0.5", 3);
    assert!(said.contains("is the champion"), "{said}");
    let said = registry.refused("withdraw --alias champion", 2);
    assert!(said.contains("rollback"), "{said}");
    let said = registry.refused("withdraw", 2);
    assert!(said.contains("never set"), "{said}");
}

#[test]
fn a_canary_is_withdrawn_brought_back_and_promoted() {
    let registry = Registry::with_two_models();
    registry.json("promote persistence@1");
    let shadow = registry.json("promote persistence@2 --alias shadow");
    assert_eq!(
        (&shadow["alias"], &shadow["evidence"]),
        (&Value::from("shadow"), &Value::Null)
    );
    let drill = "--force --reason drill";
    let canary = registry.json(&format!("promote persistence@2 --alias canary --share 0.25 {drill}"));
    assert_eq!(
        (&canary["share"], &canary["revision"]),
        (&Value::from(0.25), &Value::from(1))
    );
    let listed = registry.json("models list");
    let second = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["model"] == "persistence@2");
    let second = second.unwrap();
    assert_eq!(second["share"], 0.25);
    assert!(second["aliases"].to_string().contains("@canary"), "{second}");
    let withdrawn = registry.json("withdraw");
    assert_eq!(
        (&withdrawn["model"], &withdrawn["former"]),
        (&Value::Null, &Value::from("persistence@2"))
    );
    let back = registry.json("rollback --alias canary");
    assert_eq!(
        (&back["share"], &back["revision"]),
        (&Value::from(0.25), &Value::from(3))
    );
    let promoted = registry.json(&format!("promote @canary {drill}"));
    assert_eq!(promoted["model"], "persistence@2");
    assert_eq!(promoted["withdrawn"], serde_json::json!(["canary", "shadow"]));
    let said = registry.refused("promote @canary", 2);
    assert!(said.contains("@canary"), "{said}");
}

#[test]
fn an_alias_of_a_new_name_is_said_to_be_new_and_how_it_is_withdrawn() {
    let registry = Registry::with_two_models();
    let said = |words: &str| {
        let output = registry.output(words);
        assert!(output.status.success(), "{words}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for (words, is_new) in [
        ("promote persistence@1 --alias europe", true),
        ("promote persistence@1 --alias europe --json", false),
        ("promote persistence@1 --alias asia --new-alias", false),
        ("promote persistence@1", false),
    ] {
        let said = said(words);
        assert_eq!(said.contains("`europe` is a new alias of"), is_new, "{words}: {said}");
        assert_eq!(said.contains("arterial withdraw --target "), is_new, "{words}: {said}");
    }
}

#[test]
fn an_alias_that_looks_like_a_slip_is_refused_unless_it_is_said_to_be_new() {
    let registry = Registry::with_two_models();
    for (slip, meant) in [("champoin", "champion"), ("Canary", "canary"), ("shadw", "shadow")] {
        let said = registry.refused(&format!("promote persistence@1 --alias {slip}"), 2);
        assert!(
            said.contains(&format!("`--alias` is `{slip}`, accepted: {meant}")) && said.contains("--new-alias"),
            "{said}"
        );
    }
    let listed = registry.json("models list").to_string();
    assert!(!listed.contains("champoin"), "{listed}");
    for words in ["--alias champoin --new-alias", "--alias champoin"] {
        let moved = registry.json(&format!("promote persistence@1 {words}"));
        assert_eq!(moved["alias"], "champoin", "once it is there it is known");
    }
}
