//! Numbers with as many digits as mean something to people.

/// Digits that are kept; a sensor measures less.
const DIGITS: usize = 6;

/// `value` to six significant digits; of a large one only the fraction goes.
pub fn significant(value: f64) -> f64 {
    if value.abs() >= 1e6 {
        return value.round();
    }
    let decimals = DIGITS - 1;
    format!("{value:.decimals$e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn six_digits_are_kept_and_no_digit_before_the_point_is_lost() {
        let shown = |value: f64| significant(value).to_string();
        assert_eq!(shown(57.572_848_335_192_05), "57.5728");
        assert_eq!(shown(-0.000_123_456_789), "-0.000123457");
        assert_eq!(shown(12_345_678.9), "12345679");
        assert_eq!(shown(f64::NAN), "NaN");
    }
}
