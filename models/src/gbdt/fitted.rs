//! A fitted model: it predicts.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::save::GbdtSettings;
use super::scoring::{self, Layout};
use super::tree::Tree;
use crate::{Error, Result};

/// What turns a score into a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The score itself.
    Identity,
    /// `exp(score)`.
    Exponential,
    /// `1 / (1 + exp(-score))`.
    Logistic,
}

impl Link {
    /// The score of a prediction.
    pub(crate) fn score(self, prediction: f64) -> f64 {
        match self {
            Self::Identity => prediction,
            Self::Exponential => prediction.ln(),
            Self::Logistic => -(1.0 / prediction - 1.0).ln(),
        }
    }

    /// The prediction of a score.
    fn apply(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::Exponential => score.exp(),
            Self::Logistic => 1.0 / (1.0 + (-score).exp()),
        }
    }
}

/// How the trees of a model are summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// In 64 bits.
    #[default]
    Double,
    /// In 32 bits, rounded after each tree, as `XGBoost` does.
    Single,
}

impl Precision {
    /// The sum rounded to the precision.
    #[inline]
    pub(crate) fn round(self, sum: f64) -> f64 {
        match self {
            Self::Double => sum,
            Self::Single => f64::from(sum as f32),
        }
    }
}

/// The trees of one output and the constant that they start from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ensemble {
    pub(crate) base: f64,
    pub(crate) trees: Vec<Tree>,
}

/// Fitted or imported gradient-boosted trees.
///
/// Outputs are ordered by target, and for each target by quantile level.
#[derive(Debug, Clone)]
pub struct FittedGbdt {
    settings: GbdtSettings,
    outputs: Vec<Ensemble>,
    layout: Layout,
}

impl FittedGbdt {
    /// A model of these outputs.
    pub(crate) fn new(settings: GbdtSettings, outputs: Vec<Ensemble>) -> Self {
        Self {
            layout: Layout::new(&outputs, settings.precision),
            settings,
            outputs,
        }
    }

    /// The model of one of its outputs; nothing where it has no such output.
    pub(crate) fn only(&self, output: usize) -> Option<Self> {
        let ensemble = self.outputs.get(output)?.clone();
        let settings = GbdtSettings {
            levels: 1,
            ..self.settings.clone()
        };
        Some(Self::new(settings, vec![ensemble]))
    }

    /// The number of columns that it eats.
    pub fn columns(&self) -> usize {
        self.settings.columns
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The number of targets: outputs by quantile levels.
    pub fn targets(&self) -> usize {
        self.outputs.len() / self.settings.levels
    }

    /// The number of trees of each output.
    pub fn trees(&self) -> Vec<usize> {
        self.outputs.iter().map(|output| output.trees.len()).collect()
    }

    /// What it says of itself.
    pub fn settings(&self) -> &GbdtSettings {
        &self.settings
    }

    pub(crate) fn ensembles(&self) -> &[Ensemble] {
        &self.outputs
    }

    /// Predicts rows.
    ///
    /// # Shapes
    /// `values` is rows x columns with NaN where missing, `margins` rows x targets; the result is rows x outputs.
    ///
    /// # Errors
    /// Other numbers of columns, rows or targets.
    pub fn predict(&self, values: ArrayView2<'_, f32>, margins: Option<ArrayView2<'_, f32>>) -> Result<Array2<f32>> {
        self.check(values.ncols())?;
        let expected = (values.nrows(), self.targets());
        if let Some(margins) = margins.filter(|margins| margins.dim() != expected) {
            return Err(Error::invalid(
                "margins",
                format!("{:?}", margins.dim()),
                format!("{expected:?}"),
            ));
        }
        let mut predictions = Array2::zeros((values.nrows(), self.outputs.len()));
        let pieces = predictions
            .axis_chunks_iter_mut(Axis(0), scoring::PIECE)
            .into_par_iter()
            .enumerate();
        pieces.for_each(|(piece, mut predictions)| {
            let start = piece * scoring::PIECE;
            let rows = ndarray::s![start..start + predictions.nrows(), ..];
            let scores = scoring::scores(&self.layout, values.slice(rows));
            for (row, mut prediction) in predictions.rows_mut().into_iter().enumerate() {
                let margin = |target| margins.map_or(0.0, |margins| margins[(start + row, target)]);
                self.finish(
                    |output| scores[output][row],
                    margin,
                    |output, value| prediction[output] = value,
                );
            }
        });
        Ok(predictions)
    }

    /// Predicts a single row, without any thread: the same numbers as [`FittedGbdt::predict`], bit for bit.
    ///
    /// # Shapes
    /// `row` has as many values as there are columns, `margins` one for each target or none.
    ///
    /// # Errors
    /// Other numbers of columns or targets.
    pub fn predict_row(&self, row: &[f32], margins: &[f32]) -> Result<Vec<f32>> {
        self.check(row.len())?;
        if !margins.is_empty() && margins.len() != self.targets() {
            return Err(Error::invalid(
                "margins",
                margins.len(),
                format!("none or {}", self.targets()),
            ));
        }
        let scores = scoring::row_scores(&self.layout, row);
        let mut prediction = vec![0.0; self.outputs.len()];
        let margin = |target: usize| margins.get(target).copied().unwrap_or(0.0);
        self.finish(
            |output| scores[output],
            margin,
            |output, value| prediction[output] = value,
        );
        Ok(prediction)
    }

    /// Turns the trees' sums of one row into its predictions: base, margin, link, and quantiles in order.
    fn finish(&self, score: impl Fn(usize) -> f64, margin: impl Fn(usize) -> f32, mut put: impl FnMut(usize, f32)) {
        let predict = |output: usize| {
            let score = score(output) + f64::from(margin(output / self.settings.levels));
            self.settings.link.apply(score) as f32
        };
        if self.settings.levels == 1 {
            (0..self.outputs.len()).for_each(|output| put(output, predict(output)));
            return;
        }
        let mut levels = Vec::with_capacity(self.settings.levels);
        for first in (0..self.outputs.len()).step_by(self.settings.levels) {
            levels.clear();
            levels.extend((first..first + self.settings.levels).map(predict));
            levels.sort_unstable_by(f32::total_cmp);
            levels
                .iter()
                .enumerate()
                .for_each(|(level, value)| put(first + level, *value));
        }
    }

    pub(crate) fn check(&self, columns: usize) -> Result<()> {
        if columns == self.settings.columns {
            return Ok(());
        }
        Err(Error::invalid(
            "columns",
            columns,
            format!("{} columns, as the model was fitted on", self.settings.columns),
        ))
    }
}
