//! The rules of ARCHITECTURE.md, read off the crates' dependencies and sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which of our crates each crate may use.
const ARROWS: [(&str, &[&str]); 8] = [
    ("proto", &[]),
    ("testing", &[]),
    ("datasets", &[]),
    ("features", &["datasets"]),
    ("models", &["datasets"]),
    ("training", &["datasets", "features", "models"]),
    ("serving", &["datasets", "features", "models", "proto"]),
    (".", &["datasets", "features", "models", "proto", "serving", "training"]),
];

/// Where a word of the code, mostly a library's name, may stand: files, or folders that end with `/`.
const PLACES: [(&str, &[&str]); 17] = [
    (
        "rdkafka",
        &[
            "features/src/source/kafka/",
            "serving/src/sinks/kafka.rs",
            "testing/src/kafka.rs",
        ],
    ),
    ("rdkafka_sys", &["features/src/source/bridge.rs"]),
    (
        "unsafe",
        &[
            "features/src/source/bridge.rs",
            "features/src/source/kafka/client.rs",
            "models/src/gbdt/partition.rs",
            "models/src/gbdt/scoring/fall.rs",
            "models/src/gbdt/scoring/pick.rs",
            "models/src/gbdt/simd.rs",
            "models/src/kernels/product/tile.rs",
        ],
    ),
    ("burn", &["models/src/neural/"]),
    ("fluent_bundle", &["models/src/alerts/texts/"]),
    ("smartcore", &["models/src/forecasters/forest/"]),
    ("tract_onnx", &["models/src/onnx/"]),
    (
        "object_store",
        &[
            "datasets/src/lake/",
            "datasets/src/error.rs",
            "models/src/registry/",
            "models/src/error.rs",
            "testing/src/shaky.rs",
        ],
    ),
    ("polars", &["features/src/"]),
    ("arrow_flight", &["serving/src/"]),
    ("datafusion", &["serving/src/"]),
    ("arterial_proto", &["serving/src/", "src/"]),
    ("reqwest", &["serving/src/sinks/alerts/"]),
    // The configuration and the service name the module of that name.
    (
        "redis",
        &[
            "serving/src/sinks/redis/",
            "serving/src/sinks/mod.rs",
            "src/config/",
            "src/service/mod.rs",
            "testing/src/lib.rs",
            "testing/src/redis.rs",
        ],
    ),
    ("opentelemetry", &["serving/src/traces/"]),
    ("tracing_opentelemetry", &["serving/src/traces/"]),
    ("anyhow", &["src/"]),
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

/// The code without lines of comments and without what only tests see. Relies on rustfmt: an item ends at the first line that
/// stands as far left as it began.
fn without_tests_and_comments(text: &str) -> String {
    let mut code = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push(line);
            continue;
        }
        let margin = indent(line);
        let first = lines.by_ref().find(|line| !line.trim_start().starts_with("#["));
        if first.is_some_and(|line| !line.ends_with([';', '}'])) {
            lines.find(|line| indent(line) == margin && line.trim_start().starts_with(['}', ')', ']']));
        }
    }
    code.join("\n")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether `word` stands in `code` by itself, outside of longer names and of texts in one line.
fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.lines()
        .flat_map(|line| line.split('"').step_by(2))
        .any(|part| part.split(|letter| !part_of_name(letter)).any(|name| name == word))
}

/// The breaches of `PLACES` among `sources`.
fn misplaced(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, text) in sources {
        for (library, places) in PLACES {
            let allowed = places
                .iter()
                .any(|place| name == place || (place.ends_with('/') && name.starts_with(place)));
            if !allowed && has_word(text, library) {
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
fn a_planted_breach_is_found_however_it_is_written() {
    for breach in [
        "use rdkafka::Message;",
        "use rdkafka as log;",
        "extern crate rdkafka;",
        "use {anyhow, std::fmt};",
        "unsafe fn read() {}",
        "#[cfg(test)]\nmod tests {\n    fn odd() {}\n}\n\nuse polars::frame::DataFrame;",
        "#[cfg(test)]\nuse std::fmt;\n\nuse polars::frame::DataFrame;",
    ] {
        let code = without_tests_and_comments(breach);
        let planted = BTreeMap::from([("models/src/forecasters/spy.rs".to_string(), code)]);
        assert_eq!(misplaced(&planted).len(), 1, "{breach}");
    }
}

#[test]
fn words_of_comments_texts_and_tests_are_no_breach() {
    for harmless in [
        "/// Like rdkafka.\nfn read() {}",
        "let name = \"rdkafka\";",
        "fn polarsy(unsafe_names: u8) {}",
        "#[cfg(test)]\nmod tests {\n    use polars::frame::DataFrame;\n}",
        "#[cfg(test)]\n#[allow(unused)]\nuse polars::{\n    a,\n};",
    ] {
        let code = without_tests_and_comments(harmless);
        let planted = BTreeMap::from([("models/src/forecasters/spy.rs".to_string(), code)]);
        assert!(misplaced(&planted).is_empty(), "{harmless}");
    }
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
