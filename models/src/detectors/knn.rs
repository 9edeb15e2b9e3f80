//! `knn`: how far the nearest neighbours of a row are.
//!
//! Neighbours are looked for in many small random samples of the training rows, and the distances to the nearest in each are averaged
//! (Pang, Ting, Albrecht: *`LeSiNN`: Detecting anomalies by identifying least similar nearest neighbours*, ICDM workshops 2015; Sugiyama,
//! Borgwardt: *Rapid distance-based outlier detection via sampling*, NeurIPS 2013). A nearest neighbour among 64 rows is about as far as the
//! n/64-th neighbour among n, so that the scale of a neighbourhood grows with the table: strange rows that are many and alike cannot
//! shield each other as they do where the k-th neighbour is looked for in all rows, and time and memory are bounded: 500,000 rows
//! are compared with 2,048.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::neighbours::Neighbours;
use super::scale::RobustScale;
use super::training::begin;
use crate::artefact::{Parts, Tensor};
use crate::detector::{FittedTableDetector, Table, TableDetector};
use crate::{Error, Progress, Result};

const NAME: &str = "knn";
/// Samples of training rows.
const SAMPLES: usize = 32;
/// Rows of each of them.
const SAMPLE_ROWS: usize = 64;

/// The kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Knn;

/// Samples of the training rows in units of their columns.
#[derive(Debug, Clone)]
struct FittedKnn {
    columns: Vec<String>,
    scale: RobustScale,
    neighbours: Neighbours,
    /// The mean distance of the training rows: what a row is taken for of which nothing is known.
    usual: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    columns: Vec<String>,
}

impl TableDetector for Knn {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Table, seed: u64, progress: &dyn Progress) -> Result<Box<dyn FittedTableDetector>> {
        let columns = begin(training, NAME, progress)?;
        let scale = RobustScale::learn(training.values().view());
        let scaled = scale.apply(training.values().view());
        let neighbours = Neighbours::draw(scaled.view(), SAMPLES, SAMPLE_ROWS, seed);
        let distances = neighbours.distances(neighbours.all_rows().view());
        let known: Vec<f64> = distances.into_iter().filter(|distance| !distance.is_nan()).collect();
        Ok(Box::new(FittedKnn {
            columns,
            scale,
            usual: known.iter().sum::<f64>() / known.len().max(1) as f64,
            neighbours,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedTableDetector>> {
        let Settings { columns } = parts.settings(NAME)?;
        let malformed = |message: &str| Error::malformed("tensors.safetensors", message);
        let Some(Tensor::F32(rows)) = parts.tensors.get("neighbours") else {
            return Err(malformed("`neighbours` is missing or no F32"));
        };
        let rows = rows
            .clone()
            .into_dimensionality::<ndarray::Ix3>()
            .map_err(|_| malformed("`neighbours` has not three axes"))?;
        let usual = parts.shaped::<ndarray::Ix1>("usual", &[1])?[0];
        let sound = rows.len_of(Axis(2)) == columns.len() && !rows.iter().any(|value| value.is_infinite());
        if !(sound && usual >= 0.0 && usual.is_finite()) {
            return Err(malformed("`neighbours` or `usual` do not fit the columns"));
        }
        Ok(Box::new(FittedKnn {
            scale: RobustScale::load(parts, columns.len())?,
            columns,
            neighbours: Neighbours { rows },
            usual,
        }))
    }
}

impl FittedTableDetector for FittedKnn {
    fn name(&self) -> &'static str {
        NAME
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn strangeness_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        let mut distances = self.neighbours.distances(self.scale.apply(rows).view());
        distances.mapv_inplace(|distance| if distance.is_nan() { self.usual } else { distance });
        Ok(distances)
    }

    fn shares_of(&self, rows: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let scaled = self.scale.apply(rows);
        let mut shares = Array2::zeros(scaled.raw_dim());
        let pairs = shares
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(scaled.axis_iter(Axis(0)).into_par_iter());
        pairs.for_each(|(mut shares, row)| shares.assign(&self.neighbours.shares(row)));
        Ok(shares)
    }

    fn save(&self) -> Result<Parts> {
        let settings = Settings {
            columns: self.columns.clone(),
        };
        let parts = Parts::new(NAME, &settings)?.with("usual", &Array1::from_elem(1, self.usual));
        let mut parts = self.scale.save(parts);
        let rows = self.neighbours.rows.clone().into_dyn();
        parts.tensors.insert("neighbours".into(), Tensor::F32(rows));
        Ok(parts)
    }
}
