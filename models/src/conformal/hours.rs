//! Residuals pooled by step ahead and by hours of the day, and their order statistics.

use arterial_datasets::panel::Panel;
use ndarray::{Array1, Array3, Axis, s};
use rayon::prelude::*;

use super::LEVELS;
use crate::season::LocalClock;
use crate::{Error, Result};

/// Local hours are pooled in so many groups of equal length.
pub(super) const GROUPS: usize = 6;
/// A group with fewer residuals than this takes those of all hours.
const ENOUGH: usize = 400;
/// For how many days of its own the other hours together count in a group.
const LENT_DAYS: f64 = 7.0;
/// The share of residuals that are called usual: that of an 80 % interval.
const USUAL: f64 = 0.8;

/// Scaled residuals of one step ahead whose targets lie in one group of hours.
#[derive(Debug, Clone, Default)]
struct Pool {
    residuals: Vec<f64>,
    /// How many of them each stretch of 24 hours has.
    by_day: Vec<usize>,
}

/// The distances of the kept levels from the point forecast that scaled `residuals` (origins x series x steps) give: step ahead x group of
/// hours x level.
///
/// # Errors
/// A step ahead without a single residual.
pub(super) fn distances(
    panel: &Panel,
    origins: &[usize],
    residuals: &Array3<f64>,
    scale: &Array1<f64>,
) -> Result<Array3<f64>> {
    of_pools(&pools(panel, origins, residuals, scale)?)
}

/// The pools by step ahead and group of hours.
fn pools(panel: &Panel, origins: &[usize], residuals: &Array3<f64>, scale: &Array1<f64>) -> Result<Vec<Vec<Pool>>> {
    let horizon = residuals.dim().2;
    let groups = TargetGroups::new(panel, origins, horizon)?;
    let pool = |step: usize| {
        let mut pools = vec![Pool::default(); GROUPS];
        for (at, &origin) in origins.iter().enumerate() {
            let target = origin + step + 1;
            let row = residuals.slice(s![at, .., step]);
            let seen = row.iter().zip(scale).filter(|(value, _)| value.is_finite());
            pools[groups.of(target)].add(groups.day(target), seen.map(|(value, scale)| value / scale));
        }
        pools
    };
    Ok((0..horizon).into_par_iter().map(pool).collect())
}

impl Pool {
    fn add(&mut self, day: usize, residuals: impl Iterator<Item = f64>) {
        let before = self.residuals.len();
        self.residuals.extend(residuals);
        if self.by_day.len() <= day {
            self.by_day.resize(day + 1, 0);
        }
        self.by_day[day] += self.residuals.len() - before;
    }

    /// How far residuals usually are from 0: what [`USUAL`] of them stay within, which a few hours that were far off do not move. Where so
    /// many are 0, their mean distance.
    fn size(&self) -> f64 {
        let mut sizes: Vec<f64> = self.residuals.iter().map(|residual| residual.abs()).collect();
        if sizes.is_empty() {
            return 0.0;
        }
        let place = ((sizes.len() - 1) as f64 * USUAL).round() as usize;
        let usual = *sizes.select_nth_unstable_by(place, f64::total_cmp).1;
        if usual > 0.0 {
            usual
        } else {
            sizes.iter().sum::<f64>() / sizes.len() as f64
        }
    }

    /// On how many days it was seen: as many as would tell as much if each of them had the same share of the residuals.
    fn days(&self) -> f64 {
        let counts = self.by_day.iter().map(|count| *count as f64);
        let sum: f64 = counts.clone().sum();
        let squares: f64 = counts.map(|count| count * count).sum();
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    /// What a residual of other hours counts beside one of its own.
    fn weight_of_others(&self) -> f64 {
        LENT_DAYS / (LENT_DAYS + GROUPS as f64 * self.days())
    }
}

/// The distances that `pools`, by step ahead and group of hours, give.
fn of_pools(pools: &[Vec<Pool>]) -> Result<Array3<f64>> {
    let mut distance = Array3::<f64>::zeros((pools.len(), GROUPS, LEVELS - 1));
    let steps = distance.axis_iter_mut(Axis(0)).into_par_iter().zip(pools).enumerate();
    steps.try_for_each(|(step, (mut block, pools))| {
        let all = Sorted::new(pools, &[1.0; GROUPS]);
        if all.0.is_empty() {
            let what = format!("calibrating intervals {} steps ahead", step + 1);
            return Err(Error::NotEnoughData {
                what,
                needed: step + 2,
                got: step + 1,
            });
        }
        let sizes: Vec<f64> = pools.iter().map(Pool::size).collect();
        let in_sizes = Sorted::new(pools, &sizes);
        for (group, (mut row, pool)) in block.outer_iter_mut().zip(pools).enumerate() {
            let (sorted, others, unit) = if pool.residuals.len() < ENOUGH {
                (&all, 1.0, 1.0)
            } else {
                (&in_sizes, pool.weight_of_others(), sizes[group])
            };
            // Hours at which nothing was ever off keep distances of 0.
            if unit > 0.0 {
                row.assign(&(sorted.distances(group, others) * unit));
            }
        }
        Ok(())
    })?;
    Ok(distance)
}

/// Residuals in ascending order, each with its group of hours.
struct Sorted(Vec<(f64, usize)>);

impl Sorted {
    /// All residuals, in the units of their groups; those of groups without a unit are left out.
    fn new(pools: &[Pool], units: &[f64]) -> Self {
        let mut all: Vec<(f64, usize)> = Vec::new();
        for (group, (pool, unit)) in pools.iter().zip(units).enumerate() {
            if *unit > 0.0 {
                all.extend(pool.residuals.iter().map(|residual| (residual / unit, group)));
            }
        }
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self(all)
    }

