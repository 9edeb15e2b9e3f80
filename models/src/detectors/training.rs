//! What every detector for tables asks of the rows that it is fitted on.

use crate::detector::Table;
use crate::{Error, Progress, Result};

/// The fewest rows that a detector for tables is fitted on.
pub const LEAST_ROWS: usize = 10;

/// Begins to fit the kind called `name`: gives the columns of a table that says what is usual.
///
/// # Errors
/// Fewer than ten rows, or none with a value; a fit that is told to stop.
pub(super) fn begin(training: &Table, name: &str, progress: &dyn Progress) -> Result<Vec<String>> {
    if progress.is_cancelled() {
        return Err(Error::Cancelled);
    }
    if training.rows() < LEAST_ROWS {
        return Err(Error::NotEnoughData {
            what: format!("`{name}`"),
            needed: LEAST_ROWS,
            got: training.rows(),
        });
    }
    if training.values().iter().all(|value| value.is_nan()) {
        return Err(Error::invalid(
            "table",
            "missing values only",
            "a table with at least one number",
        ));
    }
    Ok(training.columns().to_vec())
}
