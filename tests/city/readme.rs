//! What a demonstration prints, and what the README and the pages beside it show, pasted: every command and program there that asks a
//! service is run against it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arterial_testing::missing;
use serde_json::Value;

use crate::{Demo, get};

/// What is run: a file, and a section of it or all.
const PAGES: [(&str, Option<&str>); 6] = [
    ("README.md", Some("Ask it")),
    ("README.md", Some("Alerts for operators")),
    ("docs/grpc.md", None),
    ("docs/http.md", None),
    ("docs/sql.md", None),
    ("docs/redis.md", None),
];

/// Lines with these words are not run, and why.
const LEFT_OUT: [(&str, &str); 9] = [
    ("curl -N", "goes on until it is stopped"),
    ("arterial alerts watch", "goes on until it is stopped"),
    ("AlertService/WatchAlerts", "goes on until it is stopped"),
    ("WatchForecasts(", "goes on until it is stopped"),
    ("npm install", "scripts/node-clients has done that"),
    ("pip install grpcio==", "scripts/clients has done that"),
    ("grpc_tools.protoc", "the desk makes the stubs"),
    ("npx buf generate", "the desk makes `gen/`"),
    (
        "redis-cli",
        "the demonstration has no mirror in Redis; serving/tests/serving/redis.rs reads its keys",
    ),
];

/// An alert of the README's.
const ALERT: &str = "3f2a";

/// A fenced piece of text.
struct Snippet {
    language: String,
    text: String,
}

