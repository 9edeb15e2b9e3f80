//! Numbers as people write them.

use crate::alerts::settings::Language;

/// The largest number that chooses a form.
const MOST: f64 = 1e15;

/// `value` with one decimal below 10, without decimals from there on, thousands in groups.
pub(super) fn number(value: f64, language: Language) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    let decimals = usize::from(rounded.abs() < 10.0 && rounded.fract() != 0.0);
    let text = format!("{value:.decimals$}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) if digits.chars().any(|digit| ('1'..='9').contains(&digit)) => ("\u{2212}", digits),
        Some(digits) => ("", digits),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (group, point) = match language {
        Language::English => (",", "."),
        Language::Russian => ("\u{a0}", ","),
        Language::French => ("\u{202f}", ","),
    };
    let fraction = if fraction.is_empty() {
        String::new()
    } else {
        format!("{point}{fraction}")
    };
    format!("{sign}{}{fraction}", in_groups(whole, group))
}

/// The number that [`number`] writes, for choosing the form of a word by it; 0 for what is no number. Larger ones choose as `MOST`
/// does, since Fluent does not take numbers of any length.
pub(super) fn as_written(value: f64) -> f64 {
    if !value.is_finite() {
        return 0.0;
    }
    let tenths = (value * 10.0).round() / 10.0;
    let written = if tenths.abs() < 10.0 { tenths } else { value.round() };
    written.clamp(-MOST, MOST)
}

/// Digits in groups of three; four digits stay together.
fn in_groups(digits: &str, group: &str) -> String {
    if digits.len() <= 4 {
        return digits.to_string();
    }
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let mut groups: Vec<&str> = if head.is_empty() { Vec::new() } else { vec![head] };
    groups.extend((0..tail.len()).step_by(3).map(|at| &tail[at..at + 3]));
    groups.join(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_their_language() {
        let write = |value| {
            Language::ALL
                .iter()
                .map(|language| number(value, *language))
                .collect::<Vec<_>>()
        };
        assert_eq!(write(3.456), ["3.5", "3,5", "3,5"]);
        assert_eq!(write(12.3), ["12", "12", "12"]);
        assert_eq!(
            write(1_234_567.0),
            ["1,234,567", "1\u{a0}234\u{a0}567", "1\u{202f}234\u{202f}567"]
        );
        assert_eq!(write(-0.04), ["0", "0", "0"]);
        assert_eq!(write(-2.0), ["\u{2212}2", "\u{2212}2", "\u{2212}2"]);
        assert_eq!(write(9.97), ["10", "10", "10"]);
    }

    #[test]
    fn a_word_has_the_form_of_the_number_that_is_written() {
        let values = [0.96, 1.04, 2.5, 9.97, 21.3, f64::NAN, f64::MAX];
        let chosen = values.map(|value| as_written(value).to_string());
        assert_eq!(chosen, ["1", "1", "2.5", "10", "21", "0", "1000000000000000"]);
    }
}
