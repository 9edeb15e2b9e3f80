//! Detectors for tables that watch a stream: each row becomes a row of a table with what came shortly before it, and the detector is
//! fitted again, at growing intervals, on a bounded memory of such rows.
//!
//! | part | what it knows |
//! |---|---|
//! | `view` | what a row of the table holds of the stream |
//! | `memory` | the last rows of the table, and when to fit again |
//! | `line` | how rare a strangeness is, and how rare it must be for an alert |
//! | `forest`, `autoencoder` | the two kinds |
//!
//! # Warm-up
//! The first 150 rows with a value are fitted on, the next 150 show how strange usual rows are. A row is scored by what came before it
//! alone: by a detector that has not seen it, against strangeness of earlier rows. Where a fit fails it says so until one succeeds.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the two-dimensional kind"
)]

mod autoencoder;
mod forest;
mod line;
mod memory;
mod view;

#[cfg(test)]
mod tests;

pub use autoencoder::SeriesAutoencoder;
pub use forest::SeriesIsolationForest;

use arterial_datasets::time::Timestamp;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use self::line::Line;
use self::memory::Memory;
use self::view::View;
use crate::detector::{AnomalyScore, Verdict, Watch};
use crate::{Error, Result};

/// Rows that the first fit takes, and rows after it that show how strange usual rows are.
const FIRST_FIT: u64 = 150;
const SPEAKS_AFTER: u64 = 2 * FIRST_FIT;

/// A detector of the rows of a view.
trait Model: Send + Sized {
    /// The name of the kind.
    const KIND: &'static str;
    /// The most columns of a view.
    const WIDEST_VIEW: usize;

    /// Fits on `rows`, rows x columns of the view.
    ///
    /// # Errors
    /// Rows that nothing can be learned from.
    fn fit(rows: Array2<f64>, seed: u64) -> Result<Self>;

    /// How strange a row is.
    ///
    /// # Errors
    /// A row of another view.
    fn strangeness(&self, row: ArrayView1<'_, f64>) -> Result<f64>;

    /// What each column of the view adds to the strangeness of a row.
    ///
    /// # Errors
    /// A row of another view.
    fn shares(&self, row: ArrayView1<'_, f64>) -> Result<Array1<f64>>;
}

/// A detector at work.
struct Refitted<M> {
    columns: Vec<String>,
    seed: u64,
    view: View,
    memory: Memory,
    model: Option<M>,
    /// Why there is no model though there were rows for one.
    failure: Option<Error>,
    line: Line,
}

impl<M: Model> Refitted<M> {
    /// # Errors
    /// No column, or more than a model can be fitted on: rows that nothing judges must not look as if all were well.
    fn start(columns: &[String], seed: u64, view: View) -> Result<Self> {
        let width = view.width();
        let most = M::WIDEST_VIEW / width;
        if !(1..=most).contains(&columns.len()) {
            let accepted = format!("1 to {most} for `{}`, which sees {width} numbers of each", M::KIND);
            return Err(Error::invalid("number of columns", columns.len(), accepted));
        }
        Ok(Self {
            columns: columns.to_vec(),
            seed,
            view,
            memory: Memory::new(),
            model: None,
            failure: None,
            line: Line::new(),
        })
    }

    /// What keeps a row from being judged, `rows` with a value so far; none where it is judged.
    fn learning(&self, rows: u64) -> Option<String> {
        if rows <= SPEAKS_AFTER {
            return Some(format!("learning: {rows} of {SPEAKS_AFTER} rows"));
        }
        let failure = self.failure.as_ref()?;
        Some(format!("learning: `{}` could not be fitted: {failure}", M::KIND))
    }

    /// Fits again. Rows that nothing can be learned from leave the former model in its place.
    fn refit(&mut self) {
        match M::fit(self.memory.table(), self.seed) {
            Ok(model) => {
                self.model = Some(model);
                self.failure = None;
                self.line.take_over();
            }
            Err(error) if self.model.is_none() => self.failure = Some(error),
            Err(_) => {}
        }
    }

    /// The column that adds most to the strangeness, as a reason.
    fn reason(&self, values: &[f64], row: &Array1<f64>) -> String {
        let mut by_column = vec![0.0; self.columns.len()];
        let shares = self.model.as_ref().and_then(|model| model.shares(row.view()).ok());
        for (place, share) in shares.iter().flatten().enumerate() {
            by_column[self.view.column_of(place)] += *share;
        }
        let most = (0..by_column.len()).max_by(|one, other| by_column[*one].total_cmp(&by_column[*other]));
        let Some(most) = most.filter(|column| by_column[*column] > 0.0) else {
            return String::new();
        };
        let name = &self.columns[most];
        if values[most].is_finite() {
            format!(
                "{name} is {}, unlike the rows before with what came shortly before them",
                values[most]
            )
        } else {
            format!("{name} has no value, and what came shortly before is unlike the rows before")
        }
    }
}

impl<M: Model> Watch for Refitted<M> {
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict {
        self.line.tick(at);
        let row = self.view.take(values);
        let mut verdict = Verdict {
            score: AnomalyScore::NONE,
            reason: String::new(),
        };
        if !values.iter().any(|value| value.is_finite()) {
            verdict.reason = self.learning(self.memory.rows()).unwrap_or_default();
            return verdict;
        }
        let strangeness = self.model.as_ref().and_then(|model| model.strangeness(row.view()).ok());
        if let Some(learning) = self.learning(self.memory.rows() + 1) {
            verdict.reason = learning;
        } else if let Some(strangeness) = strangeness {
            verdict.score = self.line.score(strangeness);
            if verdict.score.is_alert() {
                verdict.reason = self.reason(values, &row);
            }
        }
        if let Some(strangeness) = strangeness {
            self.line.learn(strangeness);
        }
        self.memory.keep(row);
        if self.memory.is_due() {
            self.refit();
        }
        verdict
    }
}

/// One row as a table.
fn as_table(row: ArrayView1<'_, f64>) -> Array2<f64> {
    row.insert_axis(Axis(0)).to_owned()
}
