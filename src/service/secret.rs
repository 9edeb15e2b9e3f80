//! The secret under which personal fields are hashed: configured, or drawn once and kept beside the tables.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_features::decode::IdentityKey;

use crate::config::Config;
use crate::outcome::Usage;

/// The file beside the tables of a local lake.
const FILE: &str = "identity_key";

/// The configured secret, or the one of the lake's folder, drawn where there is none yet.
///
/// # Errors
/// A folder that cannot be written; a lake in an object store without a configured secret, as everybody who reads such a
/// lake would hold the secret too.
pub fn load(config: &Config) -> anyhow::Result<IdentityKey> {
    let configured = &config.privacy.identity_key;
    if !configured.is_empty() {
        return Ok(IdentityKey::from_secret(configured));
    }
    let Some(folder) = local_folder(&config.lake.url) else {
        return Err(Usage(
            "`privacy.identity_key` is empty, accepted for a lake in an object store: a secret text".into(),
        )
        .into());
    };
    let path = folder.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => draw(&folder, &path)?,
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    Ok(IdentityKey::from_secret(text.trim()))
}

/// Draws a secret; whoever else draws at the same moment, the first to link the file wins.
fn draw(folder: &Path, path: &Path) -> anyhow::Result<String> {
    let failed = || format!("cannot write `{}`", path.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    let text = chance();
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .with_context(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(text),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
        }
        Err(error) => Err(error.error).with_context(failed),
    }
}

/// 64 hexadecimal digits.
#[expect(
    clippy::disallowed_methods,
    reason = "a secret that a seed gives could be drawn again by others"
)]
fn chance() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

fn local_folder(url: &str) -> Option<PathBuf> {
    if let Some(path) = url.strip_prefix("file://") {
        return Some(path.into());
    }
    (!url.contains("://")).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lake: &str, secret: &str) -> Config {
        let mut config = Config::load(None, []).unwrap();
        config.lake.url = lake.into();
        config.privacy.identity_key = secret.into();
        config
    }

    #[test]
    fn a_drawn_secret_is_drawn_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("lake").to_string_lossy(), "");
        assert_eq!(load(&config).unwrap(), load(&config).unwrap());
    }

    #[test]
    fn two_lakes_draw_two_secrets() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, other] = folders
            .each_ref()
            .map(|folder| load(&config(&folder.path().to_string_lossy(), "")).unwrap());
        assert_ne!(one, other);
    }

    #[test]
    fn an_object_store_needs_a_configured_secret() {
        let error = load(&config("s3://bucket/lake", "")).unwrap_err().to_string();
        assert!(error.contains("privacy.identity_key"), "{error}");
        assert!(load(&config("s3://bucket/lake", "hush")).is_ok());
    }
}
