//! The rows that trees learn from and answer for.

use arterial_datasets::feature::PreparedFeatures;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::{Anchor, LAST, OWN, Outage, Outages, Scaler, check};
use crate::forecaster::go_on;
use crate::profile::Profile;
use crate::{Error, Progress, Result};

/// The most rows of features that are held at once.
const CHUNK_ROWS: usize = 1 << 16;

/// Where rows come from.
#[derive(Clone, Copy)]
pub(in crate::forecasters) struct Ground<'a> {
    pub(in crate::forecasters) profile: &'a Profile,
    pub(in crate::forecasters) anchor: &'a Anchor<'a>,
    pub(in crate::forecasters) features: &'a dyn PreparedFeatures,
    /// The columns that the features must have.
    pub(in crate::forecasters) names: &'a [String],
    pub(in crate::forecasters) scaler: &'a Scaler,
    pub(in crate::forecasters) target: ArrayView2<'a, f64>,
    /// The outages that copies of rows are shown, where rows are learned from.
    pub(in crate::forecasters) outages: Option<&'a Outages>,
}

/// What a row is of: a position within the origins, a series, and the outage that it is shown if it is a copy.
#[derive(Debug, Clone, Copy)]
pub(in crate::forecasters) struct Place {
    pub(in crate::forecasters) at: usize,
    pub(in crate::forecasters) series: usize,
    pub(in crate::forecasters) outage: Option<Outage>,
}

impl Place {
    /// The row as it is.
    pub(in crate::forecasters) fn complete(at: usize, series: usize) -> Self {
        Self {
            at,
            series,
            outage: None,
        }
    }

    /// The copy that `outages` ask for of the series at `rank`.
    pub(in crate::forecasters) fn copy(self, outages: &[Option<Outage>], rank: usize) -> Option<Self> {
        let outage = outages.get(rank).copied().flatten()?;
        Some(Self {
            outage: Some(outage),
            ..self
        })
    }
}

/// How many columns a row has: the anchor's, the scaled features, the step ahead.
pub(in crate::forecasters) fn width(scaler: &Scaler) -> usize {
    OWN + scaler.width() + 1
}

/// Origins whose rows are held at once.
pub(in crate::forecasters) fn origins_at_once(series: usize) -> usize {
    (CHUNK_ROWS / series.max(1)).max(1)
}

/// Rows with what they are to say.
#[derive(Default)]
pub(in crate::forecasters) struct Rows {
    /// Row by row.
    columns: Vec<f32>,
    width: usize,
    /// The last deviation, where boosting starts if nothing of it is lost.
    pub(in crate::forecasters) last: Vec<f32>,
    /// The deviation at the target.
    pub(in crate::forecasters) deviation: Vec<f32>,
    /// The series' usual deviation beside that of the others.
    pub(in crate::forecasters) weight: Vec<f32>,
    /// The step ahead.
    pub(in crate::forecasters) step: Vec<usize>,
}

impl Rows {
    /// Row x column.
    pub(in crate::forecasters) fn columns(&self) -> Result<ArrayView2<'_, f32>> {
        let rows = self.columns.len() / self.width.max(1);
        ArrayView2::from_shape((rows, self.width), &self.columns)
            .map_err(|error| Error::invalid("features", error, format!("rows of {} columns", self.width)))
    }

    /// The deviation at the target: row x 1.
    pub(in crate::forecasters) fn targets(&self) -> Array2<f32> {
        Array1::from_vec(self.deviation.clone()).insert_axis(Axis(1))
    }

    /// Where boosting starts: the last deviation, decayed; row x output.
    pub(in crate::forecasters) fn starts(&self, decay: &Array1<f64>) -> Array2<f32> {
        Array2::from_shape_fn((self.last.len(), 1), |(row, _)| {
            self.last[row] * decay[self.step[row] - 1] as f32
        })
    }
}

