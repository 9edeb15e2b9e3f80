//! The notebooks, executed from begin to end against a demonstration.

use std::path::Path;
use std::process::Command;

use arterial_testing::{missing, run};

/// Runs every notebook against the demonstration that goes on in `folder`. Where there is no environment for them it says so, and
/// runs none.
pub fn run_notebooks(folder: &Path) {
    if std::env::var_os("ARTERIAL_NOTEBOOKS").is_none_or(|home| home.is_empty()) {
        return missing(
            "notebooks",
            "nothing here runs notebooks; set ARTERIAL_NOTEBOOKS=$(scripts/notebooks)",
        );
    }
    let said = run(
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks/check"))
            .arg("--demo")
            .args([folder.join("ready.json"), folder.join("city")])
            .arg(env!("CARGO_BIN_EXE_arterial")),
    );
    for notebook in ["explore", "models", "alerts"] {
        assert!(said.contains(&format!("{notebook} runs")), "{said}");
    }
}
