//! How far the weights of a mixture are trusted.
//!
//! Weights that were estimated from few days fit those days, which is why simple combinations are hard to beat: Smith,
//! Wallis: A simple explanation of the forecast combination puzzle (2009). So a mixture has to show its gain over the best
//! single member on rows that its weights were not chosen by, and as far as the gain is uncertain the weights are drawn
//! towards that member, as Diebold, Pauly: The use of prior information in forecast combination (1990) draw them towards
//! equal ones, by the factor of James and Stein without its negative part:
//!
//! ```text
//! gain(b) = mean of |y - best| - |y - mixture| over the rows of block b, where the mixture's weights are those that the
//!           other half of the blocks chooses
//! share   = max(0, 1 - (standard error of the mean gain / mean gain)^2), 0 where the mean gain is not positive
//! weights = share * mixture + (1 - share) * best
//! ```
//!
//! A gain of one standard error or less leaves all to the best member; one of three leaves nine tenths of the mixture.
//! Errors of one day are alike, so a block is a day; where there are fewer than five days it is a quarter of one.

use ndarray::Array1;

use super::weights::{Rows, weights};

/// With fewer days than this, blocks are shorter than a day.
const FEWEST_DAYS: usize = 5;
/// So many of them make a day then.
const PARTS_OF_DAY: usize = 4;

/// The weights `chosen` by all of `rows`, drawn towards the member that errs least.
pub(super) fn shrunk(rows: &Rows, chosen: Array1<f64>, slots_per_day: usize) -> Array1<f64> {
    let Some(best) = best_member(rows) else {
        return chosen;
    };
    let share = share(&gains(rows, best, slots_per_day));
    let mut weights = chosen * share;
    weights[best] += 1.0 - share;
    weights
}

/// The member whose errors add up to the least; none without rows.
fn best_member(rows: &Rows) -> Option<usize> {
    if rows.truth.is_empty() {
        return None;
    }
    let errors = rows.said.iter().map(|said| {
        let pairs = rows.truth.iter().zip(said);
        pairs.map(|(truth, said)| (truth - said).abs()).sum::<f64>()
    });
    let best = errors.enumerate().min_by(|one, other| one.1.total_cmp(&other.1));
    best.map(|(member, _)| member)
}

