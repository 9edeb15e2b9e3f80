//! A network that was trained elsewhere, from the command line.

use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_models::Forecaster;
use arterial_models::onnx::{Description, ImportedNetwork, LIMIT, NAME};

use crate::outcome::Usage;

/// Where a network that was trained elsewhere stands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "A network trained elsewhere (`network` among the models)")]
pub struct NetworkArgs {
    /// Its ONNX file
    #[arg(long, value_name = "FILE.onnx", requires = "description")]
    network: Option<PathBuf>,
    /// What it reads and answers, in which units: JSON, see `docs/networks.md`
    #[arg(long, value_name = "FILE.json", requires = "network")]
    description: Option<PathBuf>,
}

impl NetworkArgs {
    /// The kinds there are, with the network among them where one is given.
    pub fn add_to(&self, mut list: Vec<Box<dyn Forecaster>>) -> anyhow::Result<Vec<Box<dyn Forecaster>>> {
        if let (Some(network), Some(description)) = (&self.network, &self.description) {
            let bytes = read(network)?;
            let description = Description::parse(&read(description)?)?;
            list.push(Box::new(ImportedNetwork::new(bytes, description)?));
        }
        Ok(list)
    }

    /// Says what is missing where `models` name the network and no file is given.
    pub fn check(&self, models: &[String]) -> anyhow::Result<()> {
        if self.network.is_none() && models.iter().any(|model| model.trim() == NAME) {
            return Err(Usage(format!(
                "model `{NAME}` needs `--network FILE.onnx --description FILE.json`"
            ))
            .into());
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", path.display());
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    if size > LIMIT as u64 {
        return Err(Usage(format!(
            "`{}` has {size} bytes, accepted: at most {LIMIT}",
            path.display()
        ))
        .into());
    }
    std::fs::read(path).with_context(cannot)
}
