use arterial_datasets::stream::{StreamCatalog, StreamDefinition, parse};
use arterial_datasets::time::MINUTE;

use super::*;

const STEP: Duration = Duration(5 * MINUTE);

fn at(window: i64) -> Timestamp {
    Timestamp(1_767_571_200_000_000 + window * STEP.0)
}

fn subject(key: &str, window: i64) -> Subject {
    Subject {
        topic: "traffic-sensors".into(),
        key: key.into(),
        zone: Some("Z-1".into()),
        window: at(window),
        step: STEP,
    }
}

fn traffic() -> StreamDefinition {
    let catalog = StreamCatalog::built_in().unwrap();
    catalog.get("traffic-sensors").unwrap().as_ref().clone()
}

/// The rules of a stream of one number, `level`, and those lines.
fn rules_of(lines: &str) -> Rules {
    let text = format!(
        "name = \"tank\"\ndescription = \"\"\nkey = {{ path = \"id\" }}\nidentity = [\"id\", \"timestamp\"]\n\
         [[fields]]\npath = \"id\"\ntype = \"text\"\nrole = \"place\"\n\
         [[fields]]\npath = \"level\"\ntype = \"float\"\nrole = \"value\"\nrange = [0, 1000]\n\
         [[rules]]\n{lines}\n"
    );
    Rules::new(&parse("tank.toml", &text).unwrap()).unwrap()
}

/// A row of `rules` in which every number is `mean`, give or take `spread`.
fn row(rules: &Rules, mean: f64, spread: f64) -> Vec<f64> {
    let value = |column: &String| match column.rsplit('_').next() {
        Some("min") => mean - spread,
        Some("max") => mean + spread,
        Some("std") => spread / 2.0,
        _ => mean,
    };
    rules.columns().iter().map(value).collect()
}

/// The only signal of a window of one key.
fn one(rules: &mut Rules, window: i64, mean: f64, spread: f64) -> Option<Signal> {
    let row = row(rules, mean, spread);
    let mut signals = rules.observe(&subject("a", window), &row, &[]).unwrap();
    assert!(signals.len() <= 1);
    signals.pop()
}

fn score(signal: Option<Signal>) -> f64 {
    signal.unwrap().score.into()
}

#[test]
fn a_stuck_sensor_is_named_as_such_and_only_after_its_time() {
    let mut rules = rules_of("kind = \"stuck\"\nfields = [\"level\"]\nfor = \"30m\"");
    for window in 0..5 {
        assert!(score(one(&mut rules, window, 42.0, 0.0)) < 1.0, "{window}");
    }
    let signal = one(&mut rules, 5, 42.0, 0.0).unwrap();
    assert!(signal.score.is_alert());
    assert_eq!(signal.reason, Reason::Stuck(Duration(30 * MINUTE)));
    assert_eq!((signal.seen, &*signal.target), (Some(42.0), "level"));
    assert!(score(one(&mut rules, 6, 42.0, 0.1)) < f64::EPSILON);
    assert!(score(one(&mut rules, 7, 42.0, 0.0)) < 0.2);
}

#[test]
fn a_constant_reading_that_changes_from_window_to_window_is_not_stuck() {
    let mut rules = rules_of("kind = \"stuck\"\nfields = [\"level\"]\nfor = \"30m\"");
    for window in 0..40 {
        let level = 40.0 + (window % 2) as f64;
        assert!(score(one(&mut rules, window, level, 0.0)) < 1.0);
    }
}

#[test]
fn what_stands_still_across_a_gap_is_not_known_to_have_stood_still() {
    let mut rules = rules_of("kind = \"stuck\"\nfields = [\"level\"]\nfor = \"30m\"");
    for window in [0, 1, 2, 20, 21] {
        assert!(score(one(&mut rules, window, 42.0, 0.0)) < 1.0);
    }
}

