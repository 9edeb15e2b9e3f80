//! The rows that one step ahead is fitted on.

use arterial_datasets::feature::PreparedFeatures;
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::regress::Rows;
use crate::Result;
use crate::forecasters::deviation::rows::Place;
use crate::forecasters::deviation::{Anchor, OWN, Outages, Scaler, check};
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
    /// The outages that copies of rows are shown, where rows are learned from.
    pub(super) outages: Option<&'a Outages>,
}

/// How many origins are wanted, so that all `series` that have values make about as many rows together.
pub(super) fn wanted(series: usize) -> usize {
    (MOST_ROWS / series.max(1)).max(FEWEST_ORIGINS)
}

impl Ground<'_> {
    /// The rows of `origins` for the target `step` rows ahead, with what is recent at those origins; behind some of them the
    /// copy that an outage changes.
    pub(super) fn sample(&self, origins: &[usize], recent: &Array3<f64>, step: usize) -> Result<Sample> {
        let width = self.target.ncols();
        let matrix = self.features.matrix(origins, step)?;
        check(&matrix, self.features.columns(), origins.len(), width)?;
        let (places, working) = self.places(origins, step);
        let mut columns = Array2::zeros((places.len(), OWN + self.scaler.width()));
        columns.axis_iter_mut(Axis(0)).into_par_iter().zip(&places).for_each(
            |(mut row, &Place { at, series, outage })| {
                let mut own = [0.0; OWN];
                let row = row.as_slice_mut().unwrap_or(&mut []);
                let features = matrix.values.row(at * width + series);
                if let Some((outages, outage)) = self.outages.zip(outage) {
                    let hidden = outage.rows;
                    self.anchor.fill_hiding(origins[at], hidden, step, series, &mut own);
                    let features = outages.hide(outage, &features);
                    self.scaler.fill(&features.view(), series, &mut row[OWN..]);
                } else {
                    let recent = recent.slice(s![at, series, ..]);
                    let recent = recent.as_slice().unwrap_or(&[]);
                    self.anchor.fill(recent, origins[at], step, series, &mut own);
                    self.scaler.fill(&features, series, &mut row[OWN..]);
                }
                row[..OWN].copy_from_slice(&own);
            },
        );
        let usual = self.profile.usual_scale();
        Ok(Sample {
            columns,
            target: places
                .iter()
                .map(|place| self.deviation(origins[place.at] + step, place.series))
                .collect(),
            weight: places
                .iter()
                .map(|place| self.profile.scale[place.series] / usual)
                .collect(),
            series: places.iter().map(|place| place.series).collect(),
            working,
        })
    }

    fn deviation(&self, row: usize, series: usize) -> f64 {
        (self.target[(row, series)] - self.anchor.level(row, series)) / self.profile.scale[series]
    }

    /// What each row is of, working days first, and how many those are.
    fn places(&self, origins: &[usize], step: usize) -> (Vec<Place>, usize) {
        let known = self.profile.known();
        let thin = (origins.len() * known.len()).div_ceil(2 * MOST_ROWS).max(1);
        let mut kinds: [Vec<Place>; 2] = [Vec::new(), Vec::new()];
        for (at, origin) in origins.iter().enumerate() {
            let row = origin + step;
            if row >= self.target.nrows() {
                continue;
            }
            let kind = &mut kinds[day_type(self.anchor.slot(row).weekday)];
            let copies = self.outages.map(|outages| outages.at(*origin, known.len()));
            let copies = copies.unwrap_or_default();
            let kept = known.iter().enumerate().filter(|(rank, _)| (rank + at) % thin == 0);
            for (rank, &series) in kept.filter(|(_, series)| self.deviation(row, **series).is_finite()) {
                let place = Place::complete(at, series);
                kind.push(place);
                kind.extend(place.copy(&copies, rank));
            }
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
