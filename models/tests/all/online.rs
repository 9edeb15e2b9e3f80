//! What the detectors of series promise: what they find, what they leave alone, and what becomes of bad input.

use arterial_datasets::time::{DAY, MINUTE, Timestamp};
use arterial_models::detector::{Verdict, Watch};
use arterial_models::detectors::{for_series, series_detector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEP: i64 = 15 * MINUTE;
const ROWS_A_DAY: usize = (DAY / STEP) as usize;

fn names(count: usize) -> Vec<String> {
    ["volume", "density", "speed"]
        .iter()
        .take(count)
        .map(|name| (*name).to_owned())
        .collect()
}

fn watch(detector: &str, columns: usize) -> Box<dyn Watch> {
    series_detector(detector).unwrap().start(&names(columns), 1).unwrap()
}

fn time(row: usize) -> Timestamp {
    Timestamp(1_700_000_000_000_000 / DAY * DAY + row as i64 * STEP)
}

fn observe(detector: &str, rows: &[Vec<f64>]) -> Vec<Verdict> {
    let mut watch = watch(detector, rows[0].len());
    rows.iter()
        .enumerate()
        .map(|(row, values)| watch.observe(time(row), values))
        .collect()
}

fn scores(verdicts: &[Verdict]) -> Vec<f64> {
    verdicts.iter().map(|verdict| verdict.score.into()).collect()
}

/// Normal noise: the sum of twelve uniform numbers.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// Noise with heavy tails: Student's t with three degrees of freedom.
fn heavy(random: &mut ChaCha8Rng) -> f64 {
    let spread = (0..3).map(|_| normal(random).powi(2)).sum::<f64>() / 3.0;
    normal(random) / spread.sqrt().max(0.05)
}

/// Traffic of one sensor: two rush hours on workdays.
fn traffic(row: usize, random: &mut ChaCha8Rng) -> f64 {
    let hour = (row % ROWS_A_DAY) as f64 / 4.0;
    let rush = |at: f64| (-((hour - at) / 1.5).powi(2)).exp();
    200.0 + 800.0 * rush(8.0) + 600.0 * rush(17.0) + 25.0 * normal(random)
}

fn traffic_of(days: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..days * ROWS_A_DAY)
        .map(|row| vec![traffic(row, &mut random)])
        .collect()
}

/// Whether any of the rows is above the line, and the reason of the highest.
fn alert(verdicts: &[Verdict]) -> Option<&str> {
    let most = verdicts.iter().max_by(|a, b| a.score.partial_cmp(&b.score).unwrap())?;
    most.score.is_alert().then_some(most.reason.as_str())
}

#[test]
fn a_jump_is_found_in_its_first_row_and_named() {
    let mut rows = traffic_of(20, 1);
    let at = rows.len() - 40;
    rows[at..].iter_mut().for_each(|row| row[0] += 4000.0);
    let verdicts = observe("auto", &rows);
    assert!(verdicts[at].score.is_alert());
    assert!(verdicts[at].reason.contains("volume"), "{}", verdicts[at].reason);
    assert!(verdicts[at].reason.contains("expected"), "{}", verdicts[at].reason);
}

#[test]
fn the_score_of_a_row_reads_no_row_after_it() {
    let rows = traffic_of(6, 2);
    for detector in ["auto", "knn"] {
        let whole = observe(detector, &rows);
        let part = observe(detector, &rows[..400]);
        assert_eq!(whole[..400], part, "{detector}");
    }
}

#[test]
fn too_few_rows_are_said_to_be_too_few() {
    for detector in ["auto", "knn"] {
        let verdicts = observe(detector, &traffic_of(1, 3)[..3]);
        assert_eq!(verdicts[2].reason, "learning: 3 of 150 rows");
        assert_eq!(scores(&verdicts), [0.0; 3]);
    }
}

#[test]
fn nothing_that_comes_makes_a_score_that_is_no_number() {
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
    ];
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for detector in ["auto", "knn"] {
        for columns in 1..=3 {
            let mut watch = watch(detector, columns);
            for row in 0..1000 {
                let values: Vec<f64> = (0..columns).map(|_| odd[random.random_range(0..odd.len())]).collect();
                let at = Timestamp(random.random_range(i64::MIN..i64::MAX));
                let score: f64 = watch.observe(at, &values).score.into();
                assert!(score.is_finite() && score >= 0.0, "row {row}");
            }
        }
    }
}

