//! Learns a profile, and what it would have been without each training day.

use arterial_datasets::panel::Panel;
use arterial_datasets::time::MINUTE;
use ndarray::{Array1, Array2, Array3, Axis};
use rayon::prelude::*;

use super::sums::{Calendar, Day, Shape, Sums, Totals, smooth};
use super::{DAY_TYPES, Profile, day_type};
use crate::forecaster::go_on;
use crate::season::WEEK;
use crate::{Error, Progress, Result};

/// Values that the day type may lend to a slot of the week, the first one wins a tie.
const LENT: [f64; 3] = [8.0, 2.0, 32.0];
/// How far the smoothing may reach to each side, in minutes.
const REACH: [i64; 4] = [45, 20, 90, 0];
/// The reach of the smoothing of the spread, in minutes.
const SPREAD_REACH: i64 = 45;
/// Deviations lent by the series' own mean deviation to each slot of the spread.
const LENT_TO_SPREAD: f64 = 2.0;
/// The shape is chosen on at most so many series, spread evenly.
const SERIES_TO_CHOOSE: usize = 48;

/// What a training row's level and spread are without its own day: row x series.
///
/// A learner that saw a level with the row's own value in it would trust it more than it deserves.
#[derive(Debug, Clone)]
pub(crate) struct WithoutOwnDay {
    pub(crate) level: Array2<f64>,
    pub(crate) spread: Array2<f64>,
}

/// Learns the profile of `panel`, and for each of its rows the profile without that row's day.
///
/// # Errors
/// An unknown zone; [`Error::Cancelled`] soon after `progress` says so.
pub(crate) fn learn(panel: &Panel, progress: &dyn Progress) -> Result<(Profile, WithoutOwnDay)> {
    let calendar = Calendar::of(panel)?;
    let values = panel.target().as_standard_layout().into_owned();
    let shape = choose(panel, &calendar, &values, progress)?;
    let totals = Totals::new(&calendar, &values);
    let level = levels_without(&calendar, &totals, shape, values.dim(), progress)?;
    let deviation = (&values - &level).mapv_into(f64::abs);
    let spreads = Spreads::new(panel, &calendar, &deviation);
    let mut week = Array3::zeros((WEEK, calendar.slots_per_day, values.ncols()));
    let days = week.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
    days.for_each(|(weekday, mut block)| block.assign(&totals.level(weekday, shape)));
    let profile = Profile {
        level: week,
        spread: spreads.all(),
        mean: totals.mean().clone(),
        scale: spreads.mean.clone(),
        days: calendar.days.len(),
    };
    let spread = spreads.without_own_day(progress)?;
    Ok((profile, WithoutOwnDay { level, spread }))
}

fn reach(panel: &Panel, minutes: i64) -> usize {
    let slots = (minutes * MINUTE + panel.step().0 / 2) / panel.step().0;
    usize::try_from(slots).unwrap_or(0)
}

/// The shape that errs least when each day is forecast from all the others.
fn choose(panel: &Panel, calendar: &Calendar, values: &Array2<f64>, progress: &dyn Progress) -> Result<Shape> {
    let known: Vec<usize> = (0..values.ncols())
        .filter(|series| values.column(*series).iter().any(|value| value.is_finite()))
        .collect();
    let stride = known.len().div_ceil(SERIES_TO_CHOOSE).max(1);
    let some: Vec<usize> = known.into_iter().step_by(stride).collect();
    let some = values.select(Axis(1), &some).as_standard_layout().into_owned();
    let totals = Totals::new(calendar, &some);
    let mut shapes: Vec<Shape> = Vec::new();
    for minutes in REACH {
        for lent in LENT {
            let shape = Shape {
                lent,
                reach: reach(panel, minutes).min(calendar.slots_per_day / 8),
            };
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
    }
    let error = |shape: &Shape| -> Result<f64> {
        let level = levels_without(calendar, &totals, *shape, some.dim(), progress)?;
        let seen = some.iter().zip(&level).map(|(value, level)| (value - level).abs());
        Ok(seen.filter(|error| error.is_finite()).sum())
    };
    let errors: Vec<f64> = shapes.iter().map(error).collect::<Result<_>>()?;
    let best = errors.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    Ok(shapes[best.map_or(0, |(index, _)| index)])
}

/// Fills row x series day by day, in parallel, as long as somebody waits.
fn by_day(
    calendar: &Calendar,
    shape: (usize, usize),
    progress: &dyn Progress,
    level_of: impl Fn(&Day) -> Array2<f64> + Sync,
) -> Result<Array2<f64>> {
    let mut rows = Array2::zeros(shape);
    let mut blocks = Vec::with_capacity(calendar.days.len());
    let mut rest = rows.view_mut();
    for day in &calendar.days {
        let (block, behind) = rest.split_at(Axis(0), day.rows.len());
        blocks.push((day, block));
        rest = behind;
    }
    blocks.into_par_iter().try_for_each(|(day, mut block)| {
        go_on(progress)?;
        let level = level_of(day);
        for (mut row, at) in block.outer_iter_mut().zip(day.rows.clone()) {
            row.assign(&level.row(calendar.slots[at].slot));
        }
        Ok::<(), Error>(())
    })?;
    Ok(rows)
}

fn levels_without(
    calendar: &Calendar,
    totals: &Totals<'_>,
    shape: Shape,
    dim: (usize, usize),
    progress: &dyn Progress,
) -> Result<Array2<f64>> {
    by_day(calendar, dim, progress, |day| totals.level_without(day, shape))
}

/// The usual size of deviations.
struct Spreads<'a> {
    calendar: &'a Calendar,
    deviation: &'a Array2<f64>,
    sums: Sums,
    mean: Array1<f64>,
    reach: usize,
}

