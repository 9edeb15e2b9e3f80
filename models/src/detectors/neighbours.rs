//! The distance to the nearest neighbour in each of several small samples of rows.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views are passed like slices, of which they are the two-dimensional kind"
)]

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Rows that are compared with a neighbour together.
const LANES: usize = 16;

/// Samples of rows in scaled columns; NaN is missing.
///
/// # Shapes
/// samples x rows x columns
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neighbours {
    pub(super) rows: Array3<f32>,
}

/// Squared distances to the nearest and the second nearest row of a sample, for each of the rows of a block.
struct Nearest {
    first: [f32; LANES],
    second: [f32; LANES],
}

impl Neighbours {
    /// Draws `samples` samples of at most `size` of the rows of `values`, each without replacement.
    pub(super) fn draw(values: ArrayView2<'_, f32>, samples: usize, size: usize, seed: u64) -> Self {
        let size = size.min(values.nrows());
        let mut rows = Array3::zeros((samples, size, values.ncols()));
        for (number, mut sample) in rows.outer_iter_mut().enumerate() {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(number as u64);
            for (place, row) in index::sample(&mut generator, values.nrows(), size)
                .into_iter()
                .enumerate()
            {
                sample.row_mut(place).assign(&values.row(row));
            }
        }
        Self { rows }
    }

    /// The distance of each row of `values` to its nearest neighbour, as the mean over the samples that know a column which the row
    /// knows; NaN where none does. One row that equals it is the row itself and no neighbour of it.
    pub(super) fn distances(&self, values: ArrayView2<'_, f32>) -> Array1<f64> {
        let mut distances = vec![0.0; values.nrows()];
        let chunks = values.axis_chunks_iter(Axis(0), LANES).into_par_iter();
        chunks
            .zip(distances.par_chunks_mut(LANES))
            .for_each(|(rows, distances)| self.of_block(rows, distances));
        distances.into()
    }

    fn of_block(&self, rows: ArrayView2<'_, f32>, distances: &mut [f64]) {
        let mut block = vec![[0.0; LANES]; rows.ncols()];
        for (lane, row) in rows.rows().into_iter().enumerate() {
            for (column, value) in block.iter_mut().zip(row) {
                column[lane] = *value;
            }
        }
        let whole = !rows.iter().any(|value| value.is_nan());
        let mut sums = [(0.0, 0_u32); LANES];
        for sample in self.rows.outer_iter() {
            let nearest = nearest(&block, sample, whole);
            for (lane, (sum, samples)) in sums.iter_mut().enumerate() {
                let square = if nearest.first[lane] == 0.0 {
                    nearest.second[lane]
                } else {
                    nearest.first[lane]
                };
                if square < f32::INFINITY {
                    *sum += f64::from(square).sqrt();
                    *samples += 1;
                }
            }
        }
        for (distance, (sum, samples)) in distances.iter_mut().zip(sums) {
            *distance = sum / f64::from(samples);
        }
    }

    /// How much of the squared distances to the nearest neighbours lies in each column; all zeros where there is no distance.
    pub(super) fn shares(&self, row: ArrayView1<'_, f32>) -> Array1<f64> {
        let mut shares = Array1::zeros(row.len());
        for sample in self.rows.outer_iter() {
            let distances = sample
                .rows()
                .into_iter()
                .map(|neighbour| (square(row, neighbour), neighbour));
            let others = distances.filter(|(square, _)| *square > 0.0 && square.is_finite());
            let nearest = others
                .min_by(|one, other| one.0.total_cmp(&other.0))
                .map(|(_, neighbour)| neighbour);
            for (share, (value, other)) in shares.iter_mut().zip(row.iter().zip(nearest.iter().flatten())) {
                let difference = f64::from(value - other);
                if !difference.is_nan() {
                    *share += difference * difference;
                }
            }
        }
        let sum: f64 = shares.sum();
        if sum > 0.0 { shares / sum } else { shares }
    }

    /// The rows of the samples, as rows x columns.
    pub(super) fn all_rows(&self) -> Array2<f32> {
        let (samples, size, columns) = self.rows.dim();
        let mut all = Array2::zeros((samples * size, columns));
        for (number, sample) in self.rows.outer_iter().enumerate() {
            all.slice_mut(s![number * size..(number + 1) * size, ..])
                .assign(&sample);
        }
        all
    }
}

