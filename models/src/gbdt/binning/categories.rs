//! The bins of a categorical column.

use std::collections::BTreeMap;

use super::borders::MISSING;

/// The most categories of a column that get a bin.
pub(crate) const MOST_CATEGORIES: usize = 254;
/// Categories are whole numbers below this one, where 32-bit floats still hold every whole number.
pub(crate) const CATEGORY_LIMIT: f32 = 16_777_216.0;

/// Known categories; the code of one is its place among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Categories {
    known: Vec<u32>,
}

impl Categories {
    /// The most frequent categories of `sample`; the others count as missing.
    pub(crate) fn of_sample(sample: &[f32]) -> Self {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for category in sample.iter().copied().filter_map(category) {
            *counts.entry(category).or_default() += 1;
        }
        let mut ranked: Vec<(usize, u32)> = counts.into_iter().map(|(category, count)| (count, category)).collect();
        ranked.sort_unstable_by_key(|&(count, category)| (std::cmp::Reverse(count), category));
        let mut known: Vec<u32> = ranked
            .into_iter()
            .take(MOST_CATEGORIES)
            .map(|(_, category)| category)
            .collect();
        known.sort_unstable();
        Self { known }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.known.len()
    }

    /// The category of a code.
    pub(crate) fn category(&self, code: usize) -> u32 {
        self.known[code]
    }

    /// The code of a value, [`MISSING`] for NaN and for categories that are not known.
    pub(crate) fn code(&self, value: f32) -> u8 {
        let place = category(value).and_then(|category| self.known.binary_search(&category).ok());
        place.map_or(MISSING, |place| place as u8)
    }
}

/// The category that a value stands for: its whole part, unless it is negative, too large or no number.
pub(crate) fn category(value: f32) -> Option<u32> {
    let whole = value.trunc();
    (0.0..CATEGORY_LIMIT).contains(&whole).then_some(whole as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_beyond_the_most_frequent_count_as_missing() {
        let mut sample: Vec<f32> = (0..300).map(|category| category as f32).collect();
        sample.extend((46..300).map(|category| category as f32));
        let categories = Categories::of_sample(&sample);
        assert_eq!(categories.count(), MOST_CATEGORIES);
        assert_eq!(categories.code(45.0), MISSING);
        assert_eq!(categories.category(usize::from(categories.code(46.0))), 46);
    }

    #[test]
    fn what_is_no_category_is_missing() {
        let categories = Categories::of_sample(&[0.0, 1.0, -3.0, f32::NAN, f32::INFINITY]);
        assert_eq!(categories.count(), 2);
        assert_eq!(
            [-3.0, f32::NAN, f32::INFINITY, 7.0].map(|value| categories.code(value)),
            [MISSING; 4]
        );
    }
}
