//! The contract of every detector: fitting or starting returns a new type, and scores know nothing of alerts.
//!
//! There are two kinds. A [`TableDetector`] is fitted on a [`Table`] and scores the rows of others of the same columns. A
//! [`SeriesDetector`] starts a [`Watch`] that reads one row after the other and scores each by what came before it alone.

use arterial_datasets::time::Timestamp;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::{Error, Progress, Result};

/// How strange something is: not negative, never NaN; 1.0 is the line, higher is stranger.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct AnomalyScore(f64);

impl AnomalyScore {
    /// Nothing strange at all.
    pub const NONE: Self = Self(0.0);
    /// The line.
    pub const LINE: Self = Self(1.0);

    /// The score `strangeness`; 0 where it is negative or no number, the largest number where it is infinite.
    #[must_use]
    pub fn clamped(strangeness: f64) -> Self {
        let strangeness = if strangeness.is_nan() { 0.0 } else { strangeness };
        Self(strangeness.clamp(0.0, f64::MAX))
    }

    /// Whether it is on or above the line.
    #[must_use]
    pub fn is_alert(self) -> bool {
        self.0 >= Self::LINE.0
    }
}

impl TryFrom<f64> for AnomalyScore {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self> {
        if value >= 0.0 && value.is_finite() {
            Ok(Self(value))
        } else {
            Err(Error::invalid("score", value, "a finite number that is not negative"))
        }
    }
}

impl From<AnomalyScore> for f64 {
    fn from(score: AnomalyScore) -> Self {
        score.0
    }
}

/// Numbers in named columns.
///
/// # Shapes
/// `values` is rows x columns; NaN is missing, and no value is infinite.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    values: Array2<f64>,
}

impl Table {
    /// A table of `values` under the names `columns`.
    ///
    /// # Errors
    /// Another number of names than of columns, no column at all, an infinite value.
    pub fn new(columns: Vec<String>, values: Array2<f64>) -> Result<Self> {
        if columns.is_empty() || columns.len() != values.ncols() {
            let accepted = format!("{} names, one a column, at least one", values.ncols());
            return Err(Error::invalid("columns", columns.len(), accepted));
        }
        if let Some(((row, column), value)) = values.indexed_iter().find(|(_, value)| value.is_infinite()) {
            let field = format!("`{}` in row {}", columns[column], row + 1);
            return Err(Error::invalid(
                field,
                value,
                "a finite number, or nothing where it is missing",
            ));
        }
        Ok(Self { columns, values })
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Rows x columns; NaN is missing.
    #[must_use]
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.nrows()
    }

    /// Refuses a table whose columns are not `fitted`, in that order.
    ///
    /// # Errors
    /// Other columns: what was found and what is accepted.
    pub fn require_columns(&self, fitted: &[String]) -> Result<()> {
        if self.columns != fitted {
            let accepted = format!("the columns that the detector was fitted on: {}", fitted.join(", "));
            return Err(Error::invalid("columns", self.columns.join(", "), accepted));
        }
        Ok(())
    }

    /// Refuses numbers of rows that the table does not have.
    ///
    /// # Errors
    /// A row outside of it.
    fn require_rows(&self, rows: &[usize]) -> Result<()> {
        match rows.iter().find(|row| **row >= self.rows()) {
            None => Ok(()),
            Some(row) => Err(Error::invalid(
                "row",
                row,
                format!("a row of the table, which has {}", self.rows()),
            )),
        }
    }
}

/// A kind of detector for tables, whose rows know nothing of each other.
pub trait TableDetector: Send + Sync {
    /// The name on the command line, such as `isolation-forest`.
    fn name(&self) -> &'static str;

    /// Fits on `training` without any label. The same seed gives the same detector at any number of threads.
    ///
    /// # Errors
    /// Too few rows, a table with nothing but missing values.
    fn fit(&self, training: &Table, seed: u64, progress: &dyn Progress) -> Result<Box<dyn FittedTableDetector>>;

    /// Puts a fitted detector together again: it scores bit for bit what the saved one did.
    ///
    /// # Errors
    /// Parts of another kind, or parts that do not fit each other.
    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedTableDetector>>;
}

/// A fitted detector for tables.
pub trait FittedTableDetector: Send + Sync {
    /// The name of the kind.
    fn name(&self) -> &'static str;

    /// The columns that it was fitted on.
    fn columns(&self) -> &[String];

    /// How strange each of `rows`, rows x columns, is; they have the fitted columns.
    ///
    /// # Errors
    /// Numbers that the kind cannot take; what a [`Table`] holds it can.
    fn strangeness_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array1<f64>>;

    /// What each column adds to the strangeness of each of `rows`; they have the fitted columns.
    ///
    /// # Errors
    /// As [`strangeness_of`](Self::strangeness_of).
    fn shares_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array2<f64>>;

    /// How strange each row is: not negative, never NaN, higher is stranger; the scale is the kind's own, and a
    /// [`Threshold`](crate::threshold::Threshold) brings it to 1.0 at the line.
    ///
    /// # Errors
    /// Other columns than the fitted ones.
    fn strangeness(&self, table: &Table) -> Result<Array1<f64>> {
        table.require_columns(self.columns())?;
        self.strangeness_of(table.values().view())
    }

    /// What each column adds to the strangeness of each of `rows`: rows x columns, not negative, each row adding up to 1 where
    /// anything is strange at all.
    ///
    /// # Errors
    /// Other columns than the fitted ones, a row outside of the table.
    fn shares(&self, table: &Table, rows: &[usize]) -> Result<Array2<f64>> {
        table.require_columns(self.columns())?;
        table.require_rows(rows)?;
        self.shares_of(table.values().select(Axis(0), rows).view())
    }

    /// The parameters, for the artefact.
    ///
    /// # Errors
    /// Parameters that cannot be written.
    fn save(&self) -> Result<Parts>;
}

/// A kind of detector for streams of rows.
pub trait SeriesDetector: Send + Sync {
    /// The name on the command line, such as `auto`.
    fn name(&self) -> &'static str;

    /// How many rows it reads, knowing too little to judge them.
    fn warm_up(&self) -> u64;

    /// Begins to watch rows of these columns, knowing nothing yet.
    ///
    /// # Errors
    /// No column, or more columns than the kind can judge.
    fn start(&self, columns: &[String], seed: u64) -> Result<Box<dyn Watch>>;
}

/// A detector at work on one stream of rows. It learns as it goes, and its memory is bounded whatever comes.
pub trait Watch: Send {
    /// Takes the next row: one value a column, NaN or infinite where there is none. The verdict rests on this row and those before it.
    /// Times may repeat, jump or go back.
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict;
}

/// What a detector says of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How strange the row is; [`AnomalyScore::NONE`] while too little is known.
    pub score: AnomalyScore,
    /// Why, as a plain sentence without a period, such as `value is 3.1, expected 8.0 to 12.5`; empty where there is nothing to
    /// say. While the detector learns it says so: `learning: 120 of 300 rows`.
    pub reason: String,
}

impl Verdict {
    /// How the reason begins while the detector learns.
    const LEARNING: &'static str = "learning: ";

    /// Whether the detector still learned, and so could not judge the row.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        self.reason.starts_with(Self::LEARNING)
    }
}
