//! The passes over the numbers.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Part;
use crate::kernels::instructions::Instructions;

/// Numbers that one thread takes at a time.
const STRETCH: usize = 1 << 12;

/// The Euclidean length of all gradients together; stretches are added in their order.
pub fn norm(instructions: Instructions, gradients: &[&[f32]]) -> f32 {
    let square = |stretch: &[f32]| f64::from(instructions.run(Square(stretch)));
    let of_part = |gradient: &&[f32]| -> f64 {
        if gradient.len() <= STRETCH {
            return square(gradient);
        }
        let squares: Vec<f64> = gradient.par_chunks(STRETCH).map(square).collect();
        squares.iter().sum()
    };
    gradients.iter().map(of_part).sum::<f64>().sqrt() as f32
}

/// Moves one part.
pub(super) fn part(
    instructions: Instructions,
    factors: &Factors,
    part: &mut Part<'_>,
    (first, second): (&mut [f32], &mut [f32]),
) {
    if part.gradient.len() <= STRETCH {
        instructions.run(Update {
            factors,
            parameters: part.parameters,
            gradient: part.gradient,
            first,
            second,
        });
        return;
    }
    let values = part
        .parameters
        .par_chunks_mut(STRETCH)
        .zip(part.gradient.par_chunks(STRETCH));
    let moments = first.par_chunks_mut(STRETCH).zip(second.par_chunks_mut(STRETCH));
    values
        .zip(moments)
        .for_each(|((parameters, gradient), (first, second))| {
            instructions.run(Update {
                factors,
                parameters,
                gradient,
                first,
                second,
            });
        });
}

/// The sum of squares, in one vector of sums.
struct Square<'a>(&'a [f32]);

impl WithSimd for Square<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (vectors, rest) = S::as_simd_f32s(self.0);
        let mut sum = simd.splat_f32s(0.0);
        for &vector in vectors {
            sum = simd.mul_add_e_f32s(vector, vector, sum);
        }
        simd.reduce_sum_f32s(sum) + rest.iter().map(|value| value * value).sum::<f32>()
    }
}

/// The numbers that are the same for all parameters of a step.
pub(super) struct Factors {
    pub(super) clip: f32,
    pub(super) beta_1: f32,
    pub(super) beta_2: f32,
    pub(super) epsilon: f32,
    pub(super) keep: f32,
    pub(super) rate: f32,
    pub(super) root: f32,
}

struct Update<'a> {
    factors: &'a Factors,
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let factors = self.factors;
        let moments = self.first.iter_mut().zip(self.second);
        for ((parameter, gradient), (first, second)) in self.parameters.iter_mut().zip(self.gradient).zip(moments) {
            let gradient = gradient * factors.clip;
            *first = factors.beta_1 * *first + (1.0 - factors.beta_1) * gradient;
            *second = factors.beta_2 * *second + (1.0 - factors.beta_2) * gradient * gradient;
            let size = second.sqrt() * factors.root + factors.epsilon;
            *parameter = *parameter * factors.keep - factors.rate * *first / size;
        }
    }
}