#[test]
fn a_constant_series_and_one_without_values_raise_nothing() {
    for detector in ["auto", "knn"] {
        for value in [0.0, 42.0, f64::NAN] {
            let verdicts = observe(detector, &vec![vec![value, value]; 3000]);
            assert!(
                verdicts.iter().all(|verdict| !verdict.score.is_alert()),
                "{detector}, {value}"
            );
        }
    }
}

/// How many equal rows a kind is shown: one that is fitted again and again takes its time.
fn equal_rows(detector: &str) -> usize {
    match detector {
        "autoencoder" => 5_000,
        "isolation-forest" => 100_000,
        _ => 1_000_000,
    }
}

#[test]
fn a_million_equal_rows_raise_nothing_and_a_change_after_them_does() {
    // Rules know no usual change to measure the first one by, and no split of a tree parts rows that are all equal.
    let blind = ["rules", "isolation-forest"];
    for kind in for_series() {
        let (detector, rows) = (kind.name(), equal_rows(kind.name()));
        let mut watch = watch(detector, 1);
        for row in 0..rows {
            let verdict = watch.observe(time(row), &[7.0]);
            assert!(!verdict.score.is_alert(), "{detector}, row {row}: {verdict:?}");
        }
        let verdict = watch.observe(time(rows), &[8.0]);
        assert!(
            verdict.score.is_alert() || blind.contains(&detector),
            "{detector}: {verdict:?}"
        );
    }
}

#[test]
fn a_slow_drift_is_found() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut rows: Vec<Vec<f64>> = (0..3000).map(|_| vec![20.0 + normal(&mut random)]).collect();
    for (age, row) in rows[2000..].iter_mut().enumerate() {
        row[0] += 0.01 * age as f64;
    }
    let verdicts = observe("auto", &rows);
    let reason = alert(&verdicts[2000..]).expect("the drift of ten spreads is found");
    assert!(reason.starts_with("volume is"), "{reason}");
}

#[test]
fn a_flat_line_after_life_is_found() {
    let mut rows = traffic_of(20, 6);
    let at = rows.len() - ROWS_A_DAY / 2;
    let stuck = rows[at][0];
    rows[at..].iter_mut().for_each(|row| row[0] = stuck);
    let verdicts = observe("auto", &rows);
    let reason = alert(&verdicts[at..]).expect("a stuck sensor is found");
    assert!(reason.contains("hardly moves"), "{reason}");
}

#[test]
fn a_changed_shape_of_the_day_is_found() {
    let mut rows = traffic_of(25, 7);
    let at = 22 * ROWS_A_DAY;
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for (row, values) in rows.iter_mut().enumerate().skip(at) {
        // The rush hours come six hours late: each value alone is one that is seen every day.
        values[0] = traffic(row - ROWS_A_DAY / 4, &mut random);
    }
    let verdicts = observe("auto", &rows);
    assert!(alert(&verdicts[at..at + ROWS_A_DAY]).is_some());
}

/// Volume and the density that goes with it.
fn pairs_of(days: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let row = |row| {
        let volume = traffic(row, &mut random);
        vec![volume, volume / 40.0 + 1e-5 * volume * volume + normal(&mut random)]
    };
    (0..days * ROWS_A_DAY).map(row).collect()
}

#[test]
fn a_broken_relation_between_two_columns_is_found_and_named() {
    let mut rows = pairs_of(20, 9);
    let at = 19 * ROWS_A_DAY + 40;
    // Neither is unusual at this time of the day by much, but the density is that of twice the volume.
    for row in &mut rows[at..at + 3] {
        row[1] *= 2.0;
    }
    let verdicts = observe("auto", &rows);
    let reason = alert(&verdicts[at..at + 3]).expect("the broken relation is found");
    assert!(reason.contains("density"), "{reason}");
    assert!(alert(&verdicts[at - ROWS_A_DAY..at]).is_none());
}

#[test]
fn a_column_that_never_has_a_value_is_as_if_it_were_not_there() {
    let mut rows = traffic_of(20, 10);
    let at = rows.len() - 40;
    rows[at..].iter_mut().for_each(|row| row[0] += 4000.0);
    let alone = observe("auto", &rows);
    for row in &mut rows {
        row.push(f64::NAN);
    }
    assert_eq!(observe("auto", &rows), alone);
    let verdicts = observe("knn", &rows);
    let reason = alert(&verdicts[at..]).expect("what the column with values does is found");
    assert!(reason.starts_with("volume is"), "{reason}");
}

