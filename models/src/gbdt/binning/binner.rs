//! What is learned of the columns before any tree: where their bins lie.

use ndarray::ArrayView2;
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::borders::{Borders, MOST_BORDERS};
use super::categories::Categories;
use crate::{Error, Result};

/// The most rows that bins are found from.
const SAMPLE: usize = 100_000;
/// The most columns: a sane bound on what a row may cost.
const MOST_COLUMNS: usize = 65_535;

/// How a table is cut into bins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binning {
    /// The most bins of a numeric column, beside the one of missing values, 2 to 255; 255.
    pub max_bins: usize,
    /// The columns that hold categories: whole numbers from 0, in no order. The 254 most frequent of each are told
    /// apart; rarer and unseen ones go where missing values go.
    pub categorical: Vec<usize>,
    /// Where the choice of the sample starts that bins are found from, where there are more than 100,000 rows; 0.
    pub seed: u64,
}

impl Default for Binning {
    fn default() -> Self {
        Self {
            max_bins: MOST_BORDERS + 1,
            categorical: Vec::new(),
            seed: 0,
        }
    }
}

/// The bins of one column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ColumnBins {
    Numeric(Borders),
    Categorical(Categories),
}

impl ColumnBins {
    /// The number of bins beside the one of missing values.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Numeric(borders) => borders.count() + 1,
            Self::Categorical(categories) => categories.count(),
        }
    }

    /// Writes the code of each value.
    pub(crate) fn code(&self, values: &[f32], codes: &mut [u8]) {
        match self {
            Self::Numeric(borders) => borders.codes(values, codes),
            Self::Categorical(known) => codes
                .iter_mut()
                .zip(values)
                .for_each(|(code, value)| *code = known.code(*value)),
        }
    }
}

/// The bins of every column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Binner {
    columns: Vec<ColumnBins>,
}

impl Binner {
    /// Finds bins from the rows of `values`, NaN being missing.
    ///
    /// # Shapes
    /// `values` is rows x columns.
    ///
    /// # Errors
    /// No row or no column, too many columns, a number of bins out of its range, a categorical column that is not there.
    pub fn of(values: ArrayView2<'_, f32>, binning: &Binning) -> Result<Self> {
        let (rows, columns) = values.dim();
        if rows == 0 {
            return Err(Error::NotEnoughData {
                what: "a table of features".into(),
                needed: 1,
                got: 0,
            });
        }
        if columns == 0 || columns > MOST_COLUMNS {
            return Err(Error::invalid(
                "columns",
                columns,
                format!("1 to {MOST_COLUMNS} columns"),
            ));
        }
        if !(2..=MOST_BORDERS + 1).contains(&binning.max_bins) {
            return Err(Error::invalid(
                "max_bins",
                binning.max_bins,
                "a whole number from 2 to 255",
            ));
        }
        if let Some(absent) = binning.categorical.iter().find(|column| **column >= columns) {
            return Err(Error::invalid(
                "categorical",
                absent,
                format!("columns below {columns}"),
            ));
        }
        let sample = sample(rows, binning.seed);
        let bins = |column: usize| {
            let seen: Vec<f32> = sample.iter().map(|&row| values[(row, column)]).collect();
            if binning.categorical.contains(&column) {
                ColumnBins::Categorical(Categories::of_sample(&seen))
            } else {
                ColumnBins::Numeric(Borders::of_sample(seen, binning.max_bins))
            }
        };
        Ok(Self {
            columns: (0..columns).into_par_iter().map(bins).collect(),
        })
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The bins of a column.
    pub(crate) fn column(&self, column: usize) -> &ColumnBins {
        &self.columns[column]
    }
}

/// Rows spread evenly over all of them: one out of each of so many stretches of equal length.
fn sample(rows: usize, seed: u64) -> Vec<usize> {
    if rows <= SAMPLE {
        return (0..rows).collect();
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..SAMPLE)
        .map(|stretch| random.random_range(stretch * rows / SAMPLE..(stretch + 1) * rows / SAMPLE))
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn a_categorical_column_that_is_not_there_is_refused() {
        let values = Array2::zeros((3, 2));
        let binning = Binning {
            categorical: vec![2],
            ..Binning::default()
        };
        let message = Binner::of(values.view(), &binning).unwrap_err().to_string();
        assert_eq!(message, "`categorical` is `2`, accepted: columns below 2");
    }

    #[test]
    fn the_sample_takes_one_row_of_each_stretch() {
        let rows = sample(250_000, 1);
        assert_eq!(rows.len(), SAMPLE);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= 6));
    }
}
