//! Models saved by other libraries.

mod assemble;
mod json;
mod lightgbm;
mod ubjson;
mod xgboost;

use super::fitted::{FittedGbdt, Link};
use crate::{Error, Result};

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: usize = 1 << 30;
/// The most columns of an imported model.
const MOST_COLUMNS: usize = 65_535;
/// The most outputs of an imported model.
const MOST_OUTPUTS: usize = 10_000;

/// Which rounds of a model are imported that was stopped early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rounds {
    /// Those up to the best round where the file names one (`best_iteration`), as the scikit-learn interface predicts.
    #[default]
    Best,
    /// All that are in the file, as `Booster.predict` does.
    All,
}

/// A model that another library saved, with what its file says of its columns.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The model.
    pub model: FittedGbdt,
    /// The names of its columns, in their order; none where the file names none.
    pub names: Vec<String>,
}

impl Imported {
    /// Reads a file of either library, which are told apart by how they begin: LightGBM's with the line `tree`, `XGBoost`'s with
    /// a bracket.
    ///
    /// # Errors
    /// A file that begins otherwise; what [`FittedGbdt::from_xgboost`] and [`FittedGbdt::from_lightgbm`] refuse.
    pub fn read(file: &[u8], rounds: Rounds) -> Result<Self> {
        if file.starts_with(b"tree\n") || file.starts_with(b"tree\r\n") {
            check_size("lightgbm", file)?;
            lightgbm::read(file)
        } else if file.starts_with(b"{") {
            check_size("xgboost", file)?;
            xgboost::read(file, rounds)
        } else {
            let message = "it is neither JSON or UBJSON of XGBoost nor text of LightGBM, as `save_model` writes them";
            Err(Error::malformed("model", message))
        }
    }
}

impl FittedGbdt {
    /// Reads a model that `XGBoost` (1.6 or later) wrote with `save_model`, JSON or UBJSON.
    ///
    /// Values are 32-bit floats there as here, so that every row takes the same path. Columns of categories must hold
    /// the codes that the model was trained on.
    ///
    /// # Errors
    /// A file that is too large or no such model, and boosters or objectives that are not supported, by their names.
    pub fn from_xgboost(file: &[u8], rounds: Rounds) -> Result<Self> {
        check_size("xgboost", file)?;
        xgboost::read(file, rounds).map(|imported| imported.model)
    }

    /// Reads a model that LightGBM (2 or later) wrote with `save_model`, its text format.
    ///
    /// Thresholds are rounded so that every 32-bit value takes the path that LightGBM sends it on.
    ///
    /// # Errors
    /// A file that is too large or no such model, and objectives or leaves that are not supported, by their names.
    pub fn from_lightgbm(file: &[u8]) -> Result<Self> {
        check_size("lightgbm", file)?;
        lightgbm::read(file).map(|imported| imported.model)
    }
}

fn check_size(file: &str, bytes: &[u8]) -> Result<()> {
    if bytes.len() <= FILE_LIMIT {
        return Ok(());
    }
    Err(Error::malformed(
        file,
        format!("it has {} bytes, at most {FILE_LIMIT} are read", bytes.len()),
    ))
}

/// The link of an objective, by a table of the names that are known.
fn link(objective: &str, known: &[(&str, Link)]) -> Result<Link> {
    let found = known.iter().find(|(name, _)| *name == objective).map(|(_, link)| *link);
    found.ok_or_else(|| Error::Unknown {
        what: "objective that can be imported",
        name: objective.into(),
        known: known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })
}
