//! What `arterial detect --json` prints, and the same in one line for people.

use arterial_datasets::panel::Rows;
use serde::Serialize;

use super::{Args, Kind, Scored};

/// What was read, by whom it was scored, and what came out.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    data: Data<'a>,
    kind: Kind,
    detector: &'a str,
    seed: u64,
    /// Rows above the line.
    alerts: usize,
    /// Rows that could not be judged, as the detector still learned.
    learning: usize,
    scores: &'a [Scored],
}

#[derive(Debug, Serialize)]
struct Data<'a> {
    path: &'a str,
    sha256: &'a str,
    rows: usize,
    columns: &'a [String],
    missing_share: f64,
}

impl<'a> Document<'a> {
    /// The document of `scored`, one entry for each of `rows`.
    pub fn new(args: &'a Args, rows: &'a Rows, scored: &'a [Scored]) -> Self {
        let missing = rows.values.iter().filter(|value| value.is_nan()).count();
        Self {
            data: Data {
                path: &rows.path,
                sha256: &rows.sha256,
                rows: rows.values.nrows(),
                columns: &rows.columns,
                missing_share: missing as f64 / rows.values.len().max(1) as f64,
            },
            kind: args.kind,
            detector: &args.detector,
            seed: args.seed,
            alerts: scored.iter().filter(|row| row.alert).count(),
            learning: scored.iter().filter(|row| row.learning).count(),
            scores: scored,
        }
    }

    /// One line for people; where no row was judged it does not sound as if all were well.
    pub fn words(&self) -> String {
        let (rows, alerts) = (self.data.rows, self.alerts);
        if let Some(last) = self.scores.last().filter(|_| self.learning == rows) {
            return format!(
                "{}: not enough data: `{}` judged none of {rows} rows ({})",
                self.data.path, self.detector, last.reason
            );
        }
        format!(
            "{}: {alerts} of {rows} rows are above the line of `{}`",
            self.data.path, self.detector
        )
    }
}
