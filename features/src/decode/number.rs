//! The numbers of JSON, exactly.

use super::tree::Raw;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Whole numbers up to here are exact as a double.
const EXACT: u64 = 1 << 53;

/// Reads the number at the start of `bytes`: its value and its length.
///
/// A product or quotient of two exact doubles is rounded once, hence right (Clinger, How to read floating point numbers
/// accurately, 1990); every other number goes through the standard library, which is right too, only slower.
///
/// # Errors
/// The place of the flaw and what was expected there.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Result<(Raw, usize), (usize, &'static str)> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut mantissa = 0_u64;
    let mut at = digits(bytes, start, &mut mantissa);
    if at == start {
        return Err((at, "a digit"));
    }
    if bytes[start] == b'0' && at > start + 1 {
        return Err((start + 1, "no digit after a leading zero"));
    }
    let mut figures = at - start;
    let mut exponent = 0_i32;
    let mut whole = true;
    if bytes.get(at) == Some(&b'.') {
        let end = digits(bytes, at + 1, &mut mantissa);
        if end == at + 1 {
            return Err((end, "a digit"));
        }
        figures += end - at - 1;
        exponent = -i32::try_from(end - at - 1).unwrap_or(i32::MAX);
        at = end;
        whole = false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let (shift, end) = power(bytes, at + 1)?;
        exponent = exponent.saturating_add(shift);
        at = end;
        whole = false;
    }
    let fits = figures <= 19;
    if whole
        && fits
        && let Ok(number) = i64::try_from(mantissa)
    {
        return Ok((Raw::Whole(if negative { -number } else { number }), at));
    }
    let value = match usize::try_from(exponent.unsigned_abs())
        .ok()
        .and_then(|size| POWERS.get(size))
    {
        Some(power) if fits && mantissa <= EXACT => {
            let number = mantissa as f64;
            let value = if exponent < 0 { number / power } else { number * power };
            if negative { -value } else { value }
        }
        _ => std::str::from_utf8(&bytes[..at])
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(f64::NAN),
    };
    Ok((Raw::Real(value), at))
}

/// Reads digits into `number` (which overflows without harm) and gives the place behind them.
#[inline]
fn digits(bytes: &[u8], mut at: usize, number: &mut u64) -> usize {
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        *number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    at
}

fn power(bytes: &[u8], start: usize) -> Result<(i32, usize), (usize, &'static str)> {
    let negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(matches!(bytes.get(start), Some(b'-' | b'+')));
    let mut size = 0_i32;
    let mut at = first;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        size = size.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
        at += 1;
    }
    if at == first {
        return Err((at, "a digit"));
    }
    Ok((if negative { -size } else { size }, at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bits of the number that `text` is; both zeros are one.
    fn value(text: &str) -> u64 {
        match read(text.as_bytes()) {
            Ok((Raw::Real(value), length)) if length == text.len() => bits(value),
            Ok((Raw::Whole(value), length)) if length == text.len() => bits(value as f64),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn bits(number: f64) -> u64 {
        (number + 0.0).to_bits()
    }

    #[test]
    fn whole_numbers_keep_every_digit() {
        for (text, number) in [("0", 0), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(read(text.as_bytes()), Ok((Raw::Whole(number), text.len())));
        }
        assert_eq!(
            read(b"9223372036854775808"),
            Ok((Raw::Real(9.223_372_036_854_776e18), 19))
        );
        assert_eq!(read(b"99999999999999999999999"), Ok((Raw::Real(1e23), 23)));
    }

    #[test]
    fn what_is_no_number_is_refused_at_its_place() {
        for (text, place) in [
            ("-", 1),
            ("01", 1),
            ("-00", 2),
            ("1.", 2),
            (".5", 0),
            ("1e", 2),
            ("1e+", 3),
            ("-x", 1),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err().0, place, "{text}");
        }
    }

    #[test]
    fn a_number_beyond_a_double_is_infinite_and_one_below_is_zero() {
        assert_eq!(value("1e400"), bits(f64::INFINITY));
        assert_eq!(value("-1e99999999999"), bits(f64::NEG_INFINITY));
        assert_eq!(value("1e-400"), 0);
        assert_eq!(value("0e99999999999"), 0);
    }

    proptest! {
        #[test]
        fn values_are_rounded_as_the_standard_library_rounds(text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?") {
            let known: f64 = text.parse().unwrap();
            prop_assert_eq!(value(&text), bits(known), "{}", text);
        }

        #[test]
        fn a_double_comes_back_as_it_was_written(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
            prop_assert_eq!(value(&serde_json::to_string(&number).unwrap()), bits(number));
        }
    }
}
