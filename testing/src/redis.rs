//! A real Redis for tests: a free port, a temporary folder, nothing kept on disk, stopped by its process id.
//!
//! The server is looked for as `$ARTERIAL_REDIS` and on the path (`apt-get install redis-server`).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::program;

/// A running server. Dropping it stops it.
pub struct Redis {
    program: PathBuf,
    server: Child,
    port: u16,
    place: tempfile::TempDir,
}

impl Redis {
    /// Starts a server, or says why there is none.
    ///
    /// # Panics
    /// Where a server that is there cannot be started.
    pub fn start() -> Option<Self> {
        let program = program("ARTERIAL_REDIS", &["redis-server"], "apt-get install redis-server")?;
        let place = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = launch(&program, &place, port);
        Some(Self {
            program,
            server,
            port,
            place,
        })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Panics
    /// Where the process cannot be ended.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again on the same port, empty.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start_again(&mut self) {
        self.server = launch(&self.program, &self.place, self.port);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn launch(program: &PathBuf, place: &tempfile::TempDir, port: u16) -> Child {
    let server = Command::new(program)
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let limit = Instant::now() + Duration::from_mins(1);
    while !answers(port) {
        assert!(Instant::now() < limit, "Redis does not answer");
        std::thread::yield_now();
    }
    server
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut answer = [0; 7];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG\r\n"
}
