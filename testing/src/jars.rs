//! Jars for tests, the broker's and the JDBC driver's: fetched by Maven once, kept in the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Jars by the folder that they are kept in, and the file that says which they are.
struct Jars {
    folder: &'static str,
    pom: &'static str,
}

const KAFKA: Jars = Jars {
    folder: "kafka-4.1.0",
    pom: concat!(env!("CARGO_MANIFEST_DIR"), "/kafka/pom.xml"),
};
const JDBC: Jars = Jars {
    folder: "flight-sql-jdbc-18.3.0",
    pom: concat!(env!("CARGO_MANIFEST_DIR"), "/jdbc/pom.xml"),
};

/// The class path of the broker.
///
/// # Errors
/// One line for people: what is missing, and what to type.
pub fn class_path() -> Result<String, String> {
    KAFKA.class_path()
}

/// The class path of the Flight SQL driver for JDBC.
///
/// # Errors
/// One line for people: what is missing, and what to type.
pub fn jdbc_class_path() -> Result<String, String> {
    // A program in one source file is compiled as it is run.
    let compiles = Command::new("javac").arg("-version").output();
    if !compiles.is_ok_and(|output| output.status.success()) {
        return Err("`javac` is missing; type: sudo apt-get install -y default-jdk-headless".to_owned());
    }
    JDBC.class_path()
}

impl Jars {
    fn class_path(&self) -> Result<String, String> {
        let folder = folder(self.folder);
        for (tool, package) in [("java", "default-jre-headless"), ("mvn", "maven")] {
            let here = Command::new(tool)
                .arg("-version")
                .output()
                .is_ok_and(|output| output.status.success());
            if !here && (tool != "mvn" || !folder.is_dir()) {
                return Err(format!(
                    "`{tool}` is missing; type: sudo apt-get install -y default-jre-headless {package}"
                ));
            }
        }
        if !folder.is_dir() {
            fetch(&folder, self.pom)?;
        }
        Ok(format!("{}/*", folder.display()))
    }
}

fn folder(name: &str) -> PathBuf {
    let home = || {
        std::env::var_os("HOME")
            .map_or_else(std::env::temp_dir, PathBuf::from)
            .join(".cache")
    };
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(home, PathBuf::from)
        .join("arterial")
        .join(name)
}

/// Copies the jars beside their folder first: whoever sees the folder sees all of them.
fn fetch(folder: &Path, pom: &str) -> Result<(), String> {
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
            "Maven cannot fetch the jars; type: mvn -f {pom} dependency:copy-dependencies -DoutputDirectory={}\n{}",
            folder.display(),
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    match std::fs::rename(&jars, folder) {
        Err(error) if !folder.is_dir() => Err(format!("{} cannot be made: {error}", folder.display())),
        _ => Ok(()),
    }
}
