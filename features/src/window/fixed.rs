//! Numbers as whole multiples of a power of two, so that sums do not depend on the order of their terms.

use super::wide::Wide;

/// The largest magnitude of a value whose field declares no range; larger ones count as this one.
pub const UNDECLARED_BOUND: f64 = 2_147_483_648.0;

/// 2^100: no declared range reaches further.
const LARGEST_BOUND: f64 = 1_267_650_600_228_229_401_496_703_205_376.0;
const SUM_BITS: i32 = 60;
const SQUARE_BITS: i32 = 50;
/// Room for 2^24 values of the largest magnitude in one window.
const COUNT_BITS: i32 = 24;
const MANTISSA_BITS: i32 = 52;
const EXPONENT_BIAS: i32 = 1023;

/// The units in which a field's values and their squares are added up.
///
/// Values count in units of 2^-60, squares in units of 2^-50; fields whose range reaches beyond 2^26 (67 million) take the
/// finest coarser units in which 16 million of their largest values fit into 127 bits. A value of at least 2^-8 with its 53
/// bits is held exactly; what is smaller is rounded once, by at most half a unit, before it is added. Addition itself is
/// exact: the sums are the same to the bit whatever the order and the grouping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    bound: f64,
    sum_bits: i32,
    square_bits: i32,
}

impl Scale {
    /// The units for a field with this declared range.
    #[must_use]
    pub fn for_range(range: Option<(f64, f64)>) -> Self {
        let bound = range
            .map(|(least, largest)| least.abs().max(largest.abs()))
            .filter(|bound| bound.is_finite())
            .map_or(UNDECLARED_BOUND, |bound| bound.clamp(1.0, LARGEST_BOUND));
        let magnitude = exponent_of(bound) + 1;
        Self {
            bound,
            sum_bits: SUM_BITS.min(127 - COUNT_BITS - magnitude),
            square_bits: SQUARE_BITS.min(127 - COUNT_BITS - 2 * magnitude),
        }
    }

    /// `value` within the bound; -0 becomes 0, so that the least and the largest of equal values are one value.
    #[inline]
    #[must_use]
    pub fn clean(&self, value: f64) -> f64 {
        value.clamp(-self.bound, self.bound) + 0.0
    }

    /// `value` in units of the sum. It has been [cleaned](Self::clean).
    #[inline]
    #[must_use]
    pub fn units(&self, value: f64) -> i128 {
        let (mantissa, exponent) = parts(value);
        let magnitude = shift(u128::from(mantissa), exponent + self.sum_bits) as i128;
        if value < 0.0 { -magnitude } else { magnitude }
    }

    /// The square of `value` in units of the sum of squares: the exact product of 106 bits, rounded once.
    #[inline]
    #[must_use]
    pub fn square_units(&self, value: f64) -> i128 {
        let (mantissa, exponent) = parts(value);
        let square = u128::from(mantissa) * u128::from(mantissa);
        shift(square, 2 * exponent + self.square_bits) as i128
    }

    /// The mean of `count` values whose sum is `sum` units.
    #[must_use]
    pub fn mean(&self, sum: i128, count: u64) -> f64 {
        sum as f64 * power_of_two(-self.sum_bits) / count as f64
    }

    /// The sample standard deviation of `count` (at least 2) values:
    ///
    /// ```text
    /// sqrt((count * sum of squares - sum^2) / (count * (count - 1)))
    /// ```
    ///
    /// The difference is taken exactly, in 256 bits, and rounded once.
    #[must_use]
    pub fn deviation(&self, sum: i128, squares: i128, count: u64) -> f64 {
        let count_wide = u128::from(count);
        // At most 103: see the units above.
        let finer = u32::try_from(2 * self.sum_bits - self.square_bits).unwrap_or(0);
        let minuend = Wide::product(squares.unsigned_abs(), count_wide).shifted(finer);
        let subtrahend = Wide::product(sum.unsigned_abs(), sum.unsigned_abs());
        let pairs = count as f64 * (count as f64 - 1.0);
        (minuend.less(subtrahend).to_float() * power_of_two(-2 * self.sum_bits) / pairs).sqrt()
    }
}

