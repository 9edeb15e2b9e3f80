//! A listener that wants TLS and a password, with a certificate of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one user that may log in.
pub const USER: &str = "arterial";
/// That user's password.
pub const PASSWORD: &str = "correct horse";
/// Opens the key store.
const STORE_PASSWORD: &str = "battery staple";

/// Where a broker is reached over `SASL_SSL`, and whose certificate it shows.
#[derive(Debug)]
pub struct SecureListener {
    pub(crate) port: u16,
    key_store: PathBuf,
    certificate: PathBuf,
}

impl SecureListener {
    /// Makes a key and a certificate that it signs itself, in `folder`.
    ///
    /// # Errors
    /// `keytool`, which comes with Java, cannot be run or refuses.
    pub(crate) fn make(folder: &Path, port: u16) -> io::Result<Self> {
        let listener = Self {
            port,
            key_store: folder.join("broker.p12"),
            certificate: folder.join("broker.pem"),
        };
        listener.keytool(&[
            "-genkeypair",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-validity",
            "3650",
            "-dname",
            "CN=127.0.0.1",
            "-ext",
            "SAN=IP:127.0.0.1,DNS:localhost",
            "-storetype",
            "PKCS12",
        ])?;
        listener.keytool(&["-exportcert", "-rfc", "-file", &listener.certificate.to_string_lossy()])?;
        Ok(listener)
    }

    fn keytool(&self, arguments: &[&str]) -> io::Result<()> {
        let output = Command::new("keytool")
            .args(arguments)
            .args(["-alias", "broker", "-storepass", STORE_PASSWORD, "-keystore"])
            .arg(&self.key_store)
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// What the broker's properties say of it.
    pub(crate) fn properties(&self) -> String {
        format!(
            "sasl.enabled.mechanisms=PLAIN\n\
             listener.name.sasl_ssl.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";\n\
             ssl.keystore.type=PKCS12\nssl.keystore.location={}\nssl.keystore.password={STORE_PASSWORD}\n",
            self.key_store.display()
        )
    }

    /// Where it answers: `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The properties of librdkafka with which a client of that password gets in, where it is the right one.
    #[must_use]
    pub fn client_properties(&self, password: &str) -> Vec<(String, String)> {
        let certificate = self.certificate.to_string_lossy();
        [
            ("security.protocol", "SASL_SSL"),
            ("ssl.ca.location", &certificate),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", USER),
            ("sasl.password", password),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
