//! A real Alertmanager of the Prometheus project for tests: a free port, a temporary folder, stopped by its process id.
//!
//! The server is looked for as `$ARTERIAL_ALERTMANAGER` and on the path, by its own name and by Debian's
//! (`apt-get install prometheus-alertmanager`).

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::program;

const NAMES: [&str; 2] = ["alertmanager", "prometheus-alertmanager"];
/// Alerts go to nobody.
const CONFIG: &str = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";

/// A running server. Dropping it stops it.
pub struct Alertmanager {
    server: Child,
    port: u16,
    _place: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts a server, or says why there is none.
    ///
    /// # Panics
    /// Where a server that is there cannot be started, and as [`missing`](crate::missing()) does where there is none.
    pub fn start() -> Option<Self> {
        let hint = "apt-get install prometheus-alertmanager";
        let program = program("ARTERIAL_ALERTMANAGER", &NAMES, hint)?;
        let place = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let manager = Self {
            server: launch(&program, place.path(), port),
            port,
            _place: place,
        };
        let limit = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < limit, "Alertmanager does not answer");
            std::thread::yield_now();
        }
        Some(manager)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn launch(program: &Path, place: &Path, port: u16) -> Child {
    let config = place.join("alertmanager.yml");
    std::fs::write(&config, CONFIG).unwrap();
    Command::new(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", place.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
