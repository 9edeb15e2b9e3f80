//! The models, held against their description.

use super::assignment::Assignment;
use super::description::{Description, Model};
use crate::gbdt::{FittedGbdt, Imported, Rounds};
use crate::{Error, Quantile, Result};

/// A file of `XGBoost` (`save_model`, JSON or UBJSON) or LightGBM (`save_model`, text).
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// How messages call it.
    pub name: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

/// Models that read and answer what their description says.
#[derive(Debug)]
pub(super) struct Trees {
    /// It lists every model, an only one, too.
    pub(super) description: Description,
    /// In the order of the description.
    pub(super) models: Vec<FittedGbdt>,
    pub(super) assignment: Assignment,
}

impl Trees {
    /// Reads `files`, which stand in the order of the description's models; one file where it lists none.
    pub(super) fn read(mut description: Description, files: &[ModelFile]) -> Result<Self> {
        description.check()?;
        if let (true, [only]) = (description.models.is_empty(), files) {
            description.models.push(Model {
                file: only.name.clone(),
                step: None,
                quantile: Quantile::MEDIAN,
            });
        }
        let models: Vec<Imported> = files.iter().map(read).collect::<Result<_>>()?;
        Self::new(description, models)
    }

    /// `models` in the order of the description.
    ///
    /// # Errors
    /// Another number of models than the description lists, or of columns or outputs than it says, other names of columns; a
    /// step without a model.
    pub(super) fn new(description: Description, models: Vec<Imported>) -> Result<Self> {
        description.check()?;
        if models.len() != description.models.len() {
            let found = format!("{} in the description", description.models.len());
            let accepted = format!("{}, as many as there are files", models.len());
            return Err(Error::invalid("models", found, accepted));
        }
        for (listed, imported) in description.models.iter().zip(&models) {
            check(&description, &listed.file, imported)?;
        }
        Ok(Self {
            assignment: Assignment::of(&description)?,
            description,
            models: models.into_iter().map(|imported| imported.model).collect(),
        })
    }
}

/// Reads one file; the message names it.
fn read(file: &ModelFile) -> Result<Imported> {
    Imported::read(&file.bytes, Rounds::Best).map_err(|error| match error {
        Error::Malformed { message, .. } => Error::malformed(&file.name, message),
        other => other,
    })
}

/// Checks that the model of `file` has the columns that `description` says, and one output.
fn check(description: &Description, file: &str, imported: &Imported) -> Result<()> {
    let (count, columns) = (description.features.len(), imported.model.columns());
    if count != columns {
        let accepted = format!("{columns} features, as many as `{file}` reads");
        return Err(Error::invalid("features", format!("{count} features"), accepted));
    }
    if imported.model.outputs() != 1 {
        let found = format!("`{file}` with {} outputs", imported.model.outputs());
        return Err(Error::invalid("models", found, "models of one output"));
    }
    let mut names = description.names.iter().zip(&imported.names).enumerate();
    match names.find(|(_, (own, theirs))| own != theirs) {
        Some((column, (own, theirs))) => Err(Error::invalid(
            format!("names[{column}]"),
            own,
            format!("`{theirs}`, which the column has in `{file}`"),
        )),
        None => Ok(()),
    }
}
