//! Fits on a table and scores its rows.

use anyhow::Context;
use arterial_datasets::panel::Rows;
use arterial_models::Silent;
use arterial_models::detector::{FittedTableDetector, Table};
use arterial_models::detectors::table_detector;
use arterial_models::threshold::Threshold;
use ndarray::s;

use super::{Args, Place, Scored};

/// The share of the rows learned from that lie above the line.
pub const ALERT_SHARE: f64 = 0.01;
/// Columns that a reason names, at most.
const NAMED: usize = 3;
/// Columns that add less than this share are not named.
const WORTH_NAMING: f64 = 0.1;

/// Scores every row of `rows`, after fitting on `earlier`, on the first of them, or on all.
///
/// # Errors
/// A detector that is not known, data that it cannot be fitted on.
pub fn score(args: &Args, rows: Rows, earlier: Option<Rows>) -> anyhow::Result<Vec<Scored>> {
    let table = Table::new(rows.columns, rows.values)?;
    let training = match (earlier, args.train_share) {
        (Some(earlier), _) => Table::new(earlier.columns, earlier.values)?,
        (None, None) => table.clone(),
        (None, Some(_)) => {
            let first = args.training_rows(table.rows());
            let values = table.values().slice(s![..first, ..]).to_owned();
            Table::new(table.columns().to_vec(), values)?
        }
    };
    let fitted = table_detector(&args.detector)?.fit(&training, args.seed, &Silent);
    let fitted = fitted.with_context(|| format!("cannot learn from {} rows", training.rows()))?;
    let strangeness = fitted.strangeness(&table)?;
    let usual = fitted.strangeness(&training)?;
    let threshold = Threshold::learn(&usual.to_vec(), args.alert_share)?;
    let scores: Vec<f64> = strangeness.iter().map(|value| threshold.score(*value)).collect();
    let alerts: Vec<usize> = (0..scores.len()).filter(|row| scores[*row] >= 1.0).collect();
    let mut reasons = reasons(fitted.as_ref(), &table, &alerts)?.into_iter();
    let scored = scores.into_iter().enumerate().map(|(row, score)| {
        let alert = score >= 1.0;
        let reason = if alert { reasons.next() } else { None };
        Scored {
            place: Place::Row(row),
            score,
            alert,
            reason: reason.unwrap_or_default(),
            learning: false,
        }
    });
    Ok(scored.collect())
}

/// Which columns make each of `rows` strange, with what stands in them.
fn reasons(fitted: &dyn FittedTableDetector, table: &Table, rows: &[usize]) -> anyhow::Result<Vec<String>> {
    let shares = fitted.shares(table, rows)?;
    let reason = |(at, row): (usize, &usize)| {
        let mut columns: Vec<usize> = (0..table.columns().len()).collect();
        columns.sort_by(|a, b| shares[[at, *b]].total_cmp(&shares[[at, *a]]));
        let worth = |column: &usize| shares[[at, *column]] >= WORTH_NAMING;
        let named = columns.into_iter().filter(worth).take(NAMED);
        let said = named.map(|column| {
            let (name, value) = (&table.columns()[column], table.values()[[*row, column]]);
            let share = 100.0 * shares[[at, column]];
            if value.is_nan() {
                format!("{name} is missing ({share:.0} %)")
            } else {
                format!("{name} is {value} ({share:.0} %)")
            }
        });
        said.collect::<Vec<_>>().join(", ")
    };
    Ok(rows.iter().enumerate().map(reason).collect())
}
