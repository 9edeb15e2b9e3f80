//! Prometheus' own `promtool`: what it says of metrics, rules and expressions.
//!
//! It is looked for as `$ARTERIAL_PROMTOOL` and on the path (`apt-get install prometheus`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::program::program;

/// The program.
pub struct Promtool(PathBuf);

impl Promtool {
    /// Finds it, or says why there is none.
    pub fn find() -> Option<Self> {
        program("ARTERIAL_PROMTOOL", &["promtool"], "apt-get install prometheus").map(Self)
    }

    /// What is wrong with metrics in the text format; empty where nothing is.
    ///
    /// # Panics
    /// Where the program cannot be run.
    pub fn lint_metrics(&self, metrics: &str) -> String {
        let mut command = Command::new(&self.0);
        command.args(["check", "metrics"]).stdin(Stdio::piped());
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = run.stdin.take().unwrap();
        input.write_all(metrics.as_bytes()).unwrap();
        drop(input);
        complaint(&run.wait_with_output().unwrap())
    }

    /// What is wrong with a file of rules, their expressions included; empty where nothing is.
    ///
    /// # Panics
    /// Where the program cannot be run.
    pub fn check_rules(&self, path: &Path) -> String {
        self.check("rules", path)
    }

    /// What is wrong with a configuration of Prometheus and the files that it names; empty where nothing is.
    ///
    /// # Panics
    /// Where the program cannot be run.
    pub fn check_config(&self, path: &Path) -> String {
        self.check("config", path)
    }

    fn check(&self, what: &str, path: &Path) -> String {
        let mut command = Command::new(&self.0);
        complaint(&command.args(["check", what]).arg(path).output().unwrap())
    }
}

fn complaint(output: &Output) -> String {
    if output.status.success() {
        return String::new();
    }
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}
