//! What every detector for tables asks of the rows that it is fitted on.

use crate::detector::Table;
use crate::{Error, Result};

/// The fewest rows that say what is usual.
pub(super) const LEAST_ROWS: usize = 10;

/// Refuses tables that say nothing of what is usual.
///
/// # Errors
/// Fewer than ten rows, or none with a value.
pub(super) fn require_rows(training: &Table, name: &str) -> Result<()> {
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
    Ok(())
}

/// Refuses numbers of rows that a table does not have.
///
/// # Errors
/// A row outside of the table.
pub(super) fn check_places(table: &Table, rows: &[usize]) -> Result<()> {
    match rows.iter().find(|row| **row >= table.rows()) {
        None => Ok(()),
        Some(row) => Err(Error::invalid(
            "row",
            row,
            format!("a row of the table, which has {}", table.rows()),
        )),
    }
}
