//! The jars of the broker: fetched by Maven once, kept in the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "kafka-4.1.0";

/// The class path of the broker.
///
/// # Errors
/// One line for people: what is missing, and what to type.
pub fn class_path() -> Result<String, String> {
    for (tool, package) in [("java", "default-jre-headless"), ("mvn", "maven")] {
        let here = Command::new(tool)
            .arg("-version")
            .output()
            .is_ok_and(|output| output.status.success());
        if !here && (tool != "mvn" || !folder().is_dir()) {
            return Err(format!(
                "`{tool}` is missing; type: sudo apt-get install -y default-jre-headless {package}"
            ));
        }
    }
    let folder = folder();
    if !folder.is_dir() {
        fetch(&folder)?;
    }
    Ok(format!("{}/*", folder.display()))
}

fn folder() -> PathBuf {
    let home = || {
        std::env::var_os("HOME")
            .map_or_else(std::env::temp_dir, PathBuf::from)
            .join(".cache")
    };
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(home, PathBuf::from)
        .join("arterial")
        .join(VERSION)
}

/// Copies the jars beside their folder first: whoever sees the folder sees all of them.
fn fetch(folder: &Path) -> Result<(), String> {
    let pom = concat!(env!("CARGO_MANIFEST_DIR"), "/kafka/pom.xml");
    let parent = folder.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(|error| format!("{} cannot be made: {error}", parent.display()))?;
    let beside =
        tempfile::tempdir_in(parent).map_err(|error| format!("{} is not writable: {error}", parent.display()))?;
    let jars = beside.path().join("jars");
    let mut command = Command::new("mvn");
    command.args(["-q", "-B", "-f", pom, "dependency:copy-dependencies"]);
    let output = command.arg(format!("-DoutputDirectory={}", jars.display())).output();
    let output = output.map_err(|error| format!("`mvn` does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "Maven cannot fetch the broker; type: mvn -f {pom} dependency:copy-dependencies -DoutputDirectory={}\n{}",
            folder.display(),
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    match std::fs::rename(&jars, folder) {
        Err(error) if !folder.is_dir() => Err(format!("{} cannot be made: {error}", folder.display())),
        _ => Ok(()),
    }
}
