//! Just enough 256-bit arithmetic for an exact variance.

/// A number of 256 bits: `high * 2^128 + low`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wide {
    high: u128,
    low: u128,
}

const HALF: u32 = 64;
const LOW_HALF: u128 = u64::MAX as u128;

impl Wide {
    /// `left * right`, exactly.
    pub(super) fn product(left: u128, right: u128) -> Self {
        let (left_high, left_low) = (left >> HALF, left & LOW_HALF);
        let (right_high, right_low) = (right >> HALF, right & LOW_HALF);
        let low = left_low * right_low;
        let first = left_high * right_low;
        let second = left_low * right_high;
        let middle = (low >> HALF) + (first & LOW_HALF) + (second & LOW_HALF);
        Self {
            high: left_high * right_high + (first >> HALF) + (second >> HALF) + (middle >> HALF),
            low: (middle << HALF) | (low & LOW_HALF),
        }
    }

    /// `self * 2^by`; what grows beyond 256 bits is lost. `by` is below 128.
    pub(super) fn shifted(self, by: u32) -> Self {
        if by == 0 {
            return self;
        }
        Self {
            high: (self.high << by) | (self.low >> (128 - by)),
            low: self.low << by,
        }
    }

    /// `self - other`, or 0 where that would be negative.
    pub(super) fn less(self, other: Self) -> Self {
        if other >= self {
            return Self { high: 0, low: 0 };
        }
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self {
            high: self.high - other.high - u128::from(borrow),
            low,
        }
    }

    /// The nearest float, within two roundings.
    pub(super) fn to_float(self) -> f64 {
        self.high as f64 * super::fixed::power_of_two(128) + self.low as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_differences_agree_with_smaller_arithmetic() {
        for (left, right) in [
            (3, 5),
            (u128::from(u64::MAX), 7),
            (u128::from(u64::MAX), u128::from(u64::MAX)),
        ] {
            assert_eq!(
                Wide::product(left, right),
                Wide {
                    high: 0,
                    low: left * right
                }
            );
        }
        assert_eq!(Wide::product(1 << 100, 1 << 100), Wide { high: 1 << 72, low: 0 });
        assert_eq!(
            Wide::product(u128::MAX, u128::MAX),
            Wide {
                high: u128::MAX - 1,
                low: 1
            }
        );
        let number = Wide::product(1 << 90, 5).shifted(70);
        assert_eq!(number, Wide { high: 5 << 32, low: 0 });
        assert_eq!(
            number.less(Wide { high: 0, low: 1 }),
            Wide {
                high: (5 << 32) - 1,
                low: u128::MAX
            }
        );
        assert_eq!(Wide { high: 0, low: 1 }.less(number), Wide { high: 0, low: 0 });
    }

    #[test]
    fn a_wide_number_becomes_the_near_float() {
        assert!((Wide::product(1 << 100, 3 << 100).to_float() / (3.0 * 200f64.exp2()) - 1.0).abs() < 1e-15);
    }
}
