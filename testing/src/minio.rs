//! A real MinIO for tests: a free port, a temporary folder, stopped by its process id.
//!
//! The server is looked for as `$ARTERIAL_MINIO`, on the path, and where `go install` puts it:
//! `go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c`.

use std::collections::BTreeMap;
use std::env;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::missing::missing;

/// What `go install` takes.
const SOURCE: &str = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c";
const USER: &str = "arterial";
const SECRET: &str = "arterial-secret";
/// MinIO keeps a bucket as a folder: one that is there at the start is a bucket.
const BUCKET: &str = "city";

/// A running server. Dropping it stops it.
pub struct Minio {
    server: Child,
    port: u16,
    _place: tempfile::TempDir,
}

impl Minio {
    /// Starts a server, or says why there is none.
    ///
    /// # Panics
    /// Where a server that is there cannot be started, and as [`missing`] does where there is none.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            let what = format!("no MinIO here (go install {SOURCE}, or set ARTERIAL_MINIO)");
            missing("minio", &what);
            return None;
        };
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(program)
            .args(["server", "--quiet", "--address", &format!("127.0.0.1:{port}")])
            .arg(place.path())
            .envs([
                ("MINIO_ROOT_USER", USER),
                ("MINIO_ROOT_PASSWORD", SECRET),
                ("MINIO_BROWSER", "off"),
                ("MINIO_UPDATE", "off"),
            ])
            .env("HOME", place.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let minio = Self {
            server,
            port,
            _place: place,
        };
        minio.wait();
        Some(minio)
    }

    fn wait(&self) {
        let limit = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < limit, "MinIO does not answer");
            std::thread::yield_now();
        }
    }

    /// The address of a lake in any such server.
    pub fn url(prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// The options of the store's client.
    pub fn options(&self) -> BTreeMap<String, String> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        [
            ("aws_endpoint", endpoint.as_str()),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", USER),
            ("aws_secret_access_key", SECRET),
            ("aws_allow_http", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

impl Drop for Minio {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("ARTERIAL_MINIO") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let mut folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    folders.extend(env::var_os("GOBIN").map(PathBuf::from));
    folders.extend(env::var_os("GOPATH").map(|path| PathBuf::from(path).join("bin")));
    folders.extend(env::var_os("HOME").map(|path| PathBuf::from(path).join("go/bin")));
    folders
        .into_iter()
        .map(|folder| folder.join("minio"))
        .find(|path| path.is_file())
}
