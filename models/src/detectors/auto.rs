//! `auto`: the detector that is recommended for tables.
//!
//! Two views of a row that fail on different rows: the isolation forest looks at the whole table and at one column after the other, nearest
//! neighbours look at all columns together and at what is near. Both are drawn from small samples, so that many strange rows do not shield
//! each other. Each view says how surprising its strangeness is among the training rows (`-ln` of the tail probability), and a row is as
//! strange as the mean surprise: with independent views that is Fisher's method (1925) up to a factor.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::tail::Tail;
use super::training::begin;
use super::{IsolationForest, Knn};
use crate::artefact::Parts;
use crate::detector::{FittedTableDetector, Table, TableDetector};
use crate::{Error, Progress, Result};

const NAME: &str = "auto";
/// The most training rows that the scale of a view is learned from.
const SCALE_ROWS: usize = 10_000;

/// The kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Auto;

/// One way to look at rows, and how strange it found the training rows.
struct View {
    detector: Box<dyn FittedTableDetector>,
    seen: Tail,
}

struct FittedAuto {
    columns: Vec<String>,
    views: Vec<View>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns(Vec<String>);

fn kinds() -> [Box<dyn TableDetector>; 2] {
    [Box::new(IsolationForest::default()), Box::new(Knn)]
}

impl TableDetector for Auto {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Table, seed: u64, progress: &dyn Progress) -> Result<Box<dyn FittedTableDetector>> {
        let columns = begin(training, NAME, progress)?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let count = training.rows().min(SCALE_ROWS);
        let mut chosen = index::sample(&mut generator, training.rows(), count).into_vec();
        chosen.sort_unstable();
        let sample = Table::new(training.columns().to_vec(), training.values().select(Axis(0), &chosen))?;
        let view = |kind: Box<dyn TableDetector>| {
            let detector = kind.fit(training, seed, progress)?;
            let seen = Tail::learn(detector.strangeness(&sample)?.to_vec());
            Ok(View { detector, seen })
        };
        Ok(Box::new(FittedAuto {
            columns,
            views: kinds().into_iter().map(view).collect::<Result<_>>()?,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedTableDetector>> {
        if parts.kind != NAME {
            return Err(Error::malformed(
                "parameters.json",
                format!("the kind is `{}`, expected `{NAME}`", parts.kind),
            ));
        }
        let Columns(columns) = parts.part("columns", "columns")?.settings("columns")?;
        let tails = parts.part("tails", "tails")?;
        let view = |kind: Box<dyn TableDetector>| {
            let detector = kind.load(&parts.part(kind.name(), kind.name())?)?;
            if detector.columns() != columns {
                return Err(Error::malformed("parameters.json", "the views know different columns"));
            }
            let seen = Tail::load(&tails, kind.name())?;
            Ok(View { detector, seen })
        };
        let views = kinds().into_iter().map(view).collect::<Result<_>>()?;
        Ok(Box::new(FittedAuto { columns, views }))
    }
}

impl FittedAuto {
    /// How surprising each view finds each row: rows x views.
    fn surprises(&self, rows: &ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut surprises = Array2::zeros((rows.nrows(), self.views.len()));
        for (mut surprises, view) in surprises.columns_mut().into_iter().zip(&self.views) {
            surprises.assign(&view.detector.strangeness_of(*rows)?);
            surprises.mapv_inplace(|strangeness| view.seen.surprise(strangeness));
        }
        Ok(surprises)
    }
}

impl FittedTableDetector for FittedAuto {
    fn name(&self) -> &'static str {
        NAME
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn strangeness_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        Ok(self.surprises(&rows)?.sum_axis(Axis(1)) / self.views.len() as f64)
    }

    fn shares_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let surprises = self.surprises(&rows)?;
        let mut shares = Array2::<f64>::zeros(rows.raw_dim());
        for (view, surprises) in self.views.iter().zip(surprises.columns()) {
            let weight = surprises.insert_axis(Axis(1));
            shares = shares + view.detector.shares_of(rows)? * weight;
        }
        for mut row in shares.rows_mut() {
            let sum = row.sum();
            if sum > 0.0 {
                row /= sum;
            }
        }
        Ok(shares)
    }

    fn save(&self) -> Result<Parts> {
        let mut tails = Parts::new("tails", &serde_json::Map::new())?;
        let mut parts = Parts::new(NAME, &serde_json::Map::new())?
            .with_part("columns", Parts::new("columns", &Columns(self.columns.clone()))?);
        for view in &self.views {
            tails = view.seen.save(tails, view.detector.name());
            parts = parts.with_part(view.detector.name(), view.detector.save()?);
        }
        Ok(parts.with_part("tails", tails))
    }
}
