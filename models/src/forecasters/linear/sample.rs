//! The rows that one step ahead is fitted on.

use arterial_datasets::feature::PreparedFeatures;
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::regress::Rows;
use crate::Result;
use crate::forecasters::deviation::{Anchor, OWN, Scaler, check};
use crate::profile::{Profile, day_type};

/// The most rows that a step is fitted on.
const MOST_ROWS: usize = 50_000;
/// Origins that are used at least, however many series there are.
const FEWEST_ORIGINS: usize = 192;

/// Rows for one step ahead; those of working days come first.
pub(super) struct Sample {
    pub(super) columns: Array2<f64>,
    pub(super) target: Vec<f64>,
    pub(super) weight: Vec<f64>,
    pub(super) series: Vec<usize>,
    /// How many rows have their target on a working day.
    pub(super) working: usize,
}

/// Where rows come from.
pub(super) struct Ground<'a> {
    pub(super) profile: &'a Profile,
    pub(super) anchor: &'a Anchor<'a>,
    pub(super) features: &'a dyn PreparedFeatures,
    pub(super) scaler: &'a Scaler,
    pub(super) target: ArrayView2<'a, f64>,
}

/// How many origins are wanted, so that all `series` that have values make about as many rows together.
pub(super) fn wanted(series: usize) -> usize {
    (MOST_ROWS / series.max(1)).max(FEWEST_ORIGINS)
}

impl Ground<'_> {
    /// The rows of `origins` for the target `step` rows ahead, with what is recent at those origins.
    pub(super) fn sample(&self, origins: &[usize], recent: &Array3<f64>, step: usize) -> Result<Sample> {
        let width = self.target.ncols();
        let matrix = self.features.matrix(origins, step)?;
        check(&matrix, self.features.columns(), origins.len(), width)?;
        let (places, working) = self.places(origins, step);
        let mut columns = Array2::zeros((places.len(), OWN + self.scaler.width()));
        columns
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(&places)
            .for_each(|(mut row, &(at, series))| {
                let mut own = [0.0; OWN];
                let recent = recent.slice(s![at, series, ..]);
                self.anchor
                    .fill(recent.as_slice().unwrap_or(&[]), origins[at], step, series, &mut own);
                let row = row.as_slice_mut().unwrap_or(&mut []);
                row[..OWN].copy_from_slice(&own);
                self.scaler
                    .fill(&matrix.values.row(at * width + series), series, &mut row[OWN..]);
            });
        let usual = self.profile.usual_scale();
        Ok(Sample {
            columns,
            target: places
                .iter()
                .map(|&(at, series)| self.deviation(origins[at] + step, series))
                .collect(),
            weight: places
                .iter()
                .map(|&(_, series)| self.profile.scale[series] / usual)
                .collect(),
            series: places.iter().map(|&(_, series)| series).collect(),
            working,
        })
    }

    fn deviation(&self, row: usize, series: usize) -> f64 {
        (self.target[(row, series)] - self.anchor.level(row, series)) / self.profile.scale[series]
    }

    /// Which origin and series each row is of, working days first, and how many those are.
    fn places(&self, origins: &[usize], step: usize) -> (Vec<(usize, usize)>, usize) {
        let known = self.profile.known();
        let thin = (origins.len() * known.len()).div_ceil(2 * MOST_ROWS).max(1);
        let mut kinds: [Vec<(usize, usize)>; 2] = [Vec::new(), Vec::new()];
        for (at, origin) in origins.iter().enumerate() {
            let row = origin + step;
            if row >= self.target.nrows() {
                continue;
            }
            let kind = &mut kinds[day_type(self.anchor.slot(row).weekday)];
            let kept = known.iter().enumerate().filter(|(rank, _)| (rank + at) % thin == 0);
            kind.extend(
                kept.filter(|(_, series)| self.deviation(row, **series).is_finite())
                    .map(|(_, series)| (at, *series)),
            );
        }
        let working = kinds[0].len();
        (kinds.concat(), working)
    }
}

impl Sample {
    /// All rows.
    pub(super) fn rows(&self) -> Rows<'_> {
        Rows {
            columns: self.columns.view(),
            target: &self.target,
            weight: &self.weight,
        }
    }

    /// The rows of a day type.
    pub(super) fn rows_of(&self, kind: usize) -> Rows<'_> {
        let range = if kind == 0 {
            0..self.working
        } else {
            self.working..self.target.len()
        };
        Rows {
            columns: self.columns.slice(s![range.clone(), ..]),
            target: &self.target[range.clone()],
            weight: &self.weight[range],
        }
    }
}
