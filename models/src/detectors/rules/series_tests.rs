use arterial_datasets::time::MINUTE;

use super::*;

fn at(row: i64) -> Timestamp {
    Timestamp(row * 5 * MINUTE)
}

/// A value that changes all the time, between 40 and 60.
fn usual(row: i64) -> f64 {
    50.0 + 7.0 * (row as f64 / 45.0).sin() + 3.0 * (row as f64 * 1.7).sin()
}

/// The verdicts of `rules` on values at the usual times.
fn verdicts(value: impl Fn(i64) -> f64, rows: i64) -> Vec<Verdict> {
    let mut watch = RulesSeries.start(&["speed".into()], 1).unwrap();
    (0..rows).map(|row| watch.observe(at(row), &[value(row)])).collect()
}

fn alerts(verdicts: &[Verdict]) -> Vec<usize> {
    (0..verdicts.len())
        .filter(|row| verdicts[*row].score.is_alert())
        .collect()
}

#[test]
fn a_usual_series_gives_no_alert_and_says_how_long_it_learns() {
    let found = verdicts(usual, 3000);
    assert!(alerts(&found).is_empty());
    assert_eq!(found[9].reason, "learning: 10 of 200 rows");
}

#[test]
fn a_series_that_stops_changing_is_stuck() {
    let found = verdicts(|row| if row < 600 { usual(row) } else { 51.0 }, 700);
    let first = alerts(&found)[0];
    assert!((605..625).contains(&first), "{first}");
    assert!(
        found[first].reason.starts_with("speed has been 51 for "),
        "{}",
        found[first].reason
    );
}

#[test]
fn a_series_that_rests_every_night_is_not_stuck() {
    let value = |row: i64| if row % 288 < 100 { 0.0 } else { usual(row) };
    assert!(alerts(&verdicts(value, 3000)).is_empty());
}

#[test]
fn a_gap_in_time_and_missing_values_are_silence() {
    let mut watch = RulesSeries.start(&["speed".into()], 1).unwrap();
    let shift = |row: i64| if row < 500 { 0 } else { 60 };
    let found: Vec<Verdict> = (0..600)
        .map(|row| watch.observe(at(row + shift(row)), &[usual(row)]))
        .collect();
    assert_eq!(alerts(&found), [500]);
    assert_eq!(found[500].reason, "no row for 5 h, usually every 5 min");

    let found = verdicts(
        |row| {
            if (500..540).contains(&row) {
                f64::NAN
            } else {
                usual(row)
            }
        },
        600,
    );
    assert_eq!(alerts(&found).first(), Some(&511));
    assert_eq!(found[511].reason, "speed has no value for 12 rows");
}

#[test]
fn a_value_that_was_never_near_and_the_first_negative_one_are_impossible() {
    let found = verdicts(|row| if row == 700 { 95.0 } else { usual(row) }, 800);
    assert!(alerts(&found).contains(&700));
    let found = verdicts(|row| if row == 700 { -1.0 } else { usual(row) - 40.0 }, 800);
    assert!(found[700].score.is_alert());
    assert_eq!(found[700].reason, "speed is -1, never negative before");
}

#[test]
fn a_constant_series_an_empty_one_and_infinities_give_no_alert_and_no_panic() {
    assert!(alerts(&verdicts(|_| 5.0, 10_000)).is_empty());
    assert!(alerts(&verdicts(|_| f64::NAN, 1000)).is_empty());
    assert!(
        alerts(&verdicts(
            |row| if row % 2 == 0 { f64::INFINITY } else { usual(row) },
            1000
        ))
        .is_empty()
    );
}

#[test]
fn times_that_repeat_or_go_back_are_taken() {
    let mut watch = RulesSeries.start(&["speed".into()], 1).unwrap();
    for row in 0..1000 {
        let verdict = watch.observe(at((row * 7) % 50), &[usual(row)]);
        assert!(!verdict.reason.starts_with("no row"), "{}", verdict.reason);
    }
    assert!(RulesSeries.start(&[], 1).is_err());
}
