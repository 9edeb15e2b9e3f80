//! Groups of neighbouring steps ahead that share their trees.

use std::ops::RangeInclusive;

/// The last step of each group: 1, 3, 6, 12, 24 and so on, and the horizon.
pub(in crate::forecasters) fn ends(horizon: usize) -> Vec<usize> {
    let further = std::iter::successors(Some(3), |end| Some(end * 2));
    let mut ends: Vec<usize> = std::iter::once(1)
        .chain(further)
        .take_while(|end| *end < horizon)
        .collect();
    ends.push(horizon);
    ends
}

/// The steps of each group.
pub(in crate::forecasters) fn groups(ends: &[usize]) -> Vec<RangeInclusive<usize>> {
    let first = std::iter::once(1).chain(ends.iter().map(|end| end + 1));
    first.zip(ends).map(|(first, end)| first..=*end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_every_step_once_up_to_the_horizon() {
        for horizon in [1, 2, 3, 4, 12, 13, 72] {
            let steps: Vec<usize> = groups(&ends(horizon)).into_iter().flatten().collect();
            assert_eq!(steps, (1..=horizon).collect::<Vec<_>>());
        }
        assert_eq!(ends(24), [1, 3, 6, 12, 24]);
    }
}
