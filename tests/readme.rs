//! What the README shows under `Ask it`, pasted: every command and program there is run against a demonstration.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use city::Demo;

#[expect(dead_code, reason = "shared with the demonstration's own tests")]
mod city;

/// What follows these words is not run: it goes on until it is stopped, or installs what the tests have already.
const LEFT_OUT: [&str; 2] = ["curl -N", "npm install"];

/// A fenced piece of text.
struct Snippet {
    language: String,
    text: String,
}

/// The snippets of a section of the README.
fn snippets(section: &str) -> Vec<Snippet> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once(&format!("\n## {section}\n")).unwrap();
    let body = rest.split("\n## ").next().unwrap();
    let fenced = body.split("```").skip(1).step_by(2);
    let snippet = |text: &str| {
        let (language, text) = text.split_once('\n').unwrap();
        Snippet {
            language: language.to_owned(),
            text: text.to_owned(),
        }
    };
    fenced.map(snippet).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The tools that snippets are run with; what is missing here is said and left out.
struct Desk {
    folder: tempfile::TempDir,
    python: Option<PathBuf>,
    node: Option<PathBuf>,
    jars: Option<String>,
    grpcurl: bool,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_arterial"), folder.path().join("arterial")).unwrap();
        let jars = arterial_testing::jars::jdbc_class_path();
        let jars = jars.map_err(|missing| eprintln!("skipped: {missing}")).ok();
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        let desk = Self {
            python: named("ARTERIAL_PYTHON").filter(|python| python.is_absolute()),
            node: named("ARTERIAL_NODE_CLIENTS").filter(|home| home.join("node_modules").is_dir()),
            grpcurl: Command::new("grpcurl").arg("-version").output().is_ok(),
            jars,
            folder,
        };
        for (there, what) in [
            (desk.python.is_some(), "Python: ARTERIAL_PYTHON=$(scripts/clients)"),
            (
                desk.node.is_some(),
                "JavaScript: ARTERIAL_NODE_CLIENTS=$(scripts/node-clients)",
            ),
            (desk.grpcurl, "grpcurl"),
        ] {
            if !there {
                eprintln!("skipped: no {what}");
            }
        }
        desk
    }

    /// Runs a snippet; what it printed, none where the tool for it is missing or it cannot be run by itself.
    fn run(&self, snippet: &Snippet) -> Option<String> {
        match snippet.language.as_str() {
            "sh" => Some(self.shell(&snippet.text)),
            "python" => self.python(&snippet.text),
            "js" => self.node(&snippet.text),
            "java" => self.java(&snippet.text),
            _ => None,
        }
    }

    fn shell(&self, text: &str) -> String {
        let lines = text.replace("\\\n", " ");
        let runs = |line: &&str| {
            !LEFT_OUT.iter().any(|words| line.starts_with(words)) && (self.grpcurl || !line.starts_with("grpcurl"))
        };
        let mut said = String::new();
        for line in lines.lines().filter(runs) {
            let mut command = Command::new("bash");
            command.args(["-euo", "pipefail", "-c", line]);
            let answer = self.output(command, line);
            assert!(!answer.is_empty(), "nothing came of {line}");
            let _ = writeln!(said, "{answer}");
        }
        said
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

    /// Runs a program at the root of the project, as a reader of the README would.
    fn output(&self, mut command: Command, what: &str) -> String {
        let search = std::env::var("PATH").unwrap_or_default();
        let Output { status, stdout, stderr } = command
            .current_dir(root())
            .env("PATH", format!("{}:{search}", self.folder.path().display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{what}\n{said}");
        String::from_utf8(stdout).unwrap()
    }
}

/// Puts the addresses of `demo` in place of the README's, and tells clients of ours about them.
fn at(demo: &Demo, text: &str) -> String {
    let grpc = demo.address("grpc");
    text.replace("127.0.0.1:50051", grpc)
        .replace("127.0.0.1:8080", demo.address("http"))
        .replace(
            "arterial forecast ",
            &format!("arterial forecast --endpoint http://{grpc} "),
        )
        .replace("arterial sql ", &format!("arterial sql --endpoint http://{grpc} "))
}

#[test]
fn every_snippet_of_the_readme_that_asks_the_service_works_when_it_is_pasted() {
    let folder = tempfile::tempdir().unwrap();
    // At the pace of the world nothing becomes stale meanwhile.
    let (demo, _) = Demo::forecasting(folder.path(), "1x");
    let desk = Desk::new();
    let mut languages = Vec::new();
    for mut snippet in snippets("Ask it") {
        snippet.text = at(&demo, &snippet.text);
        if let Some(said) = desk.run(&snippet) {
            let silent = snippet.language == "python" && !snippet.text.contains("print(");
            assert_eq!(said.is_empty(), silent, "{}", snippet.text);
            assert!(
                !said.contains("UNKNOWN_KEY") && !said.contains("Error"),
                "{}\n{said}",
                snippet.text
            );
        }
        languages.push(snippet.language);
    }
    assert!(languages.len() >= 9, "{languages:?}");
    for language in ["sh", "python", "js", "java", "sql"] {
        assert!(
            languages.iter().any(|one| one == language),
            "no {language} under `Ask it`"
        );
    }
}
