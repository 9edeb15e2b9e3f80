//! Work on the lanes of one vector: loads and stores that know where a row ends, and elementary functions.
//!
//! `exp` and `tanh` are the polynomials of the Cephes library (Moshier, 1989). Largest relative errors against `f64`,
//! measured over the whole range by the tests below: `exp` 2e-7, `tanh` 3e-7, `softplus` and its slope 4e-7. A number that
//! is not one (NaN) stays so.

use pulp::Simd;

/// The first `count` numbers, at most a vector of them; the other lanes are zero.
#[inline(always)]
pub(super) fn load_first<S: Simd>(simd: S, from: &[f32], count: usize) -> S::f32s {
    if count >= S::F32_LANES {
        S::as_simd_f32s(&from[..S::F32_LANES]).0[0]
    } else {
        simd.partial_load_f32s(&from[..count])
    }
}

/// Stores the first `count` lanes, at most all of them.
#[inline(always)]
pub(super) fn store_first<S: Simd>(simd: S, to: &mut [f32], count: usize, value: S::f32s) {
    if count >= S::F32_LANES {
        S::as_mut_simd_f32s(&mut to[..S::F32_LANES]).0[0] = value;
    } else {
        simd.partial_store_f32s(&mut to[..count], value);
    }
}

/// The vector of `row` that begins at `at`; lanes past the end are zero.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, row: &[f32], at: usize) -> S::f32s {
    load_first(simd, &row[at..], row.len() - at)
}

/// Stores a vector into `row` at `at`; lanes past the end are dropped.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, row: &mut [f32], at: usize, value: S::f32s) {
    let count = row.len() - at;
    store_first(simd, &mut row[at..], count, value);
}

/// `eˣ`; past ±87 the value at ±87.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    exp_within(simd, x, 87.0)
}

/// `eˣ`; past ±`limit`, at most 87, the value there.
#[inline(always)]
pub(super) fn exp_within<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    /// Added to a number below 2²², this leaves its nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let splat = |value| simd.splat_f32s(value);
    let x = simd.select_f32s(simd.less_than_f32s(splat(limit), x), splat(limit), x);
    let x = simd.select_f32s(simd.less_than_f32s(x, splat(-limit)), splat(-limit), x);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let whole = simd.sub_f32s(shifted, splat(ROUND));
    // ln 2 in two parts, the first of which has so few bits that its multiples are exact.
    let rest = simd.mul_add_e_f32s(whole, splat(-0.693_359_4), x);
    let rest = simd.mul_add_e_f32s(whole, splat(2.121_944_4e-4), rest);
    let mut sum = splat(1.987_569_1e-4);
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_65,
        0.5,
        1.0,
        1.0,
    ] {
        sum = simd.mul_add_e_f32s(sum, rest, splat(coefficient));
    }
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let power = simd.add_u32s(exponent, simd.splat_u32s(1.0_f32.to_bits()));
    simd.mul_f32s(sum, simd.transmute_f32s_u32s(power))
}

/// The hyperbolic tangent.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value| simd.splat_f32s(value);
    let power = exp(simd, simd.add_f32s(x, x));
    let far = simd.sub_f32s(splat(1.0), simd.div_f32s(splat(2.0), simd.add_f32s(power, splat(1.0))));
    let square = simd.mul_f32s(x, x);
    let mut sum = splat(-5.704_988_7e-3);
    for coefficient in [2.063_908_8e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8] {
        sum = simd.mul_add_e_f32s(sum, square, splat(coefficient));
    }
    let near = simd.mul_add_e_f32s(simd.mul_f32s(sum, square), x, x);
    simd.select_f32s(simd.less_than_f32s(simd.abs_f32s(x), splat(0.625)), near, far)
}

/// `ln(1 + eˣ)` and its slope, the logistic function.
///
/// ```text
/// e = exp(−|x|),   ln(1 + eˣ) = max(x, 0) + ln(1 + e),   ln(1 + e) = 2·artanh(e / (2 + e))
/// ```
#[inline(always)]
pub(super) fn softplus<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let splat = |value| simd.splat_f32s(value);
    let (zero, one) = (splat(0.0), splat(1.0));
    let power = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
    let ratio = simd.div_f32s(power, simd.add_f32s(power, splat(2.0)));
    let square = simd.mul_f32s(ratio, ratio);
    let mut sum = splat(2.0 / 13.0);
    for divisor in [11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = simd.mul_add_e_f32s(sum, square, splat(2.0 / divisor));
    }
    let negative = simd.less_than_f32s(x, zero);
    let ramp = simd.select_f32s(negative, zero, x);
    let share = simd.div_f32s(one, simd.add_f32s(one, power));
    let slope = simd.select_f32s(negative, simd.mul_f32s(power, share), share);
    (simd.mul_add_e_f32s(sum, ratio, ramp), slope)
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::kernels::Instructions;

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Tanh,
        Softplus,
        Logistic,
    }

    struct Apply<'a>(Function, &'a mut [f32]);

    impl WithSimd for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for at in (0..self.1.len()).step_by(S::F32_LANES) {
                let x = load(simd, self.1, at);
                let y = match self.0 {
                    Function::Exp => exp(simd, x),
                    Function::Tanh => tanh(simd, x),
                    Function::Softplus => softplus(simd, x).0,
                    Function::Logistic => softplus(simd, x).1,
                };
                store(simd, self.1, at, y);
            }
        }
    }

    /// The largest error over 200,001 numbers in ±`limit`.
    fn largest_error(function: Function, limit: f32, error: impl Fn(f64, f64) -> f64) -> f64 {
        let x: Vec<f32> = (-100_000..=100_000).map(|i| i as f32 / 100_000.0 * limit).collect();
        let mut largest = 0.0_f64;
        for instructions in Instructions::available() {
            let mut y = x.clone();
            instructions.run(Apply(function, &mut y));
            for (&x, &y) in x.iter().zip(&y) {
                largest = largest.max(error(f64::from(x), f64::from(y)));
            }
        }
        largest
    }

    #[test]
    fn elementary_functions_are_as_exact_as_their_docs_say() {
        let exp_error = largest_error(Function::Exp, 86.0, |x, y| (y / x.exp() - 1.0).abs());
        assert!(exp_error < 2e-7, "exp: {exp_error:e}");
        let tanh_error = largest_error(Function::Tanh, 20.0, |x, y| {
            (y - x.tanh()).abs() / x.tanh().abs().max(1e-30)
        });
        assert!(tanh_error < 3e-7, "tanh: {tanh_error:e}");
        let softplus_error = largest_error(Function::Softplus, 80.0, |x, y| (y / x.exp().ln_1p() - 1.0).abs());
        assert!(softplus_error < 4e-7, "softplus: {softplus_error:e}");
        let logistic_error = largest_error(Function::Logistic, 80.0, |x, y| (y * (1.0 + (-x).exp()) - 1.0).abs());
        assert!(logistic_error < 4e-7, "logistic: {logistic_error:e}");
    }

    #[test]
    fn extremes_saturate_and_nan_stays_nan() {
        for instructions in Instructions::available() {
            for function in [Function::Exp, Function::Tanh, Function::Logistic] {
                let mut values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 1e30];
                instructions.run(Apply(function, &mut values));
                assert!(values[0].is_nan());
                assert!(values[1..].iter().all(|value| value.is_finite()));
            }
        }
    }
}
