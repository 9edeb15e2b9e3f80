//! The rules of ARCHITECTURE.md, read off the crates' dependencies and sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which of our crates each crate may use.
const ARROWS: [(&str, &[&str]); 7] = [
    ("proto", &[]),
    ("datasets", &[]),
    ("features", &["datasets"]),
    ("models", &["datasets"]),
    ("training", &["datasets", "features", "models"]),
    ("serving", &["datasets", "features", "models", "proto"]),
    (".", &["datasets", "features", "models", "proto", "serving", "training"]),
];

/// Where the text of a library's path may stand: files, or folders that end with `/`.
const PLACES: [(&str, &[&str]); 11] = [
    (
        "rdkafka::",
        &["features/src/source/kafka.rs", "serving/src/sinks/kafka.rs"],
    ),
    ("rdkafka_sys", &["features/src/source/bridge.rs"]),
    (
        "unsafe {",
        &["features/src/source/bridge.rs", "features/src/source/kafka.rs"],
    ),
    ("burn::", &["models/src/"]),
    ("candle_core::", &["models/src/"]),
    (
        "object_store::",
        &[
            "datasets/src/lake/",
            "datasets/src/error.rs",
            "models/src/registry/",
            "models/src/error.rs",
        ],
    ),
    ("polars::", &["features/src/"]),
    ("arrow_flight::", &["serving/src/"]),
    ("datafusion::", &["serving/src/"]),
    ("arterial_proto::", &["serving/src/", "src/"]),
    ("anyhow::", &["src/"]),
];

/// Libraries of which one version alone may be built, as their types cross crates.
const ONE_VERSION: [&str; 5] = ["arrow", "parquet", "tonic", "prost", "object_store"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = manifest(folder);
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

/// Every source file outside of tests and benches, by its path from the root.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (folder, _) in ARROWS {
        collect(&root().join(folder).join("src"), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path
                .strip_prefix(root())
                .unwrap_or(&path)
                .to_string_lossy()
                .replace("./", "");
            let text = std::fs::read_to_string(&path).unwrap();
            found.insert(name, without_tests_and_comments(&text));
        }
    }
}

fn without_tests_and_comments(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The breaches of `PLACES` among `sources`.
fn misplaced(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, text) in sources {
        for (library, places) in PLACES {
            let allowed = places
                .iter()
                .any(|place| name == place || (place.ends_with('/') && name.starts_with(place)));
            if !allowed && text.contains(library) {
                breaches.push(format!(
                    "{name} uses {library}, which stands in {} only",
                    places.join(", ")
                ));
            }
        }
    }
    breaches
}

#[test]
fn each_floor_uses_the_floors_below_it_only() {
    for (folder, allowed) in ARROWS {
        for name in dependencies(folder) {
            let Some(ours) = name.strip_prefix("arterial-") else {
                continue;
            };
            assert!(allowed.contains(&ours), "{folder} must not depend on {name}");
        }
    }
}

#[test]
fn a_library_stands_in_its_own_room_only() {
    let breaches = misplaced(&sources());
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn a_planted_breach_is_found() {
    let planted = BTreeMap::from([(
        "models/src/forecasters/spy.rs".to_string(),
        "use rdkafka::Message;".to_string(),
    )]);
    assert_eq!(misplaced(&planted).len(), 1);
}

#[test]
fn one_version_of_each_library_whose_types_cross_crates() {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    let packages = lock["package"].as_array().unwrap();
    for name in ONE_VERSION {
        let versions: Vec<_> = packages
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .map(|package| package["version"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}

#[test]
fn nothing_is_left_to_be_done() {
    for (name, text) in sources() {
        for word in ["todo!", "unimplemented!", "TODO", "FIXME", "dbg!(", "allow(dead_code)"] {
            assert!(!text.contains(word), "{name} contains {word}");
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for (folder, _) in ARROWS {
        let manifest = manifest(folder);
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder}");
    }
}
