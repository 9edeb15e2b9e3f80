//! A real Prometheus for tests: a free port, a temporary folder, stopped by its process id.
//!
//! The server is looked for as `$ARTERIAL_PROMETHEUS` and on the path (`apt-get install prometheus`).

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::program;

/// A running server. Dropping it stops it.
pub struct Prometheus {
    server: Child,
    port: u16,
    _place: tempfile::TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes `target`, such as `127.0.0.1:8080`, every second as the job `arterial`, and evaluates the rules of
    /// these files as often; or says why there is none.
    ///
    /// # Panics
    /// Where a server that is there cannot be started.
    pub fn start(target: &str, rules: &[PathBuf]) -> Option<Self> {
        let program = program("ARTERIAL_PROMETHEUS", &["prometheus"], "apt-get install prometheus")?;
        let place = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(place.path().join("prometheus.yml"), config(target, rules)).unwrap();
        let mut prometheus = Self {
            server: launch(&program, place.path(), port),
            port,
            _place: place,
        };
        let limit = Instant::now() + Duration::from_mins(1);
        while !is_ready(port) {
            let ended = prometheus.server.try_wait().unwrap();
            assert!(ended.is_none(), "Prometheus has ended: {ended:?}");
            assert!(Instant::now() < limit, "Prometheus does not answer");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Some(prometheus)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn config(target: &str, rules: &[PathBuf]) -> String {
    let mut text = String::from("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files:\n");
    for file in rules {
        let _ = writeln!(text, "  - {}", serde_json::json!(file));
    }
    let _ = writeln!(
        text,
        "scrape_configs:\n  - job_name: arterial\n    static_configs:\n      - targets: [\"{target}\"]"
    );
    text
}

fn launch(program: &Path, place: &Path, port: u16) -> Child {
    Command::new(program)
        .arg(format!("--config.file={}", place.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", place.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n").is_ok();
    asked && stream.read_to_string(&mut answer).is_ok() && answer.split(' ').nth(1) == Some("200")
}
