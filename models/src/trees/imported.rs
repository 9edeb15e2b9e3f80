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
    /// Reads `files`: those that the description lists, each once and in that order; one file where it lists none.
    ///
    /// # Errors
    /// A file that is no model, other names of columns than it says; what [`Trees::new`] refuses.
    pub(super) fn read(mut description: Description, files: &[ModelFile]) -> Result<Self> {
        description.check()?;
        if let (true, [only]) = (description.models.is_empty(), files) {
            description.models.push(Model {
                file: only.name.clone(),
                output: None,
                step: None,
                quantile: Quantile::MEDIAN,
            });
        }
        let listed = description.files();
        if listed.len() != files.len() {
            let found = format!("{} files in the description", listed.len());
            let accepted = format!("{}, as many as there are", files.len());
            return Err(Error::invalid("models", found, accepted));
        }
        let mut models = vec![None; description.models.len()];
        for (name, file) in listed.into_iter().zip(files) {
            let imported = read(file)?;
            check_columns(&description, name, imported.model.columns())?;
            check_names(&description.names, name, &imported.names)?;
            for (place, model) in description.models.iter().enumerate() {
                if model.file == name {
                    models[place] = Some(one_output(model, place, &imported.model)?);
                }
            }
        }
        Self::new(description, models.into_iter().flatten().collect())
    }

    /// `models` in the order of the description, each with the one output that it means.
    ///
    /// # Errors
    /// Another number of models than the description lists, or of columns than it says; several outputs; a step without a
    /// model.
    pub(super) fn new(description: Description, models: Vec<FittedGbdt>) -> Result<Self> {
        description.check()?;
        if models.len() != description.models.len() {
            let found = format!("{} in the description", description.models.len());
            return Err(Error::invalid("models", found, models.len().to_string()));
        }
        for (listed, model) in description.models.iter().zip(&models) {
            check_columns(&description, &listed.file, model.columns())?;
            if model.outputs() != 1 {
                return Err(several(&listed.file, model.outputs()));
            }
        }
        Ok(Self {
            assignment: Assignment::of(&description)?,
            description,
            models,
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

/// The output of `model` that `listed`, the model at `place` of the description, means.
fn one_output(listed: &Model, place: usize, model: &FittedGbdt) -> Result<FittedGbdt> {
    let outputs = model.outputs();
    let Some(output) = listed.output.or((outputs == 1).then_some(0)) else {
        return Err(several(&listed.file, outputs));
    };
    model.only(output).ok_or_else(|| {
        let accepted = format!("a whole number from 0 to {}, as `{}` has", outputs - 1, listed.file);
        Error::invalid(format!("models[{place}].output"), output, accepted)
    })
}

fn several(file: &str, outputs: usize) -> Error {
    let accepted = format!(
        "for each of its models the `output` that it is, from 0 to {}",
        outputs.saturating_sub(1)
    );
    Error::invalid("models", format!("`{file}` with {outputs} outputs"), accepted)
}

/// Checks that `file`, whose models read `columns` columns, has those that `description` says.
fn check_columns(description: &Description, file: &str, columns: usize) -> Result<()> {
    let count = description.features.len();
    if count == columns {
        return Ok(());
    }
    let accepted = format!("{columns} features, as many as `{file}` reads");
    Err(Error::invalid("features", format!("{count} features"), accepted))
}

/// Compares the `names` of a description with those that the columns have in `file`, where both name them.
fn check_names(names: &[String], file: &str, theirs: &[String]) -> Result<()> {
    let mut names = names.iter().zip(theirs).enumerate();
    match names.find(|(_, (own, theirs))| own != theirs) {
        Some((column, (own, theirs))) => Err(Error::invalid(
            format!("names[{column}]"),
            own,
            format!("`{theirs}`, which the column has in `{file}`"),
        )),
        None => Ok(()),
    }
}
