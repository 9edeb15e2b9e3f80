//! From an address to files: the one place where the lake and the model registry open a folder or an object store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use url::Url;

use crate::{Error, Result};

const ACCEPTED: &str = "a local path, file:///path or s3://bucket/prefix";

/// Where files stand.
#[derive(Debug, Clone)]
pub enum Place {
    /// A local folder, which need not exist.
    Folder(PathBuf),
    /// A part of an object store.
    Objects {
        /// The client of the whole store.
        store: Arc<dyn ObjectStore>,
        /// What the paths of ours begin with.
        prefix: Path,
    },
}

impl Place {
    /// The place that `url` names: a local path, `file:///path` or `s3://bucket/prefix`. The client of an object store is
    /// set up from the environment (`AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID`, ...) and then from `options`
    /// (`aws_endpoint`, ...), which win. Nothing is made, and nobody is asked.
    ///
    /// # Errors
    /// [`Error::Invalid`] of the field `url` for an address, and of `store option` for an option that is not understood;
    /// [`Error::Store`] for options that do not go together.
    pub fn find(url: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        let refuse = || Error::invalid("url", url, ACCEPTED);
        if url.is_empty() {
            return Err(refuse());
        }
        if !url.contains("://") {
            return Ok(Self::Folder(url.into()));
        }
        let parsed = Url::parse(url).map_err(|_| refuse())?;
        match parsed.scheme() {
            "file" => parsed.to_file_path().map(Self::Folder).map_err(|()| refuse()),
            "s3" | "s3a" if parsed.has_host() => Ok(Self::Objects {
                store: bucket(url, options)?,
                prefix: Path::from_url_path(parsed.path()).map_err(|_| refuse())?,
            }),
            _ => Err(refuse()),
        }
    }
}

fn bucket(url: &str, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env().with_url(url);
    for (name, value) in options {
        // The value may be a secret with a misspelt name.
        let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().map_err(|_| {
            let accepted = "keys of the S3 client, such as aws_endpoint, aws_region, aws_access_key_id, aws_allow_http";
            Error::invalid("store option", name, accepted)
        })?;
        builder = builder.with_config(key, value);
    }
    let client = builder.build().map_err(|source| Error::Store {
        path: url.to_owned(),
        source,
    })?;
    Ok(Arc::new(client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_without_making_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").to_string_lossy().into_owned();
        for url in [path.clone(), format!("file://{path}")] {
            let place = Place::find(&url, &BTreeMap::new()).unwrap();
            assert!(matches!(place, Place::Folder(found) if found.as_os_str() == path.as_str()));
        }
        assert!(!folder.path().join("new").exists());
    }

    #[test]
    fn a_misspelt_option_is_named_and_its_value_is_not() {
        let options = [("aws_secret_acces_key".to_owned(), "hush".to_owned())].into();
        let error = Place::find("s3://bucket/prefix", &options).unwrap_err().to_string();
        assert!(
            error.contains("aws_secret_acces_key") && !error.contains("hush"),
            "{error}"
        );
    }
}