/// 2^`exponent`, for exponents from -1022 to 1023.
pub(super) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + EXPONENT_BIAS) as u64) << MANTISSA_BITS)
}

fn exponent_of(value: f64) -> i32 {
    ((value.to_bits() >> MANTISSA_BITS) & 0x7ff) as i32 - EXPONENT_BIAS
}

/// `|value| = mantissa * 2^exponent`, for a finite value.
#[inline]
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let stored = ((bits >> MANTISSA_BITS) & 0x7ff) as i32;
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    let normal = u64::from(stored != 0);
    (
        fraction | (normal << MANTISSA_BITS),
        stored.max(1) - EXPONENT_BIAS - MANTISSA_BITS,
    )
}

/// `number * 2^by`, rounded half up. `number` has at most 106 bits.
#[inline]
fn shift(number: u128, by: i32) -> u128 {
    if by >= 0 {
        return number << by.min(127);
    }
    let down = by.unsigned_abs();
    if down > 127 {
        0
    } else {
        (number + (1 << (down - 1))) >> down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summed(scale: &Scale, values: &[f64]) -> (i128, i128) {
        values.iter().fold((0, 0), |(sum, squares), &value| {
            let value = scale.clean(value);
            (sum + scale.units(value), squares + scale.square_units(value))
        })
    }

    #[test]
    fn ordinary_values_are_held_exactly() {
        let scale = Scale::for_range(Some((-300.0, 300.0)));
        for value in [0.0, 1.0, -47.3, 0.1, 299.999_999, 0.004, -0.007_1] {
            assert_eq!(
                (scale.units(value) as f64 * power_of_two(-60)).to_bits(),
                value.to_bits(),
                "{value}"
            );
            let square = scale.square_units(value) as f64 * power_of_two(-50);
            assert!(
                (square - value * value).abs() <= power_of_two(-50).max(value * value * 1e-15),
                "{value}"
            );
        }
        assert_eq!(scale.units(f64::MIN_POSITIVE), 0);
    }

    #[test]
    fn mean_and_deviation_agree_with_two_passes() {
        let scale = Scale::for_range(Some((0.0, 1e6)));
        let values: Vec<f64> = (0..1000).map(|index| 999_000.0 + f64::from(index) * 0.000_37).collect();
        let (sum, squares) = summed(&scale, &values);
        let mean = values.iter().sum::<f64>() / 1000.0;
        let middle = values[0];
        let shifted: Vec<f64> = values.iter().map(|value| value - middle).collect();
        let shifted_mean = shifted.iter().sum::<f64>() / 1000.0;
        let squares_left: f64 = shifted.iter().map(|value| (value - shifted_mean).powi(2)).sum();
        let deviation = (squares_left / 999.0).sqrt();
        assert!((scale.mean(sum, 1000) - mean).abs() < 1e-6);
        assert!((scale.deviation(sum, squares, 1000) / deviation - 1.0).abs() < 1e-7);
    }

    #[test]
    fn values_without_a_range_and_huge_ranges_do_not_overflow() {
        for range in [None, Some((0.0, 1e9)), Some((-1e15, 1e12)), Some((0.0, f64::INFINITY))] {
            let scale = Scale::for_range(range);
            let values: Vec<f64> = (0..4096)
                .map(|index| if index % 2 == 0 { 1e300 } else { 0.5 * scale.bound })
                .collect();
            let (sum, squares) = summed(&scale, &values);
            assert!(
                (scale.mean(sum, 4096) / (0.75 * scale.bound) - 1.0).abs() < 1e-12,
                "{range:?}"
            );
            let expected = 0.25 * scale.bound * (4096.0f64 / 4095.0).sqrt();
            assert!(
                (scale.deviation(sum, squares, 4096) / expected - 1.0).abs() < 1e-9,
                "{range:?}"
            );
        }
    }

    #[test]
    fn minus_zero_is_zero() {
        let scale = Scale::for_range(None);
        assert!(scale.clean(-0.0).is_sign_positive());
    }
}
