//! A local day of 25 hours: what is usual follows the clock, not the sun.

use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::season::{LocalClock, Slot};
use ndarray::Array3;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::small::HORIZON;
use super::{fit, kinds};

/// From midnight of a Saturday to that before the long Sunday, 2026-10-25.
const BEFORE: usize = 8 * 96;
/// Rows of 25 hours.
const LONG_DAY: usize = 100;
/// The first row behind three o'clock, when the clock goes back.
const CHANGE: usize = BEFORE + 12;
/// 24 hours behind that are looked at.
const ROWS: usize = CHANGE + 96;

/// The slot of each row of a panel that begins at midnight of the Saturday eight days before the long day.
fn slots(start: Timestamp, step: Duration) -> Vec<Slot> {
    let clock = LocalClock::new("Europe/Copenhagen", step).unwrap();
    let slot = |row: usize| clock.slot(Timestamp(start.0 + step.0 * row as i64)).unwrap();
    (0..ROWS).map(slot).collect()
}

/// A series that rises by four an hour until noon by the local clock, and falls as fast behind it.
fn panel() -> Panel {
    let (start, step) = ("2026-10-16T22:00:00Z".parse().unwrap(), "15m".parse().unwrap());
    let slots = slots(start, step);
    let long: Vec<usize> = (BEFORE..ROWS).filter(|row| slots[*row].weekday == 6).collect();
    assert_eq!(long, (BEFORE..BEFORE + LONG_DAY).collect::<Vec<_>>());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let values = Array3::from_shape_fn((ROWS, 1, 1), |(row, _, _)| {
        70.0 - slots[row].slot.abs_diff(48) as f64 + random.random_range(-0.5..0.5)
    });
    let target = Channel {
        name: "value".into(),
        role: ChannelRole::Target,
    };
    Panel::new(start, step, "Europe/Copenhagen", vec!["a".into()], vec![target], values).unwrap()
}

/// The mean distance of `said` from what happened, for targets behind the change.
fn off(panel: &Panel, said: impl Fn(usize, usize) -> f64) -> f64 {
    let origins = CHANGE - 1..ROWS - HORIZON;
    let places = origins.flat_map(|origin| (1..=HORIZON).map(move |step| (origin, step)));
    let errors: Vec<f64> = places
        .map(|(origin, step)| (said(origin, step) - panel.target()[(origin + step, 0)]).abs())
        .collect();
    errors.iter().sum::<f64>() / errors.len() as f64
}

#[test]
fn behind_a_day_of_25_hours_the_same_local_time_is_as_usual() {
    let panel = panel();
    let by_the_sun = off(&panel, |origin, step| panel.target()[(origin + step - 96, 0)]);
    assert!(
        by_the_sun > 3.0,
        "24 hours before, the clock showed another hour: {by_the_sun}"
    );
    let origins: Vec<usize> = (CHANGE - 1..ROWS - HORIZON).collect();
    for kind in kinds() {
        // These repeat the last value, whatever the time.
        if ["persistence", "network", "trees"].contains(&kind.name()) {
            continue;
        }
        let fitted = fit(kind.as_ref(), &panel.rows(0..BEFORE), HORIZON);
        let points = fitted.forecast(&panel, &origins).unwrap().points;
        let off = off(&panel, |origin, step| points[(origin + 1 - CHANGE, 0, step - 1)]);
        assert!(off < 1.0, "{}: {off} on average, an hour is 4", kind.name());
    }
}
