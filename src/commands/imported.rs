//! Models that were trained elsewhere, from the command line.

use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_models::Forecaster;
use arterial_models::gbdt::FILE_LIMIT;
use arterial_models::onnx::{self, ImportedNetwork, LIMIT};
use arterial_models::trees::{self, ImportedTrees, ModelFile};

use crate::outcome::Usage;

/// Where a model that was trained elsewhere stands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "A model trained elsewhere (`network` or `trees` among the models)")]
pub struct ImportedArgs {
    /// The ONNX file of a network
    #[arg(long, value_name = "FILE.onnx", group = "imported", requires = "description")]
    network: Option<PathBuf>,
    /// The file of trees: XGBoost's .json or .ubj, LightGBM's .txt; or the folder of the files that the description lists
    #[arg(long, value_name = "PATH", group = "imported", requires = "description")]
    trees: Option<PathBuf>,
    /// What the model reads and answers: JSON, see `docs/networks.md` and `docs/trees.md`
    #[arg(long, value_name = "FILE.json", requires = "imported")]
    description: Option<PathBuf>,
}

impl ImportedArgs {
    /// The kinds there are, with the imported one among them where one is given.
    pub fn add_to(&self, mut list: Vec<Box<dyn Forecaster>>) -> anyhow::Result<Vec<Box<dyn Forecaster>>> {
        let Some(description) = &self.description else {
            return Ok(list);
        };
        let description = read(description, LIMIT)?;
        if let Some(path) = &self.network {
            let description = onnx::Description::parse(&description)?;
            list.push(Box::new(ImportedNetwork::new(read(path, LIMIT)?, description)?));
        }
        if let Some(path) = &self.trees {
            let description = trees::Description::parse(&description)?;
            let files = files(path, &description)?;
            list.push(Box::new(ImportedTrees::new(description, &files)?));
        }
        Ok(list)
    }

    /// Says what is missing where `models` name an imported kind and no file is given.
    pub fn check(&self, models: &[String]) -> anyhow::Result<()> {
        for (name, path, option) in [
            (onnx::NAME, &self.network, "--network FILE.onnx"),
            (trees::NAME, &self.trees, "--trees PATH"),
        ] {
            if path.is_none() && models.iter().any(|model| model.trim() == name) {
                return Err(Usage(format!("model `{name}` needs `{option} --description FILE.json`")).into());
            }
        }
        Ok(())
    }
}

/// The files of trees in the order of their description: `path` itself or, where it lists files, those in the folder `path`.
/// Where it lists one, that may be `path`.
fn files(path: &Path, description: &trees::Description) -> anyhow::Result<Vec<ModelFile>> {
    let listed = description.files();
    let accepted = match (path.is_dir(), &listed[..]) {
        (true, []) => "a file, as the description lists none",
        (true, _) => return listed.iter().map(|file| model_file(&path.join(file))).collect(),
        (false, []) => return Ok(vec![model_file(path)?]),
        (false, [only]) if path.file_name().is_some_and(|name| name == *only) => return Ok(vec![model_file(path)?]),
        (false, _) => "the folder of the files that the description lists",
    };
    Err(Usage(format!("`--trees` is `{}`, accepted: {accepted}", path.display())).into())
}

/// A model's file under its own name: the artefact keeps that, and not where it lay.
fn model_file(path: &Path) -> anyhow::Result<ModelFile> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(ModelFile {
        name: name.to_string_lossy().into_owned(),
        bytes: read(path, FILE_LIMIT)?,
    })
}

/// Reads a file of at most `limit` bytes.
fn read(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", path.display());
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    if size > limit as u64 {
        return Err(Usage(format!(
            "`{}` has {size} bytes, accepted: at most {limit}",
            path.display()
        ))
        .into());
    }
    std::fs::read(path).with_context(cannot)
}
