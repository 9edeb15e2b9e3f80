//! What happens next door: the deviations of graph neighbours and of the series that go before.

use arterial_datasets::Result;
use arterial_datasets::feature::Waits;
use arterial_datasets::panel::Graph;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use polars::prelude::col;
use serde::{Deserialize, Serialize};

use super::feature::{Feature, Stages};

/// How many steps ahead the learned neighbours must go before.
const LEAD: usize = 3;
/// How many neighbours each series learns.
const MOST_LEARNED: usize = 6;
/// Rows of the training part that are compared at most.
const MOST_ROWS: usize = 4000;
/// A correlation below is chance.
const LEAST_CORRELATION: f32 = 0.05;

/// The features made of neighbours. Inputs: `graph`, `learned` and `network`, weighted means of deviations.
pub const NEIGHBOURS: Stages = Stages {
    frame: "neighbours",
    stages: &[&[
        Feature {
            name: "neighbours_graph",
            expression: |_| col("graph"),
        },
        Feature {
            name: "neighbours_graph_change",
            expression: |layout| col("graph") - layout.ago("graph", 3),
        },
        Feature {
            name: "neighbours_learned",
            expression: |_| col("learned"),
        },
        Feature {
            name: "neighbours_learned_change",
            expression: |layout| col("learned") - layout.ago("learned", 3),
        },
        Feature {
            name: "network",
            expression: |_| col("network"),
        },
        Feature {
            name: "network_change",
            expression: |layout| col("network") - layout.ago("network", 3),
        },
    ]],
    kept: &[
        "neighbours_graph",
        "neighbours_graph_change",
        "neighbours_learned",
        "neighbours_learned_change",
        "network",
        "network_change",
    ],
};

/// For each series its neighbours and their weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Neighbours(pub Vec<Vec<(u32, f32)>>);

impl Neighbours {
    /// The neighbours of a graph, whichever way its edges point; a series is no neighbour of its own.
    #[must_use]
    pub fn of_graph(graph: &Graph, series: usize) -> Self {
        let mut neighbours = vec![Vec::new(); series];
        for &(from, to, weight) in &graph.edges {
            if from != to && weight > 0.0 && (from as usize) < series && (to as usize) < series {
                neighbours[to as usize].push((from, weight));
                neighbours[from as usize].push((to, weight));
            }
        }
        Self(neighbours)
    }

    /// The weighted mean of the neighbours' values, NaN where none is there.
    ///
    /// # Errors
    /// Nobody waits for it any more.
    pub fn mean(&self, values: &ArrayView2<f32>, waits: Waits<'_>) -> Result<Array2<f64>> {
        let mut means = Array2::from_elem(values.dim(), f64::NAN);
        for (row, mut target) in values.rows().into_iter().zip(means.rows_mut()) {
            waits.go_on()?;
            for (mean, neighbours) in target.iter_mut().zip(&self.0) {
                let (mut sum, mut weights) = (0.0, 0.0);
                for &(place, weight) in neighbours {
                    let value = f64::from(row[place as usize]);
                    if !value.is_nan() {
                        sum += value * f64::from(weight);
                        weights += f64::from(weight);
                    }
                }
                if weights > 0.0 {
                    *mean = sum / weights;
                }
            }
        }
        Ok(means)
    }
}

/// Learns from deviations (time x series, NaN where missing) which series go before which.
///
/// A neighbour's deviation now correlates with what a series' own deviation leaves unexplained [`LEAD`] steps
/// later.
///
/// # Errors
/// Nobody waits for it any more.
pub fn learn(deviations: &ArrayView2<f32>, waits: Waits<'_>) -> Result<Neighbours> {
    let (rows, series) = deviations.dim();
    if rows <= LEAD + 1 || series < 2 {
        return Ok(Neighbours(vec![Vec::new(); series]));
    }
    let stride = (rows / MOST_ROWS).max(1) as isize;
    let now = filled(&deviations.slice(s![..rows - LEAD;stride, ..]));
    let later = filled(&deviations.slice(s![LEAD..;stride, ..]));
    let unexplained = residual(&now, &later);
    let (now, unexplained) = (scaled(now), scaled(unexplained));
    let mut neighbours = Vec::with_capacity(series);
    for first in (0..series).step_by(256) {
        waits.go_on()?;
        let end = (first + 256).min(series);
        let correlations = now.t().dot(&unexplained.slice(s![.., first..end]));
        for (offset, column) in correlations.axis_iter(Axis(1)).enumerate() {
            neighbours.push(best(column.iter().copied(), first + offset));
        }
    }
    Ok(Neighbours(neighbours))
}

/// The mean over all series, the same in each column.
///
/// # Errors
/// Nobody waits for it any more.
pub fn network(values: &ArrayView2<f32>, waits: Waits<'_>) -> Result<Array2<f64>> {
    let mut means = Array2::from_elem(values.dim(), f64::NAN);
    for (row, mut target) in values.rows().into_iter().zip(means.rows_mut()) {
        waits.go_on()?;
        let (mut sum, mut seen) = (0.0, 0.0);
        for value in row.iter().filter(|value| !value.is_nan()) {
            sum += f64::from(*value);
            seen += 1.0;
        }
        if seen > 0.0 {
            target.fill(sum / seen);
        }
    }
    Ok(means)
}

fn filled(values: &ArrayView2<f32>) -> Array2<f32> {
    values.mapv(|value| if value.is_nan() { 0.0 } else { value })
}

/// What each series' own value now does not explain of its later one.
fn residual(now: &Array2<f32>, later: &Array2<f32>) -> Array2<f32> {
    let shared: Array1<f32> = (now * later).sum_axis(Axis(0));
    let own: Array1<f32> = (now * now).sum_axis(Axis(0));
    let slope = shared / own.mapv(|square| square.max(f32::MIN_POSITIVE));
    later - &(now * &slope)
}

/// Columns of mean 0 and length 1, so that products are correlations.
fn scaled(mut values: Array2<f32>) -> Array2<f32> {
    for mut column in values.columns_mut() {
        let mean = column.sum() / column.len().max(1) as f32;
        column.mapv_inplace(|value| value - mean);
        let length = column.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            column.mapv_inplace(|value| value / length);
        }
    }
    values
}

fn best(correlations: impl Iterator<Item = f32>, own: usize) -> Vec<(u32, f32)> {
    let mut found: Vec<(u32, f32)> = (0..).zip(correlations).collect();
    found.retain(|&(place, correlation)| place as usize != own && correlation > LEAST_CORRELATION);
    found.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    found.truncate(MOST_LEARNED);
    found
}