    /// The residual at each level, on its own side of the point forecast, where those of `group` count 1 and the others `others`.
    fn distances(&self, group: usize, others: f64) -> Array1<f64> {
        let reached = self.reached(group, others);
        let distance = |level| {
            let value = self.0[order_statistic(&reached, level)].0;
            if 2 * level > LEVELS {
                value.max(0.0)
            } else {
                value.min(0.0)
            }
        };
        (1..LEVELS).map(distance).collect()
    }

    /// What the residuals up to each one count together.
    fn reached(&self, group: usize, others: f64) -> Vec<f64> {
        let (mut own, mut lent) = (0_usize, 0_usize);
        let mut reached = Vec::with_capacity(self.0.len());
        for (_, from) in &self.0 {
            if *from == group {
                own += 1;
            } else {
                lent += 1;
            }
            reached.push(own as f64 + others * lent as f64);
        }
        reached
    }
}

/// The place of the residual at `level` of [`LEVELS`], corrected for a finite sample, where the residuals up to each one count `reached`
/// together.
fn order_statistic(reached: &[f64], level: usize) -> usize {
    let last = reached.len() - 1;
    let wanted = (reached[last] + 1.0) * level as f64 / LEVELS as f64;
    if 2 * level > LEVELS {
        reached.partition_point(|count| *count < wanted).min(last)
    } else {
        reached.partition_point(|count| *count <= wanted).max(1) - 1
    }
}

/// The group of local hours that each target row lies in.
pub(super) struct TargetGroups {
    first: usize,
    groups: Vec<usize>,
    slots_per_day: usize,
}

impl TargetGroups {
    /// The groups of the targets up to `horizon` steps behind `origins`.
    ///
    /// # Errors
    /// Instants that the calendar does not have.
    pub(super) fn new(panel: &Panel, origins: &[usize], horizon: usize) -> Result<Self> {
        let clock = LocalClock::of(panel)?;
        let first = origins.iter().min().map_or(0, |origin| origin + 1);
        let last = origins.iter().max().map_or(0, |origin| origin + horizon + 1);
        let slots = clock.slots(panel, first..last)?;
        let slots_per_day = clock.slots_per_day();
        let groups = slots.iter().map(|slot| slot.slot * GROUPS / slots_per_day).collect();
        Ok(Self {
            first,
            groups,
            slots_per_day,
        })
    }

    /// The group of the target at `row`.
    pub(super) fn of(&self, row: usize) -> usize {
        self.groups[row - self.first]
    }

