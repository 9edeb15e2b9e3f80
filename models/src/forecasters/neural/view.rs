//! A panel as networks see it: everything in units of the series' usual deviation, with a mask where something is missing.

use arterial_datasets::panel::{ChannelRole, Panel};
use ndarray::{Array1, Array2, Array3, Array4, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::forecasters::deviation::{Anchor, FEWEST_DAYS, LAST, MEANS, RETURNING};
use crate::neural::Batch;
use crate::profile::Profile;
use crate::{Error, Result};

/// What a network reads of each context row beside covariates: the deviation and its mask.
const OWN_CHANNELS: usize = 2;
/// The neighbours' mean deviation and its mask.
const NEIGHBOUR_CHANNELS: usize = 2;
/// What is known of each target row beside covariates: where the usual level goes from here, its height, the usual
/// spread; and what was seen at this slot before, with masks.
const LEVELS: usize = 3;
const OWN_KNOWN: usize = LEVELS + 2 * RETURNING;
/// The artefact's name for the neighbours, and what it has of each edge: from, to, weight.
pub(super) const EDGES: &str = "neighbours";
const EDGE: usize = 3;
/// A day has an embedding for each half hour, or for each slot where these are longer.
const EMBEDDED_SLOTS: usize = 48;
/// Inputs beyond this many spreads count as this many.
const MOST: f64 = 20.0;

/// What was learned of the covariates: their mean and inverse spread, by channel behind the target.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CovariateScale {
    pub(super) mean: Array1<f64>,
    pub(super) inverse: Array1<f64>,
}

impl CovariateScale {
    /// The scale of the covariates of `panel`; one that does not vary is 0.
    pub(super) fn of(panel: &Panel) -> Self {
        let count = panel.channels().len() - 1;
        let mut scale = Self {
            mean: Array1::zeros(count),
            inverse: Array1::zeros(count),
        };
        for channel in 0..count {
            let values = panel.values().index_axis(Axis(2), channel + 1);
            let (mut seen, mut mean, mut squares) = (0.0, 0.0, 0.0);
            for value in values.iter().filter(|value| value.is_finite()) {
                seen += 1.0;
                let from_mean = value - mean;
                mean += from_mean / seen;
                squares += from_mean * (value - mean);
            }
            let spread = (squares / f64::max(seen, 1.0)).sqrt();
            scale.mean[channel] = mean;
            scale.inverse[channel] = if spread > 1e-9 { 1.0 / spread } else { 0.0 };
        }
        scale
    }
}

/// Who the neighbours of each series are, with weights that sum to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Neighbours {
    /// By series: position and weight; empty where there is no graph.
    by_series: Vec<Vec<(usize, f64)>>,
}

impl Neighbours {
    /// The neighbours along the edges of the panel's graph, if it has one.
    pub(super) fn of(panel: &Panel) -> Self {
        let Some(graph) = panel.graph() else {
            return Self::default();
        };
        let mut by_series = vec![Vec::new(); panel.series().len()];
        for &(from, to, weight) in graph
            .edges
            .iter()
            .filter(|(from, to, weight)| from != to && *weight > 0.0)
        {
            by_series[to as usize].push((from as usize, f64::from(weight)));
        }
        for list in &mut by_series {
            let sum: f64 = list.iter().map(|(_, weight)| weight).sum();
            for (_, weight) in list.iter_mut() {
                *weight /= sum;
            }
        }
        Self { by_series }
    }

    /// Edge x (from, to, weight), for the artefact.
    pub(super) fn edges(&self) -> Array2<f64> {
        let edges = self.by_series.iter().enumerate().flat_map(|(to, list)| {
            list.iter()
                .map(move |(from, weight)| [*from as f64, to as f64, *weight])
        });
        let edges: Vec<[f64; EDGE]> = edges.collect();
        Array2::from_shape_fn((edges.len(), EDGE), |(row, column)| edges[row][column])
    }

    /// Puts the neighbours of `series` series together again.
    ///
    /// # Errors
    /// Rows that are no edges, or that lead out of the series.
    pub(super) fn from_edges(edges: &Array2<f64>, is_graph: bool, series: usize) -> Result<Self> {
        let malformed = |message: String| Err(Error::malformed("tensors.safetensors", message));
        if edges.ncols() != EDGE {
            let found = edges.ncols();
            return malformed(format!(
                "`{EDGES}` has {found} columns, expected {EDGE}: from, to, weight"
            ));
        }
        if !is_graph {
            return Ok(Self::default());
        }
        let is_inside = |end: f64| end >= 0.0 && end < series as f64 && end.fract() == 0.0;
        let mut by_series = vec![Vec::new(); series];
        for edge in edges.outer_iter() {
            let (from, to, weight) = (edge[0], edge[1], edge[2]);
            if !is_inside(from) || !is_inside(to) || !weight.is_finite() {
                let accepted = format!("two series below {series} and a finite weight");
                return malformed(format!("`{EDGES}` has {from}, {to}, {weight}, expected {accepted}"));
            }
            by_series[to as usize].push((from as usize, weight));
        }
        Ok(Self { by_series })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_series.is_empty()
    }
}

