//! The rows that trees learn from and answer for.

use arterial_datasets::feature::PreparedFeatures;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;

use crate::Result;
use crate::forecasters::deviation::{Anchor, LAST, OWN, Scaler, check};
use crate::profile::Profile;

/// Where rows come from.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) profile: &'a Profile,
    pub(super) anchor: &'a Anchor<'a>,
    pub(super) features: &'a dyn PreparedFeatures,
    /// The columns that the features must have.
    pub(super) names: &'a [String],
    pub(super) scaler: &'a Scaler,
    pub(super) target: ArrayView2<'a, f64>,
}

/// How many columns a row has: the anchor's, the scaled features, the step ahead.
pub(super) fn width(scaler: &Scaler) -> usize {
    OWN + scaler.width() + 1
}

/// Rows with what they are to say.
pub(super) struct Rows {
    /// Row x column.
    pub(super) columns: Array2<f32>,
    /// Where boosting starts, if nothing of the last deviation is lost: row x 1.
    pub(super) last: Array2<f32>,
    /// The deviation at the target.
    pub(super) deviation: Array1<f32>,
    /// The series' usual deviation beside that of the others.
    pub(super) weight: Array1<f32>,
    /// The step ahead.
    pub(super) step: Vec<usize>,
}

impl Ground<'_> {
    /// One row for each of `origins` and series, in this order, for the target `step` rows ahead.
    pub(super) fn columns(&self, origins: &[usize], recent: &Array3<f64>, step: usize) -> Result<Array2<f32>> {
        let series = self.target.ncols();
        let matrix = self.features.matrix(origins, step)?;
        check(&matrix, self.names, origins.len(), series)?;
        let mut columns = Array2::zeros((origins.len() * series, width(self.scaler)));
        columns
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .enumerate()
            .for_each(|(at, mut row)| {
                let (origin, series) = (at / series, at % series);
                let mut own = [0.0; OWN];
                let seen = recent.slice(s![origin, series, ..]);
                self.anchor
                    .fill(seen.as_slice().unwrap_or(&[]), origins[origin], step, series, &mut own);
                let mut scaled = vec![0.0; self.scaler.width()];
                self.scaler.fill(&matrix.values.row(at), series, &mut scaled);
                let all = own.iter().chain(&scaled).copied().chain([step as f64]);
                row.iter_mut().zip(all).for_each(|(to, from)| *to = from as f32);
            });
        Ok(columns)
    }

    /// Rows with a known target, for `steps` ahead; each of `origins` serves one of them, in turn. Of every `thin` rows
    /// one is kept.
    pub(super) fn rows(&self, origins: &[usize], steps: std::ops::RangeInclusive<usize>, thin: usize) -> Result<Rows> {
        let count = steps.clone().count();
        let mut parts = Vec::with_capacity(count);
        for (place, step) in steps.enumerate() {
            let own: Vec<usize> = origins.iter().skip(place).step_by(count).copied().collect();
            parts.push(self.rows_at(&own, step, thin)?);
        }
        Ok(Rows::joined(parts))
    }

    fn rows_at(&self, origins: &[usize], step: usize, thin: usize) -> Result<Rows> {
        let series = self.target.ncols();
        let recent = self.anchor.recent(origins);
        let all = self.columns(origins, &recent, step)?;
        let usual = self.profile.scale.mean().unwrap_or(1.0);
        let place = |at: &usize| (origins[at / series] + step, at % series);
        let kept: Vec<usize> = (0..all.nrows())
            .filter(|at| (at % series + at / series).is_multiple_of(thin))
            .filter(|at| place(at).0 < self.target.nrows() && self.deviation(place(at)).is_finite())
            .collect();
        Ok(Rows {
            columns: all.select(Axis(0), &kept),
            last: Array2::from_shape_fn((kept.len(), 1), |(row, _)| all[(kept[row], LAST)]),
            deviation: kept.iter().map(|at| self.deviation(place(at)) as f32).collect(),
            weight: kept
                .iter()
                .map(|at| (self.profile.scale[at % series] / usual) as f32)
                .collect(),
            step: vec![step; kept.len()],
        })
    }

    fn deviation(&self, (row, series): (usize, usize)) -> f64 {
        (self.target[(row, series)] - self.anchor.level(row, series)) / self.profile.scale[series]
    }
}

impl Rows {
    fn joined(parts: Vec<Self>) -> Self {
        let width = parts.first().map_or(0, |part| part.columns.ncols());
        let mut columns = Array2::zeros((0, width));
        let mut last = Array2::zeros((0, 1));
        let (mut deviation, mut weight, mut step) = (Vec::new(), Vec::new(), Vec::new());
        let views: Vec<_> = parts.iter().map(|part| part.columns.view()).collect();
        if let Ok(all) = concatenate(Axis(0), &views) {
            columns = all;
        }
        let views: Vec<_> = parts.iter().map(|part| part.last.view()).collect();
        if let Ok(all) = concatenate(Axis(0), &views) {
            last = all;
        }
        for part in parts {
            deviation.extend(part.deviation);
            weight.extend(part.weight);
            step.extend(part.step);
        }
        Self {
            columns,
            last,
            deviation: deviation.into(),
            weight: weight.into(),
            step,
        }
    }
}