/// The squared distance over the columns that both know, times all columns over these; infinite where there is none.
fn square(one: ArrayView1<'_, f32>, other: ArrayView1<'_, f32>) -> f32 {
    let (mut sum, mut known) = (0.0, 0.0);
    for (one, other) in one.iter().zip(other) {
        let difference = one - other;
        if !difference.is_nan() {
            sum += difference * difference;
            known += 1.0;
        }
    }
    if known > 0.0 {
        sum * (one.len() as f32 / known)
    } else {
        f32::INFINITY
    }
}

fn nearest(block: &[[f32; LANES]], sample: ArrayView2<'_, f32>, whole: bool) -> Nearest {
    let mut nearest = Nearest {
        first: [f32::INFINITY; LANES],
        second: [f32::INFINITY; LANES],
    };
    for row in sample.rows() {
        let squares = if whole && !row.iter().any(|value| value.is_nan()) {
            squares_of_whole(block, row)
        } else {
            squares_of_known(block, row)
        };
        for ((first, second), square) in nearest.first.iter_mut().zip(&mut nearest.second).zip(squares) {
            *second = lesser(*second, if square > *first { square } else { *first });
            *first = lesser(*first, square);
        }
    }
    nearest
}

/// The lesser one, as one instruction.
fn lesser(one: f32, other: f32) -> f32 {
    if other < one { other } else { one }
}

fn squares_of_whole(block: &[[f32; LANES]], row: ArrayView1<'_, f32>) -> [f32; LANES] {
    let mut squares = [0.0; LANES];
    for (column, other) in block.iter().zip(row) {
        for (square, value) in squares.iter_mut().zip(column) {
            let difference = value - other;
            *square += difference * difference;
        }
    }
    squares
}

fn squares_of_known(block: &[[f32; LANES]], row: ArrayView1<'_, f32>) -> [f32; LANES] {
    let (mut squares, mut known) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for (column, other) in block.iter().zip(row) {
        for ((square, known), value) in squares.iter_mut().zip(&mut known).zip(column) {
            let difference = value - other;
            let is_known = !difference.is_nan();
            *square += if is_known { difference * difference } else { 0.0 };
            *known += if is_known { 1.0 } else { 0.0 };
        }
    }
    for (square, known) in squares.iter_mut().zip(known) {
        *square = if known > 0.0 {
            *square * (block.len() as f32 / known)
        } else {
            f32::INFINITY
        };
    }
    squares
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn line() -> Neighbours {
        Neighbours {
            rows: array![[[0.0, 0.0], [3.0, 4.0], [f32::NAN, 20.0]]],
        }
    }

    #[test]
    fn the_nearest_neighbour_counts_and_the_row_itself_does_not() {
        let distances = line().distances(array![[0.0, 1.0], [0.0, 0.0], [3.0, 4.0]].view());
        assert_eq!(distances.to_vec(), [1.0, 5.0, 5.0]);
    }

    #[test]
    fn missing_columns_are_left_out_and_the_others_stand_for_them() {
        let distances = line().distances(array![[f32::NAN, 4.5], [9.0, 20.5], [f32::NAN, f32::NAN]].view());
        assert!((distances[0] - (2.0_f64 * 0.25).sqrt()).abs() < 1e-6);
        assert!((distances[1] - (2.0_f64 * 0.25).sqrt()).abs() < 1e-6);
        assert!(distances[2].is_nan(), "nothing is known of the row");
    }

    #[test]
    fn blocks_give_what_rows_give_one_by_one() {
        let value = |place: usize| {
            if place % 31 == 7 {
                f32::NAN
            } else {
                ((place * 37) % 101) as f32 / 10.0
            }
        };
        let table = Array2::from_shape_fn((100, 5), |(row, column)| value(row * 5 + column));
        let neighbours = Neighbours::draw(table.view(), 4, 20, 1);
        let queries = Array2::from_shape_fn((37, 5), |(row, column)| value(1000 + row * 5 + column) + 0.05);
        let distances = neighbours.distances(queries.view());
        for (row, distance) in queries.rows().into_iter().zip(distances) {
            let of_sample = |sample: ArrayView2<'_, f32>| {
                let squares = sample.rows().into_iter().map(|other| square(row, other));
                f64::from(squares.fold(f32::INFINITY, f32::min)).sqrt()
            };
            let expected = neighbours.rows.outer_iter().map(of_sample).sum::<f64>() / 4.0;
            assert!((distance - expected).abs() < 1e-6);
        }
    }
}
