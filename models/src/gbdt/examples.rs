//! Rows to learn from: features, targets and what each row counts.

use std::ops::Range;

use ndarray::{ArrayView1, ArrayView2};

use super::binning::Dataset;
use super::objective::Objective;
use crate::{Error, Result};

/// Rows with their targets.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// The features, cut into bins.
    pub features: &'a Dataset,
    /// What is to be predicted, rows x targets; a NaN leaves its row out for that target alone.
    pub targets: ArrayView2<'a, f32>,
    /// How much each row counts, from 0; every row counts 1 where there are none.
    pub weights: Option<ArrayView1<'a, f32>>,
    /// What boosting starts from, rows x targets, on the scale of the scores (for Poisson the logarithm of the rate);
    /// the same must be given for prediction.
    pub margins: Option<ArrayView2<'a, f32>>,
}

impl<'a> Examples<'a> {
    /// Rows that all count 1 and start from nothing.
    pub fn new(features: &'a Dataset, targets: ArrayView2<'a, f32>) -> Self {
        Self {
            features,
            targets,
            weights: None,
            margins: None,
        }
    }

    /// Checks shapes and values.
    pub(crate) fn check(&self, objective: &Objective) -> Result<()> {
        let (rows, targets) = self.targets.dim();
        let expect = |field: &str, found: String, expected: String| {
            if found == expected {
                Ok(())
            } else {
                Err(Error::invalid(field, found, expected))
            }
        };
        expect(
            "targets",
            format!("{rows} rows"),
            format!("{} rows", self.features.rows()),
        )?;
        if targets == 0 {
            return Err(Error::invalid("targets", targets, "at least one target"));
        }
        if let Some(weights) = self.weights {
            expect("weights", format!("{} rows", weights.len()), format!("{rows} rows"))?;
            if let Some(wrong) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
                return Err(Error::invalid("weights", wrong, "finite numbers from 0"));
            }
        }
        if let Some(margins) = self.margins {
            expect(
                "margins",
                format!("{:?}", margins.dim()),
                format!("{:?}", self.targets.dim()),
            )?;
            if let Some(wrong) = margins.iter().find(|margin| margin.is_infinite()) {
                return Err(Error::invalid(
                    "margins",
                    wrong,
                    "finite numbers, or NaN for rows that do not count",
                ));
            }
        }
        let least = objective.least_target();
        match self
            .targets
            .iter()
            .find(|target| **target < least || target.is_infinite())
        {
            Some(wrong) if least == 0.0 => Err(Error::invalid("targets", wrong, "finite numbers from 0, or NaN")),
            Some(wrong) => Err(Error::invalid("targets", wrong, "finite numbers, or NaN")),
            None => Ok(()),
        }
    }
}

/// The rows of one target, as plain columns.
#[derive(Debug)]
pub(crate) struct TargetRows {
    pub(crate) targets: Vec<f32>,
    pub(crate) margins: Vec<f32>,
    /// Empty where every row counts 1.
    pub(crate) weights: Vec<f32>,
    /// The rows that count.
    pub(crate) rows: Vec<u32>,
}

impl TargetRows {
    pub(crate) fn new(examples: &Examples<'_>, target: usize) -> Self {
        let targets = examples.targets.column(target).to_vec();
        let margins = match examples.margins {
            Some(margins) => margins.column(target).to_vec(),
            None => vec![0.0; targets.len()],
        };
        let weights: Vec<f32> = examples.weights.map(|weights| weights.to_vec()).unwrap_or_default();
        let counts = |row: &u32| {
            let row = *row as usize;
            !targets[row].is_nan() && !margins[row].is_nan() && weights.get(row).is_none_or(|weight| *weight > 0.0)
        };
        Self {
            rows: (0..targets.len() as u32).filter(counts).collect(),
            targets,
            margins,
            weights,
        }
    }

    /// How much a row counts.
    #[inline(always)]
    pub(crate) fn weight(&self, row: usize) -> f32 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    /// Multiplies values of consecutive rows by what the rows count; rows without a target keep NaN.
    pub(crate) fn weigh(&self, rows: Range<usize>, values: &mut [f32]) {
        let weights = self.weights.get(rows).unwrap_or_default();
        values
            .iter_mut()
            .zip(weights)
            .for_each(|(value, weight)| *value *= weight);
    }

    /// Target, margin and weight of each row that counts.
    pub(crate) fn counted(&self) -> Vec<(f32, f32, f32)> {
        let row = |row: &u32| {
            let row = *row as usize;
            (self.targets[row], self.margins[row], self.weight(row))
        };
        self.rows.iter().map(row).collect()
    }
}
