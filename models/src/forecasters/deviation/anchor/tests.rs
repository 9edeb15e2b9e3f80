use arterial_datasets::panel::{Channel, ChannelRole};
use ndarray::Array1;

use super::*;

/// A panel of one series.
fn panel(start: &str, step: &str, zone: &str, values: Vec<f64>) -> Panel {
    let target = Channel {
        name: "value".into(),
        role: ChannelRole::Target,
    };
    let values = Array3::from_shape_vec((values.len(), 1, 1), values).unwrap();
    let (start, step) = (start.parse().unwrap(), step.parse().unwrap());
    Panel::new(start, step, zone, vec!["a".into()], vec![target], values).unwrap()
}

/// A week in which nothing is usual but 0: values are deviations.
fn flat(slots: usize) -> Profile {
    Profile {
        level: Array3::zeros((WEEK, slots, 1)),
        spread: Array3::ones((2, slots, 1)),
        mean: Array1::zeros(1),
        scale: Array1::ones(1),
        days: FEWEST_DAYS,
    }
}

/// Values of which no two are alike.
fn uneven(rows: usize) -> Vec<f64> {
    (0..rows).map(|row| ((row * 7919) % 1009) as f64 / 64.0 - 7.0).collect()
}

#[test]
fn the_same_slot_of_other_days_is_that_of_the_local_clock_across_both_changes_of_the_year() {
    // From a local midnight, four weeks before the change.
    for start in ["2026-02-28T23:00:00Z", "2026-09-26T22:00:00Z"] {
        let hours = 63 * 24;
        let zone = "Europe/Copenhagen";
        let empty = panel(start, "1h", zone, vec![0.0; hours]);
        let slots = LocalClock::of(&empty).unwrap().slots(&empty, 0..hours).unwrap();
        let mornings: Vec<usize> = (0..hours).filter(|row| slots[*row].slot == 8).collect();
        assert_eq!(mornings.len(), 63);
        // On the morning of each day its number, and nothing at any other hour.
        let mut values = vec![0.0; hours];
        for (day, row) in mornings.iter().enumerate() {
            values[*row] = day as f64;
        }
        let (panel, profile) = (panel(start, "1h", zone, values), flat(24));
        let origins: Vec<usize> = mornings[28..].iter().map(|row| row - 2).collect();
        let many = Anchor::new(&profile, None, &panel, &origins, 3).unwrap();
        for (place, &origin) in origins.iter().enumerate() {
            let day = (28 + place) as f64;
            let expected = [day - 1.0, day - 7.0, day - 3.0, day - 17.5];
            let one = Anchor::new(&profile, None, &panel, &[origin], 3).unwrap();
            for anchor in [&one, &many] {
                let found = anchor.returning(origin, origin + 2, 0);
                let near = found
                    .iter()
                    .zip(expected)
                    .all(|(one, other)| (one - other).abs() < 1e-9);
                assert!(near, "day {day} after {start}: {found:?}, not {expected:?}");
            }
        }
    }
}

#[test]
fn without_a_change_of_the_clock_the_same_slot_lies_whole_days_of_rows_back() {
    let panel = panel("2026-05-01T00:00:00Z", "15m", "Europe/Copenhagen", uneven(60 * 96));
    let profile = flat(96);
    let origins: Vec<usize> = (40 * 96..42 * 96).step_by(3).collect();
    let anchor = Anchor::new(&profile, None, &panel, &origins, 2 * 96).unwrap();
    let counted = |origin: usize, target: usize, period: usize, count: usize| {
        let first = (target - origin).div_ceil(period);
        let means: Vec<f64> = (first..first + count)
            .map(|back| target - back * period)
            .map(|middle| anchor.mean(middle - 2..(middle + 2).min(origin) + 1, 0))
            .collect();
        (means[0], means.iter().sum::<f64>() / count as f64)
    };
    for &origin in &origins {
        for step in [1, 95, 96, 97, 150, 192] {
            let target = origin + step;
            let (day, days) = counted(origin, target, 96, DAYS);
            let (week, weeks) = counted(origin, target, 7 * 96, WEEKS);
            let found = anchor.returning(origin, target, 0);
            assert_eq!(
                found.map(f64::to_bits),
                [day, week, days, weeks].map(f64::to_bits),
                "{origin} {step}"
            );
        }
    }
}

#[test]
fn hidden_rows_are_like_missing_ones() {
    let (rows, profile) = (40 * 96, flat(96));
    let whole = panel("2026-05-01T00:00:00Z", "15m", "UTC", uneven(rows));
    let origin = rows - 30;
    for hidden in [0, 1, 5, 12, 30, 200, 800] {
        let mut values = uneven(rows);
        values[origin + 1 - hidden..=origin].fill(f64::NAN);
        let missing = panel("2026-05-01T00:00:00Z", "15m", "UTC", values);
        let missing = Anchor::new(&profile, None, &missing, &[origin], 96).unwrap();
        let hiding = Anchor::new(&profile, None, &whole, &[origin], 96).unwrap();
        let recent = missing.recent(&[origin]);
        for step in [1, 40, 96] {
            let (mut expected, mut found) = ([0.0; OWN], [0.0; OWN]);
            missing.fill(recent.as_slice().unwrap(), origin, step, 0, &mut expected);
            hiding.fill_hiding(origin, hidden, step, 0, &mut found);
            assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{hidden} {step}");
        }
    }
}
