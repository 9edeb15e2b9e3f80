//! The promises of detectors for series.

use arterial_datasets::time::Timestamp;
use arterial_models::detector::{SeriesDetector, Verdict};
use arterial_models::detectors::{for_series, series_detector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MINUTES: i64 = 5;

fn at(row: i64) -> Timestamp {
    Timestamp((1_600_000_000 + row * MINUTES * 60) * 1_000_000)
}

/// Two channels of a day's rhythm with noise, and a jump of a few rows at three quarters.
fn rows(count: usize) -> Vec<[f64; 2]> {
    let mut generator = ChaCha8Rng::seed_from_u64(5);
    let mut noise = move || generator.random::<f64>() - 0.5;
    (0..count)
        .map(|row| {
            let phase = row as f64 * std::f64::consts::TAU / 288.0;
            let jump = if row / 4 == count * 3 / 16 { 40.0 } else { 0.0 };
            [
                50.0 + 10.0 * phase.sin() + noise() + jump,
                20.0 + 5.0 * phase.cos() + noise(),
            ]
        })
        .collect()
}

fn watch(kind: &dyn SeriesDetector, rows: &[(Timestamp, [f64; 2])]) -> Vec<Verdict> {
    let columns = ["speed".to_owned(), "flow".to_owned()];
    let mut watch = kind.start(&columns, 1).unwrap();
    rows.iter().map(|(at, values)| watch.observe(*at, values)).collect()
}

fn timed(rows: &[[f64; 2]]) -> Vec<(Timestamp, [f64; 2])> {
    rows.iter()
        .enumerate()
        .map(|(row, values)| (at(row as i64), *values))
        .collect()
}

fn assert_sound(verdicts: &[Verdict], name: &str) {
    let sound = |verdict: &Verdict| {
        let score = f64::from(verdict.score);
        score.is_finite() && score >= 0.0
    };
    assert!(verdicts.iter().all(sound), "{name}");
}

#[test]
fn kinds_are_found_by_their_names_and_other_names_are_refused() {
    for kind in for_series() {
        assert_eq!(series_detector(kind.name()).unwrap().name(), kind.name());
    }
    assert!(series_detector("oracle").is_err());
}

#[test]
fn every_kind_learns_for_as_many_rows_as_it_says_and_judges_the_next() {
    for kind in for_series() {
        let most = usize::try_from(kind.warm_up()).unwrap();
        let verdicts = watch(kind.as_ref(), &timed(&rows(most + 1)));
        let (last, learning) = verdicts.split_last().unwrap();
        assert!(learning.iter().all(Verdict::is_learning), "{}", kind.name());
        assert!(!last.is_learning(), "{}: {}", kind.name(), last.reason);
    }
}

#[test]
fn the_scores_of_a_prefix_are_those_of_the_whole_file() {
    let rows = timed(&rows(2400));
    for kind in for_series() {
        let whole = watch(kind.as_ref(), &rows);
        assert_sound(&whole, kind.name());
        for count in [1, 7, 700, 1801] {
            assert!(
                watch(kind.as_ref(), &rows[..count]) == whole[..count],
                "{}",
                kind.name()
            );
        }
    }
}

#[test]
fn missing_and_infinite_values_are_survived() {
    let mut rows = timed(&rows(1500));
    for (row, (_, values)) in rows.iter_mut().enumerate() {
        match row % 11 {
            3 => values[0] = f64::NAN,
            5 => values[1] = f64::INFINITY,
            7 => *values = [f64::NEG_INFINITY, f64::NAN],
            _ => {}
        }
    }
    for kind in for_series() {
        assert_sound(&watch(kind.as_ref(), &rows), kind.name());
    }
}

#[test]
fn series_without_any_value_are_never_strange() {
    let rows = timed(&vec![[f64::NAN; 2]; 1500]);
    for kind in for_series() {
        let verdicts = watch(kind.as_ref(), &rows);
        assert_sound(&verdicts, kind.name());
        if kind.name() != "rules" {
            assert!(
                verdicts.iter().all(|verdict| !verdict.score.is_alert()),
                "{}",
                kind.name()
            );
        }
    }
}

#[test]
fn constant_series_are_scored_and_mostly_usual() {
    let rows = timed(&vec![[7.0, 0.0]; 1500]);
    for kind in for_series() {
        let verdicts = watch(kind.as_ref(), &rows);
        assert_sound(&verdicts, kind.name());
        if kind.name() != "rules" {
            let alerts = verdicts.iter().filter(|verdict| verdict.score.is_alert()).count();
            assert!(alerts <= 15, "{}: {alerts}", kind.name());
        }
    }
}

#[test]
fn times_that_repeat_or_go_back_are_survived() {
    let mut rows = timed(&rows(1200));
    for row in 0..rows.len() {
        rows[row].0 = match row % 50 {
            10 => rows[row.saturating_sub(1)].0,
            20 => at(row as i64 - 400),
            30 => at(row as i64 + 5000),
            _ => rows[row].0,
        };
    }
    for kind in for_series() {
        assert_sound(&watch(kind.as_ref(), &rows), kind.name());
    }
}

#[test]
fn huge_and_tiny_numbers_give_scores() {
    let mut rows = timed(&rows(1200));
    rows[100].1 = [f64::MAX, f64::MIN];
    rows[900].1 = [f64::MIN, f64::MIN_POSITIVE];
    for kind in for_series() {
        assert_sound(&watch(kind.as_ref(), &rows), kind.name());
    }
}

#[test]
fn three_rows_are_no_reason_to_alert() {
    for kind in for_series() {
        let verdicts = watch(kind.as_ref(), &timed(&[[1.0, 2.0], [1.1, 2.1], [0.9, 2.0]]));
        assert!(
            verdicts.iter().all(|verdict| !verdict.score.is_alert()),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn the_same_seed_says_the_same_at_any_number_of_threads() {
    let rows = timed(&rows(1500));
    for kind in for_series() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| watch(kind.as_ref(), &rows))
        };
        assert!(run(1) == run(3), "{}", kind.name());
    }
}

#[test]
fn no_column_is_refused() {
    for kind in for_series() {
        assert!(kind.start(&[], 1).is_err(), "{}", kind.name());
    }
}

#[test]
fn a_row_of_900_columns_is_judged_or_refused_and_never_passed_over() {
    let columns: Vec<String> = (0..900).map(|number| format!("sensor {number}")).collect();
    for kind in for_series() {
        let mut watch = match kind.start(&columns, 1) {
            Ok(watch) => watch,
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("900") && said.contains(kind.name()), "{said}");
                continue;
            }
        };
        let values: Vec<f64> = (0..900).map(f64::from).collect();
        let verdicts: Vec<Verdict> = (0..=kind.warm_up())
            .map(|row| watch.observe(at(row as i64), &values))
            .collect();
        assert!(!verdicts.last().unwrap().is_learning(), "{}", kind.name());
    }
}