    /// The stretch of 24 hours, from the first target on, that a row lies in.
    fn day(&self, row: usize) -> usize {
        (row - self.first) / self.slots_per_day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of the 10 % and the 90 % quantile among the kept ones.
    const TENTHS: [usize; 2] = [19, 179];

    fn statistic(sorted: &[f64], level: usize) -> f64 {
        let sorted = Sorted(sorted.iter().map(|value| (*value, 0)).collect());
        sorted.distances(0, 1.0)[level - 1]
    }

    /// Residuals between `low` and `high`, as many as make `count`, on so many days.
    fn pool(low: f64, high: f64, count: usize, days: usize) -> Pool {
        let residual = |place: usize| low + (high - low) * place as f64 / (count - 1) as f64;
        Pool {
            residuals: (0..count).map(residual).collect(),
            by_day: vec![count / days; days],
        }
    }

    #[test]
    fn the_side_of_one_day_is_not_taken_for_that_of_its_hours_until_many_days_agree() {
        let lower = |days: usize| {
            let mut pools = vec![pool(-1.0, 1.0, 560, days); GROUPS];
            pools[2] = pool(0.5, 1.5, 560, days);
            of_pools(&[pools]).unwrap()[(0, 2, TENTHS[0])]
        };
        assert!(lower(1) < -0.5, "{}", lower(1));
        assert!(lower(56).abs() < f64::EPSILON, "{}", lower(56));
    }

    #[test]
    fn hours_keep_the_size_of_their_own_errors() {
        let mut pools = vec![pool(-10.0, 10.0, 500, 1); GROUPS];
        pools[0] = pool(-0.1, 0.1, 500, 1);
        let distance = of_pools(&[pools]).unwrap();
        for level in TENTHS {
            let (calm, other) = (distance[(0, 0, level)], distance[(0, 1, level)]);
            assert!(
                (100.0 * calm - other).abs() < 1e-9 && other.abs() > 7.0,
                "{calm} {other}"
            );
        }
    }

    #[test]
    fn a_rare_event_on_the_days_seen_does_not_widen_the_interval_of_its_hours() {
        let upper = |event: f64| {
            let mut pools = vec![pool(-1.0, 1.0, 500, 1); GROUPS];
            pools[2].residuals[..25].fill(-event);
            of_pools(&[pools]).unwrap()[(0, 2, TENTHS[1])]
        };
        assert!((upper(1.0) - 0.8).abs() < 0.05, "{}", upper(1.0));
        assert!((upper(40.0) - upper(1.0)).abs() < 0.05, "{}", upper(40.0));
    }

    #[test]
    fn hours_that_are_mostly_right_are_as_wide_as_they_are_off_on_the_average() {
        let rarely = Pool {
            residuals: [vec![0.0; 900], vec![5.0; 100]].concat(),
            by_day: vec![1000],
        };
        assert!((rarely.size() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn hours_without_any_error_have_no_width_and_tell_others_nothing() {
        let mut pools = vec![pool(-1.0, 1.0, 500, 1); GROUPS];
        pools[5] = pool(0.0, 0.0, 500, 1);
        let distance = of_pools(&[pools]).unwrap();
        assert!(
            distance
                .slice(s![0, 5, ..])
                .iter()
                .all(|value| value.abs() < f64::EPSILON)
        );
        assert!((distance[(0, 0, TENTHS[1])] - 0.8).abs() < 0.01, "{distance}");
    }

    #[test]
    fn a_group_with_few_residuals_takes_those_of_all_hours_as_they_are() {
        let mut pools = vec![pool(-1.0, 1.0, 500, 1); GROUPS];
        pools[0] = pool(-0.01, 0.01, 10, 1);
        pools[1] = pool(5.0, 6.0, 10, 1);
        let distance = of_pools(&[pools]).unwrap();
        let row = |group: usize| distance.slice(s![0, group, ..]);
        assert_eq!(row(0), row(1));
        assert!((row(0)[TENTHS[1]] - 0.8).abs() < 0.02, "{}", row(0));
    }

    #[test]
    fn distances_never_fall_from_level_to_level() {
        let mut pools: Vec<Pool> = (1..=GROUPS)
            .map(|group| pool(-1.0 / group as f64, group as f64, 500, group))
            .collect();
        pools[3].residuals.truncate(7);
        for row in of_pools(&[pools]).unwrap().rows() {
            assert!(row.windows(2).into_iter().all(|pair| pair[0] <= pair[1]), "{row}");
        }
    }

    #[test]
    fn a_day_counts_as_far_as_it_was_seen() {
        let seen = |by_day: &[usize]| Pool {
            residuals: Vec::new(),
            by_day: by_day.to_vec(),
        };
        assert!(seen(&[]).days().abs() < f64::EPSILON);
        assert!((seen(&[48]).days() - 1.0).abs() < 1e-12);
        assert!((seen(&[48, 48, 0, 48]).days() - 3.0).abs() < 1e-12);
        let hardly_two = seen(&[48, 2]).days();
        assert!(hardly_two > 1.0 && hardly_two < 1.1, "{hardly_two}");
        assert!((seen(&[]).weight_of_others() - 1.0).abs() < f64::EPSILON);
        assert!(seen(&[48; 28]).weight_of_others() < 0.05);
    }

    #[test]
    fn order_statistics_are_corrected_for_the_size_of_the_sample() {
        let sorted: Vec<f64> = (-5..5).map(f64::from).collect();
        // (10 + 1) * 0.8 = 8.8, so the ninth of ten; the eighth would be the plain quantile.
        assert_eq!(statistic(&sorted, 160).to_bits(), 3.0_f64.to_bits());
        assert_eq!(statistic(&sorted, 40).to_bits(), (-4.0_f64).to_bits());
        assert_eq!(statistic(&sorted, 199).to_bits(), 4.0_f64.to_bits());
    }

    #[test]
    fn a_bound_never_changes_sides() {
        let sorted = [1.0, 2.0, 3.0];
        assert!(statistic(&sorted, 20).abs() < f64::EPSILON);
        assert!(statistic(&[-3.0, -2.0, -1.0], 180).abs() < f64::EPSILON);
    }
}
