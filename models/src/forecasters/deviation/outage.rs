//! Outages that copies of training rows are shown.
//!
//! A sensor that never fell silent in training teaches nothing of silence: what says that a value is missing never
//! varied, and what stands for the value reads like a usual one. So some rows are learned from twice, the second time as
//! they would have looked with their newest values missing. The rows themselves all stay, and copies are few: what these
//! cost the others grows by the square of their share.
//!
//! Models of fewer columns for what may be missing: Saar-Tsechansky, Provost: Handling missing values when applying
//! classification models (2007).

use arterial_datasets::feature::RecentColumns;
use ndarray::{Array1, ArrayView1};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The share of origins at which every series is silent in the copies, and of the rows of others that are copied alone.
const SHARE: f64 = 0.02;
/// The longest outage in rows, where a day has fewer: as far as recent columns look back, twice.
const LONGEST: usize = 72;

/// Which rows are copied, and how they change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outages {
    seed: u64,
    /// The most rows of one.
    longest: f64,
    recent: RecentColumns,
}

/// The newest rows are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage {
    /// How many of them.
    pub(crate) rows: usize,
    /// Whether those of other series are missing, too.
    is_everywhere: bool,
}

impl Outages {
    /// Outages of `recent` columns; none where the feature set does not tell which these are.
    pub(crate) fn new(seed: u64, slots_per_day: usize, recent: RecentColumns) -> Option<Self> {
        (!recent.own.is_empty()).then(|| Self {
            seed,
            longest: slots_per_day.max(LONGEST) as f64,
            recent,
        })
    }

    /// For each of `series` series, the outage that a copy of its row at `origin` is shown, where there is a copy.
    pub(crate) fn at(&self, origin: usize, series: usize) -> Vec<Option<Outage>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(origin as u64);
        let everywhere = self.drawn(&mut random);
        (0..series)
            .map(|_| match everywhere {
                Some(rows) => Some(Outage {
                    rows,
                    is_everywhere: true,
                }),
                None => self.drawn(&mut random).map(|rows| Outage {
                    rows,
                    is_everywhere: false,
                }),
            })
            .collect()
    }

    /// How many rows are missing, where any are: as often one or two as a day or half a day.
    fn drawn(&self, random: &mut ChaCha8Rng) -> Option<usize> {
        if !random.random_bool(SHARE) {
            return None;
        }
        Some(self.longest.powf(random.random::<f64>()) as usize)
    }

    /// The features that are left in `outage`.
    pub(crate) fn hide(&self, outage: Outage, features: &ArrayView1<'_, f32>) -> Array1<f32> {
        let others = self.recent.others.iter().filter(|_| outage.is_everywhere);
        let mut left = features.to_owned();
        for column in self.recent.own.iter().chain(others) {
            left[*column] = f32::NAN;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn outages(seed: u64) -> Outages {
        let recent = RecentColumns {
            own: vec![0, 2],
            others: vec![3],
        };
        Outages::new(seed, 288, recent).unwrap()
    }

    #[test]
    fn a_few_rows_in_a_hundred_are_copied_the_same_ones_for_the_same_seed() {
        let drawn = |seed: u64| -> Vec<Option<Outage>> {
            let outages = outages(seed);
            (0..2000).flat_map(|origin| outages.at(origin, 10)).collect()
        };
        let all = drawn(5);
        let copied: Vec<Outage> = all.iter().copied().flatten().collect();
        let share = copied.len() as f64 / all.len() as f64;
        assert!((0.02..0.06).contains(&share), "{share}");
        assert!(copied.iter().all(|outage| (1..288).contains(&outage.rows)));
        let short = copied.iter().filter(|outage| outage.rows < 12).count() as f64 / copied.len() as f64;
        assert!((0.25..0.65).contains(&short), "{short}");
        assert!(copied.iter().any(|outage| outage.is_everywhere) && copied.iter().any(|outage| !outage.is_everywhere));
        assert_eq!(drawn(5), all);
        assert_ne!(drawn(6), all);
    }

    #[test]
    fn an_outage_hides_what_is_recent_and_that_of_others_where_they_are_silent_too() {
        let features = array![1.0, 2.0, 3.0, 4.0];
        let hidden = |is_everywhere: bool| {
            let outage = Outage { rows: 3, is_everywhere };
            let left = outages(1).hide(outage, &features.view());
            left.map(|value| value.is_nan()).to_vec()
        };
        assert_eq!(hidden(false), [true, false, true, false]);
        assert_eq!(hidden(true), [true, false, true, true]);
    }

    #[test]
    fn a_feature_set_that_does_not_tell_what_is_recent_has_no_outages() {
        assert_eq!(Outages::new(1, 288, RecentColumns::default()), None);
    }
}