/// The snippets of a page, or of a section of it, without the lines that are left out.
fn snippets(page: &str, section: Option<&str>) -> Vec<Snippet> {
    let page = std::fs::read_to_string(root().join(page)).unwrap();
    let body = section.map_or(page.as_str(), |section| {
        let (_, rest) = page.split_once(&format!("\n## {section}\n")).unwrap();
        rest.split("\n## ").next().unwrap()
    });
    let fenced = body.split("```").skip(1).step_by(2);
    let snippet = |text: &str| {
        let (language, text) = text.split_once('\n').unwrap();
        let text = text.replace("\\\n", " ");
        let is_run = |line: &&str| !LEFT_OUT.iter().any(|(words, _)| line.contains(words));
        Snippet {
            language: language.to_owned(),
            text: text.lines().filter(is_run).collect::<Vec<_>>().join("\n"),
        }
    };
    fenced.map(snippet).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The tools that snippets are run with; what is missing here is said and left out.
struct Desk {
    /// Where the service is, for clients of ours.
    endpoint: String,
    folder: tempfile::TempDir,
    python: Option<PathBuf>,
    node: Option<PathBuf>,
    jars: Option<String>,
    grpcurl: bool,
}

impl Desk {
    fn new(demo: &Demo) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_arterial"), folder.path().join("arterial")).unwrap();
        let jars = arterial_testing::jars::jdbc_class_path();
        let jars = jars.inspect_err(|lack| missing("jdbc", lack)).ok();
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        let desk = Self {
            endpoint: format!("http://{}", demo.address("grpc")),
            python: named("ARTERIAL_PYTHON").filter(|python| python.is_absolute()),
            node: named("ARTERIAL_NODE_CLIENTS").filter(|home| home.join("node_modules").is_dir()),
            grpcurl: Command::new("grpcurl").arg("-version").output().is_ok(),
            jars,
            folder,
        };
        for (there, name, how) in [
            (desk.python.is_some(), "python", "ARTERIAL_PYTHON=$(scripts/clients)"),
            (
                desk.node.is_some(),
                "node",
                "ARTERIAL_NODE_CLIENTS=$(scripts/node-clients)",
            ),
            (desk.grpcurl, "grpcurl", "scripts/test installs it where Go is there"),
        ] {
            if !there {
                missing(name, &format!("no {name}: {how}"));
            }
        }
        desk
    }

    /// Runs a snippet; what it printed, none where the tool for it is missing or it cannot be run by itself.
    fn run(&self, snippet: &Snippet) -> Option<String> {
        if snippet.text.trim().is_empty() {
            return None;
        }
        match snippet.language.as_str() {
            "sh" => Some(self.shell(&snippet.text)),
            "python" => self.python(&snippet.text),
            "js" if snippet.text.starts_with("import ") => self.module(&snippet.text),
            "js" => self.node(&snippet.text),
            "java" => self.java(&snippet.text),
            _ => None,
        }
    }

    fn shell(&self, text: &str) -> String {
        let runs = |line: &&str| self.grpcurl || !line.starts_with("grpcurl");
        let mut said = String::new();
        for line in text.lines().filter(runs) {
            let answer = self.output(bash(line), line);
            assert!(!answer.is_empty(), "nothing came of {line}");
            let _ = writeln!(said, "{answer}");
        }
        said
    }

    /// An alert that goes on; none where there is none by now.
    fn alert(&self) -> Option<String> {
        let line = "arterial alerts list --state open,reopened --json";
        let found: Value = serde_json::from_str(&self.output(bash(line), line)).unwrap();
        Some(found["alerts"].as_array()?.first()?["alert_id"].as_str()?.to_owned())
    }

    fn python(&self, text: &str) -> Option<String> {
        let python = self.python.as_ref()?;
        let stubs = self.folder.path().join("stubs");
        if !stubs.exists() {
            std::fs::create_dir(&stubs).unwrap();
            let mut generate = Command::new(python);
            let out = stubs.display();
            generate
                .args(["-m", "grpc_tools.protoc", "-I", "proto"])
                .args([format!("--python_out={out}"), format!("--grpc_python_out={out}")])
                .arg("proto/arterial/v1/forecast.proto");
            self.output(generate, "the README's command that makes stubs");
        }
        let mut command = Command::new(python);
        command.env("PYTHONPATH", &stubs).arg(self.file("snippet.py", text));
        Some(self.output(command, text))
    }

    fn node(&self, text: &str) -> Option<String> {
        let mut command = Command::new("node");
        command
            .env("NODE_PATH", self.node.as_ref()?.join("node_modules"))
            .arg(self.file("snippet.cjs", text));
        Some(self.output(command, text))
    }

    /// A script for browsers, by Node.js: the libraries are the same, only nobody looks after origins.
    fn module(&self, text: &str) -> Option<String> {
        let libraries = self.node.as_ref()?.join("node_modules");
        let folder = self.folder.path();
        if !folder.join("gen").exists() {
            std::os::unix::fs::symlink(&libraries, folder.join("node_modules")).unwrap();
            self.file("package.json", r#"{"type": "module"}"#);
            let search = std::env::var("PATH").unwrap_or_default();
            let tools = libraries.join(".bin");
            let mut generate = Command::new(tools.join("buf"));
            generate
                .args(["generate", "proto", "--template", "proto/buf.gen.yaml", "--output"])
                .arg(folder)
                .env("PATH", format!("{}:{search}", tools.display()));
            succeed(generate, "the command of docs/grpc.md that makes `gen/`");
        }
        let mut command = Command::new("node");
        command.arg(self.file("snippet.mjs", text));
        Some(self.output(command, text))
    }

    fn java(&self, text: &str) -> Option<String> {
        let program = format!(
            "public class Snippet {{ public static void main(String[] arguments) throws Exception {{\n{text}\n}} }}"
        );
        let mut command = Command::new("java");
        command
            .args([
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-cp",
            ])
            .arg(self.jars.as_ref()?)
            .arg(self.file("Snippet.java", &program));
        Some(self.output(command, text))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a program that finds `arterial` on its path and the service where it is.
    fn output(&self, mut command: Command, what: &str) -> String {
        let search = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{search}", self.folder.path().display()))
            .env("ARTERIAL_ENDPOINT", &self.endpoint);
        succeed(command, what)
    }
}

fn bash(line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", line]);
    command
}

/// Runs a program at the root of the project, as a reader of the README would.
fn succeed(mut command: Command, what: &str) -> String {
    let Output { status, stdout, stderr } = command.current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{what}\n{said}");
    String::from_utf8(stdout).unwrap()
}

/// Puts the addresses and the lake of `demo` in place of the README's.
fn at(demo: &Demo, lake: &Path, text: &str) -> String {
    text.replace("127.0.0.1:50051", demo.address("grpc"))
        .replace("127.0.0.1:8080", demo.address("http"))
        .replace("/var/lib/arterial", &lake.display().to_string())
}

/// Puts `alert` in place of the README's; without one the lines that show alerts are not run.
fn about(alert: Option<&str>, text: &str) -> String {
    if let Some(alert) = alert {
        return text.replace(ALERT, alert);
    }
    let lines = text.lines().filter(|line| !line.starts_with("arterial alerts"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Types every line that the demonstration prints.
fn try_what_is_printed(printed: &[String]) {
    let mut tried = Vec::new();
    let ends = |line: &&String| !line.contains("alerts watch");
    for line in printed.iter().filter(ends) {
        if let Some(arguments) = line.trim().strip_prefix("cargo run -- ") {
            let output = Command::new(env!("CARGO_BIN_EXE_arterial"))
                .args(arguments.split_whitespace())
                .output()
                .unwrap();
            assert!(
                output.status.success() && !output.stdout.is_empty(),
                "{line}: {output:?}"
            );
            tried.push("cargo");
        } else if let Some(quoted) = line.trim().strip_prefix("curl ") {
            let url = quoted
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
                .unwrap();
            let answer = get(url);
            let said = if url.ends_with("/v1/alerts") {
                r#""alerts":["#
            } else {
                r#""forecasts":[{"#
            };
            assert!(answer.contains(said), "{line}: {answer}");
            tried.push("curl");
        } else if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
            let answer = get(url);
            assert!(answer.starts_with("HTTP/1.1 200"), "{line}: {answer}");
            tried.push("page");
        }
    }
    assert_eq!(tried, ["page", "cargo", "cargo", "curl", "curl"]);
}

#[test]
fn every_line_that_the_demo_prints_and_every_snippet_that_asks_a_service_works_when_it_is_pasted() {
    let folder = tempfile::tempdir().unwrap();
    // At the pace of the world nothing becomes stale meanwhile.
    let (demo, printed) = Demo::forecasting(folder.path(), "1x");
    try_what_is_printed(&printed);
    let desk = Desk::new(&demo);
    let alert = desk.alert();
    if alert.is_none() {
        eprintln!("skipped: `arterial alerts`, as nothing is wrong in the demonstration yet");
    }
    let mut languages = Vec::new();
    let snippets = PAGES.iter().flat_map(|(page, section)| snippets(page, *section));
    for mut snippet in snippets {
        let text = at(&demo, &folder.path().join("city/lake"), &snippet.text);
        snippet.text = about(alert.as_deref(), &text);
        if let Some(said) = desk.run(&snippet) {
            let is_silent = snippet.language == "python" && !snippet.text.contains("print(");
            assert_eq!(said.is_empty(), is_silent, "{}", snippet.text);
            assert!(
                !said.contains("UNKNOWN_KEY") && !said.contains("Error"),
                "{}\n{said}",
                snippet.text
            );
        }
        languages.push(snippet.language);
    }
    assert!(languages.len() >= 20, "{languages:?}");
    for language in ["sh", "python", "js", "java", "sql"] {
        assert!(languages.iter().any(|one| one == language), "no {language}");
    }
}

#[test]
fn what_is_left_out_stands_on_a_page() {
    let pages: String = PAGES
        .iter()
        .map(|(page, _)| std::fs::read_to_string(root().join(page)).unwrap())
        .collect();
    for (words, why) in LEFT_OUT {
        assert!(pages.contains(words), "nothing has `{words}` any more ({why})");
    }
}
