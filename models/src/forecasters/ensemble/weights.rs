//! Choosing the weights of an ensemble's members.
//!
//! Weight is moved between two members at a time by as much as lowers the sum of absolute errors most. Along such a move
//! the error is `sum of |r - t d|` with `d` the difference of the two forecasts, whose least is at the weighted median of
//! `r / d` with weights `|d|`. Of what was chosen so much is kept as its gain is certain ([`shrinkage`](super::shrinkage)).

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;

use super::shrinkage::shrunk;

/// Rounds over all pairs of members.
const ROUNDS: usize = 12;
/// Steps ahead on either side that a step is chosen together with: single steps are noisy.
const NEIGHBOURS: usize = 3;

/// Truth beside what each member said.
pub(super) struct Rows {
    pub(super) truth: Vec<f64>,
    /// By member.
    pub(super) said: Vec<Vec<f64>>,
    /// The row of the panel that the truth stands in.
    pub(super) row: Vec<usize>,
}

impl Rows {
    /// Those of the panel's rows that `is_wanted`.
    pub(super) fn only(&self, is_wanted: impl Fn(usize) -> bool) -> Self {
        let places: Vec<usize> = (0..self.row.len()).filter(|at| is_wanted(self.row[*at])).collect();
        let of = |values: &Vec<f64>| -> Vec<f64> { places.iter().map(|at| values[*at]).collect() };
        Self {
            truth: of(&self.truth),
            said: self.said.iter().map(of).collect(),
            row: places.iter().map(|at| self.row[*at]).collect(),
        }
    }
}

/// The weights of each member at each step ahead, from forecasts that no member was fitted on: member x step.
pub(super) fn choose(
    target: &ArrayView2<'_, f64>,
    origins: &[usize],
    points: &[Array3<f64>],
    slots_per_day: usize,
) -> Array2<f64> {
    let horizon = points.first().map_or(0, |points| points.dim().2);
    let columns: Vec<Array1<f64>> = (0..horizon)
        .into_par_iter()
        .map(|step| {
            let steps = step.saturating_sub(NEIGHBOURS)..(step + NEIGHBOURS + 1).min(horizon);
            let rows = rows(target, origins, points, steps);
            shrunk(&rows, weights(&rows), slots_per_day)
        })
        .collect();
    let mut all = Array2::zeros((points.len(), horizon));
    for (mut column, weights) in all.axis_iter_mut(Axis(1)).zip(columns) {
        column.assign(&weights);
    }
    all
}

fn rows(
    target: &ArrayView2<'_, f64>,
    origins: &[usize],
    points: &[Array3<f64>],
    steps: std::ops::Range<usize>,
) -> Rows {
    let mut rows = Rows {
        truth: Vec::new(),
        said: vec![Vec::new(); points.len()],
        row: Vec::new(),
    };
    for step in steps {
        for (at, origin) in origins.iter().enumerate() {
            let row = origin + step + 1;
            if row >= target.nrows() {
                continue;
            }
            for series in 0..target.ncols() {
                let truth = target[(row, series)];
                let said = points.iter().map(|points| points[(at, series, step)]);
                if truth.is_finite() && said.clone().all(f64::is_finite) {
                    rows.truth.push(truth);
                    rows.row.push(row);
                    rows.said.iter_mut().zip(said).for_each(|(all, one)| all.push(one));
                }
            }
        }
    }
    rows
}

/// Non-negative weights that sum to 1.
pub(super) fn weights(rows: &Rows) -> Array1<f64> {
    let members = rows.said.len();
    let mut weights = Array1::from_elem(members, 1.0 / members.max(1) as f64);
    let mut residual: Vec<f64> = rows.truth.clone();
    for (said, weight) in rows.said.iter().zip(&weights) {
        residual
            .iter_mut()
            .zip(said)
            .for_each(|(rest, said)| *rest -= weight * said);
    }
    for _ in 0..ROUNDS {
        let before = weights.clone();
        for from in 0..members {
            for to in from + 1..members {
                let moved = best_move(&residual, &rows.said[from], &rows.said[to]).clamp(-weights[to], weights[from]);
                weights[from] -= moved;
                weights[to] += moved;
                let pairs = rows.said[from].iter().zip(&rows.said[to]);
                residual
                    .iter_mut()
                    .zip(pairs)
                    .for_each(|(rest, (from, to))| *rest -= moved * (to - from));
            }
        }
        if (&weights - &before).iter().all(|change| change.abs() < 1e-4) {
            break;
        }
    }
    let sum = weights.sum();
    weights.mapv(|weight| (weight / sum).max(0.0))
}

/// How much weight to move from one member to another.
fn best_move(residual: &[f64], from: &[f64], to: &[f64]) -> f64 {
    let mut ratios: Vec<(f64, f64)> = residual
        .iter()
        .zip(from.iter().zip(to))
        .map(|(rest, (from, to))| (rest / (to - from), (to - from).abs()))
        .filter(|(ratio, size)| ratio.is_finite() && *size > 0.0)
        .collect();
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    let half: f64 = ratios.iter().map(|(_, size)| size).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (ratio, size) in ratios {
        below += size;
        if below >= half {
            return ratio;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(said: [fn(f64) -> f64; 3]) -> Rows {
        let truth: Vec<f64> = (0..900).map(f64::from).collect();
        Rows {
            said: said
                .iter()
                .map(|said| truth.iter().map(|truth| said(*truth)).collect())
                .collect(),
            row: (0..truth.len()).collect(),
            truth,
        }
    }

    #[test]
    fn a_member_that_is_always_right_takes_all() {
        let weights = weights(&rows([|y| y + 5.0, |y| y, |y| y * 1.5]));
        assert!(weights[1] > 0.999, "{weights}");
    }

    #[test]
    fn opposite_errors_share_the_weight_so_that_they_cancel() {
        let weights = weights(&rows([|y| y + 3.0, |y| y - 1.0, |y| y + 50.0]));
        assert!(
            (weights[0] - 0.25).abs() < 0.01 && (weights[1] - 0.75).abs() < 0.01,
            "{weights}"
        );
    }

    #[test]
    fn without_rows_all_members_count_the_same() {
        let none = Rows {
            truth: Vec::new(),
            said: vec![Vec::new(); 4],
            row: Vec::new(),
        };
        assert!(weights(&none).iter().all(|weight| (weight - 0.25).abs() < 1e-12));
    }
}
