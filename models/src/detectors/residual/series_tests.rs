use arterial_datasets::time::{DAY, MINUTE};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const DAY_ROWS: i64 = 288;

fn at(row: i64) -> Timestamp {
    Timestamp(1_767_571_200_000_000 + row * 5 * MINUTE)
}

/// A day's wave and some noise, `weeks` long, with `change` on top.
fn values(weeks: i64, change: impl Fn(i64) -> f64) -> Vec<f64> {
    let mut dice = ChaCha8Rng::seed_from_u64(11);
    let mut noise = 0.0;
    (0..weeks * 7 * DAY_ROWS)
        .map(|row| {
            noise = 0.7 * noise + dice.random_range(-1.0..1.0);
            let day = (row % DAY_ROWS) as f64 / DAY_ROWS as f64 * std::f64::consts::TAU;
            50.0 + 15.0 * day.sin() + noise + change(row)
        })
        .collect()
}

fn verdicts(values: &[f64]) -> Vec<Verdict> {
    let mut watch = ResidualSeries::default().start(&["speed".into()], 1).unwrap();
    values
        .iter()
        .zip(0..)
        .map(|(value, row)| watch.observe(at(row), &[*value]))
        .collect()
}

fn alerts(verdicts: &[Verdict]) -> Vec<usize> {
    (0..verdicts.len())
        .filter(|row| verdicts[*row].score.is_alert())
        .collect()
}

#[test]
fn a_series_without_events_gives_about_as_many_alerts_as_stated() {
    let found = alerts(&verdicts(&values(12, |_| 0.0)));
    // Half an alert a week: 6; a drift's alert spans several rows.
    assert!(found.len() < 30, "{}", found.len());
}

#[test]
fn a_jump_is_found_at_once_and_said_in_plain_words() {
    let event = 5 * 7 * DAY_ROWS;
    let found = verdicts(&values(
        6,
        |row| if (event..event + 6).contains(&row) { -12.0 } else { 0.0 },
    ));
    let verdict = &found[event as usize];
    assert!(verdict.score.is_alert());
    assert!(
        verdict.reason.starts_with("speed is ") && verdict.reason.contains(", expected "),
        "{}",
        verdict.reason
    );
}

#[test]
fn the_score_of_a_row_reads_nothing_after_it() {
    let all = values(3, |row| if row % 997 == 0 { 20.0 } else { 0.0 });
    let whole = verdicts(&all);
    for end in [150, 1000, 4001] {
        assert_eq!(verdicts(&all[..end]), whole[..end]);
    }
}

#[test]
fn nothing_is_scored_while_it_learns_and_it_says_so() {
    let found = verdicts(&values(1, |row| if row == 50 { 100.0 } else { 0.0 }));
    assert!(alerts(&found[..100]).is_empty());
    assert_eq!(found[0].reason, "learning: 1 of 100 rows");
    assert_eq!(found[41].reason, "learning: 42 of 100 rows");
}

#[test]
fn rows_without_a_value_are_nothing_to_learn_from() {
    let none = verdicts(&[f64::NAN; 300]);
    assert!(none.iter().all(|verdict| verdict.reason == "learning: 0 of 100 rows"));
    let late = [vec![f64::NAN; 300], values(1, |_| 0.0)].concat();
    let late = verdicts(&late);
    assert_eq!(late[399].reason, "learning: 100 of 100 rows");
    assert!(!late[400].reason.contains("learning"), "{}", late[400].reason);
}

#[test]
fn one_wild_value_among_the_first_rows_hides_no_later_jump() {
    for (row, wild) in [(10, 1e6), (10, -1e6), (3, f64::MAX), (2, 1.7e308), (4, -1.7e308)] {
        let mut all = values(1, |_| 0.0);
        all[row] = wild;
        // An error is about half a unit: thirty spreads.
        all[1000] += 18.0;
        let verdict = &verdicts(&all)[1000];
        assert!(verdict.score.is_alert(), "{wild} in row {row}: {verdict:?}");
        assert!(verdict.reason.starts_with("speed is "), "{}", verdict.reason);
    }
}

#[test]
fn constant_missing_and_extreme_values_give_finite_scores_and_no_panic() {
    for value in [5.0, f64::NAN, f64::INFINITY, 1e300, 0.0] {
        let found = verdicts(&vec![value; 1000]);
        assert!(alerts(&found).is_empty(), "{value}");
    }
    let mut mixed = values(1, |_| 0.0);
    for (row, value) in [(200, 1e300), (201, -1e300), (202, f64::NAN), (203, f64::INFINITY)] {
        mixed[row] = value;
    }
    assert!(verdicts(&mixed).iter().all(|one| f64::from(one.score).is_finite()));
}

#[test]
fn several_columns_are_one_series_and_the_worst_is_named() {
    let calm = values(5, |_| 0.0);
    let wild = values(5, |row| if row == 4 * 7 * DAY_ROWS { 30.0 } else { 0.0 });
    let mut watch = ResidualSeries::default()
        .start(&["calm".into(), "wild".into()], 1)
        .unwrap();
    let found: Vec<Verdict> = (0..calm.len())
        .map(|row| watch.observe(at(row as i64), &[calm[row], wild[row]]))
        .collect();
    let verdict = &found[4 * 7 * DAY_ROWS as usize];
    assert!(
        verdict.score.is_alert() && verdict.reason.starts_with("wild is "),
        "{}",
        verdict.reason
    );
    assert!(ResidualSeries::default().start(&[], 1).is_err());
}

#[test]
fn times_in_no_order_and_any_number_of_rows_give_finite_scores() {
    let mut dice = ChaCha8Rng::seed_from_u64(13);
    let mut watch = ResidualWatch::new(Settings::default(), &["speed".into()]);
    watch.rows = 1 << 40;
    for row in 0..2000 {
        let shift = if row < 1000 { 0.0 } else { 3.0 };
        let time = Timestamp(dice.random_range(0..3650 * DAY));
        let noise: f64 = dice.random_range(-1.0..1.0);
        let verdict = watch.observe(time, &[50.0 + shift + noise]);
        assert!(f64::from(verdict.score).is_finite(), "{verdict:?}");
    }
}

#[test]
fn the_length_of_rows_never_overflows() {
    assert_eq!(length(12, Duration(5 * MINUTE)), Duration(60 * MINUTE));
    assert_eq!(length(1 << 40, Duration(1000 * DAY)), Duration(i64::MAX));
}
