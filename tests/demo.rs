//! The demonstration, whole: a simulated city through the Kafka client to forecasts that a lake holds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

#[test]
fn the_demo_ends_with_forecasts_of_a_window_that_came_in_live() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["demo", "--once", "--json", "--days", "8", "--speed", "300x"])
        .args(["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(summary["synthetic"], true);
    assert_eq!(summary["quarantined"], 0, "every simulated event fits its stream");
    assert!(summary["events"].as_u64() > Some(100_000), "{}", summary["events"]);
    let forecasts = summary["forecasts"].as_array().unwrap();
    assert!(!forecasts.is_empty());
    for forecast in forecasts {
        let quantile = |name: &str| forecast[name].as_f64().unwrap();
        assert!(
            quantile("p10") <= quantile("p50") && quantile("p50") <= quantile("p90"),
            "{forecast}"
        );
        assert_eq!(forecast["topic"], "traffic-sensors");
        // The eighth day after 2026-01-05 at nine: what came in live, not the history.
        assert!(
            forecast["origin"].as_str() >= Some("2026-01-13T09:00:00Z"),
            "{forecast}"
        );
    }
    for folder_name in [
        "lake/traffic_sensors_windows",
        "lake/forecasts",
        "lake/indices",
        "registry",
    ] {
        assert!(folder.path().join(folder_name).exists(), "{folder_name}");
    }
}

/// A running demonstration; it ends with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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

#[test]
fn every_line_that_the_demo_prints_works_when_it_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    // At the pace of the world nothing becomes stale while the lines are tried.
    let mut demo = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["demo", "--days", "8", "--speed", "1x"])
        .args(["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .map(Demo)
        .unwrap();
    let printed = BufReader::new(demo.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut tried = Vec::new();
    for line in printed.take_while(|line| !line.starts_with("Ctrl-C")) {
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
            assert!(answer.contains(r#""forecasts":[{"#), "{line}: {answer}");
            tried.push("curl");
        } else if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
            let answer = get(url);
            assert!(answer.starts_with("HTTP/1.1 200"), "{line}: {answer}");
            tried.push("page");
        }
    }
    assert_eq!(tried, ["page", "cargo", "cargo", "curl"]);
}
