//! The trees of one group of steps: many small ones for the median, fewer and faster ones for the tails.

use std::sync::Arc;

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::forecasters::deviation::rows::Rows;
use crate::gbdt::{Binning, Dataset, Examples, FittedGbdt, Gbdt, GbdtParameters, Objective, Observer};
use crate::{Progress, Result};

/// The quantiles of the tails.
const TAILS: [f64; 2] = [0.1, 0.9];
/// Bins of fewer rows tell noise apart, and cost time.
const ROWS_A_BIN: usize = 64;
const FEWEST_BINS: usize = 32;
/// Trees grown on all rows for each that the part of them could bear.
const MORE_ROWS_MORE_TREES: f64 = 1.1;
/// Trees where there is nothing to choose their number by.
const FEW_DATA: Rounds = Rounds { median: 60, tails: 40 };

/// How many trees there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rounds {
    median: usize,
    tails: usize,
}

/// The trees of a group of steps.
pub(super) struct Group {
    pub(super) median: FittedGbdt,
    /// Two outputs: the 10 % and the 90 % quantile.
    pub(super) tails: FittedGbdt,
}

/// What ends the growing.
pub(super) enum Judge<'a> {
    /// The least error on these rows, where there are any.
    Rows(Option<&'a Rows>),
    /// A number of trees.
    Rounds(Rounds),
}

impl Group {
    /// How many trees there are; of the tails, the larger number.
    pub(super) fn rounds(&self) -> Rounds {
        let most = |trees: &FittedGbdt| trees.trees().into_iter().max().unwrap_or_default();
        Rounds {
            median: most(&self.median),
            tails: most(&self.tails),
        }
    }
}

fn median(seed: u64) -> GbdtParameters {
    GbdtParameters {
        objective: Objective::AbsoluteError,
        rounds: 600,
        learning_rate: 0.06,
        max_leaves: 31,
        min_child_samples: 60,
        row_fraction: 0.8,
        column_fraction: 0.4,
        early_stopping_rounds: 40,
        seed,
        ..GbdtParameters::default()
    }
}

fn tails(seed: u64) -> GbdtParameters {
    GbdtParameters {
        objective: Objective::Quantile { levels: TAILS.to_vec() },
        rounds: 200,
        learning_rate: 0.1,
        max_leaves: 15,
        early_stopping_rounds: 20,
        ..median(seed)
    }
}

/// Grows the trees of the steps that `rows` are of.
pub(super) fn grow(
    rows: &Rows,
    judge: &Judge<'_>,
    decay: &Array1<f64>,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Group> {
    let columns = rows.columns()?;
    let most = Binning::default().max_bins;
    let binning = Binning {
        seed,
        max_bins: (columns.nrows() / ROWS_A_BIN).clamp(FEWEST_BINS.min(most), most),
        ..Binning::default()
    };
    let table = Dataset::of(columns, &binning)?;
    let judged = match judge {
        Judge::Rows(Some(judged)) if !judged.step.is_empty() => {
            let mut table = Dataset::new(Arc::clone(table.binner()));
            table.append(judged.columns()?)?;
            Some((table, *judged))
        }
        _ => None,
    };
    let rounds = match judge {
        Judge::Rounds(rounds) => Some(Rounds {
            median: more(rounds.median),
            tails: more(rounds.tails),
        }),
        Judge::Rows(_) if judged.is_none() => Some(FEW_DATA),
        Judge::Rows(_) => None,
    };
    let fit = |parameters: GbdtParameters, rounds: Option<usize>| {
        let parameters = GbdtParameters {
            rounds: rounds.unwrap_or(parameters.rounds),
            ..parameters
        };
        let training = Labelled::new(&table, rows, decay);
        let validation = judged.as_ref().map(|(table, rows)| Labelled::new(table, rows, decay));
        let validation = validation.as_ref().map(Labelled::examples);
        Gbdt::new(parameters)?.fit(&training.examples(), validation.as_ref(), &Watch(progress))
    };
    Ok(Group {
        median: fit(median(seed), rounds.map(|rounds| rounds.median))?,
        tails: fit(tails(seed), rounds.map(|rounds| rounds.tails))?,
    })
}

fn more(rounds: usize) -> usize {
    ((rounds as f64 * MORE_ROWS_MORE_TREES) as usize).max(1)
}

/// A table with what its rows are to say.
struct Labelled<'a> {
    table: &'a Dataset,
    targets: ndarray::Array2<f32>,
    starts: ndarray::Array2<f32>,
    weights: ArrayView1<'a, f32>,
}

impl<'a> Labelled<'a> {
    fn new(table: &'a Dataset, rows: &'a Rows, decay: &Array1<f64>) -> Self {
        Self {
            table,
            targets: rows.targets(),
            starts: rows.starts(decay),
            weights: ArrayView1::from(&rows.weight),
        }
    }

    fn examples(&self) -> Examples<'_> {
        Examples {
            weights: Some(self.weights),
            margins: Some(self.starts.view()),
            ..Examples::new(self.table, self.targets.view())
        }
    }
}

/// Ends a fit when the front end says so.
struct Watch<'a>(&'a dyn Progress);

impl Observer for Watch<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
