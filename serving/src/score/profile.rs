//! The last step of the ladder: what a key did at that slot of the week in its own recent weeks.
//!
//! The samples are the values at the same local slot of the week and its two neighbours. With fewer than four of them
//! those of all working days (or of all weekend days) at that time of day stand in; with fewer than four of these
//! there is no answer. A quantile is the linear interpolation between the samples' order statistics.

use std::ops::Range;

use arterial_datasets::panel::Panel;
use arterial_datasets::time::{DAY, Duration, HOUR, Timestamp};
use arterial_models::Quantile;
use arterial_models::season::{LocalClock, WEEK};
use ndarray::{Array2, Array3};

use crate::Result;
use crate::live::Ring;

/// The name that stands for the model in answers.
pub const PROFILE_NAME: &str = "slot-of-week";
/// The version that stands in answers: it is made anew from live history.
pub const PROFILE_VERSION: &str = "live";

/// Fewer samples give no answer.
const ENOUGH: usize = 4;
/// So many slots on each side of one are like it.
const NEXT: usize = 1;
/// So many days of a kind are looked at first: with the slots beside each one, more than enough, also where a sensor was silent on one.
const SOON_DAYS: usize = 3;
/// Saturday, where Monday is 0.
const FIRST_OF_WEEKEND: usize = 5;

/// Forecasts from the last row of `panel`; `go_on` is asked before each step whether anybody still waits.
///
/// # Shapes
/// series x horizon x quantile; NaN where a key has too little history.
///
/// # Errors
/// An instant outside the years -9999 to 9999; what `go_on` says.
pub fn forecast(
    panel: &Panel,
    horizon: usize,
    quantiles: &[Quantile],
    go_on: impl Fn() -> Result<()>,
) -> Result<Array3<f64>> {
    let clock = LocalClock::of(panel)?;
    let slots = clock.slots_per_day();
    let mut rows = vec![Vec::new(); WEEK * slots];
    for row in 0..panel.steps() {
        rows[place(&clock, panel.time(row))?].push(row);
    }
    let last = panel.steps().saturating_sub(1);
    let mut values = Array3::from_elem((panel.series().len(), horizon, quantiles.len()), f64::NAN);
    for step in 0..horizon {
        go_on()?;
        let place = place(&clock, panel.time(last + step + 1))?;
        let candidates = [same_slot(place, slots, NEXT), same_kind_of_day(place, slots, NEXT)];
        for series in 0..panel.series().len() {
            let samples = candidates.iter().map(|places| samples(panel, series, &rows, places));
            let Some(samples) = samples.into_iter().find(|found| found.len() >= ENOUGH) else {
                continue;
            };
            for (at, quantile) in quantiles.iter().enumerate() {
                values[[series, step, at]] = interpolate(&samples, f64::from(*quantile));
            }
        }
    }
    Ok(values)
}

/// Windows from which [`forecast`] has an answer, to reach so far ahead of `end`, the end of the newest window, in windows of `step`: the
/// hours in question of the newest days, up to `days` ago, that are of their kind. Ages of windows, counted back from `end`; the newest hour
/// comes first. Days of 23 or 25 hours among them lose some of their samples.
///
/// # Errors
/// An instant outside the years -9999 to 9999.
pub fn needs(
    clock: &LocalClock,
    end: Timestamp,
    reach: Duration,
    step: Duration,
    days: i64,
) -> Result<Vec<Range<Duration>>> {
    let beside = (NEXT as i64 + 1) * step.0;
    if reach.0 + 2 * beside >= DAY {
        return Ok(vec![Duration(0)..Duration(days * DAY)]);
    }
    let mut needed = vec![Duration(0)..Duration(HOUR)];
    let ahead = [end, Timestamp(end.0 + reach.0 - step.0)];
    let mut found = [0; 2];
    for day in 1..=days {
        let mut is_needed = false;
        for (target, found) in ahead.iter().zip(&mut found) {
            let then = Timestamp(target.0 - day * DAY);
            if *found < SOON_DAYS && is_weekend(clock, then)? == is_weekend(clock, *target)? {
                *found += 1;
                is_needed = true;
            }
        }
        if is_needed {
            needed.push(Duration(day * DAY - reach.0 - beside)..Duration(day * DAY + beside));
        }
    }
    Ok(needed)
}

fn is_weekend(clock: &LocalClock, instant: Timestamp) -> Result<bool> {
    Ok(clock.slot(instant)?.weekday >= FIRST_OF_WEEKEND)
}

/// What the first `keys` keys of `ring` did at the slot of the week of `window`, until an hour before it: what would be expected of
/// that window if nobody knew more. The last hour does not count, as what is strange now would make itself usual by it. Only those
/// windows are read that count, so it is quick for many keys.
///
/// # Shapes
/// key x quantile; NaN where a key has too little history.
///
/// # Errors
/// An instant outside the years -9999 to 9999.
pub fn of_window(
    ring: &Ring,
    keys: usize,
    clock: &LocalClock,
    window: Timestamp,
    quantiles: &[f64],
) -> Result<Array2<f64>> {
    around_window(ring, keys, (clock, NEXT), window, quantiles)
}

