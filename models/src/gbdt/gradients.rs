//! First and second derivatives as whole numbers: their sums are exact, so that no order of summing differs.

use std::ops::Range;

use rayon::prelude::*;

use super::simd::vectorised;

/// Rows that are worked on as one piece.
const PIECE: usize = 16_384;
/// Rows that are measured side by side.
const LANES: usize = 16;
/// The sum of all gradients fits the 40 bits that a histogram has for it.
const GRADIENT_SUM: f64 = (1_u64 << 38) as f64;
/// One gradient, like one hessian, fits 31 bits.
const LARGEST: f64 = (1_u64 << 30) as f64;

/// The derivatives of every row, scaled and rounded.
#[derive(Debug, Default)]
pub(crate) struct Gradients {
    exact: Vec<f32>,
    /// The first derivatives.
    pub(crate) first: Vec<i32>,
    /// What a derivative of 1 is scaled to.
    pub(crate) first_scale: f64,
    /// The second derivatives; empty where all are 1.
    pub(crate) second: Vec<i32>,
    /// What a second derivative of 1 is scaled to.
    pub(crate) second_scale: f64,
}

impl Gradients {
    /// Replaces the derivatives by those that `first` and, unless all are 1, `second` write for a range of rows.
    /// The second ones must not be negative; a derivative that is not finite counts as zero.
    pub(crate) fn fill<F, S>(&mut self, rows: usize, first: F, second: Option<S>)
    where
        F: Fn(Range<usize>, &mut [f32]) + Sync,
        S: Fn(Range<usize>, &mut [f32]) + Sync,
    {
        self.exact.resize(rows, 0.0);
        let bounds = compute(&mut self.exact, first);
        let scale = power_of_two((GRADIENT_SUM / bounds.sum).min(LARGEST / bounds.largest));
        self.first_scale = f64::from(scale);
        round_all(&self.exact, scale, &mut self.first);
        self.second_scale = 1.0;
        let Some(second) = second else { return };
        let bounds = compute(&mut self.exact, second);
        let scale = power_of_two(LARGEST / bounds.largest);
        self.second_scale = f64::from(scale);
        round_all(&self.exact, scale, &mut self.second);
    }
}

/// The largest power of two up to `scale`: floats are scaled by it without rounding.
fn power_of_two(scale: f64) -> f32 {
    scale.log2().floor().clamp(-126.0, 126.0).exp2() as f32
}

/// How large values are.
#[derive(Clone, Copy)]
struct Bounds {
    sum: f64,
    largest: f64,
}

/// Derivatives no larger than this count as none: what they are scaled by stays finite.
const LEAST: f64 = 1e-30;

fn compute(exact: &mut [f32], write: impl Fn(Range<usize>, &mut [f32]) + Sync) -> Bounds {
    let pieces: Vec<Bounds> = exact
        .par_chunks_mut(PIECE)
        .enumerate()
        .map(|(piece, values)| {
            let start = piece * PIECE;
            write(start..start + values.len(), values);
            measure(values)
        })
        .collect();
    // Summed in the order of the pieces: the same at any number of threads.
    let none = Bounds {
        sum: LEAST,
        largest: LEAST,
    };
    pieces.iter().fold(none, |all, piece| Bounds {
        sum: all.sum + piece.sum,
        largest: all.largest.max(piece.largest),
    })
}

fn round_all(exact: &[f32], scale: f32, rounded: &mut Vec<i32>) {
    rounded.resize(exact.len(), 0);
    rounded
        .par_chunks_mut(PIECE)
        .zip(exact.par_chunks(PIECE))
        .for_each(|(rounded, exact)| round(exact, scale, rounded));
}

vectorised! {
    /// Replaces what is not finite by zero, and measures the rest.
    fn measure(values: &mut [f32]) -> Bounds = measure_body;
}

#[inline(always)]
fn measure_body(values: &mut [f32]) -> Bounds {
    let (mut sums, mut largest) = ([0.0_f64; LANES], [0.0_f32; LANES]);
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let value = if chunk[lane].abs() <= f32::MAX {
                chunk[lane]
            } else {
                0.0
            };
            chunk[lane] = value;
            sums[lane] += f64::from(value.abs());
            largest[lane] = if value.abs() > largest[lane] {
                value.abs()
            } else {
                largest[lane]
            };
        }
    }
    for value in rest {
        *value = if value.is_finite() { *value } else { 0.0 };
        sums[0] += f64::from(value.abs());
        largest[0] = largest[0].max(value.abs());
    }
    Bounds {
        sum: sums.iter().sum(),
        largest: largest.iter().copied().fold(0.0, f32::max).into(),
    }
}

vectorised! {
    /// Scales and rounds.
    fn round(exact: &[f32], scale: f32, rounded: &mut [i32]) = round_body;
}

#[inline(always)]
fn round_body(exact: &[f32], scale: f32, rounded: &mut [i32]) {
    for (rounded, exact) in rounded.iter_mut().zip(exact) {
        // Adding half away from zero before the fraction is cut off: plain instructions everywhere.
        let scaled = exact * scale;
        *rounded = (scaled + 0.5_f32.copysign(scaled)) as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(Range<usize>, &mut [f32]);
    const NONE: Option<Write> = None;

    fn each(value: impl Fn(usize) -> f32 + Sync) -> impl Fn(Range<usize>, &mut [f32]) + Sync {
        move |rows, values| rows.zip(values).for_each(|(row, kept)| *kept = value(row))
    }

    #[test]
    fn derivatives_keep_six_digits() {
        let mut gradients = Gradients::default();
        gradients.fill(1000, each(|row| (row as f32).sin()), Some(each(|row| row as f32)));
        for row in 0..1000 {
            let first = f64::from(gradients.first[row]) / gradients.first_scale;
            assert!((first - f64::from((row as f32).sin())).abs() < 1e-6);
            let second = f64::from(gradients.second[row]) / gradients.second_scale;
            assert!((second - row as f64).abs() < 1e-6 * 1000.0);
        }
    }

    #[test]
    fn gradients_of_zero_and_of_nan_are_zero() {
        let mut gradients = Gradients::default();
        gradients.fill(40, each(|row| if row % 8 == 0 { f32::NAN } else { 0.0 }), NONE);
        assert_eq!(gradients.first, [0; 40]);
    }

    #[test]
    fn the_sum_of_many_large_gradients_fits() {
        let mut gradients = Gradients::default();
        gradients.fill(100_000, each(|_| 1e30), NONE);
        let sum: i64 = gradients.first.iter().map(|first| i64::from(*first)).sum();
        assert!(sum > 1 << 36 && sum <= (1 << 38) + 100_000, "{sum}");
    }
}