/// A panel as networks see it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) profile: &'a Profile,
    pub(super) anchor: &'a Anchor<'a>,
    pub(super) panel: &'a Panel,
    pub(super) covariates: &'a CovariateScale,
    pub(super) neighbours: &'a Neighbours,
    /// What is left of the last deviation at each step ahead.
    pub(super) decay: &'a Array1<f64>,
    /// Context rows.
    pub(super) context: usize,
    /// 1 for each series that there is something to learn of.
    pub(super) varies: &'a Array1<f64>,
}

/// Embeddings for the time of day.
pub(super) fn embedded_slots(slots_per_day: usize) -> usize {
    slots_per_day.min(EMBEDDED_SLOTS)
}

/// How wide a network's inputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Widths {
    pub(super) context: usize,
    pub(super) channels: usize,
    pub(super) known: usize,
}

impl Widths {
    /// The widths for context rows, covariates and neighbours. The context begins with the mean deviations of the last
    /// week, day and hours, as history in larger and larger pieces.
    pub(super) fn new(context: usize, roles: &[ChannelRole], has_neighbours: bool) -> Self {
        let ahead = roles.iter().filter(|role| **role == ChannelRole::KnownAhead).count();
        let neighbours = if has_neighbours { NEIGHBOUR_CHANNELS } else { 0 };
        Self {
            context: MEANS + context,
            channels: OWN_CHANNELS + neighbours + 2 * roles.len(),
            known: OWN_KNOWN + 2 * ahead,
        }
    }
}