impl<'a> Spreads<'a> {
    fn new(panel: &Panel, calendar: &'a Calendar, deviation: &'a Array2<f64>) -> Self {
        let sums = Sums::by_type(calendar, deviation);
        let total = |sums: &Array3<f64>| sums.sum_axis(Axis(0)).sum_axis(Axis(0));
        let mean = total(&sums.sum) / total(&sums.count);
        // A series that never deviates still needs a unit to be measured in; one without values has none.
        let mean = mean.mapv(|mean: f64| if mean <= 0.0 { 1.0 } else { mean });
        Self {
            calendar,
            deviation,
            sums,
            mean,
            reach: reach(panel, SPREAD_REACH).min(calendar.slots_per_day / 8),
        }
    }

    fn shrink(&self, sum: &Array2<f64>, count: &Array2<f64>) -> Array2<f64> {
        let lent = &self.mean * LENT_TO_SPREAD;
        smooth(&((sum + &lent) / (count + LENT_TO_SPREAD)), self.reach)
    }

    fn all(&self) -> Array3<f64> {
        let mut all = Array3::zeros(self.sums.sum.raw_dim());
        for kind in 0..DAY_TYPES {
            let sums = [&self.sums.sum, &self.sums.count].map(|sums| sums.index_axis(Axis(0), kind).to_owned());
            all.index_axis_mut(Axis(0), kind)
                .assign(&self.shrink(&sums[0], &sums[1]));
        }
        all
    }

    fn without_own_day(&self, progress: &dyn Progress) -> Result<Array2<f64>> {
        by_day(self.calendar, self.deviation.dim(), progress, |day| {
            let own = self
                .sums
                .group_without(day_type(day.weekday), self.calendar, self.deviation, day);
            self.shrink(
                &own.sum.index_axis_move(Axis(0), 0),
                &own.count.index_axis_move(Axis(0), 0),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};

    use super::*;
    use crate::Silent;

    /// Half-hour slots from Monday, 2026-02-02 in a zone without clock changes.
    fn panel(days: usize, value: impl Fn(usize, usize) -> f64) -> Panel {
        let values = Array3::from_shape_fn((days * 48, 1, 1), |(row, _, _)| value(row / 48, row % 48));
        let target = Channel {
            name: "value".into(),
            role: ChannelRole::Target,
        };
        let start = "2026-02-02T00:00:00Z".parse().unwrap();
        Panel::new(
            start,
            "30m".parse().unwrap(),
            "UTC",
            vec!["a".into()],
            vec![target],
            values,
        )
        .unwrap()
    }

    #[test]
    fn weekends_and_working_days_have_levels_of_their_own() {
        let weekly = panel(28, |day, _| if day % 7 >= 5 { 10.0 } else { 50.0 });
        let (profile, _) = learn(&weekly, &Silent).unwrap();
        assert!((profile.level[(2, 20, 0)] - 50.0).abs() < 2.0);
        assert!((profile.level[(6, 20, 0)] - 10.0).abs() < 5.0);
    }

    #[test]
    fn a_row_does_not_know_its_own_day() {
        let calm = panel(21, |_, slot| slot as f64);
        let odd = panel(21, |day, slot| if day == 9 { 900.0 } else { slot as f64 });
        let rows = 9 * 48..10 * 48;
        let levels = [&calm, &odd].map(|panel| learn(panel, &Silent).unwrap().1.level);
        for row in rows {
            // The mean of the series does move, but it only lends to slots that nothing was seen in.
            assert!((levels[0][(row, 0)] - levels[1][(row, 0)]).abs() < 5.0, "row {row}");
        }
        assert!((levels[0][(10 * 48, 0)] - levels[1][(10 * 48, 0)]).abs() > 20.0);
    }

    #[test]
    fn a_slot_never_seen_on_its_weekday_leans_on_its_day_type() {
        let young = panel(4, |_, slot| slot as f64);
        let (profile, _) = learn(&young, &Silent).unwrap();
        assert!((profile.level[(4, 30, 0)] - 30.0).abs() < 3.0, "Friday was never seen");
    }

    #[test]
    fn the_spread_is_the_usual_size_of_the_deviation() {
        let noisy = panel(28, |day, slot| {
            let size = if slot < 24 { 1.0 } else { 8.0 };
            if day % 2 == 0 { size } else { -size }
        });
        let (profile, _) = learn(&noisy, &Silent).unwrap();
        assert!(profile.spread[(0, 36, 0)] > 4.0 * profile.spread[(0, 10, 0)]);
    }
}
