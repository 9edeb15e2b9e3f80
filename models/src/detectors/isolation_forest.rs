//! `isolation-forest`: how soon random splits cut a row off from the others.
//!
//! The engine is [`crate::isolation_forest`], with splits parallel to the axes, 100 trees and 256 rows a tree.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::training::begin;
use crate::artefact::Parts;
use crate::detector::{FittedTableDetector, Table, TableDetector};
use crate::isolation_forest::{Forest, ForestParameters};
use crate::{Error, Progress, Result};

const NAME: &str = "isolation-forest";

/// The kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct IsolationForest {
    /// What the forest is grown with.
    pub parameters: ForestParameters,
}

/// A grown forest and the columns that it knows.
#[derive(Debug, Clone)]
pub(super) struct FittedIsolationForest {
    columns: Vec<String>,
    forest: Forest,
}

impl TableDetector for IsolationForest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Table, seed: u64, progress: &dyn Progress) -> Result<Box<dyn FittedTableDetector>> {
        Ok(Box::new(FittedIsolationForest {
            columns: begin(training, NAME, progress)?,
            forest: Forest::fit(self.parameters, training.values().view(), seed)?,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedTableDetector>> {
        let columns: Vec<String> = parts.part("columns", "columns")?.settings("columns")?;
        let forest = Forest::load(&parts.part("forest", "forest")?, "forest")?;
        if parts.kind != NAME || columns.len() != forest.columns() {
            return Err(Error::malformed(
                "parameters.json",
                "the names do not fit the columns of the forest",
            ));
        }
        Ok(Box::new(FittedIsolationForest { columns, forest }))
    }
}

impl FittedTableDetector for FittedIsolationForest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn strangeness_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        self.forest.score(rows)
    }

    fn shares_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut shares = Array2::zeros(rows.raw_dim());
        for (mut shares, row) in shares.axis_iter_mut(Axis(0)).zip(rows.axis_iter(Axis(0))) {
            shares.assign(&self.forest.shares(row)?);
        }
        Ok(shares)
    }

    fn save(&self) -> Result<Parts> {
        let columns = Parts::new("columns", &self.columns)?;
        Parts::of(
            NAME,
            [
                ("columns".to_owned(), columns),
                ("forest".to_owned(), self.forest.save("forest")?),
            ],
        )
    }
}