/// The same of the slots up to `reach` on each side: a wider view of what is usual, for what comes a little earlier on one day and later
/// on another.
///
/// # Shapes
/// As [`of_window`].
///
/// # Errors
/// As [`of_window`].
pub fn around_window(
    ring: &Ring,
    keys: usize,
    (clock, reach): (&LocalClock, usize),
    window: Timestamp,
    quantiles: &[f64],
) -> Result<Array2<f64>> {
    let mut values = Array2::from_elem((keys, quantiles.len()), f64::NAN);
    let Some(oldest) = ring.oldest() else {
        return Ok(values);
    };
    let before = ((window.0 - HOUR - oldest.0).div_euclid(ring.step().0)).clamp(0, ring.len() as i64);
    let (wanted, slots) = (place(clock, window)?, clock.slots_per_day());
    let mut kinds = vec![(false, false); WEEK * slots];
    for place in same_slot(wanted, slots, reach) {
        kinds[place].0 = true;
    }
    for place in same_kind_of_day(wanted, slots, reach) {
        kinds[place].1 = true;
    }
    let [mut same_slot, mut same_kind] = [Vec::new(), Vec::new()];
    for row in 0..before {
        let (is_same_slot, is_same_kind) = kinds[place(clock, Timestamp(oldest.0 + row * ring.step().0))?];
        if is_same_slot {
            same_slot.push(row as usize);
        }
        if is_same_kind {
            same_kind.push(row as usize);
        }
    }
    let mut found = Vec::new();
    for key in 0..keys {
        for rows in [&same_slot, &same_kind] {
            found.clear();
            found.extend(
                rows.iter()
                    .map(|&row| ring.value(row, key))
                    .filter(|value| value.is_finite()),
            );
            if found.len() >= ENOUGH {
                found.sort_unstable_by(f64::total_cmp);
                for (at, quantile) in quantiles.iter().enumerate() {
                    values[[key, at]] = interpolate(&found, *quantile);
                }
                break;
            }
        }
    }
    Ok(values)
}

/// The slot of the week, Monday's midnight 0.
fn place(clock: &LocalClock, instant: Timestamp) -> Result<usize> {
    let slot = clock.slot(instant)?;
    Ok(slot.weekday * clock.slots_per_day() + slot.slot)
}

fn same_slot(place: usize, slots: usize, reach: usize) -> Vec<usize> {
    let week = WEEK * slots;
    let reach = reach.min((week - 1) / 2);
    (0..=2 * reach)
        .map(|step| (place + week - reach + step) % week)
        .collect()
}

fn same_kind_of_day(place: usize, slots: usize, reach: usize) -> Vec<usize> {
    let weekend = |day: usize| day >= FIRST_OF_WEEKEND;
    let (today, slot) = (place / slots, place % slots);
    let days = (0..WEEK).filter(|day| weekend(*day) == weekend(today));
    days.flat_map(|day| same_slot(day * slots + slot, slots, reach))
        .collect()
}

/// The values that are there, ascending.
fn samples(panel: &Panel, series: usize, rows: &[Vec<usize>], places: &[usize]) -> Vec<f64> {
    let target = panel.target();
    let rows = places.iter().flat_map(|&place| &rows[place]);
    let mut found: Vec<f64> = rows
        .map(|&row| target[[row, series]])
        .filter(|value| value.is_finite())
        .collect();
    found.sort_by(f64::total_cmp);
    found
}

