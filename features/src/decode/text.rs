//! The texts of JSON: where they end, and what their escapes stand for.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The place of the first quote, backslash or control character from `at` on; the length where there is none.
///
/// Eight bytes at a time: of `x`, bytes that are zero are those whose high bit is set in `(x - 1) & !x`; the lowest such
/// byte is always a true one.
#[inline]
pub(super) fn next_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (quote | backslash | control) & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(&letter) = bytes.get(at) {
        if letter < 0x20 || letter == b'"' || letter == b'\\' {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// The length of the escape at the start of `bytes`; none where it is no escape. Both halves of a surrogate pair count as
/// one escape; a half alone is none.
pub(super) fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match hexadecimal(bytes)? {
            0xD800..=0xDBFF => matches!(hexadecimal(bytes.get(6..)?)?, 0xDC00..=0xDFFF).then_some(12),
            0xDC00..=0xDFFF => None,
            _ => Some(6),
        },
        _ => None,
    }
}

/// The number of `\uXXXX` at the start of `bytes`.
fn hexadecimal(bytes: &[u8]) -> Option<u32> {
    let (head, digits) = bytes.get(..6)?.split_at(2);
    if head != b"\\u" {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, &digit| Some(number * 16 + char::from(digit).to_digit(16)?))
}

/// Appends `raw`, whose escapes were checked, to `target` with its escapes replaced.
pub(super) fn unescape(raw: &[u8], target: &mut String) {
    let mut rest = raw;
    while let Some(place) = rest.iter().position(|&letter| letter == b'\\') {
        let (plain, escape) = rest.split_at(place);
        target.push_str(&String::from_utf8_lossy(plain));
        let length = escape_length(escape).unwrap_or(escape.len());
        target.push(letter_of(&escape[..length]));
        rest = &escape[length..];
    }
    target.push_str(&String::from_utf8_lossy(rest));
}

fn letter_of(escape: &[u8]) -> char {
    match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let high = hexadecimal(escape).unwrap_or_default();
            let code = match escape.get(6..).and_then(hexadecimal) {
                Some(low) => 0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF),
                None => high,
            };
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        Some(&letter) => char::from(letter),
        None => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_end_is_where_a_plain_search_finds_it(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x1Eu8..0x24, 0x80u8..0xA4, Just(b'\\')], 0..40), at in 0usize..8) {
            let plain = (at..bytes.len()).find(|&place| bytes[place] < 0x20 || bytes[place] == b'"' || bytes[place] == b'\\');
            prop_assert_eq!(next_special(&bytes, at), plain.unwrap_or(bytes.len()));
        }

        #[test]
        fn escapes_stand_for_what_serde_says(text in any::<String>()) {
            let written = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
            let mut back = String::new();
            unescape(written.as_bytes(), &mut back);
            prop_assert_eq!(&back, &text);
            let quoted = serde_json::to_string(&text).unwrap();
            back.clear();
            unescape(&quoted.as_bytes()[1..quoted.len() - 1], &mut back);
            prop_assert_eq!(back, text);
        }
    }
}