impl View<'_> {
    /// The inputs from each of `origins` for `series`; with targets where `with_targets`.
    pub(super) fn batch(&self, origins: &[usize], series: &[usize], with_targets: bool) -> Batch {
        let horizon = self.decay.len();
        let widths = Widths::new(self.context, &self.roles(), !self.neighbours.is_empty());
        let shape = (origins.len(), series.len());
        let mut context = Array4::zeros((shape.0, shape.1, widths.context, widths.channels));
        let mut known = Array4::zeros((shape.0, shape.1, horizon, widths.known));
        let mut base = Array3::zeros((shape.0, shape.1, horizon));
        let mut target = Array3::from_elem((shape.0, shape.1, if with_targets { horizon } else { 0 }), f32::NAN);
        let recent = self.anchor.recent(origins);
        context
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(known.axis_iter_mut(Axis(0)))
            .zip(base.axis_iter_mut(Axis(0)))
            .zip(target.axis_iter_mut(Axis(0)))
            .enumerate()
            .for_each(|(at, (((mut context, mut known), mut base), mut target))| {
                for (place, &one) in series.iter().enumerate() {
                    let recent = recent.slice(s![at, one, ..]);
                    let origin = origins[at];
                    self.fill_context(origin, one, &recent.to_vec(), context.index_axis_mut(Axis(0), place));
                    self.fill_known(origin, one, known.index_axis_mut(Axis(0), place));
                    let last = finite(recent[LAST]);
                    for step in 0..horizon {
                        base[(place, step)] = (last * self.decay[step]) as f32;
                    }
                    for (step, value) in target.row_mut(place).iter_mut().enumerate() {
                        *value = self.target(origin + step + 1, one);
                    }
                }
            });
        let slots: Vec<_> = origins.iter().map(|origin| self.anchor.slot(*origin)).collect();
        let of_day = embedded_slots(self.anchor.slots_per_day());
        let has_weekdays = self.profile.days >= FEWEST_DAYS;
        Batch {
            context,
            known,
            slot_of_day: slots
                .iter()
                .map(|slot| (slot.slot * of_day / self.anchor.slots_per_day()) as u32)
                .collect(),
            weekday: slots
                .iter()
                .map(|slot| if has_weekdays { slot.weekday as u32 } else { 0 })
                .collect(),
            series: series.iter().map(|one| *one as u32).collect(),
            base,
            target,
            weight: self.weights(series),
        }
    }

    fn roles(&self) -> Vec<ChannelRole> {
        self.panel
            .channels()
            .iter()
            .skip(1)
            .map(|channel| channel.role)
            .collect()
    }

    /// The usual deviation of each series beside that of the others; 0 for one that was never seen
    /// or never varied.
    fn weights(&self, series: &[usize]) -> Array1<f32> {
        let usual = self.profile.usual_scale();
        series
            .iter()
            .map(|one| finite(self.varies[*one] * self.profile.scale[*one] / usual) as f32)
            .collect()
    }

    fn target(&self, row: usize, series: usize) -> f32 {
        if row < self.panel.steps() {
            self.anchor.deviation(row, series) as f32
        } else {
            f32::NAN
        }
    }

    fn fill_context(&self, origin: usize, series: usize, recent: &[f64], mut rows: ArrayViewMut2<'_, f32>) {
        let means = recent[LAST + 1..].iter().rev();
        for (mut row, mean) in rows.outer_iter_mut().zip(means) {
            put(row.as_slice_mut().unwrap_or_default(), 0, *mean);
        }
        for place in 0..self.context.min(origin + 1) {
            let at = origin - place;
            let last = rows.nrows() - 1;
            let mut row = rows.row_mut(last - place);
            let row = row.as_slice_mut().unwrap_or_default();
            put(row, 0, self.anchor.deviation(at, series));
            let mut column = OWN_CHANNELS;
            if !self.neighbours.is_empty() {
                put(row, column, self.neighbours_mean(at, series));
                column += NEIGHBOUR_CHANNELS;
            }
            for channel in 0..self.covariates.mean.len() {
                put(row, column, self.covariate(at, series, channel));
                column += 2;
            }
        }
    }

    fn fill_known(&self, origin: usize, series: usize, mut rows: ArrayViewMut2<'_, f32>) {
        let scale = self.profile.scale[series];
        let roles = self.roles();
        for (step, mut row) in rows.outer_iter_mut().enumerate() {
            let row = row.as_slice_mut().unwrap_or_default();
            let target = origin + step + 1;
            let level = self.anchor.level(target, series);
            row[0] = bounded(self.anchor.way(origin, target, series));
            row[1] = bounded((level - self.profile.mean[series]) / scale);
            row[2] = bounded(self.anchor.spread(target, series) / scale);
            for (place, value) in self.anchor.returning(origin, target, series).into_iter().enumerate() {
                put(row, LEVELS + 2 * place, value);
            }
            let ahead = roles
                .iter()
                .enumerate()
                .filter(|(_, role)| **role == ChannelRole::KnownAhead);
            for (place, (channel, _)) in ahead.enumerate() {
                put(row, OWN_KNOWN + 2 * place, self.covariate(target, series, channel));
            }
        }
    }

    /// A covariate at a row, which may lie behind the panel's last one where it is known ahead.
    fn covariate(&self, row: usize, series: usize, channel: usize) -> f64 {
        let value = self.panel.known(row, series, channel + 1);
        (value - self.covariates.mean[channel]) * self.covariates.inverse[channel]
    }

    /// The weighted mean of the neighbours' deviations that are known.
    fn neighbours_mean(&self, row: usize, series: usize) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for &(other, weight) in &self.neighbours.by_series[series] {
            let deviation = self.anchor.deviation(row, other);
            if deviation.is_finite() {
                sum += weight * deviation;
                weights += weight;
            }
        }
        sum / weights
    }
}

/// Writes a value and its mask; a missing one is 0 with mask 0.
fn put(row: &mut [f32], column: usize, value: f64) {
    if value.is_finite()
        && let Some([to, mask]) = row.get_mut(column..column + 2)
    {
        *to = bounded(value);
        *mask = 1.0;
    }
}

fn bounded(value: f64) -> f32 {
    finite(value).clamp(-MOST, MOST) as f32
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn edges_come_back_and_those_that_are_none_are_refused() {
        let edges = array![[1.0, 0.0, 0.25], [0.0, 1.0, 1.0]];
        let neighbours = Neighbours::from_edges(&edges, true, 2).unwrap();
        assert_eq!(neighbours.edges(), edges);
        let wrong = [
            array![[2.0, 0.0, 1.0]],
            array![[0.0, 2.0, 1.0]],
            array![[-1.0, 0.0, 1.0]],
            array![[0.5, 0.0, 1.0]],
            array![[f64::NAN, 0.0, 1.0]],
            array![[0.0, 1.0, f64::NAN]],
            array![[0.0, 1.0]],
            Array2::zeros((0, 0)),
        ];
        for edges in wrong {
            let error = Neighbours::from_edges(&edges, true, 2).unwrap_err();
            assert!(error.is_refusal() && error.to_string().contains(EDGES), "{error}");
        }
    }
}