#[test]
fn a_free_flowing_sensor_by_night_and_a_full_bike_station_are_no_faults() {
    let mut rules = Rules::new(&traffic()).unwrap();
    let names = rules.columns().to_vec();
    let of = |flow: f64| -> Vec<f64> {
        let value = |name: &String| match name.as_str() {
            name if name.starts_with("speed_kmh") => 50.0,
            name if name.starts_with("vehicle_flow") => flow,
            "events" | "data_quality_good_count" => 60.0,
            _ => 0.0,
        };
        names.iter().map(value).collect()
    };
    for window in 0..100 {
        let signals = rules.observe(&subject("empty", window), &of(0.0), &[]).unwrap();
        assert!(signals.iter().all(|signal| !signal.score.is_alert()), "{signals:?}");
    }
    let last = (0..6)
        .map(|window| rules.observe(&subject("busy", window), &of(12.0), &[]).unwrap())
        .last();
    let stuck = |signal: &Signal| matches!(signal.reason, Reason::Stuck(_)) && signal.score.is_alert();
    assert!(last.unwrap().iter().any(stuck));

    let catalog = StreamCatalog::built_in().unwrap();
    let mut bikes = Rules::new(catalog.get("bike-share").unwrap()).unwrap();
    let full: Vec<f64> = bikes
        .columns()
        .iter()
        .map(|name| if name.starts_with("available_bikes") { 20.0 } else { 0.0 })
        .collect();
    for window in 0..600 {
        let signals = bikes.observe(&subject("B-1", window), &full, &[]).unwrap();
        assert!(signals.iter().all(|signal| !signal.score.is_alert()), "{signals:?}");
    }
}

#[test]
fn a_key_that_stops_reporting_is_silent_until_it_reports_again() {
    let mut rules = rules_of("kind = \"silence\"\nfor = \"15m\"");
    for window in 0..3 {
        for key in ["a", "b"] {
            rules.observe(&subject(key, window), &[], &[]).unwrap();
        }
        assert!(rules.silent(at(window + 1)).is_empty());
    }
    for window in 3..6 {
        rules.observe(&subject("b", window), &[], &[]).unwrap();
        let signals = rules.silent(at(window + 1));
        assert_eq!(signals.len(), 1);
        assert_eq!((&*signals[0].key, signals[0].window), ("a", at(window)));
        assert_eq!(signals[0].reason, Reason::Silent(Duration((window - 2) * STEP.0)));
        assert_eq!(signals[0].score.is_alert(), window == 5);
    }
    let back = rules.observe(&subject("a", 6), &[], &[]).unwrap();
    assert_eq!(back[0].score, AnomalyScore::NONE);
    rules.observe(&subject("b", 6), &[], &[]).unwrap();
    assert!(rules.silent(at(7)).is_empty());
}

#[test]
fn a_key_that_is_known_from_before_is_silent_since_then_until_it_reports() {
    let mut rules = rules_of("kind = \"silence\"\nfor = \"15m\"");
    rules.know(subject("a", -400));
    let signals = rules.silent(at(1));
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].reason, Reason::Silent(Duration(400 * STEP.0)));
    assert!(signals[0].score.is_alert());
    rules.observe(&subject("a", 1), &[], &[]).unwrap();
    rules.know(subject("a", -400));
    assert!(rules.silent(at(2)).is_empty(), "what was observed stands");
}

#[test]
fn a_stream_that_stands_still_as_a_whole_makes_no_key_silent() {
    let mut rules = rules_of("kind = \"silence\"\nfor = \"15m\"");
    for window in [0, 1, 90, 91] {
        rules.observe(&subject("a", window), &[], &[]).unwrap();
        assert!(rules.silent(at(window + 1)).is_empty());
    }
}

#[test]
fn a_key_that_is_silent_for_a_week_is_forgotten() {
    let mut rules = rules_of("kind = \"silence\"\nfor = \"15m\"");
    rules.observe(&subject("a", 0), &[], &[]).unwrap();
    assert_eq!(rules.silent(at(2016)).len(), 1);
    assert!(rules.silent(at(2018)).is_empty());
    assert_eq!(rules.keys(), 0);
}