#[test]
fn a_column_that_comes_alive_late_is_no_event_and_its_own_events_are_found_in_time() {
    let mut rows = pairs_of(30, 11);
    let (born, at) = (10 * ROWS_A_DAY, 28 * ROWS_A_DAY + 32);
    rows[..born].iter_mut().for_each(|row| row[1] = f64::NAN);
    rows[at..at + 3].iter_mut().for_each(|row| row[1] += 100.0);
    for detector in ["auto", "knn"] {
        let verdicts = observe(detector, &rows);
        let first = alerts(&verdicts[born..born + 7 * ROWS_A_DAY]);
        assert!(first <= 4, "{detector}: {first}");
        let jump = highest(&verdicts[at..at + 3]);
        assert!(jump > highest(&verdicts[at - 3 * ROWS_A_DAY..at]), "{detector}: {jump}");
        assert_eq!(observe(detector, &rows[..born + 100]), verdicts[..born + 100]);
    }
}

#[test]
fn a_jump_is_found_where_single_values_are_missing() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let mut rows = pairs_of(20, 13);
    for value in rows.iter_mut().flatten() {
        if random.random::<f64>() < 0.1 {
            *value = f64::NAN;
        }
    }
    let at = rows.len() - 40;
    rows[at] = vec![5000.0, f64::NAN];
    for detector in ["auto", "knn"] {
        let verdicts = observe(detector, &rows);
        let before = &verdicts[at / 2..at];
        assert!(
            before.iter().all(|verdict| verdict.score < verdicts[at].score),
            "{detector}"
        );
    }
    let verdict = &observe("auto", &rows)[at];
    assert!(verdict.reason.starts_with("volume is 5000"), "{}", verdict.reason);
}

#[test]
fn what_is_far_outside_of_all_that_was_seen_is_found_in_one_row_of_several_columns() {
    for (column, value) in [(0, -400.0), (1, 60.0)] {
        let mut rows = pairs_of(10, 17);
        let at = rows.len() - 20;
        rows[at][column] = value;
        let verdict = &observe("auto", &rows)[at];
        assert!(verdict.score.is_alert(), "{verdict:?}");
        let said = format!(
            "{} is {value}, far outside of all that was seen",
            ["volume", "density"][column]
        );
        assert!(verdict.reason.starts_with(&said), "{}", verdict.reason);
    }
}

fn highest(verdicts: &[Verdict]) -> f64 {
    verdicts
        .iter()
        .map(|verdict| f64::from(verdict.score))
        .fold(0.0, f64::max)
}

#[test]
fn rows_without_a_value_are_nothing_to_learn_from() {
    let rows = [vec![vec![f64::NAN]; 200], traffic_of(3, 14)].concat();
    for detector in ["auto", "knn"] {
        let verdicts = observe(detector, &rows);
        assert_eq!(verdicts[199].reason, "learning: 0 of 150 rows", "{detector}");
        assert_eq!(verdicts[349].reason, "learning: 150 of 150 rows", "{detector}");
        assert!(!verdicts[350].is_learning(), "{detector}");
    }
}

/// Alerts of which each comes more than an hour after the one before.
fn alerts(verdicts: &[Verdict]) -> usize {
    let rows: Vec<usize> = (0..verdicts.len())
        .filter(|row| verdicts[*row].score.is_alert())
        .collect();
    rows.iter()
        .enumerate()
        .filter(|(place, row)| *place == 0 || *row - rows[place - 1] > 4)
        .count()
}

#[test]
fn noise_and_regular_days_raise_one_false_alert_a_week_and_three_more_at_most() {
    const WEEKS: usize = 8;
    const SERIES: u64 = 4;
    let rows = WEEKS * 7 * ROWS_A_DAY;
    let noise = |seed| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..rows).map(|_| vec![heavy(&mut random)]).collect::<Vec<_>>()
    };
    for detector in ["auto", "knn"] {
        let raised = |make: &dyn Fn(u64) -> Vec<Vec<f64>>| -> usize {
            (0..SERIES)
                .map(|seed| alerts(&observe(detector, &make(100 + seed))))
                .sum()
        };
        let most = (WEEKS + 3) * SERIES as usize;
        let heavy_tails = raised(&noise);
        let days = raised(&|seed| traffic_of(WEEKS * 7, seed));
        let pairs = raised(&|seed| pairs_of(WEEKS * 7, seed));
        assert!(
            heavy_tails.max(days).max(pairs) <= most,
            "{detector}: {heavy_tails}, {days}, {pairs}"
        );
    }
}
