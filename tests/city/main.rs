//! The demonstration: what it makes of a city, and what can be asked of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

mod demo;
mod notebooks;
mod readme;

/// A running demonstration; it ends with the test.
struct Demo {
    process: Child,
    /// What it says in its ready file.
    told: Value,
}

impl Demo {
    /// Starts one with a week of history in `folder`, at a pace such as `300x`, and waits until its services answer.
    fn start(folder: &Path, pace: &str) -> Self {
        Self::begin(folder, pace, Stdio::null())
    }

    /// Starts one and waits until it forecasts; also what it printed, line by line.
    fn forecasting(folder: &Path, pace: &str) -> (Self, Vec<String>) {
        let mut demo = Self::begin(folder, pace, Stdio::piped());
        let printed = BufReader::new(demo.process.stdout.take().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        // Read to the end: a demonstration that nobody reads any more ends.
        std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let lines = told.iter().take_while(|line| !line.starts_with("Ctrl-C")).collect();
        (demo, lines)
    }

    fn begin(folder: &Path, pace: &str, stdout: Stdio) -> Self {
        let ready = folder.join("ready.json");
        let process = Command::new(env!("CARGO_BIN_EXE_arterial"))
            .args(["demo", "--days", "8", "--speed", pace])
            .args(["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir"])
            .arg(folder.join("city"))
            .arg("--ready-file")
            .arg(&ready)
            .stdout(stdout)
            .spawn()
            .unwrap();
        let mut demo = Self {
            process,
            told: Value::Null,
        };
        while !ready.exists() {
            assert!(
                demo.process.try_wait().unwrap().is_none(),
                "the demonstration has ended"
            );
            pause();
        }
        demo.told = serde_json::from_str(&std::fs::read_to_string(&ready).unwrap()).unwrap();
        demo
    }

    /// The address of `name`: `grpc` or `http`.
    fn address(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the limit is on a condition, not on luck")]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(250));
}

/// What the server answers to a GET: status line, head and body.
fn get(url: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
