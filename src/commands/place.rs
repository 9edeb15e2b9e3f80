//! Where the lake is, for the commands that read or keep it.

use std::path::PathBuf;

use crate::config::Config;
use crate::outcome::Usage;

/// A lake, by its address or by a configuration.
#[derive(Debug, Clone, clap::Args)]
pub struct LakePlace {
    /// The lake: a local path, or `s3://bucket/prefix` [default: the configured one]
    #[arg(long, value_name = "PATH")]
    lake: Option<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl LakePlace {
    /// The configuration with the lake's address in it.
    ///
    /// # Errors
    /// A configuration that does not check; no lake named anywhere.
    pub fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref(), std::env::vars())?;
        if let Some(lake) = &self.lake {
            config.lake.url.clone_from(lake);
        }
        if config.lake.url.is_empty() {
            return Err(Usage(
                "`--lake` is missing, accepted: a local path, s3://bucket/prefix, or --config FILE".into(),
            )
            .into());
        }
        config.check()?;
        Ok(config)
    }
}
