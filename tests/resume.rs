//! A training that is killed goes on where it was, and ends as if nothing had happened.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arterial_testing::signal;

/// Two series of a fortnight, every half hour.
fn data(folder: &Path) -> PathBuf {
    let mut text = String::from("timestamp,a,b\n");
    for row in 0..14 * 48 {
        let (day, minutes) = (row / 48 + 1, row % 48 * 30);
        let angle = f64::from(row % 48) * std::f64::consts::TAU / 48.0;
        let odd = f64::from(row * 7919 % 101) / 50.0;
        let time = format!("2026-02-{day:02}T{:02}:{:02}:00Z", minutes / 60, minutes % 60);
        writeln!(
            text,
            "{time},{:.3},{:.3}",
            50.0 + 10.0 * angle.sin() + odd,
            30.0 - 5.0 * angle.cos() + odd
        )
        .unwrap();
    }
    let path = folder.join("speeds.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn train(data: &Path, registry: &Path, resume: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    command
        .args(["train", "--model", "stid", "--horizon", "4", "--json", "--data"])
        .arg(data)
        .arg("--registry")
        .arg(registry)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if resume {
        command.arg("--resume");
    }
    command.spawn().unwrap()
}

/// A training that has left a checkpoint in `work`, and still runs.
fn train_until_a_checkpoint(data: &Path, registry: &Path, work: &Path) -> Child {
    let mut child = train(data, registry, false);
    let begun = Instant::now();
    while files(work, ".checkpoint").is_empty() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before its first checkpoint"
        );
        assert!(begun.elapsed() < Duration::from_mins(2), "no checkpoint came");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    child
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The files below `folder` whose name ends with `end`.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let found = paths.flat_map(|path| if path.is_dir() { files(&path, end) } else { vec![path] });
    found.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

fn weights(registry: &Path) -> Vec<u8> {
    let found = files(registry, "tensors.safetensors");
    assert_eq!(found.len(), 1, "{found:?}");
    std::fs::read(&found[0]).unwrap()
}

#[test]
fn a_killed_training_resumes_and_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    finish(train(&data, &whole, false));

    let work = folder.path().join("torn.work");
    let mut child = train_until_a_checkpoint(&data, &torn, &work);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        files(&torn, "tensors.safetensors").is_empty(),
        "nothing half-written is published"
    );
    let left = std::fs::read(&files(&work, ".checkpoint")[0]).unwrap();
    assert!(!left.is_empty());

    finish(train(&data, &torn, true));
    assert!(weights(&whole) == weights(&torn));
    assert!(!work.exists(), "a finished training leaves nothing behind");
}

#[test]
fn ctrl_c_ends_a_training_with_130_publishes_nothing_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let registry = folder.path().join("registry");
    let child = train_until_a_checkpoint(&data, &registry, &folder.path().join("registry.work"));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let (arterial, data, place) = (env!("CARGO_BIN_EXE_arterial"), data.display(), registry.display());
    let again = format!("{arterial} train --model stid --horizon 4 --json --data {data} --registry {place} --resume");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("interrupted\na checkpoint is kept; to go on from there: {again}\n")
    );
    assert!(files(&registry, ".safetensors").is_empty());
}

/// LightGBM trees that always add nothing, and what is said of them.
const STANDSTILL: &str = "tree\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\n\n\
    Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=0\n\nend of trees\n";
const DESCRIPTION: &str =
    r#"{"step": "30m", "horizon": 3, "strategy": "recursive", "features": [{"lag": 0}], "output": "change"}"#;

/// The version that a training of the data in `folder` ends with, and whether it was there before.
fn trained(folder: &Path, words: &str) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["train", "--data", "speeds.csv", "--context", "2", "--horizon", "3"])
        .args(["--registry", "registry", "--json"])
        .args(words.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words}: {output:?}");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let published = &printed["published"][0];
    let model = published["model"].as_str().unwrap().to_owned();
    (model, published["resumed"].as_bool().unwrap())
}

#[test]
fn what_is_resumed_was_trained_on_the_same_files_whatever_they_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    data(folder);
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("holidays.txt", "2026-02-02\n");
    write("trees.txt", STANDSTILL);
    write("trees.json", DESCRIPTION);
    let holidays = "--model persistence --holidays holidays.txt";
    let trees = "--model trees --trees trees.txt --description trees.json";
    for (words, name, file, other) in [
        (holidays, "persistence", "holidays.txt", "2026-02-03\n".to_owned()),
        (
            trees,
            "trees",
            "trees.txt",
            STANDSTILL.replace("leaf_value=0", "leaf_value=1"),
        ),
    ] {
        assert_eq!(trained(folder, words), (format!("{name}@1"), false));
        let again = format!("{words} --resume");
        assert_eq!(trained(folder, &again), (format!("{name}@1"), true));
        write(file, &other);
        assert_eq!(trained(folder, &again), (format!("{name}@2"), false), "{file}");
        assert_eq!(trained(folder, &again), (format!("{name}@2"), true));
    }
    write("trees.json", &DESCRIPTION.replace("\"horizon\": 3", "\"horizon\": 4"));
    let again = format!("{trees} --resume");
    assert_eq!(trained(folder, &again), ("trees@3".to_owned(), false));
}