impl Ground<'_> {
    /// The columns of `places` for the target `step` rows ahead.
    pub(in crate::forecasters) fn columns(
        &self,
        origins: &[usize],
        recent: &Array3<f64>,
        step: usize,
        places: &[Place],
    ) -> Result<Array2<f32>> {
        let series = self.target.ncols();
        let matrix = self.features.matrix(origins, step)?;
        check(&matrix, self.names, origins.len(), series)?;
        let mut columns = Array2::zeros((places.len(), width(self.scaler)));
        let rows = columns.axis_iter_mut(Axis(0)).into_par_iter().zip(places);
        rows.for_each_init(
            || vec![0.0; self.scaler.width()],
            |scaled,
             (
                mut row,
                &Place {
                    at,
                    series: one,
                    outage,
                },
            )| {
                let mut own = [0.0; OWN];
                let features = matrix.values.row(at * series + one);
                if let Some((outages, outage)) = self.outages.zip(outage) {
                    let hidden = outage.rows;
                    self.anchor.fill_hiding(origins[at], hidden, step, one, &mut own);
                    self.scaler.fill(&outages.hide(outage, &features).view(), one, scaled);
                } else {
                    let seen = recent.slice(s![at, one, ..]);
                    let seen = seen.as_slice().unwrap_or(&[]);
                    self.anchor.fill(seen, origins[at], step, one, &mut own);
                    self.scaler.fill(&features, one, scaled);
                }
                let all = own.iter().chain(scaled.iter()).copied().chain([step as f64]);
                row.iter_mut().zip(all).for_each(|(to, from)| *to = from as f32);
            },
        );
        Ok(columns)
    }

    /// Rows with a known target, for `steps` ahead; each of `origins` serves one of them, in turn. Of every `thin` rows
    /// one is kept, and of those that outages copy the copy, too. Given up soon after `progress` says so.
    pub(in crate::forecasters) fn rows(
        &self,
        origins: &[usize],
        steps: std::ops::RangeInclusive<usize>,
        thin: usize,
        progress: &dyn Progress,
    ) -> Result<Rows> {
        let count = steps.clone().count();
        let mut rows = Rows {
            width: width(self.scaler),
            ..Rows::default()
        };
        for (place, step) in steps.enumerate() {
            let known = |origin: &usize| origin + step < self.target.nrows();
            let own = origins.iter().skip(place).step_by(count).copied().filter(known);
            let own: Vec<usize> = own.collect();
            for chunk in own.chunks(origins_at_once(self.target.ncols())) {
                go_on(progress)?;
                self.add(chunk, step, thin, &mut rows)?;
            }
        }
        Ok(rows)
    }

    fn add(&self, origins: &[usize], step: usize, thin: usize, rows: &mut Rows) -> Result<()> {
        let known = self.profile.known();
        let mut kept: Vec<Place> = Vec::new();
        for (at, origin) in origins.iter().enumerate() {
            let copies = self.outages.map(|outages| outages.at(*origin, known.len()));
            let copies = copies.unwrap_or_default();
            let some = known
                .iter()
                .enumerate()
                .filter(|(rank, _)| (origin + rank).is_multiple_of(thin));
            for (rank, &series) in some.filter(|(_, series)| self.deviation(origin + step, **series).is_finite()) {
                let place = Place::complete(at, series);
                kept.push(place);
                kept.extend(place.copy(&copies, rank));
            }
        }
        let columns = self.columns(origins, &self.anchor.recent(origins), step, &kept)?;
        let usual = self.profile.usual_scale();
        for (row, &Place { at, series, .. }) in columns.outer_iter().zip(&kept) {
            rows.last.push(row[LAST]);
            rows.deviation.push(self.deviation(origins[at] + step, series) as f32);
            rows.weight.push((self.profile.scale[series] / usual) as f32);
            rows.step.push(step);
        }
        rows.columns.extend(columns.iter());
        Ok(())
    }

    fn deviation(&self, row: usize, series: usize) -> f64 {
        (self.target[(row, series)] - self.anchor.level(row, series)) / self.profile.scale[series]
    }
}
