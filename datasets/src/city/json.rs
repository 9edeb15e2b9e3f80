//! Writes JSON by hand into a buffer that is used again and again: no tree, no allocation an event.

/// Appends a text that needs no escaping (ours are plain names).
pub fn raw(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(text.as_bytes());
}

/// Appends a whole number.
pub fn whole(buffer: &mut Vec<u8>, value: i64) {
    if value < 0 {
        buffer.push(b'-');
    }
    let mut digits = [0_u8; 20];
    let mut place = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        place -= 1;
        digits[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[place..]);
}

/// Appends a number with exactly `decimals` (at most 6) digits behind the point.
pub fn fixed(buffer: &mut Vec<u8>, value: f64, decimals: u32) {
    let unit = 10_i64.pow(decimals.min(6));
    let scaled = (value * unit as f64).round() as i64;
    if scaled < 0 {
        buffer.push(b'-');
    }
    let size = scaled.abs();
    whole(buffer, size / unit);
    if decimals > 0 {
        buffer.push(b'.');
        let mut place = unit / 10;
        while place > 0 {
            buffer.push(b'0' + ((size / place) % 10) as u8);
            place /= 10;
        }
    }
}

/// A location object as text: `{"lat":..,"lon":..}`.
pub fn location(buffer: &mut Vec<u8>, (lat, lon): (f64, f64)) {
    raw(buffer, "{\"lat\":");
    fixed(buffer, lat, 6);
    raw(buffer, ",\"lon\":");
    fixed(buffer, lon, 6);
    buffer.push(b'}');
}

/// What `write` appends, as a text that can be kept and appended to many events.
pub fn prepared(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut buffer = Vec::new();
    write(&mut buffer);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: f64, decimals: u32) -> String {
        String::from_utf8(prepared(|buffer| fixed(buffer, value, decimals))).unwrap()
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(shown(12.34, 1), "12.3");
        assert_eq!(shown(-0.06, 1), "-0.1");
        assert_eq!(shown(-0.04, 1), "0.0");
        assert_eq!(shown(1999.996, 2), "2000.00");
        assert_eq!(shown(47.000_012, 6), "47.000012");
        assert_eq!(shown(7.6, 0), "8");
        assert_eq!(prepared(|buffer| whole(buffer, -120)), b"-120");
    }
}