#[test]
fn a_reading_outside_of_what_can_be_is_impossible_and_the_ends_are_not() {
    let mut rules = rules_of("kind = \"impossible\"\nfields = [\"level\"]\nrange = [10, 90]");
    assert!(score(one(&mut rules, 0, 50.0, 40.0)) < 1.0);
    let signal = one(&mut rules, 1, 50.0, 41.0).unwrap();
    assert!(signal.score.is_alert() && signal.reason == Reason::Impossible);
}

#[test]
fn an_impossible_jump_is_one_from_window_to_window_and_not_across_a_gap() {
    let mut rules = rules_of("kind = \"jump\"\nfields = [\"level\"]\nabove = 10");
    assert!(one(&mut rules, 0, 50.0, 1.0).is_none());
    assert!(score(one(&mut rules, 1, 60.0, 1.0)) < 1.0);
    let signal = one(&mut rules, 2, 40.0, 1.0).unwrap();
    assert!(signal.score.is_alert() && signal.reason == Reason::Jump);
    assert!(one(&mut rules, 9, 90.0, 1.0).is_none());
}

#[test]
fn readings_that_scatter_far_more_than_usual_are_erratic() {
    let mut rules = rules_of("kind = \"erratic\"\nfields = [\"level\"]\nabove = 5\nfor = \"10m\"");
    let calm = |window: i64| 1.0 + 0.5 * (window as f64).sin();
    for window in 0..100 {
        let signal = one(&mut rules, window, 50.0, calm(window));
        assert!(signal.is_none_or(|signal| !signal.score.is_alert()), "{window}");
    }
    assert!(score(one(&mut rules, 100, 50.0, 20.0)) < 1.0);
    let signal = one(&mut rules, 101, 50.0, 20.0).unwrap();
    assert!(signal.score.is_alert());
    assert!(matches!(signal.reason, Reason::Erratic(times) if times > 10.0));
}

#[test]
fn a_full_place_a_full_vehicle_and_a_standstill_have_their_own_reasons() {
    for (lines, fine, wrong, reason) in [
        (
            "kind = \"over-capacity\"\nfields = [\"level\"]\nabove = 95",
            95.0,
            96.0,
            Reason::OverCapacity(95.0),
        ),
        (
            "kind = \"overcrowded\"\nfields = [\"level\"]\nabove = 90",
            90.0,
            91.0,
            Reason::Overcrowded(90.0),
        ),
        (
            "kind = \"severe-congestion\"\nfields = [\"level\"]\nbelow = 5",
            5.0,
            4.9,
            Reason::SevereCongestion(5.0),
        ),
    ] {
        let mut rules = rules_of(lines);
        assert!(score(one(&mut rules, 0, fine, 0.0)) < 1.0, "{lines}");
        let signal = one(&mut rules, 1, wrong, 0.0).unwrap();
        assert!(signal.score.is_alert(), "{lines}");
        assert_eq!((signal.reason, signal.seen), (reason, Some(wrong)));
    }
}

#[test]
fn a_line_with_a_duration_must_be_passed_for_all_of_it() {
    let mut rules = rules_of("kind = \"over-capacity\"\nfields = [\"level\"]\nabove = 95\nfor = \"15m\"");
    let levels = [99.0, 99.0, 50.0, 99.0, 99.0, 99.0];
    let alerts: Vec<bool> = levels
        .iter()
        .zip(0..)
        .map(|(level, window)| one(&mut rules, window, *level, 0.0).unwrap().score.is_alert())
        .collect();
    assert_eq!(alerts, [false, false, false, false, false, true]);
}

#[test]
fn events_that_say_themselves_that_they_are_degraded_are_counted() {
    let mut rules = Rules::new(&traffic()).unwrap();
    let names = rules.columns().to_vec();
    let mut degraded = |window: i64, good: f64| {
        let value = |name: &String| match name.as_str() {
            "events" => 60.0,
            "data_quality_good_count" => good,
            _ => f64::NAN,
        };
        let row: Vec<f64> = names.iter().map(value).collect();
        let signals = rules.observe(&subject("a", window), &row, &[]).unwrap();
        let found = signals
            .into_iter()
            .find(|one| matches!(one.reason, Reason::DegradedQuality(_)));
        found.unwrap()
    };
    assert!(!degraded(0, 50.0).score.is_alert());
    assert!(!degraded(1, 6.0).score.is_alert());
    let signal = degraded(2, 6.0);
    assert!(signal.score.is_alert());
    assert_eq!(
        (signal.reason, signal.seen),
        (Reason::DegradedQuality(90.0), Some(90.0))
    );
}