fn interpolate(ascending: &[f64], fraction: f64) -> f64 {
    let position = fraction * (ascending.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(ascending.len() - 1);
    ascending[below] + (position - below as f64) * (ascending[above] - ascending[below])
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use arterial_datasets::panel::{Channel, ChannelRole};

    fn panel(days: usize, value: impl Fn(usize) -> f64) -> Panel {
        panel_until(days * 24, value)
    }

    fn panel_until(rows: usize, value: impl Fn(usize) -> f64) -> Panel {
        let values = Array3::from_shape_fn((rows, 1, 1), |(row, _, _)| value(row));
        let channels = vec![Channel {
            name: "speed_kmh".into(),
            role: ChannelRole::Target,
        }];
        // 1970-01-05 was a Monday.
        Panel::new(
            Timestamp(4 * DAY),
            Duration(HOUR),
            "UTC",
            vec!["a".into()],
            channels,
            values,
        )
        .unwrap()
    }

    fn median() -> Vec<Quantile> {
        vec![Quantile::MEDIAN]
    }

    #[test]
    fn a_weekly_pattern_comes_back() {
        let panel = panel(21, |row| ((row / 24) % 7) as f64);
        let values = forecast(&panel, 30, &median(), || Ok(())).unwrap();
        assert_eq!((values[[0, 12, 0]], values[[0, 29, 0]]), (0.0, 1.0));
    }

    #[test]
    fn a_short_history_borrows_from_days_of_the_same_kind() {
        let panel = panel(2, |row| (row % 24) as f64);
        let values = forecast(&panel, 12, &median(), || Ok(())).unwrap();
        assert_eq!(values[[0, 11, 0]], 11.0);
    }

    #[test]
    fn too_little_history_gives_no_number() {
        let values = forecast(&panel(1, |row| row as f64), 3, &median(), || Ok(())).unwrap();
        assert!(values.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn the_hours_that_it_needs_give_what_the_newest_days_of_that_kind_give() {
        let value = |row: usize| ((row * 7919) % 31) as f64;
        let clock = LocalClock::new("UTC", Duration(HOUR)).unwrap();
        let days = 8;
        // Wednesdays, Saturdays and Mondays follow, among others.
        for end in (days * 24..days * 24 + 7 * 24).step_by(7) {
            for horizon in [1, 6, 20] {
                let newest = Timestamp(4 * DAY + end as i64 * HOUR);
                let needs = needs(&clock, newest, Duration(horizon * HOUR), Duration(HOUR), days as i64).unwrap();
                let needed = panel_until(end, |row| {
                    let age = Duration((end - row) as i64 * HOUR);
                    let is_needed = needs.iter().any(|ages| ages.start < age && age <= ages.end);
                    if is_needed { value(row) } else { f64::NAN }
                });
                let found = forecast(&needed, horizon as usize, &median(), || Ok(())).unwrap();
                for step in 0..horizon as usize {
                    let target = end + step;
                    let is_weekend = |row: usize| (row / 24) % 7 >= FIRST_OF_WEEKEND;
                    let then = (1..=days).map(|day| target - day * 24);
                    let alike: Vec<usize> = then.filter(|row| is_weekend(*row) == is_weekend(target)).collect();
                    let newest = &alike[..alike.len().min(SOON_DAYS)];
                    let mut samples: Vec<f64> = newest.iter().flat_map(|row| row - 1..=row + 1).map(value).collect();
                    samples.sort_by(f64::total_cmp);
                    let (few, many) = (interpolate(&samples, 0.0), interpolate(&samples, 1.0));
                    let median = found[[0, step, 0]];
                    assert!(
                        samples.len() >= 2 * ENOUGH - 2 && few <= median && median <= many,
                        "{step} hours from {end}"
                    );
                }
                let hours: i64 = needs.iter().map(|ages| ages.end.0 - ages.start.0).sum();
                assert!(
                    needs.len() == 1 || hours <= HOUR + 2 * SOON_DAYS as i64 * (horizon + 4) * HOUR,
                    "{horizon} hours from {end}"
                );
            }
        }
    }

    #[test]
    fn a_window_is_expected_from_the_ring_as_from_a_panel_that_ends_an_hour_before_it() {
        let value = |row: usize| ((row * 7919) % 31) as f64;
        for days in [2, 9, 28] {
            let mut ring = Ring::new(Duration(HOUR), Duration(40 * DAY));
            for row in 0..days * 24 + 5 {
                ring.set(0, Timestamp(4 * DAY + row as i64 * HOUR), 0, value(row));
            }
            let clock = LocalClock::new("UTC", Duration(HOUR)).unwrap();
            let window = Timestamp(4 * DAY + (days as i64 * 24 + 1) * HOUR);
            let found = of_window(&ring, 1, &clock, window, &[0.5]).unwrap();
            let panel = panel(days, value);
            assert_eq!(
                found[[0, 0]],
                forecast(&panel, 2, &median(), || Ok(())).unwrap()[[0, 1, 0]],
                "{days}"
            );
        }
    }

    #[test]
    fn a_wider_view_knows_what_comes_a_little_earlier_on_other_days() {
        // Full from 10 to 12 on each of three Mondays, and asked for 8 o'clock on the fourth.
        let mut ring = Ring::new(Duration(HOUR), Duration(40 * DAY));
        for row in 0..21 * 24 + 12 {
            let is_monday = (row / 24) % 7 == 0;
            let full = is_monday && (10..12).contains(&(row % 24));
            ring.set(
                0,
                Timestamp(4 * DAY + i64::from(row) * HOUR),
                0,
                if full { 99.0 } else { 40.0 },
            );
        }
        let clock = LocalClock::new("UTC", Duration(HOUR)).unwrap();
        let at = |hour: i64| Timestamp(25 * DAY + hour * HOUR);
        let high = |window, reach| around_window(&ring, 1, (&clock, reach), window, &[0.9]).unwrap()[[0, 0]];
        assert_eq!((high(at(8), 1), high(at(8), 3)), (40.0, 99.0));
        assert_eq!(high(at(2), 3), 40.0);
    }

    #[test]
    fn quantiles_never_cross() {
        let panel = panel(28, |row| ((row * 7919) % 31) as f64);
        let quantiles = [0.1, 0.5, 0.9].map(|one| Quantile::try_from(one).unwrap());
        let values = forecast(&panel, 24, &quantiles, || Ok(())).unwrap();
        for lane in values.lanes(ndarray::Axis(2)) {
            assert!(lane[0] <= lane[1] && lane[1] <= lane[2]);
        }
    }
}
