//! What a mistyped word may have been meant to be.

use strsim::osa_distance;

/// The candidate that is nearest to `word`, if any is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = 1 + word.chars().count() / 4;
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Where `word` stands in `text` by itself: line and column, from 1.
pub(super) fn locate(text: &str, word: &str) -> Option<(usize, usize)> {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let lower = text.to_lowercase();
    let word = word.to_lowercase();
    let (at, _) = lower.match_indices(&word).find(|(at, _)| {
        let before = lower[..*at].chars().next_back();
        let after = lower[at + word.len()..].chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })?;
    let before = &lower[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((line, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["forecasts", "alerts", "indices"];
        assert_eq!(nearest("forcasts", known), Some("forecasts"));
        assert_eq!(nearest("ALRETS", known), Some("alerts"));
        assert_eq!(nearest("parking", known), None);
    }

    #[test]
    fn a_word_is_found_by_itself() {
        assert_eq!(locate("SELECT keys,\n key FROM t", "key"), Some((2, 2)));
        assert_eq!(locate("SELECT keys", "key"), None);
    }
}