#[test]
fn a_missing_value_gives_no_signal_and_a_repeated_window_changes_nothing() {
    let mut rules = rules_of("kind = \"over-capacity\"\nfields = [\"level\"]\nabove = 95");
    assert!(one(&mut rules, 0, f64::NAN, 0.0).is_none());
    assert!(one(&mut rules, 1, 99.0, 0.0).is_some());
    assert!(one(&mut rules, 1, 99.0, 0.0).is_none());
    assert!(one(&mut rules, 0, 99.0, 0.0).is_none());
}

#[test]
fn a_row_of_another_length_is_refused() {
    let mut rules = rules_of("kind = \"over-capacity\"\nfields = [\"level\"]\nabove = 95");
    let error = rules
        .observe(&subject("a", 0), &[1.0, 2.0], &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("`row`") && error.contains("level_mean"), "{error}");
}

/// What the rules of traffic alert of in a window with those means of speed, flow and occupancy.
fn alerts(rules: &mut Rules, key: &str, window: i64, (speed, flow, occupancy): (f64, f64, f64)) -> Vec<Reason> {
    let value = |name: &String| match name.as_str() {
        "speed_kmh_mean" => speed,
        "vehicle_flow_mean" => flow,
        "occupancy_percent_mean" => occupancy,
        _ => f64::NAN,
    };
    let row: Vec<f64> = rules.columns().iter().map(value).collect();
    let signals = rules.observe(&subject(key, window), &row, &[]).unwrap();
    let strange = signals.iter().filter(|signal| signal.score.is_alert());
    strange.map(|signal| signal.reason).collect()
}

#[test]
fn traffic_that_crawls_and_traffic_that_stands_are_severe_congestion_and_an_empty_road_is_none() {
    let mut rules = Rules::new(&traffic()).unwrap();
    let severe = [Reason::SevereCongestion(5.0)];
    assert_eq!(alerts(&mut rules, "crawls", 0, (4.0, 3.0, 80.0)), severe);
    assert_eq!(alerts(&mut rules, "stands", 0, (1.0, 0.0, 100.0)), severe);
    assert_eq!(alerts(&mut rules, "blocked", 0, (0.0, 0.0, 97.0)), severe);
    assert_eq!(alerts(&mut rules, "empty", 0, (0.0, 0.0, 0.0)), []);
    assert_eq!(alerts(&mut rules, "moves", 0, (20.0, 0.0, 97.0)), []);
    assert_eq!(alerts(&mut rules, "untold", 0, (0.0, 0.0, f64::NAN)), []);
}

#[test]
fn a_loop_that_is_always_covered_and_a_jump_that_no_traffic_makes_are_told_of_where_vehicles_pass() {
    let mut rules = Rules::new(&traffic()).unwrap();
    let mut alerts = |key: &str, window: i64, means: (f64, f64, f64)| alerts(&mut rules, key, window, means);
    assert_eq!(alerts("full", 0, (20.0, 30.0, 97.0)), []);
    assert_eq!(alerts("full", 1, (20.0, 30.0, 97.0)), [Reason::OverCapacity(95.0)]);
    assert_eq!(alerts("full", 2, (20.0, 30.0, 90.0)), [], "as where traffic stands");
    for window in 0..6 {
        assert_eq!(alerts("empty", window, (20.0, 0.0, 100.0)), []);
    }
    assert_eq!(alerts("fast", 0, (160.0, 3.0, 1.0)), []);
    assert_eq!(alerts("fast", 1, (10.0, 3.0, 1.0)), [], "a crash on a motorway");
    assert_eq!(alerts("fast", 2, (200.0, 3.0, 1.0)), [Reason::Jump]);
}