/// How much of a mixture is kept whose gains these are, block by block.
fn share(gains: &[f64]) -> f64 {
    let count = gains.len() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let mean = gains.iter().sum::<f64>() / count;
    let squares: f64 = gains.iter().map(|gain| (gain - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    if mean > error {
        1.0 - (error / mean).powi(2)
    } else {
        0.0
    }
}

/// The mean gain over the member `best` in each block that has rows.
fn gains(rows: &Rows, best: usize, slots_per_day: usize) -> Vec<f64> {
    let blocks = Blocks::of(&rows.row, slots_per_day);
    let halves = [false, true].map(|is_later| rows.only(|row| blocks.is_later(row) == is_later));
    let by_others = [weights(&halves[1]), weights(&halves[0])];
    let mut sums = vec![(0.0, 0.0); blocks.count];
    for (half, weights) in halves.iter().zip(&by_others) {
        for (at, truth) in half.truth.iter().enumerate() {
            let said = half.said.iter().map(|said| said[at]);
            let mixture: f64 = said.zip(weights).map(|(said, weight)| weight * said).sum();
            let (sum, count) = &mut sums[blocks.of_row(half.row[at])];
            *sum += (truth - half.said[best][at]).abs() - (truth - mixture).abs();
            *count += 1.0;
        }
    }
    let seen = sums.into_iter().filter(|(_, count)| *count > 0.0);
    seen.map(|(sum, count)| sum / count).collect()
}

/// Blocks of rows, of one length as near to the wanted one as goes.
struct Blocks {
    first: usize,
    /// Rows that they cover.
    span: usize,
    count: usize,
}

impl Blocks {
    fn of(rows: &[usize], slots_per_day: usize) -> Self {
        let first = rows.iter().min().copied().unwrap_or(0);
        let span = rows.iter().max().map_or(1, |last| last + 1 - first);
        let nearest = |length: usize| (span + length / 2) / length;
        let count = match nearest(slots_per_day) {
            days if days >= FEWEST_DAYS => days,
            _ => nearest((slots_per_day / PARTS_OF_DAY).max(1)),
        };
        Self {
            first,
            span,
            count: count.max(1),
        }
    }

    fn of_row(&self, row: usize) -> usize {
        (row - self.first) * self.count / self.span
    }

    /// Whether a row lies in the second half of the blocks.
    fn is_later(&self, row: usize) -> bool {
        self.of_row(row) >= self.count / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `days` days of 96 rows, on which members are off by what `off` says of a row.
    fn rows(days: usize, off: [fn(usize) -> f64; 2]) -> Rows {
        let row: Vec<usize> = (1000..1000 + days * 96).collect();
        let truth: Vec<f64> = row.iter().map(|row| (row % 96) as f64).collect();
        let said: [Vec<f64>; 2] = off.map(|off| {
            let pairs = row.iter().zip(&truth);
            pairs.map(|(row, truth)| truth + off(row - 1000)).collect()
        });
        Rows {
            truth,
            said: said.to_vec(),
            row,
        }
    }

    /// Days differ by how far members are off.
    fn size(row: usize) -> f64 {
        1.0 + (row / 96 % 3) as f64 / 3.0
    }

    #[test]
    fn one_day_whose_halves_disagree_leaves_all_to_the_best_member() {
        // Chosen by the whole day, a quarter of the second member takes an eighth of the error away.
        let day = rows(1, [|_| 1.0, |row| if row < 48 { -3.0 } else { 4.0 }]);
        let chosen = weights(&day);
        assert!(chosen[1] > 0.2, "{chosen}");
        assert_eq!(shrunk(&day, chosen, 96).to_vec(), [1.0, 0.0]);
    }

    #[test]
    fn many_days_of_clear_gain_leave_the_mixture() {
        let days = rows(10, [|row| 3.0 * size(row), |row| -size(row)]);
        let chosen = weights(&days);
        assert!((chosen[0] - 0.25).abs() < 0.01, "{chosen}");
        let kept = shrunk(&days, chosen, 96);
        assert!((kept[0] - 0.25).abs() < 0.03, "{kept}");
        assert!((kept.sum() - 1.0).abs() < 1e-12, "{kept}");
    }

    #[test]
    fn a_mixture_is_kept_by_as_much_as_its_gain_is_certain() {
        assert!(share(&[1.0, 1.0, 1.0]) > 0.999);
        assert!((share(&[3.0, 1.0]) - 0.75).abs() < 1e-12);
        assert!(share(&[1.0, -0.9, 1.1, -1.0]).abs() < f64::EPSILON);
        assert!(share(&[-1.0, -1.0, -1.0]).abs() < f64::EPSILON);
        assert!(share(&[0.0, 0.0, 0.0]).abs() < f64::EPSILON);
        assert!(share(&[5.0]).abs() < f64::EPSILON && share(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn blocks_are_days_or_quarters_of_one_where_there_are_few() {
        let count = |rows: usize, slots: usize| Blocks::of(&(7..7 + rows).collect::<Vec<_>>(), slots).count;
        assert_eq!(
            [count(960, 96), count(322, 288), count(96, 96), count(3, 1)],
            [10, 4, 4, 3]
        );
        assert_eq!([count(1, 288), count(20, 1), count(1, 1)], [1, 20, 1]);
        let blocks = Blocks::of(&[10, 19], 1);
        assert_eq!([10, 14, 15, 19].map(|row| blocks.of_row(row)), [0, 4, 5, 9]);
        assert_eq!([14, 15].map(|row| blocks.is_later(row)), [false, true]);
    }

    #[test]
    fn without_rows_weights_stay() {
        let none = rows(0, [|_| 0.0, |_| 0.0]);
        assert_eq!(shrunk(&none, Array1::from_elem(2, 0.5), 96).to_vec(), [0.5, 0.5]);
    }
}
