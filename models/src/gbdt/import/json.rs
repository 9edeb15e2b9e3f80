//! JSON as `XGBoost` writes it: with `NaN`, `Infinity` and `-Infinity`, for which JSON has no words.

use std::borrow::Cow;

/// What stands for each word. No number says NaN; what is infinite in 32 bits stands for the infinite.
const WORDS: [(&[u8], &[u8]); 3] = [(b"NaN", b"null"), (b"Infinity", b"1e308"), (b"-Infinity", b"-1e308")];

/// `document` with those words replaced wherever they stand outside of texts.
pub(super) fn plain(document: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Vec::new();
    let (mut copied, mut place) = (0, 0);
    while let Some(byte) = document.get(place) {
        let rest = &document[place..];
        match byte {
            b'"' => place += text_length(rest),
            b'N' | b'I' | b'-' => match WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
                Some((word, instead)) => {
                    plain.extend_from_slice(&document[copied..place]);
                    plain.extend_from_slice(instead);
                    place += word.len();
                    copied = place;
                }
                None => place += 1,
            },
            _ => place += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(document);
    }
    plain.extend_from_slice(&document[copied..]);
    Cow::Owned(plain)
}

/// How long the text is that `bytes` begin with, its quotes included.
fn text_length(bytes: &[u8]) -> usize {
    let mut place = 1;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => return place + 1,
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(document: &str) -> String {
        String::from_utf8(plain(document.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn words_become_what_json_has_and_are_infinite_again_in_32_bits() {
        let document = replaced(r#"{"a":[NaN,1E0,-Infinity, Infinity],"b":-1.5}"#);
        assert_eq!(document, r#"{"a":[null,1E0,-1e308, 1e308],"b":-1.5}"#);
        let numbers: Vec<Option<f32>> = serde_json::from_str(&replaced("[NaN,-Infinity,Infinity]")).unwrap();
        assert_eq!(numbers, [None, Some(f32::NEG_INFINITY), Some(f32::INFINITY)]);
    }

    #[test]
    fn texts_are_left_alone() {
        for document in [
            r#"{"NaN":"Infinity","a\"NaN":"\\","b":["-Infinity"]}"#,
            r#"{"cut off \"#,
            r#"{"cut off NaN"#,
        ] {
            assert!(matches!(plain(document.as_bytes()), Cow::Borrowed(_)), "{document}");
        }
        assert_eq!(replaced(r#"["\\",NaN,"NaN"]"#), r#"["\\",null,"NaN"]"#);
    }

    #[test]
    fn what_only_looks_like_a_word_stays_wrong() {
        for document in ["[NaNa]", "[1NaN]", "[-NaN]", "[Inf]", "[Nan]", "[--Infinity]"] {
            let numbers = serde_json::from_str::<Vec<Option<f32>>>(&replaced(document));
            assert!(numbers.is_err(), "{document}");
        }
    }
}
